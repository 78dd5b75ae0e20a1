package cairn.server.nbd;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.volume.Volume;
import cairn.server.volume.Volume.Extent;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.util.ReferenceCountUtil;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers requests from a volume.
 *
 * <p>What is cached is answered at once; the rest when it has been read, in any order. A request for whose reply there
 * is no room waits, and all behind it: meanwhile nothing is read from the client, so no more than one buffer of
 * requests is ever waiting. Replies are flushed once for each buffer of requests, or batch of reads that are done.
 */
final class NbdRequestHandler extends SimpleChannelInboundHandler<NbdRequest> implements InFlight.Owner {
    private static final Logger log = LoggerFactory.getLogger(NbdRequestHandler.class);

    private final VolumeUse use;
    private final Volume volume;
    private final boolean isStructured;
    private final boolean hasAllocation;
    private final NbdLimits limits;
    private final ReplyBudget budget;

    private final Deque<NbdRequest> backlog = new ArrayDeque<>();
    private ChannelHandlerContext ctx;
    private InFlight inFlight;
    private boolean isReading = true;
    /** Nothing more is taken in; when all is answered the connection closes. */
    private boolean isFinishing;
    private boolean isFlushScheduled;
    private boolean isRetryScheduled;
    private boolean isGone;

    /** Takes {@code volume}: it is closed after the connection and all its reads have ended. */
    NbdRequestHandler(
            Volume volume, boolean isStructured, boolean hasAllocation, NbdLimits limits, ReplyBudget budget) {
        this.use = new VolumeUse(volume);
        this.volume = volume;
        this.isStructured = isStructured;
        this.hasAllocation = hasAllocation;
        this.limits = limits;
        this.budget = budget;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        ctx = context;
        inFlight = new InFlight(ctx.channel().eventLoop(), limits, budget, this);
        ctx.channel().config().setAutoRead(true);
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, NbdRequest request) {
        if (!isFinishing) {
            backlog.add(request);
            beginBacklog();
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext context) {
        ctx.flush();
        ctx.fireChannelReadComplete();
    }

    private void beginBacklog() {
        while (!backlog.isEmpty() && mayBegin(backlog.peek())) {
            begin(backlog.poll());
        }
        readIf(backlog.isEmpty() && !isFinishing);
    }

    private boolean mayBegin(NbdRequest request) {
        if (request.command() == NbdCommand.DISC) {
            return true;
        }
        if (!ctx.channel().isWritable()) {
            ctx.flush();
        }
        return ctx.channel().isWritable() && inFlight.tryBegin(replyBytes(request));
    }

    /** What a reply may come to, as far as it is more than a header. */
    private long replyBytes(NbdRequest request) {
        return switch (request.command()) {
            case READ -> request.lengthBytes() <= limits.requestBytesMax()
                    ? Volume.heldBytes(request.offset(), request.lengthBytes())
                    : 0;
            case BLOCK_STATUS -> (long) NbdReplyEncoder.EXTENT_BYTES * extentsMax(request);
            case WRITE, DISC, FLUSH, TRIM, CACHE, WRITE_ZEROES, UNKNOWN -> 0;
        };
    }

    private void begin(NbdRequest request) {
        try {
            switch (request.command()) {
                case READ -> read(request);
                case BLOCK_STATUS -> status(request);
                case CACHE -> cache(request);
                case FLUSH -> flush(request);
                case DISC -> finish();
                case WRITE, TRIM, WRITE_ZEROES -> refuse(request, NbdError.EPERM, "the export is read-only");
                case UNKNOWN -> refuse(request, NbdError.EINVAL, "command " + request.code() + " is not known");
            }
        } catch (RuntimeException e) {
            send(request, failed(request, e));
        }
    }

    private void read(NbdRequest request) {
        if (request.hasOtherFlagsThan(isStructured ? NbdCommand.FLAG_DF : 0)) {
            refuse(request, NbdError.EINVAL, "flags " + request.flags() + " are not for reading");
        } else if (request.lengthBytes() > limits.requestBytesMax()) {
            refuse(request, NbdError.EINVAL, "a read may have " + limits.requestBytesMax() + " bytes");
        } else if (!request.liesWithin(volume.sizeBytes())) {
            refuseOutside(request);
        } else if (request.lengthBytes() == 0) {
            send(request, new NbdReply.Done(request.cookie()));
        } else {
            readInside(request);
        }
    }

    private void readInside(NbdRequest request) {
        CompletableFuture<ByteBuf> bytes = volume.read(request.offset(), Math.toIntExact(request.lengthBytes()));
        if (bytes.isDone() && !bytes.isCompletedExceptionally()) {
            send(request, data(request, bytes.join()));
        } else {
            sendWhenDone(request, bytes.thenApply(read -> data(request, read)));
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

    private void status(NbdRequest request) {
        if (!hasAllocation) {
            refuse(request, NbdError.EINVAL, "no metadata context was negotiated");
        } else if (request.hasOtherFlagsThan(NbdCommand.FLAG_REQ_ONE)) {
            refuse(request, NbdError.EINVAL, "flags " + request.flags() + " are not for block status");
        } else if (request.lengthBytes() == 0) {
            refuse(request, NbdError.EINVAL, "block status of no bytes");
        } else if (!request.liesWithin(volume.sizeBytes())) {
            refuseOutside(request);
        } else {
            sendWhenDone(request, volume.extents(request.offset(), request.lengthBytes())
                    .thenApply(extents -> new NbdReply.Status(request.cookie(), cut(extents, request))));
        }
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

    private void cache(NbdRequest request) {
        if (request.flags() != 0) {
            refuse(request, NbdError.EINVAL, "flags " + request.flags() + " are not for caching");
        } else if (!request.liesWithin(volume.sizeBytes())) {
            refuseOutside(request);
        } else {
            if (request.lengthBytes() > 0) {
                volume.prefetch(request.offset(), request.lengthBytes());
            }
            send(request, new NbdReply.Done(request.cookie()));
        }
    }

    private void flush(NbdRequest request) {
        if (request.flags() != 0 || request.offset() != 0 || request.lengthBytes() != 0) {
            refuse(request, NbdError.EINVAL, "a flush has no flags and no range");
        } else {
            send(request, new NbdReply.Done(request.cookie()));
        }
    }

    private void refuseOutside(NbdRequest request) {
        refuse(request, NbdError.EINVAL, request + " goes beyond the export's " + volume.sizeBytes());
    }

    private void refuse(NbdRequest request, NbdError error, String why) {
        log.debug("{} {}: {} to {}", ctx.channel(), error, why, request);
        send(request, new NbdReply.Failed(request.cookie(), error, why));
    }

    private NbdReply failed(NbdRequest request, Throwable failure) {
        Fault fault = Fault.of(failure);
        if (fault == Fault.INTERNAL) {
            log.error("{} {} failed", ctx.channel(), request, Fault.cause(failure));
        } else {
            log.warn("{} {} failed: {} {}", ctx.channel(), request, fault, Fault.cause(failure).getMessage());
        }
        return new NbdReply.Failed(request.cookie(), NbdError.of(fault), NbdText.messageOf(failure));
    }

    private void sendWhenDone(NbdRequest request, CompletableFuture<? extends NbdReply> reply) {
        if (reply.isDone()) {
            send(request, settled(request, reply));
            return;
        }
        use.begin();
        reply.whenComplete((ignored, failure) -> {
            try {
                ctx.executor().execute(() -> {
                    use.end();
                    send(request, settled(request, reply));
                    flushSoon();
                });
            } catch (RejectedExecutionException e) {
                // The server has closed without waiting for this.
                use.end();
                settledOrNothing(reply);
            }
        });
    }

    private NbdReply settled(NbdRequest request, CompletableFuture<? extends NbdReply> reply) {
        try {
            return reply.join();
        } catch (RuntimeException e) {
            return failed(request, e);
        }
    }

    private static void settledOrNothing(CompletableFuture<? extends NbdReply> reply) {
        if (!reply.isCompletedExceptionally()) {
            ReferenceCountUtil.release(reply.join());
        }
    }

    /** Takes {@code reply}. It leaves with the next flush. */
    private void send(NbdRequest request, NbdReply reply) {
        long replyBytes = replyBytes(request);
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
            } else if (!backlog.isEmpty() || isFinishing) {
                mayBeginSoon();
            }
        });
    }

    /** One flush for all reads whose ends are waiting on the event loop. */
    private void flushSoon() {
        if (!isFlushScheduled) {
            isFlushScheduled = true;
            ctx.executor().execute(() -> {
                isFlushScheduled = false;
                ctx.flush();
            });
        }
    }

    /** Not at once: we may be in the middle of a flush. */
    private void mayBeginSoon() {
        if (!isRetryScheduled && !isGone) {
            isRetryScheduled = true;
            ctx.executor().execute(() -> {
                isRetryScheduled = false;
                mayBeginAgain();
            });
        }
    }

    @Override
    public void mayBeginAgain() {
        if (isGone) {
            return;
        }
        beginBacklog();
        ctx.flush();
        if (isFinishing && inFlight.requests() == 0) {
            ctx.close();
        }
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
        if (ctx.channel().isWritable() && !backlog.isEmpty()) {
            mayBeginSoon();
        }
        ctx.fireChannelWritabilityChanged();
    }

    /** The client is done: it gets its answers, then the connection closes. What it sent behind that is dropped. */
    private void finish() {
        isFinishing = true;
        backlog.clear();
        inFlight.close();
        mayBeginSoon();
    }

    private void readIf(boolean wanted) {
        if (isReading != wanted) {
            isReading = wanted;
            ctx.channel().config().setAutoRead(wanted);
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (event == NbdConnection.Event.FINISH && !isFinishing) {
            shutDown();
        }
        ctx.fireUserEventTriggered(event);
    }

    /** The server closes: what has not begun is told so. */
    private void shutDown() {
        List<NbdRequest> unbegun = List.copyOf(backlog);
        finish();
        readIf(false);
        for (NbdRequest request : unbegun) {
            if (request.command() != NbdCommand.DISC) {
                String why = "the server closes";
                ctx.write(new NbdReply.Failed(request.cookie(), NbdError.ESHUTDOWN, why));
            }
        }
        ctx.flush();
    }

    @Override
    public void closeAsStalled(long heldBytes) {
        log.warn("{} closed: its client does not read, and holds {} bytes that others wait for",
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
            backlog.clear();
            inFlight.close();
            use.end();
        }
    }
}
