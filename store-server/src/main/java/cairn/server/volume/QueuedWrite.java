package cairn.server.volume;

import static cairn.server.volume.BlockStates.BLOCK_BYTES;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.nio.ByteBuffer;

/** A write, whose bytes it owns until it has succeeded or failed. */
final class QueuedWrite extends QueuedChange {
    private final long offset;
    private final long end;
    private ByteBuf bytes;

    /** @param bytes taken; at least one */
    QueuedWrite(long offset, ByteBuf bytes, boolean isDurable) {
        super(isDurable);
        this.offset = offset;
        this.end = offset + bytes.readableBytes();
        this.bytes = bytes;
    }

    @Override
    Applied applyTo(BlockBatch batch) {
        long sizeBytes = batch.view().base().sizeBytes();
        long first = offset / BLOCK_BYTES;
        long last = (end - 1) / BLOCK_BYTES;
        boolean isFirstPart = offset % BLOCK_BYTES != 0 || end < (first + 1) * BLOCK_BYTES;
        boolean isLastPart = last > first && end % BLOCK_BYTES != 0;
        if (isFirstPart && !batch.canMerge(first) || isLastPart && !batch.canMerge(last)) {
            return Applied.LATER;
        }
        // What may fail comes before anything is changed.
        ByteBuf head = isFirstPart ? batch.merge(first, isWhole(first, sizeBytes)) : null;
        ByteBuf tail = isLastPart ? batch.merge(last, isWhole(last, sizeBytes)) : null;
        makeDirect();
        if (head != null) {
            copy(first, head);
        }
        if (tail != null) {
            copy(last, tail);
        }
        ByteBuffer plain = bytes.nioBuffer();
        long fullEnd = isLastPart ? last : last + 1;
        for (long block = isFirstPart ? first + 1 : first; block < fullEnd; block++) {
            int at = (int) (block * BLOCK_BYTES - offset);
            batch.put(block, plain.limit(at + BLOCK_BYTES).position(at));
        }
        return Applied.DONE;
    }

    /** Whether this writes all of a block that lies inside the volume. */
    private boolean isWhole(long block, long sizeBytes) {
        return offset <= block * BLOCK_BYTES && end >= Math.min(sizeBytes, (block + 1) * BLOCK_BYTES);
    }

    /** Copies what this writes of a block. */
    private void copy(long block, ByteBuf to) {
        long from = Math.max(offset, block * BLOCK_BYTES);
        long until = Math.min(end, (block + 1) * BLOCK_BYTES);
        int at = bytes.readerIndex() + (int) (from - offset);
        to.setBytes((int) (from % BLOCK_BYTES), bytes, at, (int) (until - from));
    }

    /** What came in several pieces, or on the heap, RocksDB can not take as it is. */
    private void makeDirect() {
        if (!bytes.isDirect() || bytes.nioBufferCount() != 1) {
            ByteBuf direct = ByteBufAllocator.DEFAULT.directBuffer(bytes.readableBytes());
            direct.writeBytes(bytes, bytes.readerIndex(), bytes.readableBytes());
            bytes.release();
            bytes = direct;
        }
    }

    @Override
    void release() {
        if (bytes != null) {
            bytes.release();
            bytes = null;
        }
    }
}
