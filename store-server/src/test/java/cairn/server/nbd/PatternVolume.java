package cairn.server.nbd;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.volume.Volume;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/**
 * A volume whose bytes follow from their offset: some 64 KiB pieces are holes, the rest looks random. It reads on the
 * executor that it is given, so a test decides when and in which order reads end.
 */
final class PatternVolume implements Volume {
    static final int PIECE_BYTES = 64 << 10;

    private final long sizeBytes;
    private final Executor executor;
    private final long failsFrom;
    private final long failsTo;

    final AtomicInteger closes = new AtomicInteger();
    final AtomicInteger readsPending = new AtomicInteger();
    final AtomicInteger readsPendingAtClose = new AtomicInteger(-1);
    final AtomicLong prefetchedBytes = new AtomicLong();

    PatternVolume(long sizeBytes) {
        this(sizeBytes, Runnable::run);
    }

    PatternVolume(long sizeBytes, Executor executor) {
        this(sizeBytes, executor, 0, 0);
    }

    /** One that is damaged from a byte up to another. */
    PatternVolume(long sizeBytes, Executor executor, long failsFrom, long failsTo) {
        this.sizeBytes = sizeBytes;
        this.executor = executor;
        this.failsFrom = failsFrom;
        this.failsTo = failsTo;
    }

    static boolean isHole(long offset) {
        return Long.hashCode(mix(offset / PIECE_BYTES + 77)) % 3 == 0;
    }

    static byte byteAt(long offset) {
        return isHole(offset) ? 0 : (byte) (mix(offset >>> 3) >>> 8 * (offset & 7));
    }

    static byte[] bytes(long offset, int lengthBytes) {
        byte[] bytes = new byte[lengthBytes];
        for (int i = 0; i < lengthBytes; i++) {
            bytes[i] = byteAt(offset + i);
        }
        return bytes;
    }

    /** Writes what the volume holds into a file. */
    void save(Path file) throws IOException {
        try (OutputStream out = Files.newOutputStream(file)) {
            for (long at = 0; at < sizeBytes; at += PIECE_BYTES) {
                out.write(bytes(at, (int) Math.min(PIECE_BYTES, sizeBytes - at)));
            }
        }
    }

    private static long mix(long x) {
        long z = (x + 0x9e3779b97f4a7c15L) * 0xbf58476d1ce4e5b9L;
        z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
        return z ^ z >>> 31;
    }

    @Override
    public long sizeBytes() {
        return sizeBytes;
    }

    @Override
    public CompletableFuture<ByteBuf> read(long offset, int lengthBytes) {
        requireInside(offset, lengthBytes);
        return later(() -> {
            if (offset < failsTo && offset + lengthBytes > failsFrom) {
                throw new StoreException(Fault.CORRUPT, "chunk at " + failsFrom + " is damaged");
            }
            return PooledByteBufAllocator.DEFAULT.directBuffer(lengthBytes).writeBytes(bytes(offset, lengthBytes));
        });
    }

    @Override
    public CompletableFuture<List<Extent>> extents(long offset, long lengthBytes) {
        requireInside(offset, lengthBytes);
        return later(() -> {
            List<Extent> extents = new ArrayList<>();
            long end = offset + lengthBytes;
            for (long at = offset; at < end; ) {
                long runEnd = at;
                while (runEnd < end && isHole(runEnd) == isHole(at)) {
                    runEnd = (runEnd / PIECE_BYTES + 1) * PIECE_BYTES;
                }
                extents.add(new Extent(Math.min(runEnd, end) - at, isHole(at) ? Content.HOLE : Content.DATA));
                at = runEnd;
            }
            return extents;
        });
    }

    private <T> CompletableFuture<T> later(Supplier<T> work) {
        CompletableFuture<T> done = new CompletableFuture<>();
        readsPending.incrementAndGet();
        executor.execute(() -> {
            readsPending.decrementAndGet();
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
    public void prefetch(long offset, long lengthBytes) {
        prefetchedBytes.addAndGet(lengthBytes);
    }

    @Override
    public void close() {
        readsPendingAtClose.compareAndSet(-1, readsPending.get());
        closes.incrementAndGet();
    }
}
