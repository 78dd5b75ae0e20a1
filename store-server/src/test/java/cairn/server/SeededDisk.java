package cairn.server;

import cairn.disk.DiskFormat;
import cairn.disk.DiskRange;
import cairn.disk.DiskSource;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * A disk whose bytes are told by a number for each of its first sectors: 0 is zeros, and so is what lies behind them. A
 * number's sector can be compressed a little. Unchangeable.
 */
final class SeededDisk implements DiskSource {
    static final int SECTORS = 8192;
    /** What all that is not zeros lies in. */
    static final int USED_BYTES = SECTORS * SECTOR_BYTES;

    private static final int DISTINCT_BYTES = 320;

    private final long sizeBytes;
    private final long[] seeds;

    private SeededDisk(long sizeBytes, long[] seeds) {
        this.sizeBytes = sizeBytes;
        this.seeds = seeds;
    }

    /** @param sizeBytes at least {@link #USED_BYTES} */
    static SeededDisk zeros(long sizeBytes) {
        return new SeededDisk(sizeBytes, new long[SECTORS]);
    }

    /** The same but for a run of sectors. @param first of them @param newSeeds a number for each */
    SeededDisk with(int first, long[] newSeeds) {
        long[] changed = seeds.clone();
        System.arraycopy(newSeeds, 0, changed, first, newSeeds.length);
        return new SeededDisk(sizeBytes, changed);
    }

    /** The bytes of some sectors that have these numbers. */
    static byte[] bytesOf(long[] seeds) {
        byte[] bytes = new byte[seeds.length * SECTOR_BYTES];
        for (int i = 0; i < seeds.length; i++) {
            fill(bytes, i * SECTOR_BYTES, seeds[i]);
        }
        return bytes;
    }

    private static void fill(byte[] bytes, int at, long seed) {
        if (seed == 0) {
            Arrays.fill(bytes, at, at + SECTOR_BYTES, (byte) 0);
            return;
        }
        SplittableRandom random = new SplittableRandom(seed);
        ByteBuffer words = ByteBuffer.wrap(bytes, at, DISTINCT_BYTES);
        while (words.hasRemaining()) {
            words.putLong(random.nextLong());
        }
        System.arraycopy(bytes, at, bytes, at + DISTINCT_BYTES, SECTOR_BYTES - DISTINCT_BYTES);
    }

    /** The first of a run of sectors that does not have its bytes; empty if all have. */
    Optional<Integer> firstDifferent(int first, byte[] found) {
        byte[] expected = new byte[SECTOR_BYTES];
        for (int at = 0; at < found.length; at += SECTOR_BYTES) {
            int sector = first + at / SECTOR_BYTES;
            fill(expected, 0, seeds[sector]);
            if (!Arrays.equals(expected, 0, SECTOR_BYTES, found, at, at + SECTOR_BYTES)) {
                return Optional.of(sector);
            }
        }
        return Optional.empty();
    }

    /** This disk, where each sector of a run that has the other's bytes is as in the other. */
    SeededDisk takingFrom(SeededDisk other, int first, byte[] found) {
        long[] taken = seeds.clone();
        byte[] others = new byte[SECTOR_BYTES];
        for (int at = 0; at < found.length; at += SECTOR_BYTES) {
            int sector = first + at / SECTOR_BYTES;
            fill(others, 0, other.seeds[sector]);
            if (Arrays.equals(others, 0, SECTOR_BYTES, found, at, at + SECTOR_BYTES)) {
                taken[sector] = other.seeds[sector];
            }
        }
        return new SeededDisk(sizeBytes, taken);
    }

    SeededDisk ofSize(long otherSizeBytes) {
        return new SeededDisk(otherSizeBytes, seeds);
    }

    @Override
    public DiskFormat format() {
        return DiskFormat.RAW;
    }

    @Override
    public long sizeBytes() {
        return sizeBytes;
    }

    @Override
    public Optional<DiskRange> nextData(long offset) {
        return offset >= USED_BYTES ? Optional.empty() : Optional.of(new DiskRange(offset, USED_BYTES - offset));
    }

    @Override
    public void read(long offset, byte[] to, int toOffset, int lengthBytes) {
        byte[] sector = new byte[SECTOR_BYTES];
        int done = 0;
        while (done < lengthBytes) {
            long at = offset + done;
            int within = Math.toIntExact(at % SECTOR_BYTES);
            int count = Math.min(lengthBytes - done, SECTOR_BYTES - within);
            fill(sector, 0, at < USED_BYTES ? seeds[Math.toIntExact(at / SECTOR_BYTES)] : 0);
            System.arraycopy(sector, within, to, toOffset + done, count);
            done += count;
        }
    }

    @Override
    public void requireUnchanged() {
        // It can not be changed.
        return;
    }

    @Override
    public void close() {
        // It holds nothing.
        return;
    }
}
