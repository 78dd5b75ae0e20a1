package cairn.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.api.Messages;
import cairn.client.Retry;
import cairn.client.SnapshotWatch;
import cairn.client.StoreClient;
import cairn.client.TransferProgress;
import cairn.image.VolumeId;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** QEMU's block layer writes to volumes. */
class QemuVolumeTest {
    private static final Duration DEADLINE = Duration.ofMinutes(2);
    private static final String PROMPT = "qemu-io> ";
    private static final int CHUNK_BYTES = 64 << 10;

    @TempDir
    private Path folder;

    private ServerProcess server;
    private StoreClient client;

    @BeforeEach
    void startServer() throws Exception {
        server = ServerProcess.start(folder.resolve("data"));
        client = server.connect();
    }

    @AfterEach
    void stop() {
        if (server != null) {
            server.close();
        }
    }

    @Test
    void aDiskThatIsConvertedIntoAVolumeHasTheRootDigestOfOneThatIsPushed() throws Exception {
        Tools.require("qemu-img");
        Path raw = folder.resolve("disk.raw");
        long sizeBytes = writeDisk(raw);
        Path qcow2 = folder.resolve("disk.qcow2");
        Tools.run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-c", raw.toString(), qcow2.toString()).success();
        String pushed = new StoreUser(client, folder).push(raw, "pushed").image().rootDigest();

        for (boolean isTcp : new boolean[] {true, false}) {
            VolumeId volume = newVolume(sizeBytes);
            String uri = isTcp ? client.exportUri(volume).uri() : server.socketUri(volume.value());
            Tools.run("qemu-img", "convert", "-n", "-f", "qcow2", "-O", "raw", qcow2.toString(), uri).success();

            assertEquals(pushed, snapshot(volume).rootDigest(), uri);
            // Once more over what is there now.
            Tools.run("qemu-img", "convert", "-n", "-f", "qcow2", "-O", "raw", qcow2.toString(), uri).success();
            assertEquals(pushed, snapshot(volume).rootDigest(), uri);
        }
    }

    /** Data of all kinds in a sparse disk, that ends in the middle of a chunk. */
    private static long writeDisk(Path file) throws IOException {
        long sizeBytes = (40L << 20) + 3 * 512;
        Random random = new Random(3);
        try (FileChannel disk = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            for (int i = 0; i < 200; i++) {
                byte[] bytes = new byte[1 + random.nextInt(3 * CHUNK_BYTES)];
                random.nextBytes(bytes);
                disk.write(ByteBuffer.wrap(bytes), random.nextLong(sizeBytes - bytes.length));
            }
            disk.write(ByteBuffer.wrap(new byte[] {1}), sizeBytes - 1);
        }
        return sizeBytes;
    }

    /** With the options that docs/operations.md names. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void goesOnWhereTheServerIsKilledAndStartedAgain(boolean isTcp) throws Exception {
        Tools.require("qemu-io");
        VolumeId volume = newVolume(64L << 20);
        Path errors = folder.resolve("qemu-io.err");
        Process process = new ProcessBuilder(
                        "qemu-io", "--image-opts",
                        "driver=nbd," + (isTcp ? tcp(volume) : unix(volume)) + ",reconnect-delay=300,discard=unmap")
                .redirectError(errors.toFile())
                .start();

        try (Console console = new Console(process, errors, DEADLINE)) {
            console.await(PROMPT);
            order(console, "write -P 0x11 0 1M");
            order(console, "flush");
            order(console, "write -P 0x22 1M 1M");
            server.kill();
            // Sent to nobody; waits, and is done once there is somebody.
            order(console, "aio_write -P 0x33 2M 1M");
            order(console, "aio_write -P 0x44 3M 1M");
            console.type("aio_flush");
            server = ServerProcess.startInPlaceOf(server);
            console.await(PROMPT);
            order(console, "write -P 0x55 4M 1M");
            assertRead("0x11", order(console, "read -P 0x11 0 1M"));
            assertRead("0x22", order(console, "read -P 0x22 1M 1M"));
            assertRead("0x33", order(console, "read -P 0x33 2M 1M"));
            assertRead("0x44", order(console, "read -P 0x44 3M 1M"));
            console.type("quit");
            assertEquals(0, console.awaitEnd(), console::said);
            assertEquals(5, Pattern.compile("wrote 1048576/1048576").matcher(console.said()).results().count());
        }

        assertRead("0x55", Tools.run(
                        "qemu-io", "-f", "raw", "-c", "read -P 0x55 4M 1M", server.socketUri(volume.value()))
                .success());
    }

    /** One at a time: of two lines that come together, qemu-io lets the second lie. */
    private static String order(Console console, String command) throws IOException {
        console.type(command);
        return console.await(PROMPT);
    }

    private static void assertRead(String pattern, String said) {
        assertTrue(said.contains("read 1048576/1048576 bytes"), said);
        assertFalse(said.contains("verification failed"), () -> pattern + ": " + said);
    }

    private String unix(VolumeId volume) {
        return "server.type=unix,server.path=" + server.socket() + ",export=" + volume;
    }

    private String tcp(VolumeId volume) {
        String export = client.exportUri(volume).uri().replaceFirst(".*/", "");
        return "server.type=inet,server.host=127.0.0.1,server.port=" + server.nbd().getPort() + ",export=" + export;
    }

    private VolumeId newVolume(long sizeBytes) {
        return new VolumeId(client.createVolume(new Messages.CreateVolume(null, sizeBytes, false, false, null)).id());
    }

    private Messages.Snapshot snapshot(VolumeId volume) {
        return new SnapshotWatch(client, Retry.never())
                .await(client.startSnapshot(volume, new Messages.CreateSnapshot(null, null)), TransferProgress.none());
    }
}
