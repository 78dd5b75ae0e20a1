package cairn.server.volume;

import static cairn.Fault.NO_SPACE;
import static cairn.server.volume.BlockStates.BLOCKS;
import static cairn.server.volume.BlockStates.BLOCK_BYTES;

import cairn.StoreException;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkCodec;
import cairn.chunk.ChunkId;
import cairn.chunk.Codec;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.server.storage.Lease;
import cairn.server.storage.SnapshotPages;
import cairn.server.storage.VolumeBlocks;
import cairn.tree.Tree;
import cairn.tree.TreeEditor;
import cairn.tree.TreeReader;
import cairn.tree.TreeRoot;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.LongConsumer;

/**
 * Makes a tree of a base and the layers over it: looks only at chunks that the layers have anything of. What it holds
 * in memory is bounded by what {@linkplain SnapshotPages#STEP_LEVEL one step} covers, 4 GiB of disk: its chunks' ids
 * and pages, some 10 MiB, and 4 MiB of content. Blocks. For one thread, once.
 */
final class SnapshotWriter {
    /** Chunks that are read together, all in one leaf: of each layer in one run. */
    private static final int GROUP_CHUNKS = 64;
    private static final long STEP_LEAVES = Tree.spanBytes(SnapshotPages.STEP_LEVEL) / Tree.LEAF_SPAN_BYTES;

    private final ChunkStore store;
    private final Lease lease;
    private final VolumeBlocks blocks;
    private final DomainId domain;
    private final VolumeView view;
    private final SnapshotPages pages;
    private final TreeReader base;
    private final Runnable requireOpen;
    private final byte[] plain = new byte[GROUP_CHUNKS * Chunk.SIZE_BYTES];
    private final byte[] packed = new byte[ChunkCodec.scratchBytes(Chunk.SIZE_BYTES)];
    private final TreeMap<Long, ChunkId> changes = new TreeMap<>();
    private final List<Dirty> group = new ArrayList<>(GROUP_CHUNKS);
    // Of each chunk of the group: its blocks whose rows are to be had from which layer, those that are zeros, and
    // whether it has others.
    private final int[][] rows;
    private final int[] zeros = new int[GROUP_CHUNKS];
    private final boolean[] showsBase = new boolean[GROUP_CHUNKS];
    private TreeRoot tree;
    private long chunksHashed;

    /** A chunk to look at, and what the base has there. */
    private record Dirty(long chunk, ChunkId before) {}

    /**
     * @param lease under which the view's tree was adopted, if it was
     * @param view whose layers change no more
     * @param requireOpen called now and then; what it throws ends this
     */
    SnapshotWriter(
            ChunkStore store,
            Lease lease,
            VolumeBlocks blocks,
            DomainId domain,
            PageCache cache,
            VolumeView view,
            Runnable requireOpen) {
        this.store = store;
        this.lease = lease;
        this.blocks = blocks;
        this.domain = domain;
        this.view = view;
        this.rows = new int[view.layers().size()][GROUP_CHUNKS];
        this.pages = new SnapshotPages(store, lease, domain, id -> cache.get(domain, id).join());
        this.tree = view.tree();
        this.base = new TreeReader(view.tree(), pages);
        this.requireOpen = requireOpen;
    }

    /** Makes the tree, and seals it. As {@link LiveVolume.PointInTime#store}. */
    TreeRoot write(LongConsumer progress) {
        long step = -1;
        for (long leaf : VolumeView.leavesOf(view.layers())) {
            if (leaf / STEP_LEAVES != step && !changes.isEmpty()) {
                endStep();
            }
            step = leaf / STEP_LEAVES;
            storeLeaf(leaf, progress);
        }
        endStep();
        pages.putTop(tree);
        store.seal();
        if (!tree.top().isAbsent() && !lease.isReadable(domain, ItemKey.of(tree.top()))) {
            throw new StoreException(
                    NO_SPACE, "page " + tree.top() + " was lost, because the disk was full for somebody else");
        }
        return tree;
    }

    private void endStep() {
        tree = new TreeEditor(pages, pages).edit(tree, view.base().sizeBytes(), changes);
        pages.putStep(tree, new HashSet<>(changes.values()));
        changes.clear();
    }

    private void storeLeaf(long leaf, LongConsumer progress) {
        long end = (leaf + 1) * DirtyMap.LEAF_CHUNKS;
        for (long chunk = leaf * DirtyMap.LEAF_CHUNKS; chunk < end; chunk++) {
            if (view.isDirty(chunk)) {
                boolean isInBase = chunk < Chunk.count(view.tree().sizeBytes());
                group.add(new Dirty(chunk, isInBase ? base.chunkAt(chunk) : ChunkId.ABSENT));
            }
            if (group.size() == GROUP_CHUNKS || chunk == end - 1 && !group.isEmpty()) {
                requireOpen.run();
                storeGroup();
                progress.accept((long) group.size() * Chunk.SIZE_BYTES);
                group.clear();
            }
        }
    }

