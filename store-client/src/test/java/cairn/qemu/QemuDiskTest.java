package cairn.qemu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.api.Messages;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.StandardProtocolFamily;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class QemuDiskTest {
    private static final String ID = "vol-0123456789abcdef0";
    private static final URI HERE = URI.create("http://127.0.0.1:7070");
    private static final QemuDisk OVER_TCP = new QemuDisk(new QemuDisk.Tcp("127.0.0.1", 10809), ID + ":T.k-1", false);

    @TempDir
    private Path folder;

    @Test
    void takesTheUnixSocketOfAServerOnThisHost() throws IOException {
        Path path = folder.resolve("a b+c.sock");
        try (ServerSocketChannel socket = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            socket.bind(UnixDomainSocketAddress.of(path));

            QemuDisk disk = QemuDisk.nearest(export(path.toString().replace(" ", "%20")), HERE, true);

            assertEquals(new QemuDisk(new QemuDisk.UnixSocket(path), ID, true), disk);
        }
    }

    @Test
    void takesTcpWhereTheSocketIsAnothersOrNobodysOrNone() throws IOException {
        Path path = folder.resolve("s");
        Messages.ExportUri none = new Messages.ExportUri(ID, export("").uri(), null, "");

        assertEquals(OVER_TCP, QemuDisk.nearest(export(path.toString()), HERE, false));
        assertEquals(OVER_TCP, QemuDisk.nearest(none, HERE, false));
        try (ServerSocketChannel socket = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            socket.bind(UnixDomainSocketAddress.of(path));
            // An address that is kept for documentation, and nobody's.
            URI elsewhere = URI.create("http://192.0.2.1:7070");
            assertEquals(OVER_TCP, QemuDisk.nearest(export(path.toString()), elsewhere, false));
        }
    }

    @Test
    void takesApartAnAddressOfTheNewerKindWithTheUsualPort() {
        Messages.ExportUri export = new Messages.ExportUri(ID, "nbd://[::1]/" + ID, null, "");

        assertEquals(new QemuDisk(new QemuDisk.Tcp("::1", 10809), ID, false), QemuDisk.nearest(export, HERE, false));
    }

    @Test
    void refusesAnAddressWithoutAHost() {
        Messages.ExportUri export = new Messages.ExportUri(ID, "nbd:" + ID, null, "");

        StoreException failure = assertThrows(StoreException.class, () -> QemuDisk.nearest(export, HERE, false));

        assertEquals(Fault.INVALID_REQUEST, failure.fault());
    }

    @Test
    void writesCommasTwice() {
        String blockdev = new QemuDisk(new QemuDisk.UnixSocket(Path.of("/a,b")), "x,y", false).blockdev("d");

        assertTrue(blockdev.contains(",server.path=/a,,b,export=x,,y,"), blockdev);
    }

    @Test
    void refusesToWriteDownWhatWouldBeAnotherOptionOfQemus() {
        for (String name : new String[] {"x\"", "x\n[drive]", "x".repeat(300)}) {
            QemuDisk disk = new QemuDisk(new QemuDisk.Tcp("127.0.0.1", 10809), name, false);
            assertThrows(StoreException.class, () -> disk.driveSection("d"));
        }
    }

    @Test
    void findsAFreePortAndSaysWhenAChosenOneIsTaken() throws IOException {
        PortForward free = PortForward.parse("22").withFreePort();
        assertTrue(free.hostPort() > 0 && free.guestPort() == 22, free.toString());
        assertEquals("hostfwd=tcp:127.0.0.1:" + free.hostPort() + "-:22", free.words());

        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            PortForward chosen = PortForward.parse(taken.getLocalPort() + ":80");
            StoreException failure = assertThrows(StoreException.class, chosen::withFreePort);
            assertEquals(Fault.CONFLICT, failure.fault());
            assertTrue(failure.getMessage().contains("port " + taken.getLocalPort()), failure.getMessage());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "http", "1:2:3", "0", "80:0", "65536", "80:99999", "-1:80", ":80", "80:"})
    void refusesWhatIsNoPort(String text) {
        assertThrows(StoreException.class, () -> PortForward.parse(text));
    }

    private static Messages.ExportUri export(String socketPath) {
        return new Messages.ExportUri(
                ID, "nbd://127.0.0.1:10809/" + ID + ":T.k-1", "nbd+unix:///" + ID + "?socket=" + socketPath, "");
    }
}
