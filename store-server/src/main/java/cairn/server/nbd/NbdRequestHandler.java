package cairn.server.nbd;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.volume.Volume;
import cairn.server.volume.Volume.Extent;
import cairn.server.volume.Volume.Zeroing;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.util.ReferenceCountUtil;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * Answers requests from a volume.
 *
 * <p>What is cached is answered at once; the rest when the volume is done with it, in any order. A request for whose
 * reply there is no room waits in the decoder's buffer, and so does a payload that nothing may be allocated for:
 * meanwhile nothing is read from the client. Replies are flushed once for each buffer of requests, or batch of what the
 * volume has done.
 */
final class NbdRequestHandler extends ChannelInboundHandlerAdapter
        implements NbdRequestDecoder.Requests, InFlight.Owner {
    private static final Logger log = LoggerFactory.getLogger(NbdRequestHandler.class);

    private final VolumeUse use;
    private final Volume volume;
    private final NbdRules rules;
    private final NbdLimits limits;
    private final ByteBudget budget;
    private final LogRation ration = new LogRation();
    private final NbdRequestDecoder decoder = new NbdRequestDecoder(this);

    private ChannelHandlerContext ctx;
    private InFlight inFlight;
    private NbdWrite.Target writeTarget;
    /** The write whose payload is coming; null for none. */
    private NbdWrite incoming;
    /** There is no room for what the decoder has. */
    private boolean isFull;
    private boolean isReading = true;
    /** Nothing more begins; when all is answered the connection closes. */
    private boolean isFinishing;
    /** As above, because the server closes: what comes is told so. */
    private boolean isShuttingDown;
    /** The client has shut down its sending side: what has come is all there is. */
    private boolean isInputOver;
    private boolean isFlushScheduled;
    private boolean isRetryScheduled;
    private boolean isGone;

    /** Takes the session's volume: it is closed after the connection and all that the volume does for it have ended. */
    NbdRequestHandler(NbdSession session, NbdLimits limits, ByteBudget budget) {
        this.use = new VolumeUse(session.volume());
        this.volume = session.volume();
        this.rules = new NbdRules(session, limits);
        this.limits = limits;
        this.budget = budget;
    }

    /** Which gives this its requests. */
    NbdRequestDecoder decoder() {
        return decoder;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        ctx = context;
        inFlight = new InFlight(ctx.channel().eventLoop(), limits, budget, this);
        writeTarget = new NbdWrite.Target(volume, use, inFlight, ctx);
        ctx.channel().config().setAutoRead(true);
    }

    @Override
    public boolean areOver() {
        return isGone || isFinishing && !isShuttingDown || !ctx.channel().isActive();
    }

    @Override
    public boolean tryBegin(NbdRequest request) {
        if (request.command() == NbdCommand.DISC) {
            finish();
            return true;
        }
        if (isShuttingDown) {
            return tryTurnAway(request);
        }
        Optional<NbdRules.Refusal> refusal = rules.refusal(request);
        long replyBytes = refusal.isPresent() ? 0 : replyBytes(request);
        isFull = !hasRoom(replyBytes);
        if (!isFull) {
            begin(request, replyBytes, refusal);
        }
        readIfWanted();
        return !isFull;
    }

    private boolean hasRoom(long replyBytes) {
        if (!ctx.channel().isWritable()) {
            ctx.flush();
        }
        return ctx.channel().isWritable() && inFlight.tryBegin(replyBytes);
    }

    /** What a reply may come to, as far as it is more than a header. */
    private long replyBytes(NbdRequest request) {
        return switch (request.command()) {
            case READ -> Volume.heldBytes(request.offset(), request.lengthBytes());
            case BLOCK_STATUS -> (long) NbdReplyEncoder.EXTENT_BYTES * extentsMax(request);
            case WRITE, DISC, FLUSH, TRIM, CACHE, WRITE_ZEROES, UNKNOWN -> 0;
        };
    }

    private void begin(NbdRequest request, long replyBytes, Optional<NbdRules.Refusal> refusal) {
        if (refusal.isPresent()) {
            refuse(request, refusal.get());
            return;
        }
        try {
            switch (request.command()) {
                case READ -> read(request, replyBytes);
                case WRITE -> write(request);
                case FLUSH -> sendWhenDone(request, volume.flush());
                case TRIM -> zero(request, Zeroing.DISCARD);
                case WRITE_ZEROES ->
                    zero(request, request.hasFlag(NbdCommand.FLAG_NO_HOLE) ? Zeroing.KEEP : Zeroing.FREE);
                case CACHE -> cache(request);
                case BLOCK_STATUS -> status(request, replyBytes);
                case DISC, UNKNOWN -> throw new IllegalArgumentException(request + " does not begin");
            }
        } catch (RuntimeException e) {
            send(failed(request, e), replyBytes);
        }
    }

    private void refuse(NbdRequest request, NbdRules.Refusal refusal) {
        log.debug("{} {}: {} to {}", ctx.channel(), refusal.error(), refusal.why(), request);
        NbdReply reply = new NbdReply.Failed(request.cookie(), refusal.error(), refusal.why());
        if (request.command() == NbdCommand.WRITE) {
            receive(new NbdWrite(request, writeTarget).dropping()).thenRun(() -> send(reply, 0));
        } else {
            send(reply, 0);
        }
    }

    private void read(NbdRequest request, long replyBytes) {
        if (request.lengthBytes() == 0) {
            send(new NbdReply.Done(request.cookie()), replyBytes);
            return;
        }
        CompletableFuture<ByteBuf> bytes = volume.read(request.offset(), Math.toIntExact(request.lengthBytes()));
        if (bytes.isDone() && !bytes.isCompletedExceptionally()) {
            send(data(request, bytes.join()), replyBytes);
        } else {
            sendWhenDone(request, bytes.thenApply(read -> data(request, read)), replyBytes);
        }
    }

    /** Takes {@code bytes}. */
    private static NbdReply data(NbdRequest request, ByteBuf bytes) {
        if (bytes.readableBytes() != request.lengthBytes()) {
            int readBytes = bytes.readableBytes();
            bytes.release();
            throw new StoreException(Fault.INTERNAL, readBytes + " bytes came for " + request);
        }
        return new NbdReply.Data(request.cookie(), request.offset(), bytes);
    }

    private void write(NbdRequest request) {
        receive(new NbdWrite(request, writeTarget)).whenComplete((written, failure) -> {
            send(failure == null ? new NbdReply.Done(request.cookie()) : failed(request, failure), 0);
            flushSoon();
        });
    }

    /** What comes in next is for this write. */
    private CompletableFuture<Void> receive(NbdWrite write) {
        incoming = write;
        takePayload(Unpooled.EMPTY_BUFFER);
        return write.done();
    }

    @Override
    public boolean awaitPayload() {
        return incoming != null;
    }

    @Override
    public void takePayload(ByteBuf in) {
        isFull = !incoming.take(in);
        if (!incoming.awaitsPayload()) {
            incoming = null;
        }
        readIfWanted();
    }

    private void zero(NbdRequest request, Zeroing how) {
        if (request.lengthBytes() == 0) {
            send(new NbdReply.Done(request.cookie()), 0);
        } else {
            boolean isDurable = request.hasFlag(NbdCommand.FLAG_FUA);
            sendWhenDone(request, volume.zero(request.offset(), request.lengthBytes(), how, isDurable));
        }
    }

    private void cache(NbdRequest request) {
        if (request.lengthBytes() > 0) {
            volume.prefetch(request.offset(), request.lengthBytes());
        }
        send(new NbdReply.Done(request.cookie()), 0);
    }

    private void status(NbdRequest request, long replyBytes) {
        CompletableFuture<List<Extent>> extents = volume.extents(request.offset(), request.lengthBytes());
        sendWhenDone(
                request,
                extents.thenApply(found -> new NbdReply.Status(request.cookie(), cut(found, request))),
                replyBytes);
    }

    private int extentsMax(NbdRequest request) {
        return request.hasFlag(NbdCommand.FLAG_REQ_ONE) ? 1 : limits.statusExtentsMax();
    }

    /** As many extents as a reply may have, and no further than the request goes. */
    private List<Extent> cut(List<Extent> extents, NbdRequest request) {
        List<Extent> cut = new ArrayList<>(Math.min(extents.size(), extentsMax(request)));
        long leftBytes = request.lengthBytes();
        for (Extent extent : extents) {
            if (leftBytes == 0 || cut.size() == extentsMax(request)) {
                break;
            }
            long lengthBytes = Math.min(extent.lengthBytes(), leftBytes);
            if (lengthBytes <= 0) {
                throw new StoreException(Fault.INTERNAL, "an extent of " + lengthBytes + " bytes for " + request);
            }
            cut.add(new Extent(lengthBytes, extent.content()));
            leftBytes -= lengthBytes;
        }
        if (cut.isEmpty()) {
            throw new StoreException(Fault.INTERNAL, "no extent for " + request);
        }
        return cut;
    }

    private NbdReply failed(NbdRequest request, Throwable failure) {
        Fault fault = Fault.of(failure);
        if (fault == Fault.INTERNAL) {
            log.error("{} {} failed", ctx.channel(), request, Fault.cause(failure));
        } else {
            log.atLevel(ration.level(Level.WARN))
                    .log("{} {} failed: {} {}", ctx.channel(), request, fault, Fault.cause(failure).getMessage());
        }
        return new NbdReply.Failed(request.cookie(), NbdError.of(fault), NbdText.messageOf(failure));
    }

    private void sendWhenDone(NbdRequest request, CompletableFuture<Void> done) {
        sendWhenDone(request, done.thenApply(ignored -> new NbdReply.Done(request.cookie())), 0);
    }

    private void sendWhenDone(NbdRequest request, CompletableFuture<? extends NbdReply> reply, long replyBytes) {
        if (reply.isDone()) {
            send(settled(request, reply), replyBytes);
            return;
        }
        use.whenDone(
                reply,
                ctx.executor(),
                () -> {
                    send(settled(request, reply), replyBytes);
                    flushSoon();
                },
                // The server has closed without waiting for this.
                () -> releaseIfThere(reply));
    }

    private NbdReply settled(NbdRequest request, CompletableFuture<? extends NbdReply> reply) {
        try {
            return reply.join();
        } catch (RuntimeException e) {
            return failed(request, e);
        }
    }

    private static void releaseIfThere(CompletableFuture<? extends NbdReply> reply) {
        if (!reply.isCompletedExceptionally()) {
            ReferenceCountUtil.release(reply.join());
        }
    }

    /** Takes {@code reply}. It leaves with the next flush; then the room that was made for it is free. */
    private void send(NbdReply reply, long replyBytes) {
        if (isGone) {
            ReferenceCountUtil.release(reply);
            inFlight.end(replyBytes);
            return;
        }
        inFlight.replyQueued();
        ctx.write(reply).addListener(written -> {
            inFlight.replySent(replyBytes);
            if (!written.isSuccess()) {
                // A reply is missing now, for which the client would wait.
                ctx.close();
            } else if (isFull || isFinishing) {
                tryAgainSoon();
            }
        });
    }

    /** One flush for all whose ends are waiting on the event loop. */
    private void flushSoon() {
        if (!isFlushScheduled && !isGone) {
            isFlushScheduled = true;
            ctx.executor().execute(() -> {
                isFlushScheduled = false;
                ctx.flush();
            });
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext context) {
        ctx.flush();
        ctx.fireChannelReadComplete();
    }

    /** Not at once: we may be in the middle of a flush, or of a request. */
    private void tryAgainSoon() {
        if (!isRetryScheduled && !isGone) {
            isRetryScheduled = true;
            ctx.executor().execute(() -> {
                isRetryScheduled = false;
                mayTryAgain();
            });
        }
    }

    @Override
    public void mayTryAgain() {
        if (isGone) {
            return;
        }
        isFull = false;
        decoder.resume();
        if (isInputOver && !isFull && !isFinishing) {
            finishInput();
        }
        readIfWanted();
        ctx.flush();
        if (isFinishing && inFlight.requests() == 0) {
            ctx.close();
        }
    }

    @Override
    public void bytesEnded() {
        if (isFull) {
            tryAgainSoon();
        }
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
        if (ctx.channel().isWritable() && isFull) {
            tryAgainSoon();
        }
        ctx.fireChannelWritabilityChanged();
    }

    /** Reads from the socket unless there is no room, or nothing is wanted from there. */
    private void readIfWanted() {
        boolean isWanted = !isFull && (!isFinishing || isShuttingDown && incoming != null);
        if (isReading != isWanted) {
            isReading = isWanted;
            ctx.channel().config().setAutoRead(isWanted);
        }
    }

    /** The client is done: it gets its answers, then the connection closes. What it sent behind that is dropped. */
    private void finish() {
        isFinishing = true;
        isShuttingDown = false;
        inFlight.close();
        readIfWanted();
        tryAgainSoon();
    }

    /** All that has come has begun. A write whose payload will never be complete is not answered. */
    private void finishInput() {
        if (incoming != null) {
            incoming.abandon();
            incoming = null;
            inFlight.end(0);
        }
        finish();
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (event == NbdConnection.Event.FINISH && !isFinishing) {
            shutDown();
        } else if (event instanceof ChannelInputShutdownEvent) {
            isInputOver = true;
            tryAgainSoon();
        }
        ctx.fireUserEventTriggered(event);
    }

    /** The server closes: what has begun ends, a write whose payload is coming included; the rest is told so. */
    private void shutDown() {
        isFinishing = true;
        isShuttingDown = true;
        if (incoming == null) {
            inFlight.close();
        }
        mayTryAgain();
    }

    /** Returns whether the request has been answered, or need not be. Nothing behind a WRITE can be told apart. */
    private boolean tryTurnAway(NbdRequest request) {
        if (!ctx.channel().isWritable()) {
            return false;
        }
        NbdReply reply = new NbdReply.Failed(request.cookie(), NbdError.ESHUTDOWN, "the server closes");
        if (request.command() == NbdCommand.WRITE) {
            receive(new NbdWrite(request, writeTarget).dropping()).thenRun(() -> ctx.write(reply));
        } else {
            ctx.write(reply);
        }
        return true;
    }

    @Override
    public void closeAsStalled(long heldBytes) {
        log.warn("{} closed: its client neither reads nor sends, and holds {} bytes that others wait for",
                ctx.channel(), heldBytes);
        ctx.close();
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        leave();
        ctx.fireChannelInactive();
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext context) {
        leave();
    }

    private void leave() {
        if (!isGone) {
            isGone = true;
            isFinishing = true;
            if (incoming != null) {
                incoming.abandon();
                incoming = null;
            }
            inFlight.close();
            use.end();
        }
    }
}
