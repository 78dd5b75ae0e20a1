package cairn.server.nbd;

import cairn.server.volume.Volume;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * A WRITE, from its header until its bytes are written. It is cut into pieces, at multiples of
 * {@link Volume#PIECE_BYTES}; each gets its room before it gets its buffer, and is written as soon as all of it has
 * come. So no write is ever in memory as a whole, and whoever stops in the middle of one holds no more than a piece.
 * Larger pieces were not faster. On the connection's event loop.
 */
final class NbdWrite {
    /** Where all writes of a connection go. */
    record Target(Volume volume, VolumeUse use, InFlight inFlight, ChannelHandlerContext ctx) {}

    private final NbdRequest request;
    private final Target target;
    private final CompletableFuture<Void> done = new CompletableFuture<>();

    /** Of the payload, what has not come yet. */
    private long leftBytes;
    private ByteBuf piece;
    private long pieceOffset;
    /** What the volume has been asked to do, and has not done yet. */
    private int pending;
    private boolean needsFlush;
    private boolean isDropping;
    private Throwable failure;

    /** One that has begun, and whose range lies inside the volume. */
    NbdWrite(NbdRequest request, Target target) {
        this.request = request;
        this.target = target;
        this.leftBytes = request.lengthBytes();
    }

    /** Drops the payload as it comes, rather than write it. */
    NbdWrite dropping() {
        isDropping = true;
        return this;
    }

    /**
     * Complete when all has come and has been written, durably where that was asked for; or has been dropped. Failed if
     * some of it could not be written. Completes on the event loop.
     */
    CompletableFuture<Void> done() {
        return done;
    }

    boolean awaitsPayload() {
        return leftBytes > 0;
    }

    /** Takes what has come of the payload. Borrows {@code in}. Returns whether there was room for all of it. */
    boolean take(ByteBuf in) {
        while (leftBytes > 0 && in.isReadable()) {
            if (isDropping) {
                drop(in);
            } else if (piece == null && !beginPiece()) {
                return false;
            } else {
                fillPiece(in);
            }
        }
        endIfAllIsDone();
        return true;
    }

    private void drop(ByteBuf in) {
        int now = (int) Math.min(leftBytes, in.readableBytes());
        in.skipBytes(now);
        leftBytes -= now;
    }

    private boolean beginPiece() {
        pieceOffset = request.offset() + request.lengthBytes() - leftBytes;
        int bytes = (int) Math.min(leftBytes, Volume.PIECE_BYTES - pieceOffset % Volume.PIECE_BYTES);
        if (!target.inFlight.tryReceive(bytes)) {
            return false;
        }
        try {
            piece = target.ctx.alloc().directBuffer(bytes, bytes);
        } catch (RuntimeException | Error e) {
            target.inFlight.endBytes(bytes);
            throw e;
        }
        return true;
    }

    private void fillPiece(ByteBuf in) {
        int now = Math.min(piece.writableBytes(), in.readableBytes());
        piece.writeBytes(in, now);
        leftBytes -= now;
        target.inFlight.received(!piece.isWritable());
        if (!piece.isWritable()) {
            ByteBuf whole = piece;
            piece = null;
            write(whole);
        }
    }

    private void write(ByteBuf whole) {
        int bytes = whole.readableBytes();
        boolean isAll = bytes == request.lengthBytes();
        // A single piece is made durable by itself, many of them when all are written, and at once.
        needsFlush = request.hasFlag(NbdCommand.FLAG_FUA) && !isAll;
        boolean isDurable = isAll && request.hasFlag(NbdCommand.FLAG_FUA);
        await(() -> target.volume.write(pieceOffset, whole, isDurable), bytes);
    }

    private void await(Supplier<CompletableFuture<Void>> action, int bytes) {
        pending++;
        CompletableFuture<Void> something = begin(action);
        if (something.isDone()) {
            ended(something, bytes);
        } else {
            target.use.whenDone(
                    something,
                    target.ctx.executor(),
                    () -> {
                        ended(something, bytes);
                        endIfAllIsDone();
                    },
                    () -> {});
        }
    }

    private static CompletableFuture<Void> begin(Supplier<CompletableFuture<Void>> action) {
        try {
            return action.get();
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private void ended(CompletableFuture<Void> something, int bytes) {
        pending--;
        target.inFlight.endBytes(bytes);
        if (something.isCompletedExceptionally()) {
            something.whenComplete((ignored, why) -> fail(why));
        }
    }

    /** The rest is not written, but has to come nevertheless. */
    private void fail(Throwable why) {
        if (failure == null) {
            failure = why;
            isDropping = true;
            releasePiece();
        }
    }

    private void endIfAllIsDone() {
        if (leftBytes > 0 || pending > 0 || done.isDone()) {
            return;
        }
        if (failure != null) {
            done.completeExceptionally(failure);
        } else if (needsFlush) {
            needsFlush = false;
            await(target.volume::flush, 0);
            endIfAllIsDone();
        } else {
            done.complete(null);
        }
    }

    private void releasePiece() {
        if (piece != null) {
            target.inFlight.received(true);
            target.inFlight.endBytes(piece.capacity());
            piece.release();
            piece = null;
        }
    }

    /** The connection has gone: what is being written ends by itself. */
    void abandon() {
        releasePiece();
    }
}
