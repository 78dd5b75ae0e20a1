package cairn.server.volume;

import cairn.StoreException;
import cairn.server.storage.VolumeBlocks;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Changes to a volume's newest layer that are made whole or not at all, and seen only then. Blocks. For one thread, the
 * volume's writer.
 *
 * <p>A block of which only a part is written is put together in a buffer of its own, which this owns, and goes to the
 * rows when the batch is committed: so parts of one block that come together are one row.
 */
final class BlockBatch implements AutoCloseable {
    /** A batch that has grown to this takes no more. */
    static final long BYTES_MAX = 4L << 20;
    /** What a change weighs beside the bytes of its blocks: on our heap, and in RocksDB's batch. */
    private static final int CHANGE_BYTES = 128;
    private static final int REMOVED_BYTES = 32;

    private static final ByteBuffer ZEROS = ByteBuffer.allocateDirect(BlockStates.BLOCK_BYTES).asReadOnlyBuffer();

    private final VolumeBlocks blocks;
    private final StatesBudget budget;
    private final VolumeView view;
    private final BaseHoles baseHoles;
    private final DirtyLayer newest;
    private final Map<Long, Change> changes = new HashMap<>();
    private final Map<Long, ByteBuf> merged = new HashMap<>();
    private VolumeBlocks.Batch rows;
    private long bytes;
    /** Leaves that were taken for what is to be published. */
    private int leavesTaken;

    /** What becomes of a chunk. */
    private static final class Change {
        private int states;
        /** The blocks that this batch has put a row of. */
        private int put;
        /** The blocks that this batch has changed. */
        private int changed;

        Change(int states) {
            this.states = states;
        }
    }

    BlockBatch(VolumeBlocks blocks, StatesBudget budget, VolumeView view, BaseHoles baseHoles) {
        this.blocks = blocks;
        this.budget = budget;
        this.view = view;
        this.baseHoles = baseHoles;
        this.newest = view.newest();
    }

    VolumeView view() {
        return view;
    }

    /** Whether a leaf's part of the base is a hole, and up to which leaf. */
    long baseHoleEndLeaf(long leaf) {
        return baseHoles.holeEndLeaf(leaf);
    }

    boolean isFull() {
        return bytes >= BYTES_MAX;
    }

    boolean isEmpty() {
        return changes.isEmpty() && merged.isEmpty();
    }

    /** Puts a whole block; one of zeros becomes a hole. Borrows a direct buffer, from its position to its limit. */
    void put(long block, ByteBuffer plain) {
        forgetMerged(block);
        long chunk = BlockStates.chunkOf(block);
        int mask = BlockStates.maskOf(block);
        if (ZEROS.mismatch(plain) < 0) {
            zero(chunk, mask, false);
            return;
        }
        rows().putBlock(block, plain);
        Change change = change(chunk);
        change.states = BlockStates.withRow(change.states, mask);
        change.put |= mask;
        change.changed |= mask;
        bytes += BlockStates.BLOCK_BYTES;
    }

    /**
     * Makes blocks of a chunk zeros.
     *
     * @param isKept with their space kept; otherwise they become holes, which where there is nothing below them takes
     *     no state at all
     */
    void zero(long chunk, int mask, boolean isKept) {
        Change known = changes.get(chunk);
        int before = known == null ? newest.states().get(chunk) : known.states;
        int after;
        if (isKept) {
            after = BlockStates.withKeptZeros(before, mask);
        } else {
            int blank = blankBelow(chunk, mask);
            after = BlockStates.withHoles(BlockStates.without(before, blank), mask & ~blank);
        }
        if (!merged.isEmpty()) {
            long first = chunk * BlockStates.BLOCKS;
            for (int left = mask; left != 0; left &= left - 1) {
                forgetMerged(first + Integer.numberOfTrailingZeros(left));
            }
        }
        if (after == before) {
            return;
        }
        for (int left = BlockStates.rows(before) & mask; left != 0; left &= left - 1) {
            rows().removeBlock(chunk * BlockStates.BLOCKS + Integer.numberOfTrailingZeros(left));
            bytes += REMOVED_BYTES;
        }
        Change change = change(chunk);
        change.states = after;
        change.put &= ~mask;
        change.changed |= mask;
    }

    /** Those of some blocks that would be holes if the newest layer said nothing of them. */
    private int blankBelow(long chunk, int mask) {
        int left = mask;
        int blank = 0;
        for (int i = view.layers().size() - 2; i >= 0 && left != 0; i--) {
            int states = view.layers().get(i).states().get(chunk);
            blank |= BlockStates.holes(states) & left;
            left &= ~BlockStates.known(states);
        }
        return left != 0 && baseHoles.isHole(chunk) ? blank | left : blank;
    }

