package cairn.server.nbd;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.codec.ByteToMessageDecoder;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes options one by one until the client has chosen an export; then serves it and removes itself, handing on bytes
 * that it has already got. Speaks the "fixed newstyle" alone.
 * <pre>
 *   server  magic 8, IHAVEOPT 8, flags 2
 *   client  flags 4
 *   client  option: IHAVEOPT 8, option 4, length 4, payload
 *   server  replies to it: {@link NbdOptionWriter}
 * </pre>
 * Numbers are big-endian. One option is dealt with at a time: until {@link NbdNegotiation} has answered it, and until
 * the client has taken most of the answers, nothing more is read.
 */
final class NbdHandshake extends ByteToMessageDecoder implements NbdNegotiation.Handshake {
    static final long MAGIC = 0x4e42444d41474943L;
    static final long OPTION_MAGIC = 0x49484156454F5054L;
    static final int OPTION_HEADER_BYTES = 16;

    static final int FLAG_FIXED_NEWSTYLE = 1;
    static final int FLAG_NO_ZEROES = 1 << 1;

    private static final Logger log = LoggerFactory.getLogger(NbdHandshake.class);

    private enum Phase {
        CLIENT_FLAGS,
        OPTIONS,
        /** An option is being answered elsewhere. */
        BUSY,
        ENDED
    }

    private final Exports exports;
    private final Exports.Peer peer;
    private final NbdLimits limits;
    private final ByteBudget budget;

    private ChannelHandlerContext ctx;
    private NbdNegotiation negotiation;
    private Phase phase = Phase.CLIENT_FLAGS;
    private long skipBytes;
    private int skippedOption;
    /** The client has shut down its sending side. */
    private boolean isInputOver;
    private Future<?> timeout;

    NbdHandshake(Exports exports, Exports.Peer peer, NbdLimits limits, ByteBudget budget) {
        this.exports = exports;
        this.peer = peer;
        this.limits = limits;
        this.budget = budget;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        ctx = context;
        NbdOptionWriter writer = new NbdOptionWriter(ctx, limits);
        negotiation = new NbdNegotiation(this, ctx.channel(), exports, peer, limits, writer);
        if (ctx.channel().isActive()) {
            greet();
        }
    }

    @Override
    public void channelActive(ChannelHandlerContext context) {
        greet();
        ctx.fireChannelActive();
    }

    private void greet() {
        if (timeout != null) {
            return;
        }
        timeout = ctx.executor().schedule(
                () -> giveUp("no export was chosen within " + limits.handshakeTimeout().toSeconds() + " s"),
                limits.handshakeTimeout().toMillis(),
                TimeUnit.MILLISECONDS);
        ctx.writeAndFlush(ctx.alloc()
                .ioBuffer(18)
                .writeLong(MAGIC)
                .writeLong(OPTION_MAGIC)
                .writeShort(FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES));
    }

    @Override
    protected void decode(ChannelHandlerContext context, ByteBuf in, List<Object> out) {
        switch (phase) {
            case CLIENT_FLAGS -> readClientFlags(in);
            case OPTIONS -> readOption(in);
            case BUSY -> { }
            case ENDED -> in.skipBytes(in.readableBytes());
        }
    }

    private void readClientFlags(ByteBuf in) {
        if (in.readableBytes() < Integer.BYTES) {
            return;
        }
        int flags = in.readInt();
        if ((flags & ~(FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES)) != 0) {
            giveUp("unknown client flags " + Integer.toHexString(flags));
            return;
        }
        negotiation.leaveOutZeroes((flags & FLAG_NO_ZEROES) != 0);
        phase = Phase.OPTIONS;
    }

    private void readOption(ByteBuf in) {
        if (!ctx.channel().isWritable()) {
            pauseReading();
            return;
        }
        if (skipBytes > 0) {
            skipPayload(in);
            return;
        }
        if (in.readableBytes() < OPTION_HEADER_BYTES) {
            return;
        }
        int start = in.readerIndex();
        long magic = in.getLong(start);
        int code = in.getInt(start + 8);
        long lengthBytes = in.getUnsignedInt(start + 12);
        if (magic != OPTION_MAGIC) {
            giveUp("an option begins with " + Long.toHexString(magic));
        } else if (lengthBytes > limits.optionBytesMax()) {
            in.skipBytes(OPTION_HEADER_BYTES);
            refuseTooBig(code, lengthBytes);
        } else if (in.readableBytes() >= OPTION_HEADER_BYTES + lengthBytes) {
            in.skipBytes(OPTION_HEADER_BYTES);
            negotiation.answer(code, in.readSlice(Math.toIntExact(lengthBytes)));
        }
    }

