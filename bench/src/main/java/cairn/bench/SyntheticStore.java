package cairn.bench;

import cairn.Digest;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkCodec;
import cairn.chunk.ChunkId;
import cairn.chunk.Codec;
import cairn.tree.Tree;
import cairn.tree.TreeBuilder;
import java.util.SplittableRandom;
import java.util.function.LongConsumer;

/**
 * A store of as many chunks as are wanted, that takes little space and is quickly made: all that is real about a chunk
 * is its name's length, its place in a segment of the usual number of chunks, and the page that names it. Its bytes are
 * others than its name says, and a few, so nothing of it can be read as a disk.
 */
final class SyntheticStore {
    /** Chunks of 26 KiB, which is what Debian's take, fill a segment of 64 MiB. */
    private static final int SEGMENT_CHUNKS = 2_500;
    /** What one snapshot covers: 4 GiB, under one page of level 1. */
    private static final long DISK_CHUNKS = Tree.spanBytes(1) / Chunk.SIZE_BYTES;
    private static final int PLAIN_BYTES = 8;

    private final MadeStore store;
    private final SplittableRandom random = new SplittableRandom(1);
    private final byte[] packed = new byte[ChunkCodec.scratchBytes(PLAIN_BYTES)];
    private final int packedBytes = ChunkCodec.pack(Codec.PLAIN, new byte[PLAIN_BYTES], 0, PLAIN_BYTES, packed, 0);
    private long put;

    private SyntheticStore(MadeStore store) {
        this.store = store;
    }

    /** @param progress told how many chunks there are after each snapshot */
    static void fill(MadeStore store, long chunks, LongConsumer progress) {
        SyntheticStore made = new SyntheticStore(store);
        while (made.put < chunks) {
            made.putDisk(Math.min(DISK_CHUNKS, chunks - made.put));
            progress.accept(made.put);
        }
    }

    private void putDisk(long chunks) {
        TreeBuilder tree = new TreeBuilder(chunks * Chunk.SIZE_BYTES, store::putPage);
        for (long index = 0; index < chunks; index++) {
            ChunkId id = new ChunkId(
                    new Digest(random.nextLong(), random.nextLong(), random.nextLong(), random.nextLong()));
            store.putChunk(id, packed, packedBytes);
            tree.putChunk(index, id);
            if (++put % SEGMENT_CHUNKS == 0) {
                store.seal();
            }
        }
        store.keepSnapshot(tree.finish());
    }
}
