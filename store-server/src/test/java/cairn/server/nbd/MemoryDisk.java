package cairn.server.nbd;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.volume.Volume;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.PooledByteBufAllocator;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/**
 * A disk in memory that any number of clients write to, at first one hole. It knows what would be lost in a crash: what
 * no flush or durable write has covered. What it is asked to do it does on the executor that it is given, so a test
 * decides when and in which order.
 */
final class MemoryDisk {
    static final int BLOCK_BYTES = 4096;

    private static final byte[] KEPT = new byte[0];

    private final long sizeBytes;
    private final Executor executor;
    private final ByteBufAllocator allocator;
    private final Map<Long, byte[]> blocks = new TreeMap<>();
    /** As blocks, but what a crash would leave. */
    private final Map<Long, byte[]> durableBlocks = new TreeMap<>();
    private final List<Client> clients = new ArrayList<>();
    private long failsFrom;
    private long failsTo;

    final AtomicInteger writes = new AtomicInteger();
    final AtomicInteger flushes = new AtomicInteger();
    final AtomicInteger durableWrites = new AtomicInteger();
    final AtomicLong writtenBytesMax = new AtomicLong();
    /** Bytes of buffers that have been handed over, and are not written yet. */
    final AtomicLong heldBytes = new AtomicLong();

    MemoryDisk(long sizeBytes) {
        this(sizeBytes, Runnable::run);
    }

    MemoryDisk(long sizeBytes, Executor executor) {
        this(sizeBytes, executor, PooledByteBufAllocator.DEFAULT);
    }

    /** @param allocator of what is read */
    MemoryDisk(long sizeBytes, Executor executor, ByteBufAllocator allocator) {
        this.sizeBytes = sizeBytes;
        this.executor = executor;
        this.allocator = allocator;
    }

    /** Has reads and writes fail that touch some bytes. */
    synchronized MemoryDisk failing(long from, long to) {
        failsFrom = from;
        failsTo = to;
        return this;
    }

    Volume connect() {
        return connect(true);
    }

    synchronized Volume connect(boolean mayWrite) {
        Client client = new Client(mayWrite);
        clients.add(client);
        return client;
    }

    /** Whether every client has been closed once, and not before all that it has begun was done. */
    synchronized boolean isLeft() {
        return clients.stream().allMatch(client -> client.closes.get() == 1 && client.pendingAtClose.get() == 0);
    }

    synchronized int clients() {
        return clients.size();
    }

    synchronized byte[] bytes(long offset, int lengthBytes) {
        return bytes(blocks, offset, lengthBytes);
    }

    /** What a crash would leave of a range. */
    synchronized byte[] durableBytes(long offset, int lengthBytes) {
        return bytes(durableBlocks, offset, lengthBytes);
    }

    private static byte[] bytes(Map<Long, byte[]> blocks, long offset, int lengthBytes) {
        byte[] bytes = new byte[lengthBytes];
        for (int done = 0; done < lengthBytes; ) {
            int inBlock = (int) ((offset + done) % BLOCK_BYTES);
            int now = Math.min(BLOCK_BYTES - inBlock, lengthBytes - done);
            byte[] block = blocks.getOrDefault((offset + done) / BLOCK_BYTES, KEPT);
            if (block != KEPT) {
                System.arraycopy(block, inBlock, bytes, done, now);
            }
            done += now;
        }
        return bytes;
    }

    private synchronized ByteBuf read(long offset, int lengthBytes) {
        if (offset < failsTo && offset + lengthBytes > failsFrom) {
            throw new StoreException(Fault.CORRUPT, "chunk at " + failsFrom + " is damaged");
        }
        return allocator.directBuffer(lengthBytes).writeBytes(bytes(offset, lengthBytes));
    }

    private synchronized void write(long offset, ByteBuf bytes, boolean isDurable) {
        writes.incrementAndGet();
        writtenBytesMax.accumulateAndGet(bytes.readableBytes(), Math::max);
        if (offset < failsTo && offset + bytes.readableBytes() > failsFrom) {
            throw new StoreException(Fault.NO_SPACE, "no space at " + failsFrom);
        }
        long from = offset;
        while (bytes.isReadable()) {
            int inBlock = (int) (offset % BLOCK_BYTES);
            int now = Math.min(BLOCK_BYTES - inBlock, bytes.readableBytes());
            bytes.readBytes(writableBlock(offset / BLOCK_BYTES), inBlock, now);
            offset += now;
        }
        makeDurable(from, offset, isDurable);
    }

    private byte[] writableBlock(long index) {
        byte[] block = blocks.get(index);
        byte[] writable = block == null || block == KEPT ? new byte[BLOCK_BYTES] : block.clone();
        blocks.put(index, writable);
        return writable;
    }