    private void refuseTooBig(int code, long lengthBytes) {
        if (code == NbdOption.EXPORT_NAME.code() || lengthBytes > limits.optionSkipBytesMax()) {
            giveUp("option " + code + " has " + lengthBytes + " bytes");
            return;
        }
        skipBytes = lengthBytes;
        skippedOption = code;
    }

    private void skipPayload(ByteBuf in) {
        int now = (int) Math.min(skipBytes, in.readableBytes());
        in.skipBytes(now);
        skipBytes -= now;
        if (skipBytes == 0) {
            negotiation.answerSkipped(skippedOption);
        }
    }

    @Override
    public boolean isOver() {
        return phase == Phase.ENDED || !ctx.channel().isActive();
    }

    @Override
    public <T> void whenDone(
            CompletableFuture<T> future, Consumer<T> drop, Consumer<T> then, Consumer<Throwable> failed) {
        if (future.isDone()) {
            finish(future, drop, then, failed);
            return;
        }
        phase = Phase.BUSY;
        pauseReading();
        future.whenComplete((result, failure) -> {
            try {
                ctx.executor().execute(() -> {
                    if (phase == Phase.BUSY) {
                        phase = Phase.OPTIONS;
                    }
                    finish(future, drop, then, failed);
                    resume();
                });
            } catch (RejectedExecutionException e) {
                if (failure == null) {
                    drop.accept(result);
                }
            }
        });
    }

    private <T> void finish(
            CompletableFuture<T> future, Consumer<T> drop, Consumer<T> then, Consumer<Throwable> failed) {
        T result;
        try {
            result = future.join();
        } catch (RuntimeException e) {
            failed.accept(e);
            return;
        }
        if (isOver()) {
            drop.accept(result);
            return;
        }
        try {
            then.accept(result);
        } catch (RuntimeException e) {
            drop.accept(result);
            failed.accept(e);
        }
    }

    /** The volume is the connection's from here on. */
    @Override
    public void serve(NbdSession session) {
        phase = Phase.ENDED;
        NbdConnection.serve(ctx.pipeline(), session, limits, budget);
        if (isInputOver) {
            ctx.pipeline().fireUserEventTriggered(ChannelInputShutdownEvent.INSTANCE);
        }
    }

    @Override
    public void close() {
        phase = Phase.ENDED;
        ctx.close();
    }

    private void giveUp(String why) {
        if (phase != Phase.ENDED) {
            log.info("{} closed in its handshake: {}", ctx.channel(), why);
            close();
        }
    }

    /** Whatever has come whole is dealt with by now, and no more will come. */
    private void giveUpIfInputIsOver() {
        if (isInputOver && phase != Phase.BUSY && ctx.channel().isWritable()) {
            giveUp("its client says nothing more");
        }
    }

    private void pauseReading() {
        ctx.channel().config().setAutoRead(false);
    }

    /** Goes on with what has come in already, then reads again, unless there is a new reason to wait. */
    private void resume() {
        if (ctx.isRemoved() || phase != Phase.OPTIONS) {
            return;
        }
        try {
            channelRead(ctx, Unpooled.EMPTY_BUFFER);
        } catch (Exception e) {
            ctx.fireExceptionCaught(e);
        }
        if (!ctx.isRemoved() && phase == Phase.OPTIONS && ctx.channel().isWritable()) {
            ctx.channel().config().setAutoRead(true);
            giveUpIfInputIsOver();
        }
    }

    /** Not the base class's way, which reads on by itself although reading is paused. */
    @Override
    public void channelReadComplete(ChannelHandlerContext context) {
        ctx.fireChannelReadComplete();
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
        if (ctx.channel().isWritable() && phase == Phase.OPTIONS) {
            // Not at once: this may be called from the middle of an answer.
            ctx.executor().execute(this::resume);
        }
        ctx.fireChannelWritabilityChanged();
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (event == NbdConnection.Event.FINISH) {
            giveUp("the server closes");
        } else if (event instanceof ChannelInputShutdownEvent) {
            isInputOver = true;
            giveUpIfInputIsOver();
        }
        // Not the base class's way, which would drop what has come while an option is being answered.
        ctx.fireUserEventTriggered(event);
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) throws Exception {
        phase = Phase.ENDED;
        super.channelInactive(context);
    }

    @Override
    protected void handlerRemoved0(ChannelHandlerContext context) {
        if (timeout != null) {
            timeout.cancel(false);
        }
    }
}
