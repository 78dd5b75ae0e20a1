package cairn.server.nbd;

import static cairn.server.nbd.NbdOptionReply.ACK;
import static cairn.server.nbd.NbdOptionReply.ERR_TOO_BIG;
import static cairn.server.nbd.NbdOptionReply.ERR_UNSUP;
import static cairn.server.nbd.NbdOptionReply.META_CONTEXT;
import static cairn.server.nbd.NbdOptionReply.SERVER;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import cairn.server.nbd.Exports.Export;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageDecoder;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Talks about options until the client has chosen an export; then serves it and removes itself, handing on bytes that
 * it has already got. Speaks the "fixed newstyle" alone.
 * <pre>
 *   server  magic 8, IHAVEOPT 8, flags 2
 *   client  flags 4
 *   client  option: IHAVEOPT 8, option 4, length 4, payload
 *   server  replies to it: magic 8, option 4, reply 4, length 4, payload
 * </pre>
 * Numbers are big-endian. One option is dealt with at a time: until it is answered, and until the client has taken most
 * of the answers, nothing more is read.
 */
final class NbdHandshake extends ByteToMessageDecoder {
    static final long MAGIC = 0x4e42444d41474943L;
    static final long OPTION_MAGIC = 0x49484156454F5054L;
    static final long REPLY_MAGIC = 0x3e889045565a9L;
    static final int OPTION_HEADER_BYTES = 16;

    static final int FLAG_FIXED_NEWSTYLE = 1;
    static final int FLAG_NO_ZEROES = 1 << 1;

    /** Where data and holes are: the one metadata context there is. */
    static final String ALLOCATION = "base:allocation";
    static final int ALLOCATION_ID = 1;

    /** HAS_FLAGS, READ_ONLY, SEND_FLUSH, CAN_MULTI_CONN, SEND_CACHE. */
    static final int TRANSMISSION_FLAGS = 1 | 1 << 1 | 1 << 2 | 1 << 8 | 1 << 10;
    static final int FLAG_SEND_DF = 1 << 7;

    private static final int ZEROES_BYTES = 124;
    /** Any range will do; and pages are what kernels read, which can not take more. */
    private static final int BLOCK_BYTES_MIN = 1;
    private static final int BLOCK_BYTES_PREFERRED = 4096;

    private static final Logger log = LoggerFactory.getLogger(NbdHandshake.class);

    private enum Phase {
        CLIENT_FLAGS,
        OPTIONS,
        /** An option is being answered elsewhere. */
        BUSY,
        ENDED
    }

    /** What GO and INFO ask for. */
    private record ExportQuestion(String name, Set<NbdInfo> infos) {}

    /** What SET_META_CONTEXT and LIST_META_CONTEXT ask for. */
    private record MetaQuestion(String name, int queries, boolean hasAllocation, boolean hasAllOfBase) {}

    private final Exports exports;
    private final Exports.Peer peer;
    private final NbdLimits limits;
    private final ReplyBudget budget;

    private Phase phase = Phase.CLIENT_FLAGS;
    private boolean noZeroes;
    private boolean isStructured;
    /** The export whose allocation the client wants to see; null for none. */
    private String allocationOf;
    private long skipBytes;
    private int skippedOption;
    private Future<?> timeout;

    NbdHandshake(Exports exports, Exports.Peer peer, NbdLimits limits, ReplyBudget budget) {
        this.exports = exports;
        this.peer = peer;
        this.limits = limits;
        this.budget = budget;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        if (ctx.channel().isActive()) {
            greet(ctx);
        }
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
        greet(ctx);
        ctx.fireChannelActive();
    }

    private void greet(ChannelHandlerContext ctx) {
        if (timeout != null) {
            return;
        }
        timeout = ctx.executor().schedule(
                () -> giveUp(ctx, "no export was chosen within " + limits.handshakeTimeout().toSeconds() + " s"),
                limits.handshakeTimeout().toMillis(),
                TimeUnit.MILLISECONDS);
        ctx.writeAndFlush(ctx.alloc()
                .ioBuffer(18)
                .writeLong(MAGIC)
                .writeLong(OPTION_MAGIC)
                .writeShort(FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES));
    }

