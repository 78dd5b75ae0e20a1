package cairn.tree;

import cairn.Fault;
import cairn.StoreException;
import cairn.chunk.Chunk;

/**
 * The shape of trees. A page of level 0 covers 16 MiB, of level 1 4 GiB, of level 2 1 TiB, of level 3 256 TiB; a disk's
 * top page is of the lowest level that covers it.
 */
public final class Tree {
    public static final int LEVEL_MAX = 3;
    public static final int SECTOR_BYTES = 512;
    /** What a page of level 0 covers. */
    public static final long LEAF_SPAN_BYTES = spanBytes(0);
    /** The largest disk: 256 TiB. */
    public static final long DISK_BYTES_MAX = spanBytes(LEVEL_MAX);

    private static final int FAN_OUT_BITS = 8;

    private Tree() {}

    /** How many bytes of a disk a page covers. */
    public static long spanBytes(int level) {
        return (long) Chunk.SIZE_BYTES << FAN_OUT_BITS * (level + 1);
    }

    /** The level of a disk's top page. */
    public static int topLevel(long diskSizeBytes) {
        requireDiskSize(diskSizeBytes);
        int level = 0;
        while (spanBytes(level) < diskSizeBytes) {
            level++;
        }
        return level;
    }

    /** How many pages of a level a disk has, present and absent. */
    public static long pageCount(long diskSizeBytes, int level) {
        long span = spanBytes(level);
        return diskSizeBytes / span + (diskSizeBytes % span == 0 ? 0 : 1);
    }

    /** @throws StoreException INVALID_REQUEST unless it is a multiple of 512 from 512 bytes to 256 TiB */
    public static long requireDiskSize(long diskSizeBytes) {
        if (diskSizeBytes < SECTOR_BYTES || diskSizeBytes > DISK_BYTES_MAX || diskSizeBytes % SECTOR_BYTES != 0) {
            throw new StoreException(
                    Fault.INVALID_REQUEST,
                    "a disk has a multiple of 512 bytes, from 512 to " + DISK_BYTES_MAX + ", not " + diskSizeBytes);
        }
        return diskSizeBytes;
    }

    static int requireLevel(int level) {
        if (level < 0 || level > LEVEL_MAX) {
            throw new StoreException(Fault.INVALID_REQUEST, "a page's level is 0 to " + LEVEL_MAX + ", not " + level);
        }
        return level;
    }

    /** The page of the next level, or child of that page, in which child {@code index} lies. */
    static long parentOf(long index) {
        return index >>> FAN_OUT_BITS;
    }

    static int slotOf(long index) {
        return (int) index & Page.CHILDREN - 1;
    }
}
