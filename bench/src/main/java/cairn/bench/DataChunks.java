package cairn.bench;

import cairn.chunk.Chunk;
import cairn.disk.DiskRange;
import cairn.disk.DiskSource;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.LongStream;

/** Where a disk has data. */
final class DataChunks {
    private DataChunks() {}

    /** The indexes of the chunks that are not all zeros, in ascending order. Reads the disk. */
    static long[] of(DiskSource disk) {
        byte[] chunk = new byte[Chunk.SIZE_BYTES];
        byte[] zeros = new byte[Chunk.SIZE_BYTES];
        LongStream.Builder found = LongStream.builder();
        long count = Chunk.count(disk.sizeBytes());
        for (long index = next(disk, 0); index < count; index = next(disk, index + 1)) {
            long offset = index * Chunk.SIZE_BYTES;
            int lengthBytes = (int) Math.min(Chunk.SIZE_BYTES, disk.sizeBytes() - offset);
            disk.read(offset, chunk, 0, lengthBytes);
            if (!Arrays.equals(chunk, 0, lengthBytes, zeros, 0, lengthBytes)) {
                found.accept(index);
            }
        }
        return found.build().toArray();
    }

    /** The first chunk from {@code index} on that may hold data, or one behind the end. */
    private static long next(DiskSource disk, long index) {
        long offset = index * Chunk.SIZE_BYTES;
        Optional<DiskRange> data = offset >= disk.sizeBytes() ? Optional.empty() : disk.nextData(offset);
        return data.map(range -> range.offset() / Chunk.SIZE_BYTES).orElse(Chunk.count(disk.sizeBytes()));
    }
}
