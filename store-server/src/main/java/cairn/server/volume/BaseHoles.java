package cairn.server.volume;

import cairn.chunk.Chunk;
import cairn.tree.Tree;
import java.util.BitSet;
import java.util.List;

/**
 * Tells which chunks of a base are absent, for someone who asks in the order of the disk. Blocks. Not for several
 * threads.
 */
final class BaseHoles {
    private final TreeVolume base;
    private final BitSet present = new BitSet(DirtyMap.LEAF_CHUNKS);
    private long leaf = -1;
    /** The hole that begins with the leaf ends here; a chunk. */
    private long holeEnd;

    BaseHoles(TreeVolume base) {
        this.base = base;
    }

    boolean isHole(long chunk) {
        if (chunk >= leaf * DirtyMap.LEAF_CHUNKS && chunk < holeEnd) {
            return true;
        }
        look(chunk / DirtyMap.LEAF_CHUNKS);
        return !present.get((int) (chunk % DirtyMap.LEAF_CHUNKS));
    }

    /** The end of the hole that begins with a leaf, as far as that is known without looking far; a leaf. */
    long holeEndLeaf(long atLeaf) {
        if (!isHole(atLeaf * DirtyMap.LEAF_CHUNKS)) {
            return atLeaf;
        }
        return Math.max(atLeaf, holeEnd / DirtyMap.LEAF_CHUNKS);
    }

    private void look(long wanted) {
        if (wanted == leaf) {
            return;
        }
        // Nothing is known while this looks, nor where it fails.
        leaf = -1;
        holeEnd = 0;
        present.clear();
        long start = wanted * Tree.LEAF_SPAN_BYTES;
        long lengthBytes = Math.min(Tree.LEAF_SPAN_BYTES, base.sizeBytes() - start);
        long end = wanted * DirtyMap.LEAF_CHUNKS;
        List<Volume.Extent> extents = base.extents(start, lengthBytes).join();
        if (extents.size() == 1 && extents.get(0).isHole()) {
            // All of it: then perhaps much more. Zeroing a terabyte that was never written to must not take long.
            long holeBytes = base.extents(start, base.sizeBytes() - start).join().get(0).lengthBytes();
            end = start + holeBytes == base.sizeBytes()
                    ? Chunk.count(base.sizeBytes())
                    : (start + holeBytes) / Chunk.SIZE_BYTES;
        }
        int at = 0;
        for (Volume.Extent extent : extents) {
            int until = (int) Math.min(DirtyMap.LEAF_CHUNKS, at + Chunk.count(extent.lengthBytes()));
            present.set(at, until, !extent.isHole());
            at = until;
        }
        holeEnd = end;
        leaf = wanted;
    }
}
