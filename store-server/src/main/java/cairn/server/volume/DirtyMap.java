package cairn.server.volume;

import cairn.tree.Page;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * The {@link BlockStates} of a layer's chunks, on the heap: leaves of 256 chunks, 1 KiB for every 16 MiB of disk in
 * which anything was written; so a layer takes 64 MiB for each TiB that was written to all over, and nothing for what
 * was not. Whoever puts has taken the leaves for it from the {@link StatesBudget}. One thread at a time writes; any
 * number reads meanwhile, without a lock and without allocating.
 */
final class DirtyMap {
    static final int LEAF_CHUNKS = Page.CHILDREN;

    private static final int SLOTS_MIN = 16;
    private static final VarHandle STATES = MethodHandles.arrayElementVarHandle(int[].class);

    /** Open addressing, never more than half full; a leaf that is there stays. */
    private volatile AtomicReferenceArray<Leaf> leaves = new AtomicReferenceArray<>(SLOTS_MIN);
    // Written by the writer only.
    private volatile int leafCount;
    private volatile long chunkCount;
    private volatile long rowCount;

    private record Leaf(long index, int[] states) {}

    /** What the layer holds of a chunk. */
    int get(long chunk) {
        Leaf leaf = find(leaves, chunk / LEAF_CHUNKS);
        return leaf == null ? BlockStates.NONE : (int) STATES.getAcquire(leaf.states, (int) (chunk % LEAF_CHUNKS));
    }

    void put(long chunk, int states) {
        Leaf leaf = find(leaves, chunk / LEAF_CHUNKS);
        if (leaf == null) {
            if (states == BlockStates.NONE) {
                return;
            }
            leaf = add(new Leaf(chunk / LEAF_CHUNKS, new int[LEAF_CHUNKS]));
        }
        int slot = (int) (chunk % LEAF_CHUNKS);
        int before = leaf.states[slot];
        chunkCount = chunkCount + (states == 0 ? 0 : 1) - (before == 0 ? 0 : 1);
        rowCount = rowCount + Integer.bitCount(BlockStates.rows(states)) - Integer.bitCount(BlockStates.rows(before));
        STATES.setRelease(leaf.states, slot, states);
    }

    /** Whether nothing was ever put. */
    boolean isEmpty() {
        return leafCount == 0;
    }

    /** Whether anything may be held of the 256 chunks from {@code leaf * 256} on. */
    boolean hasLeaf(long leaf) {
        return leafCount != 0 && find(leaves, leaf) != null;
    }

    /** How many leaves there are, each of which takes {@link StatesBudget#LEAF_BYTES}. */
    int leafCount() {
        return leafCount;
    }

    /** How many chunks the layer holds anything of. */
    long chunkCount() {
        return chunkCount;
    }

    /** How many rows the layer has. */
    long rowCount() {
        return rowCount;
    }

    /** The leaves there are, ascending: indices of chunks divided by 256. */
    long[] leafIndices() {
        AtomicReferenceArray<Leaf> table = leaves;
        long[] indices = new long[table.length()];
        int count = 0;
        for (int slot = 0; slot < table.length(); slot++) {
            Leaf leaf = table.get(slot);
            if (leaf != null) {
                indices[count++] = leaf.index;
            }
        }
        Arrays.sort(indices, 0, count);
        return Arrays.copyOf(indices, count);
    }

    private static Leaf find(AtomicReferenceArray<Leaf> table, long index) {
        int slot = slotOf(table, index);
        Leaf leaf = table.get(slot);
        while (leaf != null && leaf.index != index) {
            slot = slot + 1 & table.length() - 1;
            leaf = table.get(slot);
        }
        return leaf;
    }

    private static int slotOf(AtomicReferenceArray<Leaf> table, long index) {
        return (int) (index * 0x9e3779b97f4a7c15L >>> 32) & table.length() - 1;
    }

    private Leaf add(Leaf leaf) {
        AtomicReferenceArray<Leaf> table = leaves;
        if (2 * (leafCount + 1) > table.length()) {
            AtomicReferenceArray<Leaf> larger = new AtomicReferenceArray<>(2 * table.length());
            for (int slot = 0; slot < table.length(); slot++) {
                if (table.get(slot) != null) {
                    place(larger, table.get(slot));
                }
            }
            table = larger;
        }
        place(table, leaf);
        leaves = table;
        leafCount = leafCount + 1;
        return leaf;
    }

    private static void place(AtomicReferenceArray<Leaf> table, Leaf leaf) {
        int slot = slotOf(table, leaf.index);
        while (table.get(slot) != null) {
            slot = slot + 1 & table.length() - 1;
        }
        table.set(slot, leaf);
    }
}
