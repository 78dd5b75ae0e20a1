package cairn.disk;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.Tools;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RawDiskTest {
    @TempDir
    Path folder;

    @Test
    void readsOnlyWhatTheFileStores() throws IOException {
        byte[] content = new byte[32 << 20];
        SampleDisks.fill(new Random(1), content, 1 << 20, 128 << 10);
        SampleDisks.fill(new Random(2), content, 30 << 20, 4096);
        Path file = sparse(content, 1 << 20, 128 << 10, 30 << 20, 4096);
        Assumptions.assumeTrue(tellsHoles(file), "the temporary folder's file system tells no holes");

        try (DiskSource disk = DiskSource.open(file)) {
            assertEquals(DiskFormat.RAW, disk.format());
            assertEquals(content.length, disk.sizeBytes());
            assertArrayEquals(content, SampleDisks.readAll(disk, 1 << 20));

            assertEquals(
                    List.of(new DiskRange(1 << 20, 128 << 10), new DiskRange(30 << 20, 4096)),
                    SampleDisks.dataOf(disk));
            assertEquals(
                    Optional.of(new DiskRange((1 << 20) + 512, (128 << 10) - 512)), disk.nextData((1 << 20) + 512));
            assertEquals(Optional.empty(), disk.nextData(31 << 20));
            assertEquals(Optional.empty(), disk.nextData(disk.sizeBytes()));
            // Besides the data, only the first and last bytes, which tell the format.
            long readBytes = ((MappedDisk) disk).file().readBytes();
            assertTrue(readBytes <= (128 << 10) + 4096 + 1024, readBytes + " bytes read");
        }
    }

    @Test
    void allOfAFileWithoutHolesIsData() {
        byte[] content = new byte[3 << 20];
        Path file = SampleDisks.write(folder.resolve("disk.img"), content);

        try (DiskSource disk = DiskSource.open(file)) {
            assertEquals(List.of(new DiskRange(0, content.length)), SampleDisks.dataOf(disk));
        }
    }

    @Test
    void aDiskOfHolesHasNoData() throws IOException {
        Path file = sparse(new byte[1 << 20]);
        Assumptions.assumeTrue(tellsHoles(file), "the temporary folder's file system tells no holes");

        try (DiskSource disk = DiskSource.open(file)) {
            assertEquals(Optional.empty(), disk.nextData(0));
            assertArrayEquals(new byte[1 << 20], SampleDisks.readAll(disk, 4096));
        }
    }

    @Test
    void whatIsOffTheDiskIsNotRead() {
        Path file = SampleDisks.write(folder.resolve("disk.img"), new byte[1024]);

        try (DiskSource disk = DiskSource.open(file)) {
            byte[] to = new byte[2048];
            requireFault(Fault.INVALID_REQUEST, "are not on", () -> disk.read(512, to, 0, 1024));
            requireFault(Fault.INVALID_REQUEST, "are not on", () -> disk.read(-1, to, 0, 1));
            requireFault(Fault.INVALID_REQUEST, "are not on", () -> disk.read(Long.MAX_VALUE, to, 0, 1));
            requireFault(Fault.INVALID_REQUEST, "are not on", () -> disk.nextData(1025));
        }
    }

    @Test
    void noticesThatTheDiskChanges() throws IOException {
        // More than once, to hit every moment of the file system's clock.
        for (int i = 0; i < 40; i++) {
            Path file = SampleDisks.write(folder.resolve("disk.img"), new byte[4096]);

            try (DiskSource disk = DiskSource.open(file)) {
                disk.requireUnchanged();
                SampleDisks.patch(file, 512, new byte[] {1});
                requireFault(Fault.CONFLICT, "changed while it was read: last changed", disk::requireUnchanged);
            }
        }
    }

    @Test
    void noticesAChangeWhoseTimeWasSetBack() throws IOException {
        Path file = SampleDisks.write(folder.resolve("disk.img"), new byte[4096]);
        FileTime before = Files.getLastModifiedTime(file);

        try (DiskSource disk = DiskSource.open(file)) {
            SampleDisks.patch(file, 512, new byte[] {1});
            Files.setLastModifiedTime(file, before);
            requireFault(Fault.CONFLICT, "changed while it was read", disk::requireUnchanged);
        }
    }

    @Test
    void noticesThatTheDiskGrowsShrinksIsReplacedOrRemoved() throws IOException {
        Path file = folder.resolve("disk.img");
        Path other = folder.resolve("other.img");

        SampleDisks.write(file, new byte[4096]);
        try (DiskSource disk = DiskSource.open(file)) {
            SampleDisks.patch(file, 4096, new byte[512]);
            requireFault(Fault.CONFLICT, "it had 4096 bytes and has 4608", disk::requireUnchanged);
        }
        SampleDisks.write(file, new byte[4096]);
        try (DiskSource disk = DiskSource.open(file)) {
            SampleDisks.write(file, new byte[512]);
            requireFault(Fault.CONFLICT, "it had 4096 bytes and has 512", disk::requireUnchanged);
        }
        SampleDisks.write(file, new byte[4096]);
        SampleDisks.write(other, new byte[4096]);
        try (DiskSource disk = DiskSource.open(file)) {
            Files.move(other, file, StandardCopyOption.REPLACE_EXISTING);
            requireFault(Fault.CONFLICT, "another file has its name", disk::requireUnchanged);
        }
        try (DiskSource disk = DiskSource.open(file)) {
            Files.delete(file);
            requireFault(Fault.CONFLICT, "it is gone", disk::requireUnchanged);
        }
    }

    @Test
    void saysWhatIsWrongWithAFile() throws IOException {
        Path empty = SampleDisks.write(folder.resolve("empty.img"), new byte[0]);
        Path odd = SampleDisks.write(folder.resolve("odd.img"), new byte[1000]);
        Path missing = folder.resolve("missing.img");

        requireFault(Fault.INVALID_REQUEST, "empty.img is empty", () -> DiskSource.open(empty));
        requireFault(
                Fault.INVALID_REQUEST,
                "odd.img has 1000 bytes, which is no multiple of 512; is it a disk?",
                () -> DiskSource.open(odd));
        requireFault(Fault.NOT_FOUND, "missing.img does not exist", () -> DiskSource.open(missing));
        requireFault(Fault.INVALID_REQUEST, "is a directory", () -> DiskSource.open(folder));
        requireFault(
                Fault.INVALID_REQUEST,
                "neither a file nor a block device",
                () -> DiskSource.open(Path.of("/dev/null")));
    }

    @Test
    void saysThatAFileMayNotBeRead() throws IOException {
        Path file = SampleDisks.write(folder.resolve("disk.img"), new byte[512]);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("-wx------"));
        Assumptions.assumeFalse(Files.isReadable(file), "this user, root perhaps, may read everything");

        requireFault(Fault.FORBIDDEN, "may not be read by this user", () -> DiskSource.open(file));
    }

    @Test
    void doesNotWaitForAPipe() {
        Tools.require("mkfifo");
        Path pipe = folder.resolve("pipe");
        Tools.run("mkfifo", pipe.toString());

        requireFault(Fault.INVALID_REQUEST, "neither a file nor a block device", () -> DiskSource.open(pipe));
    }

    @ParameterizedTest
    @ValueSource(strings = {"QFI\u00fb", "KDMV", "# Disk DescriptorFile", "conectix", "vhdxfile"})
    void aRawDiskThatBeginsLikeAnotherFormatCanBeForced(String magic) {
        byte[] content = new byte[2 << 20];
        for (int i = 0; i < magic.length(); i++) {
            content[i] = (byte) magic.charAt(i);
        }
        Path file = SampleDisks.write(folder.resolve("disk.img"), content);

        assertThrows(StoreException.class, () -> DiskSource.open(file));
        try (DiskSource disk = DiskSource.open(file, Optional.of(DiskFormat.RAW))) {
            assertArrayEquals(content, SampleDisks.readData(disk));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"QCOW2", "VMDK", "VHD", "VHDX"})
    void aRawDiskIsNotForcedToBeAnotherFormat(String format) {
        Path file = SampleDisks.write(folder.resolve("disk.img"), new byte[2 << 20]);

        requireFault(
                Fault.INVALID_REQUEST, "is not", () -> DiskSource.open(file, Optional.of(DiskFormat.valueOf(format))));
    }

    @Test
    void findsFilesWithUnusualNames() throws IOException {
        Assumptions.assumeTrue("UTF-8".equals(System.getProperty("sun.jnu.encoding")), "file names are UTF-8");
        Path file = folder.resolve("dísk \u4e2d\u6587 'x'.img");
        Files.move(sparse(new byte[1 << 20]), file);

        try (DiskSource disk = DiskSource.open(file)) {
            assertEquals(tellsHoles(file), disk.nextData(0).isEmpty());
        }
    }

    @Test
    void readsABlockDevice() throws IOException {
        Tools.require("losetup");
        byte[] content = SampleDisks.content(3, 1 << 20);
        Path file = SampleDisks.write(folder.resolve("disk.img"), content);
        Tools.Result attached = Tools.tryRun("losetup", "--find", "--show", "--read-only", file.toString());
        Assumptions.assumeTrue(attached.exitCode() == 0, "no loop device can be made here: " + attached.output());
        String device = attached.output().strip();

        try (DiskSource disk = DiskSource.open(Path.of(device))) {
            assertEquals(content.length, disk.sizeBytes());
            assertArrayEquals(content, SampleDisks.readData(disk));
            disk.requireUnchanged();
        } finally {
            Tools.run("losetup", "--detach", device);
        }
    }

    static void requireFault(Fault fault, String part, Executable action) {
        StoreException failure = assertThrows(StoreException.class, action);
        assertEquals(fault, failure.fault(), failure.getMessage());
        assertTrue(failure.getMessage().contains(part), failure.getMessage());
        assertEquals(1, failure.getMessage().lines().count(), "one line");
    }

    /** A file that stores only the given (offset, length) pairs of its content. */
    private Path sparse(byte[] content, int... stored) throws IOException {
        Path file = folder.resolve("sparse.img");
        try (FileChannel channel = FileChannel.open(
                file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, StandardOpenOption.SPARSE)) {
            for (int i = 0; i < stored.length; i += 2) {
                channel.write(ByteBuffer.wrap(content, stored[i], stored[i + 1]), stored[i]);
            }
        }
        try (RandomAccessFile size = new RandomAccessFile(file.toFile(), "rw")) {
            size.setLength(content.length);
        }
        return file;
    }

    private static boolean tellsHoles(Path file) {
        return FileHoles.open(file)
                .map(holes -> {
                    holes.close();
                    return true;
                })
                .orElse(false);
    }
}
