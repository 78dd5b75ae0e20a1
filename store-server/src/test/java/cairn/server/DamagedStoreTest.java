package cairn.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.chunk.Chunk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A bit that has flipped on the server's disk: whoever reads there gets an error, never other bytes. */
class DamagedStoreTest {
    /** More than a small segment, so that each disk gets a file of its own. */
    private static final int DISK_BYTES = 8 << 20;
    private static final int DAMAGED_CHUNK = 50;
    private static final int NEEDLE_BYTES = 64;

    @TempDir
    Path folder;

    private Path data;
    private Path disk;
    private Path otherDisk;
    private String image;
    private String otherImage;

    @BeforeEach
    void pushTwo() throws Exception {
        Tools.require("nbdcopy", "nbdinfo", "qemu-io");
        data = folder.resolve("data");
        try (ServerProcess server = ServerProcess.start(data)) {
            StoreUser user = new StoreUser(server.connect(), folder);
            disk = user.noiseDisk(1, DISK_BYTES);
            otherDisk = user.noiseDisk(2, DISK_BYTES);
            image = user.push(disk, "damaged").image().id();
            otherImage = user.push(otherDisk, "other").image().id();
        }
    }

    @Test
    void aDamagedChunkCannotBeReadAndTheOthersCan() throws Exception {
        byte[] content = Files.readAllBytes(disk);
        // Noise does not pack: it lies in the file as it is.
        int inside = DAMAGED_CHUNK * Chunk.SIZE_BYTES + 12_345;
        flipBitIn(Arrays.copyOfRange(content, inside, inside + NEEDLE_BYTES));

        try (ServerProcess server = ServerProcess.start(data)) {
            assertCanNotBeRead(server);
            assertNotEquals(0, readByQemu(server, DAMAGED_CHUNK).status());
            readByQemu(server, DAMAGED_CHUNK - 1).success();
            readByQemu(server, DAMAGED_CHUNK + 1).success();
            assertOthersAreWell(server);
        }
    }

    @Test
    void aScrubNamesTheDamagedImageAndAPushOfTheSameDiskHealsIt() throws Exception {
        byte[] content = Files.readAllBytes(disk);
        int inside = DAMAGED_CHUNK * Chunk.SIZE_BYTES + 12_345;
        flipBitIn(Arrays.copyOfRange(content, inside, inside + NEEDLE_BYTES));
        Tools.Output fsck = Tools.run(Programs.server("fsck", "--data", data.toString()));
        assertEquals(1, fsck.status(), fsck.stdout() + fsck.stderr());
        assertTrue(fsck.stdout().contains(image) && !fsck.stdout().contains(otherImage), fsck.stdout());

        try (ServerProcess server = ServerProcess.start(data)) {
            Tools.Output scrub = server.cli().run("scrub");
            assertEquals(1, scrub.status(), scrub.stdout() + scrub.stderr());
            assertTrue(scrub.stdout().contains(image) && !scrub.stdout().contains(otherImage), scrub.stdout());
            String range = (long) DAMAGED_CHUNK * Chunk.SIZE_BYTES + "+" + Chunk.SIZE_BYTES;
            assertTrue(scrub.stdout().contains(range), scrub.stdout());
            assertEquals(1, server.cli().run("scrub", "--damaged").status());

            new StoreUser(server.connect(), folder).push(disk, "again");

            assertEquals(0, server.cli().run("scrub", "--damaged").status());
            server.cli().run("scrub", "--json").success();
            assertTrue(server.cli().run("stats").success().contains("all well"));
            new StoreUser(server.connect(), folder).assertComesBack(image, disk);
        }
        Tools.run(Programs.server("fsck", "--data", data.toString(), "--rebuild-index")).success();
        try (ServerProcess server = ServerProcess.start(data)) {
            new StoreUser(server.connect(), folder).assertComesBack(image, disk);
            assertOthersAreWell(server);
        }
    }

    @Test
    void aDamagedPageIsNotBelieved() throws Exception {
        byte[] content = Files.readAllBytes(disk);
        ByteBuffer ids = ByteBuffer.allocate(NEEDLE_BYTES);
        // Names of neighbours stand side by side only in the page.
        for (int chunk = DAMAGED_CHUNK; chunk < DAMAGED_CHUNK + 2; chunk++) {
            Chunk.idOf(content, chunk * Chunk.SIZE_BYTES).digest().write(ids.array(), (chunk - DAMAGED_CHUNK) * 32);
        }
        flipBitIn(ids.array());

        try (ServerProcess server = ServerProcess.start(data)) {
            assertCanNotBeRead(server);
            assertNotEquals(0, readByQemu(server, DAMAGED_CHUNK).status());
            assertNotEquals(0, Tools.run("nbdinfo", "--map", server.socketUri(image)).status());
            assertOthersAreWell(server);
        }
    }

    @Test
    void aFileThatWasCutShortIsHealedByTheNextPush() throws Exception {
        byte[] content = Files.readAllBytes(disk);
        Path file = fileWith(Arrays.copyOfRange(content, 0, NEEDLE_BYTES));
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.truncate(Files.size(file) / 2);
        }

