package cairn.server.volume;

import static cairn.Fault.FORBIDDEN;
import static cairn.Fault.SHUTTING_DOWN;

import cairn.StoreException;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;

/** A writable volume as one client has it open. Owns nothing but its end. */
final class ClientVolume implements Volume {
    private final WritableVolume volume;
    private final boolean isWritable;
    private final Runnable whenClosed;
    private final AtomicBoolean isClosed = new AtomicBoolean();

    /** @param whenClosed called once; does not block */
    ClientVolume(WritableVolume volume, boolean isWritable, Runnable whenClosed) {
        this.volume = volume;
        this.isWritable = isWritable;
        this.whenClosed = whenClosed;
    }

    @Override
    public long sizeBytes() {
        return volume.sizeBytes();
    }

    @Override
    public boolean isWritable() {
        return isWritable;
    }

    @Override
    public CompletableFuture<ByteBuf> read(long offset, int lengthBytes) {
        return isClosed.get() ? closed() : volume.read(offset, lengthBytes);
    }

    @Override
    public CompletableFuture<List<Extent>> extents(long offset, long lengthBytes) {
        return volume.extents(offset, lengthBytes);
    }

    @Override
    public void prefetch(long offset, long lengthBytes) {
        if (!isClosed.get()) {
            volume.prefetch(offset, lengthBytes);
        }
    }

    @Override
    public CompletableFuture<Void> write(long offset, ByteBuf bytes, boolean isDurable) {
        if (isClosed.get() || !isWritable) {
            bytes.release();
            return isWritable ? closed() : readOnly();
        }
        return volume.write(offset, bytes, isDurable);
    }

    @Override
    public CompletableFuture<Void> zero(long offset, long lengthBytes, Zeroing how, boolean isDurable) {
        if (isClosed.get() || !isWritable) {
            return isWritable ? closed() : readOnly();
        }
        return volume.zero(offset, lengthBytes, how, isDurable);
    }

    @Override
    public CompletableFuture<Void> flush() {
        return isClosed.get() ? closed() : volume.flush();
    }

    private static <T> CompletableFuture<T> closed() {
        return CompletableFuture.failedFuture(new StoreException(SHUTTING_DOWN, "the volume is closed"));
    }

    private static <T> CompletableFuture<T> readOnly() {
        return CompletableFuture.failedFuture(
                new StoreException(FORBIDDEN, "the volume is open for reading only"));
    }

    @Override
    public void close() {
        if (isClosed.compareAndSet(false, true)) {
            whenClosed.run();
        }
    }
}