    /** Whether a part of a block can be changed in this batch; otherwise this batch has to be committed before. */
    boolean canMerge(long block) {
        Change change = changes.get(BlockStates.chunkOf(block));
        return change == null || merged.containsKey(block) || (change.put & BlockStates.maskOf(block)) == 0;
    }

    /**
     * A block to change a part of, with what it holds now. Lends the buffer, whose indices do not matter, until the
     * batch ends.
     *
     * @param isOverwritten all of it that lies inside the volume will be written to
     * @throws StoreException if it {@link #canMerge} and what is stored is damaged
     */
    ByteBuf merge(long block, boolean isOverwritten) {
        ByteBuf there = merged.get(block);
        if (there != null) {
            return there;
        }
        ByteBuf buffer = ByteBufAllocator.DEFAULT.directBuffer(BlockStates.BLOCK_BYTES, BlockStates.BLOCK_BYTES);
        try {
            buffer.setZero(0, BlockStates.BLOCK_BYTES);
            Change change = changes.get(BlockStates.chunkOf(block));
            // What this batch has changed and not put, it has zeroed.
            if (!isOverwritten && (change == null || (change.changed & BlockStates.maskOf(block)) == 0)) {
                load(block, buffer);
            }
            merged.put(block, buffer);
            bytes += BlockStates.BLOCK_BYTES;
            return buffer;
        } catch (RuntimeException | Error e) {
            buffer.release();
            throw e;
        }
    }

    private void load(long block, ByteBuf to) {
        Place place = view.placeOf(block);
        if (place instanceof DirtyLayer layer) {
            if (!blocks.read(layer.layer(), block, to.nioBuffer(0, BlockStates.BLOCK_BYTES))) {
                throw layer.missing(block);
            }
        } else if (place == Place.Rowless.BASE) {
            long offset = block * BlockStates.BLOCK_BYTES;
            int lengthBytes = (int) Math.min(BlockStates.BLOCK_BYTES, view.base().sizeBytes() - offset);
            ByteBuf plain = view.base().read(offset, lengthBytes).join();
            try {
                to.setBytes(0, plain, plain.readerIndex(), lengthBytes);
            } finally {
                plain.release();
            }
        }
    }

    private void forgetMerged(long block) {
        ByteBuf old = merged.isEmpty() ? null : merged.remove(block);
        if (old != null) {
            old.release();
        }
    }

    private Change change(long chunk) {
        Change change = changes.get(chunk);
        if (change == null) {
            change = new Change(newest.states().get(chunk));
            changes.put(chunk, change);
            bytes += CHANGE_BYTES;
        }
        return change;
    }

    private VolumeBlocks.Batch rows() {
        if (rows == null) {
            rows = blocks.begin(newest.layer());
        }
        return rows;
    }

    /**
     * Makes the rows that {@link #commit} stores, and takes what {@link #publish} needs. May wait for the base to be
     * read, as all that comes before may, and nothing that comes after.
     *
     * @throws StoreException NO_SPACE if the heap's limit is reached; CORRUPT, SHUTTING_DOWN
     */
    void settle() {
        for (Long block : merged.keySet().toArray(Long[]::new)) {
            ByteBuf buffer = merged.remove(block);
            try {
                put(block, buffer.nioBuffer(0, BlockStates.BLOCK_BYTES));
            } finally {
                buffer.release();
            }
        }
        takeLeaves();
        changes.forEach((chunk, change) -> {
            if (change.states != newest.states().get(chunk)) {
                rows().putStates(chunk, change.states);
            }
        });
    }

    /**
     * Stores the changes, which are settled. Afterwards, and only if this has returned, {@link #publish} is due.
     *
     * @return whether there was anything to store
     * @throws StoreException NO_SPACE, SHUTTING_DOWN
     */
    boolean commit(boolean isSynced) {
        if (rows != null) {
            rows.commit(isSynced);
        }
        return rows != null;
    }

    /** Makes sure of the heap that {@link #publish} takes, because that is not to fail. */
    private void takeLeaves() {
        Set<Long> added = new HashSet<>();
        changes.forEach((chunk, change) -> {
            long leaf = chunk / DirtyMap.LEAF_CHUNKS;
            if (change.states != BlockStates.NONE && !newest.states().hasLeaf(leaf)) {
                added.add(leaf);
            }
        });
        if (!added.isEmpty()) {
            budget.take(added.size());
            leavesTaken = added.size();
        }
    }

    /** The chunks that this changes, once it is settled. */
    Set<Long> chunks() {
        return changes.keySet();
    }

    /** Lets all see the changes. */
    void publish() {
        leavesTaken = 0;
        changes.forEach((chunk, change) -> newest.states().put(chunk, change.states));
    }

    /** Gives up what was not committed. */
    @Override
    public void close() {
        budget.give(leavesTaken);
        merged.values().forEach(ByteBuf::release);
        merged.clear();
        if (rows != null) {
            rows.close();
        }
    }
}