        try (ServerProcess server = ServerProcess.start(data)) {
            new StoreUser(server.connect(), folder).push(disk, "again");

            new StoreUser(server.connect(), folder).assertComesBack(image, disk);
            server.cli().run("scrub", "--json").success();
            assertOthersAreWell(server);
        }
        assertTrue(Files.exists(data.resolve("damaged").resolve(file.getFileName())), "it is kept");
    }

    @Test
    void aMissingFileIsNamedAndCanBePutBackOrLeftOut() throws Exception {
        byte[] content = Files.readAllBytes(disk);
        Path file = fileWith(Arrays.copyOfRange(content, 0, NEEDLE_BYTES));
        Path elsewhere = Files.move(file, folder.resolve("elsewhere"));
        Tools.Output fsck = Tools.run(Programs.server("fsck", "--data", data.toString()));
        assertEquals(1, fsck.status(), fsck.stdout() + fsck.stderr());
        assertTrue(fsck.stderr().contains(file.toString()) && fsck.stderr().contains("--rebuild-index"), fsck.stderr());

        Files.move(elsewhere, file);
        Tools.run(Programs.server("fsck", "--data", data.toString())).success();

        Files.delete(file);
        Tools.Output without = Tools.run(Programs.server("fsck", "--data", data.toString(), "--rebuild-index"));
        assertEquals(1, without.status(), without.stdout() + without.stderr());
        assertTrue(without.stdout().contains(image) && !without.stdout().contains(otherImage), without.stdout());
        try (ServerProcess server = ServerProcess.start(data)) {
            assertOthersAreWell(server);
            server.cli().run("scrub");
            new StoreUser(server.connect(), folder).push(disk, "again");
            new StoreUser(server.connect(), folder).assertComesBack(image, disk);
        }
    }

    /** Flips one bit in the middle of these bytes, in the only file that has them. */
    private void flipBitIn(byte[] needle) throws IOException {
        Path file = fileWith(needle);
        flip(file, indexOf(Files.readAllBytes(file), needle) + needle.length / 2);
    }

    private Path fileWith(byte[] needle) throws IOException {
        List<Path> found = new ArrayList<>();
        for (Path file : segmentFiles()) {
            if (indexOf(Files.readAllBytes(file), needle) >= 0) {
                found.add(file);
            }
        }
        assertEquals(1, found.size(), "the bytes are kept once: " + found);
        return found.get(0);
    }

    private List<Path> segmentFiles() throws IOException {
        try (Stream<Path> files = Files.list(data.resolve("rocks"))) {
            return files.filter(file -> file.toString().endsWith(".sst")).toList();
        }
    }

    private static int indexOf(byte[] bytes, byte[] needle) {
        for (int at = 0; at <= bytes.length - needle.length; at++) {
            if (bytes[at] == needle[0] && Arrays.equals(bytes, at, at + needle.length, needle, 0, needle.length)) {
                return at;
            }
        }
        return -1;
    }

    private static void flip(Path file, long at) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            ByteBuffer one = ByteBuffer.allocate(1);
            channel.read(one, at);
            one.put(0, (byte) (one.get(0) ^ 4));
            channel.write(one.flip(), at);
        }
    }

    private void assertCanNotBeRead(ServerProcess server) throws Exception {
        Path copy = folder.resolve("copy.raw");
        Tools.Output nbdcopy = Tools.run("nbdcopy", server.socketUri(image), copy.toString());
        assertNotEquals(0, nbdcopy.status());
        assertTrue(nbdcopy.stderr().contains("Input/output error"), nbdcopy.stderr());
        assertHasNoOtherBytes(copy);

        Path pulled = folder.resolve("pulled.raw");
        String pull = Cli.failure(1, server.cli().run("pull", image, pulled.toString()));
        assertTrue(pull.contains("damaged"), pull);
        assertFalse(Files.exists(pulled), "a file that is not whole gets no name");

        String verify = Cli.failure(1, server.cli().run("verify", image));
        assertTrue(verify.contains("damaged"), verify);
    }

    /** Whatever was copied before the copy broke off is right, or was not written. */
    private void assertHasNoOtherBytes(Path copy) throws IOException {
        byte[] right = Files.readAllBytes(disk);
        byte[] copied = Files.exists(copy) ? Files.readAllBytes(copy) : new byte[0];
        for (int at = 0; at < copied.length; at++) {
            assertTrue(copied[at] == right[at] || copied[at] == 0, "byte " + at + " is another one");
        }
    }

    private Tools.Output readByQemu(ServerProcess server, int chunk) throws Exception {
        return Tools.run(
                "qemu-io", "-r", "-f", "raw",
                "-c", "read " + (long) chunk * Chunk.SIZE_BYTES + " " + Chunk.SIZE_BYTES, server.socketUri(image));
    }

    private void assertOthersAreWell(ServerProcess server) throws Exception {
        Path copy = folder.resolve("other.raw");
        Tools.run("nbdcopy", server.socketUri(otherImage), copy.toString()).success();
        assertEquals(-1, Files.mismatch(otherDisk, copy));
        StoreUser user = new StoreUser(server.connect(), folder);
        user.assertComesBack(otherImage, otherDisk);
        user.assertStoreWorks();
    }
}
