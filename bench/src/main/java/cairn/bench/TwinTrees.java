package cairn.bench;

import cairn.Digest;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkCodec;
import cairn.chunk.ChunkId;
import cairn.chunk.Codec;
import cairn.image.SnapshotId;
import cairn.tree.Page;
import cairn.tree.Tree;
import cairn.tree.TreeBuilder;
import java.util.SplittableRandom;

/**
 * Trees of large disks without a hole, and of the same disks with some chunks changed. No two pages of a disk are
 * equal, so there are as many as in a disk of that size; the chunks are few, and have nothing in them.
 */
final class TwinTrees {
    /** So many pages of level 0 that no two are equal: 1 TiB. */
    static final long DISK_BYTES_MAX = Tree.LEAF_SPAN_BYTES << 16;

    private static final int KEPT = (1 << 16) + Page.CHILDREN;
    private static final int CHANGED = Page.CHILDREN;
    private static final int PLAIN_BYTES = 8;

    private final MadeStore store;
    private final ChunkId[] kept;
    private final ChunkId[] changed;

    /**
     * Two disks.
     *
     * @param chunks in which they differ
     */
    record Twins(SnapshotId first, SnapshotId second, long chunks) {}

    TwinTrees(MadeStore store) {
        this.store = store;
        SplittableRandom random = new SplittableRandom(1);
        this.kept = put(KEPT, random);
        this.changed = put(CHANGED, random);
        store.seal();
    }

    private ChunkId[] put(int count, SplittableRandom random) {
        byte[] packed = new byte[ChunkCodec.scratchBytes(PLAIN_BYTES)];
        int packedBytes = ChunkCodec.pack(Codec.PLAIN, new byte[PLAIN_BYTES], 0, PLAIN_BYTES, packed, 0);
        ChunkId[] ids = new ChunkId[count];
        for (int n = 0; n < count; n++) {
            ids[n] = new ChunkId(
                    new Digest(random.nextLong(), random.nextLong(), random.nextLong(), random.nextLong()));
            store.putChunk(ids[n], packed, packedBytes);
        }
        return ids;
    }

    /**
     * Makes a disk and one that differs from it.
     *
     * @param sizeBytes at most {@link #DISK_BYTES_MAX}
     * @param pieceChunks how many chunks lie together that differ
     * @param oneIn of so many pieces, evenly spread, one differs
     */
    Twins make(long sizeBytes, int pieceChunks, long oneIn) {
        long chunks = Chunk.count(sizeBytes);
        TreeBuilder first = new TreeBuilder(sizeBytes, store::putPage);
        TreeBuilder second = new TreeBuilder(sizeBytes, store::putPage);
        long different = 0;
        for (long index = 0; index < chunks; index++) {
            ChunkId same = kept[(int) (index / Page.CHILDREN + index % Page.CHILDREN)];
            boolean isChanged = index / pieceChunks % oneIn == oneIn / 2;
            first.putChunk(index, same);
            second.putChunk(index, isChanged ? changed[(int) (index % CHANGED)] : same);
            different += isChanged ? 1 : 0;
        }
        return new Twins(
                store.keepSnapshot(first.finish()).id(), store.keepSnapshot(second.finish()).id(), different);
    }
}