    @Override
    protected void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) {
        switch (phase) {
            case CLIENT_FLAGS -> readClientFlags(ctx, in);
            case OPTIONS -> readOption(ctx, in);
            case BUSY -> { }
            case ENDED -> in.skipBytes(in.readableBytes());
        }
    }

    private void readClientFlags(ChannelHandlerContext ctx, ByteBuf in) {
        if (in.readableBytes() < Integer.BYTES) {
            return;
        }
        int flags = in.readInt();
        if ((flags & ~(FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES)) != 0) {
            giveUp(ctx, "unknown client flags " + Integer.toHexString(flags));
            return;
        }
        noZeroes = (flags & FLAG_NO_ZEROES) != 0;
        phase = Phase.OPTIONS;
    }

    private void readOption(ChannelHandlerContext ctx, ByteBuf in) {
        if (!ctx.channel().isWritable()) {
            pauseReading(ctx);
            return;
        }
        if (skipBytes > 0) {
            skipPayload(ctx, in);
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
            giveUp(ctx, "an option begins with " + Long.toHexString(magic));
        } else if (lengthBytes > limits.optionBytesMax()) {
            in.skipBytes(OPTION_HEADER_BYTES);
            refuseTooBig(ctx, code, lengthBytes);
        } else if (in.readableBytes() >= OPTION_HEADER_BYTES + lengthBytes) {
            in.skipBytes(OPTION_HEADER_BYTES);
            answer(ctx, code, in.readSlice(Math.toIntExact(lengthBytes)));
        }
    }

    private void refuseTooBig(ChannelHandlerContext ctx, int code, long lengthBytes) {
        if (code == NbdOption.EXPORT_NAME.code() || lengthBytes > limits.optionSkipBytesMax()) {
            giveUp(ctx, "option " + code + " has " + lengthBytes + " bytes");
            return;
        }
        skipBytes = lengthBytes;
        skippedOption = code;
    }

    private void skipPayload(ChannelHandlerContext ctx, ByteBuf in) {
        int now = (int) Math.min(skipBytes, in.readableBytes());
        in.skipBytes(now);
        skipBytes -= now;
        if (skipBytes == 0) {
            NbdOptionReply reply = NbdOption.of(skippedOption) == NbdOption.UNKNOWN ? ERR_UNSUP : ERR_TOO_BIG;
            refuse(ctx, skippedOption, reply, "an option may have " + limits.optionBytesMax() + " bytes");
        }
    }

    /** Borrows {@code payload}. */
    private void answer(ChannelHandlerContext ctx, int code, ByteBuf payload) {
        NbdOption option = NbdOption.of(code);
        try {
            switch (option) {
                case EXPORT_NAME -> exportName(ctx, payload);
                case ABORT -> abort(ctx);
                case LIST -> list(ctx, payload);
                case INFO, GO -> exportInfo(ctx, option, payload);
                case STRUCTURED_REPLY -> structuredReply(ctx, payload);
                case LIST_META_CONTEXT, SET_META_CONTEXT -> metaContext(ctx, option, payload);
                case UNKNOWN -> refuse(ctx, code, ERR_UNSUP, "option " + code + " is not offered");
            }
        } catch (RuntimeException e) {
            failed(ctx, option, "", e);
        }
    }

    private void exportName(ChannelHandlerContext ctx, ByteBuf payload) {
        String name = NbdText.read(payload, payload.readableBytes());
        open(ctx, NbdOption.EXPORT_NAME, name, export -> {
            ByteBuf out = ctx.alloc()
                    .ioBuffer(10 + ZEROES_BYTES)
                    .writeLong(export.volume().sizeBytes())
                    .writeShort(transmissionFlags());
            ctx.writeAndFlush(noZeroes ? out : out.writeZero(ZEROES_BYTES));
            serve(ctx, name, export);
        });
    }

    private void abort(ChannelHandlerContext ctx) {
        phase = Phase.ENDED;
        acknowledge(ctx, NbdOption.ABORT);
        ctx.close();
    }

    private void list(ChannelHandlerContext ctx, ByteBuf payload) {
        requireEmpty(payload);
        whenDone(ctx, NbdOption.LIST, "", exports.list(peer), ignored -> {}, names -> {
            if (names.size() > limits.listedExportsMax()) {
                throw new StoreException(Fault.TOO_LARGE,
                        names.size() + " exports are more than the " + limits.listedExportsMax() + " that are listed");
            }
            for (String name : names) {
                byte[] bytes = NbdText.bytes(name);
                ctx.write(reply(ctx, NbdOption.LIST.code(), SERVER, Integer.BYTES + bytes.length)
                        .writeInt(bytes.length)
                        .writeBytes(bytes));
            }
            acknowledge(ctx, NbdOption.LIST);
        });
    }

    private void exportInfo(ChannelHandlerContext ctx, NbdOption option, ByteBuf payload) {
        ExportQuestion question = readExportQuestion(payload);
        open(ctx, option, question.name, export -> {
            for (NbdInfo info : question.infos) {
                ctx.write(info(ctx, option, info, export));
            }
            acknowledge(ctx, option);
            if (option == NbdOption.GO) {
                serve(ctx, question.name, export);
            } else {
                export.volume().close();
            }
        });
    }

    /** Name length 4, name, number of infos 2, infos of 2 each. */
    private static ExportQuestion readExportQuestion(ByteBuf payload) {
        requireBytes(payload, Integer.BYTES);
        String name = NbdText.read(payload, payload.readUnsignedInt());
        requireBytes(payload, Short.BYTES);
        int count = payload.readUnsignedShort();
        if (payload.readableBytes() != Short.BYTES * count) {
            throw new StoreException(Fault.INVALID_REQUEST,
                    count + " infos are asked for in " + payload.readableBytes() + " bytes");
        }
        Set<NbdInfo> infos = EnumSet.of(NbdInfo.EXPORT);
        while (payload.isReadable()) {
            NbdInfo.find(payload.readUnsignedShort()).ifPresent(infos::add);
        }
        return new ExportQuestion(name, infos);
    }

    private ByteBuf info(ChannelHandlerContext ctx, NbdOption option, NbdInfo info, Export export) {
        return switch (info) {
            case EXPORT -> infoReply(ctx, option, info, Long.BYTES + Short.BYTES)
                    .writeLong(export.volume().sizeBytes())
                    .writeShort(transmissionFlags());
            case NAME -> textInfo(ctx, option, info, export.name());
            case DESCRIPTION -> textInfo(ctx, option, info, export.description());
            case BLOCK_SIZE -> infoReply(ctx, option, info, 3 * Integer.BYTES)
                    .writeInt(BLOCK_BYTES_MIN)
                    .writeInt(BLOCK_BYTES_PREFERRED)
                    .writeInt(limits.requestBytesMax());
        };
    }

    private static ByteBuf textInfo(ChannelHandlerContext ctx, NbdOption option, NbdInfo info, String text) {
        byte[] bytes = NbdText.bytes(text);
        return infoReply(ctx, option, info, bytes.length).writeBytes(bytes);
    }

    private static ByteBuf infoReply(ChannelHandlerContext ctx, NbdOption option, NbdInfo info, int lengthBytes) {
        return reply(ctx, option.code(), NbdOptionReply.INFO, Short.BYTES + lengthBytes).writeShort(info.code());
    }

    private void structuredReply(ChannelHandlerContext ctx, ByteBuf payload) {
        requireEmpty(payload);
        isStructured = true;
        acknowledge(ctx, NbdOption.STRUCTURED_REPLY);
    }

    private void metaContext(ChannelHandlerContext ctx, NbdOption option, ByteBuf payload) {
        boolean isSet = option == NbdOption.SET_META_CONTEXT;
        if (isSet) {
            allocationOf = null;
        }
        if (!isStructured) {
            throw new StoreException(Fault.INVALID_REQUEST, "metadata contexts need structured replies");
        }
        MetaQuestion question = readMetaQuestion(payload);
        boolean isListed = question.queries == 0 || question.hasAllOfBase;
        if (question.hasAllocation || !isSet && isListed) {
            byte[] name = NbdText.bytes(ALLOCATION);
            ctx.write(reply(ctx, option.code(), META_CONTEXT, Integer.BYTES + name.length)
                    .writeInt(isSet ? ALLOCATION_ID : 0)
                    .writeBytes(name));
            allocationOf = isSet ? question.name : allocationOf;
        }
        acknowledge(ctx, option);
    }

    /** Name length 4, name, number of queries 4, then for each query: length 4, text. */
    private static MetaQuestion readMetaQuestion(ByteBuf payload) {
        requireBytes(payload, Integer.BYTES);
        String name = NbdText.read(payload, payload.readUnsignedInt());
        requireBytes(payload, Integer.BYTES);
        long queries = payload.readUnsignedInt();
        if (queries * Integer.BYTES > payload.readableBytes()) {
            throw new StoreException(Fault.INVALID_REQUEST,
                    queries + " queries are announced in " + payload.readableBytes() + " bytes");
        }
        boolean hasAllocation = false;
        boolean hasAllOfBase = false;
        for (long i = 0; i < queries; i++) {
            requireBytes(payload, Integer.BYTES);
            String query = NbdText.read(payload, payload.readUnsignedInt());
            hasAllocation |= query.equals(ALLOCATION);
            hasAllOfBase |= query.equals("base:");
        }
        requireEmpty(payload);
        return new MetaQuestion(name, Math.toIntExact(queries), hasAllocation, hasAllOfBase);
    }

    private void open(ChannelHandlerContext ctx, NbdOption option, String name, Consumer<Export> then) {
        whenDone(ctx, option, name, exports.open(name, peer), export -> export.volume().close(), then);
    }

    /** Ends the handshake: the volume is the connection's from here on. */
    private void serve(ChannelHandlerContext ctx, String name, Export export) {
        phase = Phase.ENDED;
        boolean hasAllocation = name.equals(allocationOf);
        log.debug("{} serves {}", ctx.channel(), export.name());
        NbdConnection.serve(ctx.pipeline(), export.volume(), isStructured, hasAllocation, limits, budget);
    }

    /**
     * Goes on once a future is done, on the event loop; until then the handshake stands still.
     *
     * @param drop takes the result if the connection has gone, or {@code then} has failed
     */
    private <T> void whenDone(
            ChannelHandlerContext ctx,
            NbdOption option,
            String name,
            CompletableFuture<T> future,
            Consumer<T> drop,
            Consumer<T> then) {
        if (future.isDone()) {
            finish(ctx, option, name, future, drop, then);
            return;
        }
        phase = Phase.BUSY;
        pauseReading(ctx);
        future.whenComplete((result, failure) -> {
            try {
                ctx.executor().execute(() -> {
                    if (phase == Phase.BUSY) {
                        phase = Phase.OPTIONS;
                    }
                    finish(ctx, option, name, future, drop, then);
                    resume(ctx);
                });
            } catch (RejectedExecutionException e) {
                if (failure == null) {
                    drop.accept(result);
                }
            }
        });
    }

    private <T> void finish(
            ChannelHandlerContext ctx,
            NbdOption option,
            String name,
            CompletableFuture<T> future,
            Consumer<T> drop,
            Consumer<T> then) {
        T result;
        try {
            result = future.join();
        } catch (RuntimeException e) {
            failed(ctx, option, name, e);
            return;
        }
        if (phase == Phase.ENDED || !ctx.channel().isActive()) {
            drop.accept(result);
            return;
        }
        try {
            then.accept(result);
        } catch (RuntimeException e) {
            drop.accept(result);
            failed(ctx, option, name, e);
        }
    }

    private void failed(ChannelHandlerContext ctx, NbdOption option, String name, Throwable failure) {
        if (phase == Phase.ENDED || !ctx.channel().isActive()) {
            return;
        }
        Fault fault = Fault.of(failure);
        // A name may carry a ticket, which is nobody's business but the client's.
        int nameChars = name.indexOf(':');
        String shown = Text.shown(nameChars < 0 ? name : name.substring(0, nameChars) + ":…");
        if (fault == Fault.INTERNAL) {
            log.error("{} {} \"{}\" failed", ctx.channel(), option, shown, Fault.cause(failure));
        } else {
            log.info("{} {} \"{}\" refused: {}", ctx.channel(), option, shown, Fault.cause(failure).getMessage());
        }
        if (option == NbdOption.EXPORT_NAME) {
            // This option has no way to say no.
            phase = Phase.ENDED;
            ctx.close();
        } else {
            refuse(ctx, option.code(), NbdOptionReply.of(fault), NbdText.messageOf(failure));
        }
    }

    private int transmissionFlags() {
        return TRANSMISSION_FLAGS | (isStructured ? FLAG_SEND_DF : 0);
    }

    private static void acknowledge(ChannelHandlerContext ctx, NbdOption option) {
        ctx.writeAndFlush(reply(ctx, option.code(), ACK, 0));
    }

    private static void refuse(ChannelHandlerContext ctx, int option, NbdOptionReply why, String message) {
        byte[] bytes = NbdText.bytes(message);
        ctx.writeAndFlush(reply(ctx, option, why, bytes.length).writeBytes(bytes));
    }

    private static ByteBuf reply(ChannelHandlerContext ctx, int option, NbdOptionReply reply, int lengthBytes) {
        return ctx.alloc()
                .ioBuffer(20 + lengthBytes)
                .writeLong(REPLY_MAGIC)
                .writeInt(option)
                .writeInt(reply.code())
                .writeInt(lengthBytes);
    }

    private static void requireEmpty(ByteBuf payload) {
        if (payload.isReadable()) {
            throw new StoreException(Fault.INVALID_REQUEST, payload.readableBytes() + " bytes too many");
        }
    }

    private static void requireBytes(ByteBuf payload, int bytes) {
        if (payload.readableBytes() < bytes) {
            throw new StoreException(Fault.INVALID_REQUEST,
                    "the option ends " + (bytes - payload.readableBytes()) + " bytes too early");
        }
    }

    private void giveUp(ChannelHandlerContext ctx, String why) {
        if (phase != Phase.ENDED) {
            log.info("{} closed in its handshake: {}", ctx.channel(), why);
            phase = Phase.ENDED;
            ctx.close();
        }
    }

    private static void pauseReading(ChannelHandlerContext ctx) {
        ctx.channel().config().setAutoRead(false);
    }

    /** Goes on with what has come in already, then reads again, unless there is a new reason to wait. */
    private void resume(ChannelHandlerContext ctx) {
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
        }
    }

    /** Not the base class's way, which reads on by itself although reading is paused. */
    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        ctx.fireChannelReadComplete();
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        if (ctx.channel().isWritable() && phase == Phase.OPTIONS) {
            // Not at once: this may be called from the middle of an answer.
            ctx.executor().execute(() -> resume(ctx));
        }
        ctx.fireChannelWritabilityChanged();
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) throws Exception {
        if (event == NbdConnection.Event.FINISH) {
            giveUp(ctx, "the server closes");
        }
        super.userEventTriggered(ctx, event);
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) throws Exception {
        phase = Phase.ENDED;
        super.channelInactive(ctx);
    }

    @Override
    protected void handlerRemoved0(ChannelHandlerContext ctx) {
        if (timeout != null) {
            timeout.cancel(false);
        }
    }
}
