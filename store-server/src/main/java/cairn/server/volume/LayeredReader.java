package cairn.server.volume;

import static cairn.Fault.SHUTTING_DOWN;
import static cairn.server.volume.BlockStates.BLOCK_BYTES;

import cairn.StoreException;
import cairn.server.storage.VolumeBlocks;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;

/**
 * Reads a volume through its layers. What no layer has anything of is read from the base, without a copy; all else is
 * put together in a buffer of its own. A few rows that are in memory are read on the caller's thread.
 */
final class LayeredReader {
    /** Rows that one read looks for on its caller's thread, some microseconds each: others wait for that thread too. */
    private static final int ROWS_AT_ONCE_MAX = 32;

    private final BlockWriter volume;
    private final VolumeBlocks blocks;
    private final Executor loaders;

    /** @param loaders run what may block */
    LayeredReader(BlockWriter volume, VolumeBlocks blocks, Executor loaders) {
        this.volume = volume;
        this.blocks = blocks;
        this.loaders = loaders;
    }

    /** Hands over the bytes, as {@link Volume#read}. */
    CompletableFuture<ByteBuf> read(long offset, int lengthBytes) {
        VolumeView view = volume.view();
        if (lengthBytes == 0 || view.isClean(offset, lengthBytes)) {
            return view.base().read(offset, lengthBytes);
        }
        return new Assembly(view, offset, lengthBytes).go();
    }

    /** A row that may have to be waited for. */
    private record Row(DirtyLayer layer, long block) {}

    /** One read, put together. Owns its buffer until it hands it over. */
    private final class Assembly {
        private final VolumeView view;
        private final long offset;
        private final long end;
        private final ByteBuf bytes;
        /** The same bytes, for the caller's thread alone. */
        private final ByteBuffer to;
        private final List<Row> late = new ArrayList<>();
        private final List<CompletableFuture<Void>> loading = new ArrayList<>();
        private int rowsTried;
        /** The first block whose row was not there; -1 if there is none. */
        private volatile long missing = -1;

        Assembly(VolumeView view, long offset, int lengthBytes) {
            this.view = view;
            this.offset = offset;
            this.end = offset + lengthBytes;
            this.bytes = ByteBufAllocator.DEFAULT.directBuffer(lengthBytes, lengthBytes);
            bytes.writerIndex(lengthBytes);
            this.to = bytes.nioBuffer(0, lengthBytes);
        }

        CompletableFuture<ByteBuf> go() {
            try {
                for (long at = offset; at < end; ) {
                    at = addRun(at);
                }
                if (!late.isEmpty()) {
                    loading.add(CompletableFuture.runAsync(this::readLate, loaders));
                }
            } catch (RuntimeException | Error e) {
                loading.add(CompletableFuture.failedFuture(
                        e instanceof RejectedExecutionException
                                ? new StoreException(SHUTTING_DOWN, "the server is going down", e)
                                : e));
            }
            if (loading.isEmpty()) {
                return CompletableFuture.completedFuture(bytes);
            }
            // All must have ended before the buffer may go.
            return CompletableFuture.allOf(loading.toArray(CompletableFuture<?>[]::new))
                    .handle((done, failure) -> {
                        if (failure != null) {
                            bytes.release();
                            return CompletableFuture.<ByteBuf>failedFuture(failure);
                        }
                        if (missing >= 0) {
                            bytes.release();
                            return readAgain();
                        }
                        return CompletableFuture.completedFuture(bytes);
                    })
                    .thenCompose(read -> read);
        }

        /** Adds a row, or as much as comes from one place. @return where the next begins */
        private long addRun(long at) {
            long block = at / BLOCK_BYTES;
            long until = Math.min(end, (block + 1) * BLOCK_BYTES);
            Place place = view.placeOf(block);
            if (place instanceof DirtyLayer layer) {
                addRow(layer, block, at, until);
                return until;
            }
            while (until < end && view.placeOf(until / BLOCK_BYTES) == place) {
                until = Math.min(end, until + BLOCK_BYTES);
            }
            if (place == Place.Rowless.BASE) {
                addBase(at, until);
            } else {
                bytes.setZero((int) (at - offset), (int) (until - at));
            }
            return until;
        }

        private void addRow(DirtyLayer layer, long block, long at, long until) {
            VolumeBlocks.Found found;
            if (rowsTried++ >= ROWS_AT_ONCE_MAX) {
                found = VolumeBlocks.Found.PERHAPS;
            } else if (until - at == BLOCK_BYTES) {
                int from = (int) (at - offset);
                found = blocks.tryRead(layer.layer(), block, to.limit(from + BLOCK_BYTES).position(from));
            } else {
                found = withScratch(scratch -> {
                    VolumeBlocks.Found part = blocks.tryRead(layer.layer(), block, scratch);
                    if (part == VolumeBlocks.Found.YES) {
                        copyPart(scratch, block, to);
                    }
                    return part;
                });
            }
            if (found != VolumeBlocks.Found.YES) {
                late.add(new Row(layer, block));
            }
        }

        private void addBase(long at, long until) {
            ByteBuffer part = bytes.nioBuffer((int) (at - offset), (int) (until - at));
            CompletableFuture<Void> read = view.base().read(at, (int) (until - at)).thenAccept(plain -> {
                try {
                    plain.getBytes(plain.readerIndex(), part);
                } finally {
                    plain.release();
                }
            });
            if (!read.isDone() || read.isCompletedExceptionally()) {
                loading.add(read);
            }
        }

        /** Reads the rows that were not in memory. */
        private void readLate() {
            ByteBuffer mine = bytes.nioBuffer(0, (int) (end - offset));
            for (Row row : late) {
                long at = row.block * BLOCK_BYTES;
                boolean isThere;
                if (at >= offset && at + BLOCK_BYTES <= end) {
                    int from = (int) (at - offset);
                    isThere = blocks.read(row.layer.layer(), row.block, mine.limit(from + BLOCK_BYTES).position(from));
                } else {
                    isThere = withScratch(scratch -> {
                        boolean isPartThere = blocks.read(row.layer.layer(), row.block, scratch);
                        if (isPartThere) {
                            copyPart(scratch, row.block, mine);
                        }
                        return isPartThere;
                    });
                }
                if (!isThere) {
                    missing = row.block;
                    volume.requireTrueStates(row.block);
                    return;
                }
            }
        }

        /** The row went after its states had been looked at: they say something else now. */
        private CompletableFuture<ByteBuf> readAgain() {
            return read(offset, (int) (end - offset));
        }

        /** Copies what of a block lies inside the range. */
        private void copyPart(ByteBuffer scratch, long block, ByteBuffer into) {
            long from = Math.max(offset, block * BLOCK_BYTES);
            long until = Math.min(end, (block + 1) * BLOCK_BYTES);
            int lengthBytes = (int) (until - from);
            into.clear().put((int) (from - offset), scratch, (int) (from % BLOCK_BYTES), lengthBytes);
        }
    }

    /** Something done with a block's room, for whose time it is lent. */
    @FunctionalInterface
    private interface ScratchUse<T> {
        T with(ByteBuffer scratch);
    }

    private static <T> T withScratch(ScratchUse<T> use) {
        ByteBuf scratch = ByteBufAllocator.DEFAULT.directBuffer(BLOCK_BYTES, BLOCK_BYTES);
        try {
            return use.with(scratch.nioBuffer(0, BLOCK_BYTES));
        } finally {
            scratch.release();
        }
    }
}
