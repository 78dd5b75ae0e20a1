package cairn.bench;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.chunk.Chunk;
import cairn.disk.DiskRange;
import cairn.disk.DiskSource;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A disk that is edited as it is read. */
class EditedDiskTest {
    private static final int CHUNKS = 64;
    private static final int SIZE_BYTES = CHUNKS * Chunk.SIZE_BYTES + 512;

    @TempDir
    private Path folder;

    @Test
    void differsInAsManyChunksAsAsked() throws IOException {
        try (DiskSource disk = disk();
                DiskSource edited = new EditedDisk(disk(), DataChunks.of(disk), 25, 7)) {
            byte[] before = read(disk, 0, SIZE_BYTES);
            byte[] after = read(edited, 0, SIZE_BYTES);

            int different = 0;
            for (int at = 0; at < SIZE_BYTES; at += Chunk.SIZE_BYTES) {
                int end = Math.min(SIZE_BYTES, at + Chunk.SIZE_BYTES);
                different += Arrays.equals(before, at, end, after, at, end) ? 0 : 1;
            }
            assertEquals(Math.round(DataChunks.of(disk).length * 0.25), different);
        }
    }

    @Test
    void readsTheSameWhereverAReadBegins() throws IOException {
        try (DiskSource disk = disk();
                DiskSource edited = new EditedDisk(disk(), DataChunks.of(disk), 50, 7)) {
            byte[] whole = read(edited, 0, SIZE_BYTES);
            Random random = new Random(1);
            for (int n = 0; n < 200; n++) {
                int from = random.nextInt(SIZE_BYTES);
                int until = from + 1 + random.nextInt(SIZE_BYTES - from);
                assertArrayEquals(Arrays.copyOfRange(whole, from, until), read(edited, from, until - from));
            }
        }
    }

    @Test
    void saysWhereItHasData() throws IOException {
        try (DiskSource disk = disk();
                DiskSource edited = new EditedDisk(disk(), DataChunks.of(disk), 100, 7)) {
            byte[] whole = read(edited, 0, SIZE_BYTES);
            long at = 0;
            for (Optional<DiskRange> data = edited.nextData(0); data.isPresent() && at < SIZE_BYTES; data = edited.nextData(at)) {
                for (; at < data.get().offset(); at++) {
                    assertEquals(0, whole[(int) at], "byte " + at + " is in a hole");
                }
                assertTrue(data.get().endOffset() > at);
                at = data.get().endOffset();
            }
            for (; at < SIZE_BYTES; at++) {
                assertEquals(0, whole[(int) at], "byte " + at + " is in a hole");
            }
        }
    }

    /** Of a few runs of data, not all on the grid of chunks, with holes between them. */
    private DiskSource disk() throws IOException {
        Path file = folder.resolve("disk");
        byte[] data = new byte[5 * Chunk.SIZE_BYTES];
        new Random(3).nextBytes(data);
        try (RandomAccessFile raw = new RandomAccessFile(file.toFile(), "rw")) {
            raw.setLength(SIZE_BYTES);
            for (int at = 4096; at + data.length < SIZE_BYTES; at += 2 * data.length) {
                raw.seek(at);
                raw.write(data);
            }
        }
        return DiskSource.open(file);
    }

    private static byte[] read(DiskSource disk, long offset, int lengthBytes) {
        byte[] bytes = new byte[lengthBytes];
        disk.read(offset, bytes, 0, lengthBytes);
        return bytes;
    }
}