    private synchronized void zero(long offset, long lengthBytes, Volume.Zeroing how, boolean isDurable) {
        writes.incrementAndGet();
        if (offset < failsTo && offset + lengthBytes > failsFrom) {
            throw new StoreException(Fault.NO_SPACE, "no space at " + failsFrom);
        }
        long end = offset + lengthBytes;
        long first = (offset + BLOCK_BYTES - 1) / BLOCK_BYTES;
        long last = end / BLOCK_BYTES;
        for (long block = first; block < last; block++) {
            if (how == Volume.Zeroing.KEEP) {
                blocks.put(block, KEPT);
            } else {
                blocks.remove(block);
            }
        }
        if (how != Volume.Zeroing.DISCARD) {
            zeroWithin(offset, Math.min(end, first * BLOCK_BYTES));
            zeroWithin(Math.max(offset, last * BLOCK_BYTES), end);
        }
        makeDurable(offset, end, isDurable);
    }

    private void zeroWithin(long from, long to) {
        if (from < to) {
            int inBlock = (int) (from % BLOCK_BYTES);
            Arrays.fill(writableBlock(from / BLOCK_BYTES), inBlock, (int) (inBlock + to - from), (byte) 0);
        }
    }

    private void makeDurable(long from, long to, boolean isDurable) {
        if (!isDurable) {
            return;
        }
        durableWrites.incrementAndGet();
        for (long block = from / BLOCK_BYTES; block * BLOCK_BYTES < to; block++) {
            byte[] bytes = blocks.get(block);
            if (bytes == null) {
                durableBlocks.remove(block);
            } else {
                durableBlocks.put(block, bytes);
            }
        }
    }

    private synchronized void flush() {
        flushes.incrementAndGet();
        durableBlocks.clear();
        durableBlocks.putAll(blocks);
    }

    private synchronized List<Volume.Extent> extents(long offset, long lengthBytes) {
        List<Volume.Extent> extents = new ArrayList<>();
        long end = offset + lengthBytes;
        for (long at = offset; at < end; ) {
            Volume.Content content = content(at);
            long runEnd = at;
            while (runEnd < end && content(runEnd) == content) {
                runEnd = (runEnd / BLOCK_BYTES + 1) * BLOCK_BYTES;
            }
            extents.add(new Volume.Extent(Math.min(runEnd, end) - at, content));
            at = runEnd;
        }
        return extents;
    }

    private Volume.Content content(long offset) {
        byte[] block = blocks.get(offset / BLOCK_BYTES);
        return block == null ? Volume.Content.HOLE : block == KEPT ? Volume.Content.ZERO : Volume.Content.DATA;
    }

    private final class Client implements Volume {
        private final boolean mayWrite;
        private final AtomicInteger closes = new AtomicInteger();
        private final AtomicInteger pending = new AtomicInteger();
        private final AtomicInteger pendingAtClose = new AtomicInteger(-1);

        Client(boolean mayWrite) {
            this.mayWrite = mayWrite;
        }

        @Override
        public long sizeBytes() {
            return sizeBytes;
        }

        @Override
        public boolean isWritable() {
            return mayWrite;
        }

        @Override
        public CompletableFuture<ByteBuf> read(long offset, int lengthBytes) {
            requireInside(offset, lengthBytes);
            return later(() -> MemoryDisk.this.read(offset, lengthBytes));
        }

        @Override
        public CompletableFuture<List<Extent>> extents(long offset, long lengthBytes) {
            requireInside(offset, lengthBytes);
            return later(() -> MemoryDisk.this.extents(offset, lengthBytes));
        }

        @Override
        public void prefetch(long offset, long lengthBytes) {}

        @Override
        public CompletableFuture<Void> write(long offset, ByteBuf bytes, boolean isDurable) {
            try {
                requireInside(offset, bytes.readableBytes());
            } catch (StoreException e) {
                bytes.release();
                throw e;
            }
            int heldNow = bytes.capacity();
            heldBytes.addAndGet(heldNow);
            return later(() -> {
                try {
                    MemoryDisk.this.write(offset, bytes, isDurable);
                } finally {
                    heldBytes.addAndGet(-heldNow);
                    bytes.release();
                }
                return null;
            });
        }

        @Override
        public CompletableFuture<Void> zero(long offset, long lengthBytes, Zeroing how, boolean isDurable) {
            requireInside(offset, lengthBytes);
            return later(() -> {
                MemoryDisk.this.zero(offset, lengthBytes, how, isDurable);
                return null;
            });
        }

        @Override
        public CompletableFuture<Void> flush() {
            return later(() -> {
                MemoryDisk.this.flush();
                return null;
            });
        }

        private <T> CompletableFuture<T> later(Supplier<T> work) {
            CompletableFuture<T> done = new CompletableFuture<>();
            pending.incrementAndGet();
            executor.execute(() -> {
                pending.decrementAndGet();
                try {
                    done.complete(work.get());
                } catch (StoreException e) {
                    done.completeExceptionally(e);
                }
            });
            return done;
        }

        private void requireInside(long offset, long lengthBytes) {
            if (closes.get() > 0) {
                throw new StoreException(Fault.SHUTTING_DOWN, "the volume is closed");
            }
            if (offset < 0 || lengthBytes <= 0 || lengthBytes > sizeBytes - offset) {
                throw new StoreException(Fault.INVALID_REQUEST, lengthBytes + " bytes at " + offset);
            }
        }

        @Override
        public void close() {
            pendingAtClose.compareAndSet(-1, pending.get());
            closes.incrementAndGet();
        }
    }
}
