package cairn.server.volume;

import static cairn.server.volume.BlockStates.BLOCK_BYTES;

import cairn.chunk.Chunk;
import cairn.tree.Tree;
import java.util.ArrayList;
import java.util.List;

/** Tells where a volume holds data: what its base says, with the layers laid over it. Never blocks. */
final class LayeredExtents {
    /** What one answer may hold. */
    private static final int EXTENTS_MAX = 16_384;
    /** How many leaves of the layers one question may look into. */
    private static final int LEAVES_MAX = 64;
    /** How many it may pass over because there is nothing in them. */
    private static final int CLEAN_LEAVES_MAX = 16_384;

    private final VolumeView view;
    private final List<Volume.Extent> extents = new ArrayList<>();
    private long at;
    private int leaves;
    private int cleanLeaves;

    private LayeredExtents(VolumeView view, long offset) {
        this.view = view;
        this.at = offset;
    }

    /** @param below the base's extents from {@code offset} on */
    static List<Volume.Extent> over(VolumeView view, long offset, List<Volume.Extent> below) {
        if (view.isClean()) {
            return below;
        }
        LayeredExtents walk = new LayeredExtents(view, offset);
        for (Volume.Extent extent : below) {
            walk.add(walk.at + extent.lengthBytes(), extent.content());
            if (walk.isFull()) {
                break;
            }
        }
        return walk.extents;
    }

    private boolean isFull() {
        return extents.size() >= EXTENTS_MAX || leaves >= LEAVES_MAX || cleanLeaves >= CLEAN_LEAVES_MAX;
    }

    private void add(long end, Volume.Content below) {
        while (at < end && !isFull()) {
            long leaf = at / Tree.LEAF_SPAN_BYTES;
            long leafEnd = Math.min(end, (leaf + 1) * Tree.LEAF_SPAN_BYTES);
            if (view.isCleanLeaf(leaf)) {
                cleanLeaves++;
                join(leafEnd, below);
            } else {
                leaves++;
                addLeaf(leafEnd, below);
            }
        }
    }

    private void addLeaf(long end, Volume.Content below) {
        while (at < end) {
            long chunkEnd = Math.min(end, (at / Chunk.SIZE_BYTES + 1) * Chunk.SIZE_BYTES);
            if (view.isClean(at, chunkEnd - at)) {
                join(chunkEnd, below);
            }
            while (at < chunkEnd) {
                long block = at / BLOCK_BYTES;
                join(Math.min(chunkEnd, (block + 1) * BLOCK_BYTES), contentOf(view.placeOf(block), below));
            }
        }
    }

    private static Volume.Content contentOf(Place place, Volume.Content below) {
        if (place instanceof Place.Rowless rowless) {
            return switch (rowless) {
                case BASE -> below;
                case HOLE -> Volume.Content.HOLE;
                case KEPT -> Volume.Content.ZERO;
            };
        }
        return Volume.Content.DATA;
    }

    private void join(long until, Volume.Content content) {
        int last = extents.size() - 1;
        if (last >= 0 && extents.get(last).content() == content) {
            extents.set(last, new Volume.Extent(extents.get(last).lengthBytes() + until - at, content));
        } else {
            extents.add(new Volume.Extent(until - at, content));
        }
        at = until;
    }
}
