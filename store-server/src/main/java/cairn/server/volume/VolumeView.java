package cairn.server.volume;

import cairn.chunk.Chunk;
import cairn.server.storage.VolumeBlocks;
import cairn.tree.TreeRoot;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/**
 * What a volume is made of: a base, and layers over it, the newest one last. Unchangeable but for the states of the
 * newest layer, which may be read while they change.
 *
 * @param base the tree as a disk of the volume's size
 * @param firstLayer as it would be recorded: layers before it are part of the base
 */
record VolumeView(TreeVolume base, TreeRoot tree, int firstLayer, List<DirtyLayer> layers) {
    VolumeView {
        layers = List.copyOf(layers);
    }

    DirtyLayer newest() {
        return layers.get(layers.size() - 1);
    }

    /** All layers but the newest. */
    List<DirtyLayer> older() {
        return layers.subList(0, layers.size() - 1);
    }

    /** Where a block is found. */
    Place placeOf(long block) {
        long chunk = BlockStates.chunkOf(block);
        int mask = BlockStates.maskOf(block);
        for (int i = layers.size() - 1; i >= 0; i--) {
            DirtyLayer layer = layers.get(i);
            int states = layer.states().get(chunk);
            if ((BlockStates.known(states) & mask) != 0) {
                return (BlockStates.rows(states) & mask) != 0
                        ? layer
                        : (BlockStates.holes(states) & mask) != 0 ? Place.Rowless.HOLE : Place.Rowless.KEPT;
            }
        }
        return Place.Rowless.BASE;
    }

    /** Whether no layer says anything of a range's blocks. The range is not empty. */
    boolean isClean(long offset, long lengthBytes) {
        long untilBlock = (offset + lengthBytes - 1) / BlockStates.BLOCK_BYTES + 1;
        long fromBlock = offset / BlockStates.BLOCK_BYTES;
        long lastChunk = BlockStates.chunkOf(untilBlock - 1);
        for (int i = layers.size() - 1; i >= 0; i--) {
            DirtyMap states = layers.get(i).states();
            if (states.isEmpty()) {
                continue;
            }
            for (long chunk = offset / Chunk.SIZE_BYTES; chunk <= lastChunk; chunk++) {
                if ((BlockStates.known(states.get(chunk)) & BlockStates.maskOf(chunk, fromBlock, untilBlock)) != 0) {
                    return false;
                }
            }
        }
        return true;
    }

    /** Whether no layer says anything of the 256 chunks from {@code leaf * 256} on. */
    boolean isCleanLeaf(long leaf) {
        for (int i = layers.size() - 1; i >= 0; i--) {
            if (layers.get(i).states().hasLeaf(leaf)) {
                return false;
            }
        }
        return true;
    }

    /** Whether no layer ever held anything. */
    boolean isClean() {
        for (int i = layers.size() - 1; i >= 0; i--) {
            if (!layers.get(i).states().isEmpty()) {
                return false;
            }
        }
        return true;
    }

    /** The same with a new layer above; the same as it is where the newest one is still empty. */
    VolumeView withNewLayer() {
        if (newest().states().chunkCount() == 0) {
            return this;
        }
        List<DirtyLayer> more = new ArrayList<>(layers);
        more.add(new DirtyLayer(new VolumeBlocks.Layer(
                newest().layer().volume(), newest().number() + 1)));
        return new VolumeView(base, tree, firstLayer, more);
    }

    /** Over a new base, which holds all that the layers before one hold. */
    VolumeView over(TreeVolume newBase, TreeRoot newTree, int newFirstLayer) {
        List<DirtyLayer> left = layers.stream().filter(layer -> layer.number() >= newFirstLayer).toList();
        return new VolumeView(newBase, newTree, newFirstLayer, left);
    }

    /** How many leaves of states the layers have. */
    long leafCount() {
        return layers.stream().mapToLong(layer -> layer.states().leafCount()).sum();
    }

    /** Bytes of all rows. */
    long rowBytes() {
        return layers.stream().mapToLong(layer -> layer.states().rowCount()).sum() * BlockStates.BLOCK_BYTES;
    }

    /** Bytes of all chunks that the layers have anything of. */
    long dirtyChunkBytes() {
        if (layers.size() == 1) {
            return newest().states().chunkCount() * Chunk.SIZE_BYTES;
        }
        long chunks = 0;
        for (long leaf : leavesOf(layers)) {
            for (long chunk = leaf * DirtyMap.LEAF_CHUNKS; chunk < (leaf + 1) * DirtyMap.LEAF_CHUNKS; chunk++) {
                chunks += isDirty(chunk) ? 1 : 0;
            }
        }
        return chunks * Chunk.SIZE_BYTES;
    }

    /** Whether any layer has anything of a chunk. */
    boolean isDirty(long chunk) {
        for (int i = layers.size() - 1; i >= 0; i--) {
            if (layers.get(i).states().get(chunk) != BlockStates.NONE) {
                return true;
            }
        }
        return false;
    }

    /** The leaves of some layers, each once, ascending. */
    static long[] leavesOf(List<DirtyLayer> layers) {
        TreeSet<Long> leaves = new TreeSet<>();
        for (DirtyLayer layer : layers) {
            for (long leaf : layer.states().leafIndices()) {
                leaves.add(leaf);
            }
        }
        return leaves.stream().mapToLong(Long::longValue).toArray();
    }
}
