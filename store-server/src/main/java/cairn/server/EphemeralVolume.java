package cairn.server;

import cairn.server.volume.Volume;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A volume that tells when its client has left, and apart from that when somebody has who only looked, as a handshake
 * does that asks what there is before it chooses.
 */
final class EphemeralVolume implements Volume {
    private final Volume volume;
    private final Runnable afterUse;
    private final Runnable afterLook;
    private final AtomicBoolean isClosed = new AtomicBoolean();
    private volatile boolean isUsed;

    /**
     * Calls one of the two once, on the thread that closes.
     *
     * @param afterUse if the volume was read, written or asked about
     * @param afterLook if not
     */
    EphemeralVolume(Volume volume, Runnable afterUse, Runnable afterLook) {
        this.volume = volume;
        this.afterUse = afterUse;
        this.afterLook = afterLook;
    }

    @Override
    public long sizeBytes() {
        return volume.sizeBytes();
    }

    @Override
    public CompletableFuture<ByteBuf> read(long offset, int lengthBytes) {
        isUsed = true;
        return volume.read(offset, lengthBytes);
    }

    @Override
    public CompletableFuture<List<Extent>> extents(long offset, long lengthBytes) {
        isUsed = true;
        return volume.extents(offset, lengthBytes);
    }

    @Override
    public void prefetch(long offset, long lengthBytes) {
        volume.prefetch(offset, lengthBytes);
    }

    @Override
    public boolean isWritable() {
        return volume.isWritable();
    }

    @Override
    public CompletableFuture<Void> write(long offset, ByteBuf bytes, boolean isDurable) {
        isUsed = true;
        return volume.write(offset, bytes, isDurable);
    }

    @Override
    public CompletableFuture<Void> zero(long offset, long lengthBytes, Zeroing how, boolean isDurable) {
        isUsed = true;
        return volume.zero(offset, lengthBytes, how, isDurable);
    }

    @Override
    public CompletableFuture<Void> flush() {
        isUsed = true;
        return volume.flush();
    }

    @Override
    public void close() {
        volume.close();
        if (isClosed.compareAndSet(false, true)) {
            (isUsed ? afterUse : afterLook).run();
        }
    }
}
