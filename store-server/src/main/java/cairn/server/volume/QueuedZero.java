package cairn.server.volume;

import static cairn.server.volume.BlockStates.BLOCKS;
import static cairn.server.volume.BlockStates.BLOCK_BYTES;
import static cairn.server.volume.Volume.Zeroing.DISCARD;
import static cairn.server.volume.Volume.Zeroing.KEEP;

import io.netty.buffer.ByteBuf;

/** A range that is to read as zeros. A long one goes through several batches, so that none grows with the range. */
final class QueuedZero extends QueuedChange {
    private static final long LEAF_BLOCKS = (long) DirtyMap.LEAF_CHUNKS * BLOCKS;

    private final long offset;
    private final long end;
    private final Volume.Zeroing how;
    private boolean isBegun;
    /** The next whole block. */
    private long next;
    // As they were before the last batch.
    private boolean wasBegun;
    private long nextBefore;

    /** @param lengthBytes at least one */
    QueuedZero(long offset, long lengthBytes, Volume.Zeroing how, boolean isDurable) {
        super(isDurable);
        this.offset = offset;
        this.end = offset + lengthBytes;
        this.how = how;
        this.next = (offset + BLOCK_BYTES - 1) / BLOCK_BYTES;
    }

    @Override
    Applied applyTo(BlockBatch batch) {
        long endBlock = end == batch.view().base().sizeBytes()
                ? (end + BLOCK_BYTES - 1) / BLOCK_BYTES
                : end / BLOCK_BYTES;
        wasBegun = isBegun;
        nextBefore = next;
        if (!isBegun) {
            // A long one passes over leaves that the volume has nothing in, but what the batch has there is not seen.
            boolean isAlone = endBlock - next >= LEAF_BLOCKS;
            if (isAlone && !batch.isEmpty() || how != DISCARD && !zeroEdges(batch)) {
                return Applied.LATER;
            }
            isBegun = true;
        }
        while (next < endBlock) {
            if (batch.isFull()) {
                return Applied.PART;
            }
            long after = how == KEEP ? next : afterBlankLeaves(batch, endBlock);
            if (after > next) {
                next = after;
            } else {
                long chunk = BlockStates.chunkOf(next);
                batch.zero(chunk, BlockStates.maskOf(chunk, next, endBlock), how == KEEP);
                next = (chunk + 1) * BLOCKS;
            }
        }
        return Applied.DONE;
    }

    @Override
    void undo() {
        isBegun = wasBegun;
        next = nextBefore;
    }

    /** Where next to look, if a leaf begins here of which there is nothing: such a volume has many. */
    private long afterBlankLeaves(BlockBatch batch, long endBlock) {
        long leaf = next / LEAF_BLOCKS;
        if (next % LEAF_BLOCKS != 0 || endBlock - next < LEAF_BLOCKS || !batch.view().isCleanLeaf(leaf)) {
            return next;
        }
        long holeEnd = batch.baseHoleEndLeaf(leaf);
        if (holeEnd == leaf) {
            return next;
        }
        return Math.min(endBlock, (batch.view().isClean() ? holeEnd : leaf + 1) * LEAF_BLOCKS);
    }

    /**
     * Zeroes the parts of blocks at both ends.
     *
     * @return whether the batch could take them; otherwise nothing was changed
     */
    private boolean zeroEdges(BlockBatch batch) {
        long first = offset / BLOCK_BYTES;
        long last = end / BLOCK_BYTES;
        boolean hasHead = offset % BLOCK_BYTES != 0;
        boolean hasTail = end % BLOCK_BYTES != 0
                && end != batch.view().base().sizeBytes()
                && last * BLOCK_BYTES >= offset;
        if (hasHead && !batch.canMerge(first) || hasTail && !batch.canMerge(last)) {
            return false;
        }
        ByteBuf head = hasHead ? batch.merge(first, false) : null;
        ByteBuf tail = hasTail ? batch.merge(last, false) : null;
        if (head != null) {
            int from = (int) (offset % BLOCK_BYTES);
            head.setZero(from, (int) Math.min(BLOCK_BYTES - from, end - offset));
        }
        if (tail != null) {
            tail.setZero(0, (int) (end % BLOCK_BYTES));
        }
        return true;
    }
}
