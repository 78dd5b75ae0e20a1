package cairn.bench;

import cairn.chunk.Chunk;
import cairn.disk.DiskFormat;
import cairn.disk.DiskRange;
import cairn.disk.DiskSource;
import java.util.BitSet;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * A disk of which some regions hold something else, as after an update; made as it is read, so that it takes no file.
 * Closing it closes the disk beneath.
 */
final class EditedDisk implements DiskSource {
    /** 512 KiB, an update's files side by side. */
    private static final int REGION_CHUNKS = 8;

    private final DiskSource disk;
    private final MixedContent content;
    private final BitSet edited = new BitSet();

    /**
     * @param dataChunks where the disk has data, in ascending order: only there it is edited
     * @param editedPercent of them
     * @param seed of what is edited where: equal ones give equal disks
     */
    EditedDisk(DiskSource disk, long[] dataChunks, double editedPercent, long seed) {
        this.disk = disk;
        this.content = new MixedContent(seed);
        SplittableRandom random = new SplittableRandom(seed);
        // The last one may be shorter; it stays.
        int choice = dataChunks.length - 1;
        long wanted = Math.min(choice, Math.round(dataChunks.length * editedPercent / 100));
        while (edited.cardinality() < wanted) {
            int first = random.nextInt(choice);
            int until = (int) Math.min(Math.min(choice, first + REGION_CHUNKS), first + wanted - edited.cardinality());
            for (int n = first; n < until; n++) {
                edited.set(Math.toIntExact(dataChunks[n]));
            }
        }
    }

    @Override
    public DiskFormat format() {
        return disk.format();
    }

    @Override
    public long sizeBytes() {
        return disk.sizeBytes();
    }

    /** In whole chunks, since what is edited is. */
    @Override
    public Optional<DiskRange> nextData(long offset) {
        return disk.nextData(offset / Chunk.SIZE_BYTES * Chunk.SIZE_BYTES).map(range -> {
            long from = Math.max(offset, range.offset() / Chunk.SIZE_BYTES * Chunk.SIZE_BYTES);
            long until = Math.min(sizeBytes(), Chunk.count(range.endOffset()) * Chunk.SIZE_BYTES);
            return new DiskRange(from, until - from);
        });
    }

    @Override
    public void read(long offset, byte[] to, int toOffset, int lengthBytes) {
        disk.read(offset, to, toOffset, lengthBytes);
        long end = offset + lengthBytes;
        int first = Math.toIntExact(offset / Chunk.SIZE_BYTES);
        for (int index = edited.nextSetBit(first);
                index >= 0 && (long) index * Chunk.SIZE_BYTES < end;
                index = edited.nextSetBit(index + 1)) {
            byte[] chunk = new byte[Chunk.SIZE_BYTES];
            content.fill(chunk, 0, index);
            long chunkAt = (long) index * Chunk.SIZE_BYTES;
            long from = Math.max(offset, chunkAt);
            int bytes = (int) (Math.min(end, chunkAt + Chunk.SIZE_BYTES) - from);
            System.arraycopy(chunk, (int) (from - chunkAt), to, toOffset + (int) (from - offset), bytes);
        }
    }

    @Override
    public void requireUnchanged() {
        disk.requireUnchanged();
    }

    @Override
    public void close() {
        disk.close();
    }
}
