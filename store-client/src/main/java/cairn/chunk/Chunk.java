package cairn.chunk;

import cairn.Digest;
import java.util.Arrays;

/** The grid that disks are cut on, and what a piece of it is called. */
public final class Chunk {
    /** Plain length of every chunk; a disk's last one is filled up with zeros. */
    public static final int SIZE_BYTES = 64 * 1024;

    private static final byte[] ZEROS = new byte[SIZE_BYTES];

    private Chunk() {}

    /** How many chunks a disk has. */
    public static long count(long diskSizeBytes) {
        return diskSizeBytes / SIZE_BYTES + (diskSizeBytes % SIZE_BYTES == 0 ? 0 : 1);
    }

    /** Names the chunk at {@code offset}: {@link ChunkId#ABSENT} where all its bytes are zero. */
    public static ChunkId idOf(byte[] plain, int offset) {
        return isZero(plain, offset) ? ChunkId.ABSENT : new ChunkId(Digest.of(plain, offset, SIZE_BYTES));
    }

    static boolean isZero(byte[] plain, int offset) {
        return Arrays.equals(plain, offset, offset + SIZE_BYTES, ZEROS, 0, SIZE_BYTES);
    }
}
