package cairn.qemu;

import static java.util.stream.Collectors.joining;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import cairn.api.Messages;
import java.io.IOException;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.StandardProtocolFamily;
import java.net.URI;
import java.net.URLDecoder;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A disk over NBD, in QEMU's words.
 *
 * @param server where it is
 * @param exportName with its ticket, where it needs one
 */
public record QemuDisk(Server server, String exportName, boolean isReadOnly) {
    /**
     * How long the guest's requests wait while the server is away; after that they fail. It is long enough for a
     * restart that somebody has to see to.
     */
    private static final int RECONNECT_SECONDS = 300;
    /** A line of a file of QEMU's has at most 1,023 bytes. */
    private static final int VALUE_CHARS_MAX = 250;
    private static final int DEFAULT_PORT = 10809;
    private static final String SOCKET_PARAMETER = "socket=";

    /** One of QEMU's options. */
    private record Option(String name, String value) {
        /** As it stands on a command line. */
        String word() {
            return name + '=' + escaped(value);
        }

        /** As it stands in a file, where nothing can be escaped. */
        String line() {
            if (value.length() > VALUE_CHARS_MAX || value.chars().anyMatch(c -> c < ' ' || c == '"')) {
                throw new StoreException(
                        Fault.INVALID_REQUEST,
                        "\"" + Text.shown(value) + "\", of the server, cannot be told to QEMU as " + name);
            }
            return "  " + name + " = \"" + value + "\"\n";
        }
    }

    /** Where an NBD server listens. */
    public sealed interface Server {
        /** The members of QEMU's SocketAddress. */
        List<Option> options();
    }

    public record UnixSocket(Path path) implements Server {
        @Override
        public List<Option> options() {
            return List.of(new Option("server.type", "unix"), new Option("server.path", path.toString()));
        }
    }

    public record Tcp(String host, int port) implements Server {
        @Override
        public List<Option> options() {
            return List.of(
                    new Option("server.type", "inet"),
                    new Option("server.host", host),
                    new Option("server.port", Integer.toString(port)));
        }
    }

    /**
     * The way to an export: the unix socket where the server is on this host and we may open it, for it is quicker,
     * needs no ticket, and so outlives tickets; else TCP.
     *
     * @param endpoint the server's over HTTP
     */
    public static QemuDisk nearest(Messages.ExportUri export, URI endpoint, boolean isReadOnly) {
        Optional<QemuDisk> local = isOfThisHost(endpoint)
                ? Optional.ofNullable(export.socketUri()).map(uri -> overSocket(URI.create(uri), isReadOnly))
                : Optional.empty();
        return local.filter(disk -> disk.server instanceof UnixSocket unix && answers(unix.path))
                .orElseGet(() -> overTcp(export, isReadOnly));
    }

    private static QemuDisk overSocket(URI uri, boolean isReadOnly) {
        String query = uri.getRawQuery();
        if (query == null || !query.startsWith(SOCKET_PARAMETER)) {
            throw new StoreException(
                    Fault.INVALID_REQUEST, "\"" + Text.shown(uri.toString()) + "\", of the server, names no socket");
        }
        // In the path of an address a plus stands for itself.
        String path = URLDecoder.decode(
                query.substring(SOCKET_PARAMETER.length()).replace("+", "%2B"), StandardCharsets.UTF_8);
        return new QemuDisk(new UnixSocket(Path.of(path)), exportNameOf(uri), isReadOnly);
    }

    public static QemuDisk overTcp(Messages.ExportUri export, boolean isReadOnly) {
        URI uri = URI.create(export.uri());
        if (uri.getHost() == null) {
            throw new StoreException(
                    Fault.INVALID_REQUEST, "\"" + Text.shown(uri.toString()) + "\", of the server, names no host");
        }
        int port = uri.getPort() < 0 ? DEFAULT_PORT : uri.getPort();
        return new QemuDisk(new Tcp(uri.getHost().replaceAll("[\\[\\]]", ""), port), exportNameOf(uri), isReadOnly);
    }

    private static String exportNameOf(URI uri) {
        return uri.getPath().replaceFirst("^/", "");
    }

    /** A socket of the same path on this host would be another server's, if the server were elsewhere. */
    private static boolean isOfThisHost(URI endpoint) {
        try {
            InetAddress address = InetAddress.getByName(endpoint.getHost());
            return address.isLoopbackAddress() || NetworkInterface.getByInetAddress(address) != null;
        } catch (IOException e) {
            return false;
        }
    }

    private static boolean answers(Path socket) {
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            return channel.connect(UnixDomainSocketAddress.of(socket));
        } catch (IOException e) {
            return false;
        }
    }

    /** Whether the name of the export is a secret, which a command line would tell every user of this host. */
    public boolean hasTicket() {
        return server instanceof Tcp;
    }

    /** What follows {@code -blockdev}. */
    String blockdev(String nodeName) {
        return "driver=nbd,node-name=" + nodeName + ','
                + options().stream().map(Option::word).collect(joining(","));
    }

    /** The same in a file for {@code -readconfig}, which takes no {@code -blockdev}. */
    public String driveSection(String id) {
        return "[drive \"" + id + "\"]\n  if = \"none\"\n  driver = \"nbd\"\n"
                + options().stream().map(Option::line).collect(joining());
    }

    /** QEMU passes on what the guest flushes and discards. */
    private List<Option> options() {
        List<Option> options = new ArrayList<>(server.options());
        options.add(new Option("export", exportName));
        options.add(new Option("reconnect-delay", Integer.toString(RECONNECT_SECONDS)));
        options.add(new Option("discard", "unmap"));
        options.add(new Option("detect-zeroes", "off"));
        options.add(new Option("read-only", isReadOnly ? "on" : "off"));
        return options;
    }

    /** In QEMU's options a comma is written twice. */
    static String escaped(String value) {
        return value.replace(",", ",,");
    }
}
