package cairn.qemu;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A TCP port of this host's loopback address that leads to one of a machine's.
 *
 * @param hostPort 0 for one that is free
 */
public record PortForward(int hostPort, int guestPort) {
    private static final Pattern FORM = Pattern.compile("(?:([0-9]{1,5}):)?([0-9]{1,5})");
    public static final int PORT_MAX = 65_535;

    /** @throws StoreException INVALID_REQUEST for a port that there is not */
    public PortForward {
        if (hostPort < 0 || hostPort > PORT_MAX || guestPort < 1 || guestPort > PORT_MAX) {
            throw new StoreException(
                    Fault.INVALID_REQUEST, "ports go to " + PORT_MAX + ": " + hostPort + ':' + guestPort);
        }
    }

    /** @throws StoreException INVALID_REQUEST for anything but {@code HOST:GUEST} or {@code GUEST} */
    public static PortForward parse(String text) {
        Matcher ports = FORM.matcher(text);
        if (!ports.matches()) {
            throw new StoreException(
                    Fault.INVALID_REQUEST,
                    "\"" + Text.shown(text)
                            + "\" names no ports (expecting HOST:GUEST, or GUEST for any free port of the host)");
        }
        int hostPort = ports.group(1) == null ? 0 : Integer.parseInt(ports.group(1));
        return new PortForward(hostPort, Integer.parseInt(ports.group(2)));
    }

    /**
     * With a port of the host that is free now: somebody else may take it before QEMU does, and then QEMU says so.
     *
     * @throws StoreException CONFLICT if it is taken
     */
    public PortForward withFreePort() {
        try (ServerSocket socket = new ServerSocket(hostPort, 1, InetAddress.getLoopbackAddress())) {
            return new PortForward(socket.getLocalPort(), guestPort);
        } catch (IOException e) {
            throw new StoreException(
                    Fault.CONFLICT, "cannot forward port " + hostPort + " of this host: " + e.getMessage(), e);
        }
    }

    /** As QEMU's user-mode network is told. */
    String words() {
        return "hostfwd=tcp:127.0.0.1:" + hostPort + "-:" + guestPort;
    }
}
