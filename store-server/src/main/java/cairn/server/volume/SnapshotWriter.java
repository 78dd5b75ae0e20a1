package cairn.server.volume;

import static cairn.Fault.CORRUPT;
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
 * and pages, some 10 MiB. Blocks. For one thread, once.
 */
final class SnapshotWriter {
    /** Chunks that are read and hashed together. */
    private static final int GROUP_CHUNKS = 16;
    private static final long STEP_LEAVES = Tree.spanBytes(SnapshotPages.STEP_LEVEL) / Tree.LEAF_SPAN_BYTES;

    private final ChunkStore store;
    private final VolumeBlocks blocks;
    private final DomainId domain;
    private final VolumeView view;
    private final SnapshotPages pages;
    private final TreeReader base;
    private final Runnable requireOpen;
    private final byte[] plain = new byte[GROUP_CHUNKS * Chunk.SIZE_BYTES];
    private final byte[] packed = new byte[ChunkCodec.scratchBytes(Chunk.SIZE_BYTES)];
    private final ByteBuffer row = ByteBuffer.allocateDirect(BLOCK_BYTES);
    private final TreeMap<Long, ChunkId> changes = new TreeMap<>();
    private final List<Dirty> group = new ArrayList<>(GROUP_CHUNKS);
    private TreeRoot tree;
    private long chunksHashed;

    /** A chunk to look at, and what the base has there. */
    private record Dirty(long chunk, ChunkId before) {}

    /**
     * @param view whose layers change no more
     * @param requireOpen called now and then; what it throws ends this
     */
    SnapshotWriter(
            ChunkStore store,
            VolumeBlocks blocks,
            DomainId domain,
            PageCache cache,
            VolumeView view,
            Runnable requireOpen) {
        this.store = store;
        this.blocks = blocks;
        this.domain = domain;
        this.view = view;
        this.pages = new SnapshotPages(store, domain, cache);
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
        if (!tree.top().isAbsent() && !store.isReadable(domain, ItemKey.of(tree.top()))) {
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
        fillFromBase();
        for (int i = 0; i < group.size(); i++) {
            long chunk = group.get(i).chunk;
            int at = i * Chunk.SIZE_BYTES;
            for (int slot = 0; slot < BLOCKS; slot++) {
                overlay(chunk * BLOCKS + slot, at + slot * BLOCK_BYTES);
            }
            storeChunk(group.get(i), at);
        }
    }

    /** Fills in what the base has, of those chunks of which it still shows anything. */
    private void fillFromBase() {
        Arrays.fill(plain, 0, group.size() * Chunk.SIZE_BYTES, (byte) 0);
        Map<ItemKey, List<Integer>> wanted = new HashMap<>();
        for (int i = 0; i < group.size(); i++) {
            Dirty dirty = group.get(i);
            if (!dirty.before.isAbsent() && showsBase(dirty.chunk)) {
                wanted.computeIfAbsent(ItemKey.of(dirty.before), key -> new ArrayList<>()).add(i);
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

    private boolean showsBase(long chunk) {
        int known = 0;
        for (DirtyLayer layer : view.layers()) {
            known |= BlockStates.known(layer.states().get(chunk));
        }
        return known != BlockStates.ALL;
    }

    private void overlay(long block, int at) {
        Place place = view.placeOf(block);
        if (place instanceof DirtyLayer layer) {
            if (!blocks.read(layer.layer(), block, row.clear())) {
                throw new StoreException(
                        CORRUPT, "block " + block + " of " + layer.layer() + " is missing, though its states name it");
            }
            row.flip().get(plain, at, BLOCK_BYTES);
        } else if (place != Place.Rowless.BASE) {
            Arrays.fill(plain, at, at + BLOCK_BYTES, (byte) 0);
        }
    }

    private void storeChunk(Dirty dirty, int at) {
        ChunkId id = Chunk.idOf(plain, at);
        chunksHashed++;
        if (id.equals(dirty.before)) {
            return;
        }
        changes.put(dirty.chunk, id);
        if (!id.isAbsent() && !store.contains(domain, ItemKey.of(id))) {
            int packedBytes = ChunkCodec.pack(Codec.LZ4, plain, at, Chunk.SIZE_BYTES, packed, 0);
            store.putChunk(domain, ItemKey.of(id), packed, 0, packedBytes);
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