    private void storeGroup() {
        findPlaces();
        fillFromBase();
        fillZeros();
        for (int n = 0; n < rows.length; n++) {
            fillFrom(view.layers().get(n), rows[n]);
        }
        for (int i = 0; i < group.size(); i++) {
            storeChunk(group.get(i), i * Chunk.SIZE_BYTES);
        }
    }

    /** As {@link VolumeView#placeOf}, for all of the group's blocks. */
    private void findPlaces() {
        for (int i = 0; i < group.size(); i++) {
            Dirty dirty = group.get(i);
            int left = BlockStates.ALL;
            zeros[i] = 0;
            for (int n = rows.length - 1; n >= 0; n--) {
                int states = view.layers().get(n).states().get(dirty.chunk);
                rows[n][i] = BlockStates.rows(states) & left;
                zeros[i] |= BlockStates.known(states) & ~BlockStates.rows(states) & left;
                left &= ~BlockStates.known(states);
            }
            showsBase[i] = left != 0 && !dirty.before.isAbsent();
            zeros[i] |= dirty.before.isAbsent() ? left : 0;
        }
    }

    private void fillFromBase() {
        Map<ItemKey, List<Integer>> wanted = new HashMap<>();
        for (int i = 0; i < group.size(); i++) {
            if (showsBase[i]) {
                wanted.computeIfAbsent(ItemKey.of(group.get(i).before), key -> new ArrayList<>()).add(i);
            }
        }
        if (!wanted.isEmpty()) {
            store.readAll(domain, wanted.keySet(), (key, item) -> {
                for (int i : wanted.get(key)) {
                    ChunkCodec.unpack(item, 0, item.length, plain, i * Chunk.SIZE_BYTES, Chunk.SIZE_BYTES);
                }
            });
        }
    }

    private void fillZeros() {
        for (int i = 0; i < group.size(); i++) {
            for (int left = zeros[i]; left != 0; left &= left - 1) {
                int at = i * Chunk.SIZE_BYTES + Integer.numberOfTrailingZeros(left) * BLOCK_BYTES;
                Arrays.fill(plain, at, at + BLOCK_BYTES, (byte) 0);
            }
        }
    }

    /** @param wanted the rows of each chunk that are wanted of this layer; none is left when this returns */
    private void fillFrom(DirtyLayer layer, int[] wanted) {
        int first = 0;
        int last = group.size() - 1;
        while (first <= last && wanted[first] == 0) {
            first++;
        }
        if (first > last) {
            return;
        }
        while (wanted[last] == 0) {
            last--;
        }
        long from = group.get(first).chunk * BLOCKS + Integer.numberOfTrailingZeros(wanted[first]);
        long until = group.get(last).chunk * BLOCKS + Integer.SIZE - Integer.numberOfLeadingZeros(wanted[last]);
        blocks.readRun(layer.layer(), from, until, new Filling(wanted, first));
        for (int i = first; i <= last; i++) {
            if (wanted[i] != 0) {
                long block = group.get(i).chunk * BLOCKS + Integer.numberOfTrailingZeros(wanted[i]);
                throw layer.missing(block);
            }
        }
    }

    /** Copies the wanted ones of a layer's rows, which come in the order of the group, to their places. */
    private final class Filling implements VolumeBlocks.BlockVisitor {
        private final int[] wanted;
        private int i;

        Filling(int[] wanted, int first) {
            this.wanted = wanted;
            this.i = first;
        }

        @Override
        public void visit(long blockIndex, ByteBuffer block) {
            long chunk = BlockStates.chunkOf(blockIndex);
            while (group.get(i).chunk < chunk) {
                i++;
            }
            int mask = BlockStates.maskOf(blockIndex);
            // What a later layer hides comes by as well.
            if (group.get(i).chunk == chunk && (wanted[i] & mask) != 0) {
                block.get(plain, i * Chunk.SIZE_BYTES + (int) (blockIndex % BLOCKS) * BLOCK_BYTES, BLOCK_BYTES);
                wanted[i] &= ~mask;
            }
        }
    }

    private void storeChunk(Dirty dirty, int at) {
        ChunkId id = Chunk.idOf(plain, at);
        chunksHashed++;
        if (id.equals(dirty.before)) {
            return;
        }
        changes.put(dirty.chunk, id);
        if (!id.isAbsent() && !lease.contains(domain, ItemKey.of(id))) {
            int packedBytes = ChunkCodec.pack(Codec.LZ4, plain, at, Chunk.SIZE_BYTES, packed, 0);
            lease.putChunk(domain, ItemKey.of(id), packed, 0, packedBytes);
        }
    }

    /** How many chunks were looked at. */
    long chunksHashed() {
        return chunksHashed;
    }

    /** How many pages were put. */
    long pagesPut() {
        return pages.putCount();
    }
}
