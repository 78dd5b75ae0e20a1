package cairn.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.Tools;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NbdReaderTest {
    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(ints = {512, 1 << 20, (1 << 20) + 512, (37 << 20) + 1536})
    void readsFromQemuOverTheUnixSocket(int sizeBytes) throws Exception {
        Tools.require("qemu-nbd");
        byte[] disk = random(sizeBytes);
        Path file = Files.write(folder.resolve("disk"), disk);
        Path socket = folder.resolve("s");
        Path pidFile = folder.resolve("pid");
        Tools.run(
                "qemu-nbd", "--fork", "--pid-file=" + pidFile, "-r", "-f", "raw", "-x", "ami-1:T", "-k", socket.toString(),
                file.toString());

        try (NbdReader reader = NbdReader.connect(URI.create("nbd+unix:///ami-1:T?socket=" + socket))) {
            assertTrue(reader.isReadOnly());
            assertArrayEquals(disk, readAll(reader));
            ByteBuffer last = reader.read(sizeBytes - 512, 512);
            assertEquals(ByteBuffer.wrap(disk, sizeBytes - 512, 512), last);
            int half = sizeBytes / 2;
            assertEquals(ByteBuffer.wrap(disk, half - half % 512, 512), reader.read(half - half % 512, 512));
            int most = Math.min(sizeBytes, 1 << 20);
            assertEquals(ByteBuffer.wrap(disk, 0, most), reader.read(0, most));
        } finally {
            end(pidFile);
        }
    }

    @Test
    void readsFromNbdkitOverTcpWhateverTheOrderOfReplies() throws Exception {
        Tools.require("nbdkit");
        byte[] disk = random(21 << 20);
        Path file = Files.write(folder.resolve("disk"), disk);
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        Path pidFile = folder.resolve("pid");
        Tools.run(
                "nbdkit", "-r", "-i", "127.0.0.1", "-p", String.valueOf(port), "-P", pidFile.toString(), "--filter=delay",
                "file", file.toString(), "rdelay=20ms");

        try (NbdReader reader = NbdReader.connect(URI.create("nbd://127.0.0.1:" + port + "/any"))) {
            assertArrayEquals(disk, readAll(reader));
        } finally {
            end(pidFile);
        }
    }

    @Test
    void saysThatAnExportIsUnknown() throws Exception {
        Tools.require("qemu-nbd");
        Path file = Files.write(folder.resolve("disk"), random(512));
        Path socket = folder.resolve("s");
        Path pidFile = folder.resolve("pid");
        Tools.run("qemu-nbd", "--fork", "--pid-file=" + pidFile, "-r", "-f", "raw", "-x", "one", "-k", socket.toString(),
                file.toString());

        StoreException failure;
        try {
            failure = assertThrows(
                    StoreException.class, () -> NbdReader.connect(URI.create("nbd+unix:///two?socket=" + socket)));
        } finally {
            end(pidFile);
        }

        assertEquals(Fault.NOT_FOUND, failure.fault());
    }

    @ParameterizedTest
    @ValueSource(strings = {"HTTP/1.1 400 Bad Request\r\n\r\n", "", "NBDMAGIC"})
    void refusesWhatIsNoNbdServer(String greeting) throws IOException {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            CompletableFuture.runAsync(() -> {
                try (Socket peer = server.accept()) {
                    peer.getOutputStream().write(greeting.getBytes(StandardCharsets.US_ASCII));
                } catch (IOException e) {
                    // The test has ended.
                }
            });

            StoreException failure = assertThrows(
                    StoreException.class,
                    () -> NbdReader.connect(URI.create("nbd://127.0.0.1:" + server.getLocalPort() + "/x")));

            assertEquals(Fault.UNAVAILABLE, failure.fault());
        }
    }

    @Test
    void givesUpOnASilentServer() throws IOException {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            URI uri = URI.create("nbd://127.0.0.1:" + server.getLocalPort() + "/x");

            StoreException failure =
                    assertThrows(StoreException.class, () -> NbdReader.connect(uri, Duration.ofMillis(50)));

            assertEquals(Fault.UNAVAILABLE, failure.fault());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"http://h/x", "nbd:x", "nbd+unix:///x", "nbds://h/x"})
    void refusesOtherUris(String uri) {
        StoreException failure = assertThrows(StoreException.class, () -> NbdReader.connect(URI.create(uri)));

        assertEquals(Fault.INVALID_REQUEST, failure.fault());
    }

    private static byte[] readAll(NbdReader reader) {
        byte[] all = new byte[Math.toIntExact(reader.sizeBytes())];
        long[] next = {0};
        reader.readAll((offset, bytes, lengthBytes) -> {
            assertEquals(next[0], offset);
            next[0] += lengthBytes;
            System.arraycopy(bytes, 0, all, (int) offset, lengthBytes);
        });
        assertEquals(all.length, next[0]);
        return all;
    }

    private static byte[] random(int sizeBytes) {
        byte[] bytes = new byte[sizeBytes];
        new Random(sizeBytes).nextBytes(bytes);
        return bytes;
    }

    private static void end(Path pidFile) throws Exception {
        long pid = Long.parseLong(List.of(Files.readString(pidFile).split("\\s+")).get(0));
        ProcessHandle server = ProcessHandle.of(pid).orElseThrow();
        server.destroy();
        server.onExit().get(10, TimeUnit.SECONDS);
    }
}
