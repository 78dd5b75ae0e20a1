package cairn.server.nbd;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageDecoder;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes requests out of the bytes that come in, one by one as they can be begun; a WRITE's payload follows its request.
 * <pre>
 *   offset  size  field
 *        0     4  magic, 0x25609513
 *        4     2  flags
 *        6     2  command
 *        8     8  cookie
 *       16     8  offset
 *       24     4  length
 *       28        WRITE: so many bytes
 * </pre>
 * Numbers are big-endian. Without the magic nobody knows where a request begins, so the connection is closed.
 */
final class NbdRequestDecoder extends ByteToMessageDecoder {
    static final int MAGIC = 0x25609513;
    static final int HEADER_BYTES = 28;

    private static final Logger log = LoggerFactory.getLogger(NbdRequestDecoder.class);

    /** Where requests go. Who has no room stops reading from the socket, and {@linkplain #resume resumes} later. */
    interface Requests {
        /** Nothing more is wanted. */
        boolean areOver();

        /** Begins a request, if there is room for it. */
        boolean tryBegin(NbdRequest request);

        /** Whether there is payload to come for the WRITE that began last. */
        boolean awaitPayload();

        /** Takes as much of that payload as there is room for. Borrows {@code in}. */
        void takePayload(ByteBuf in);
    }

    private final Requests requests;
    private ChannelHandlerContext ctx;
    private boolean isLost;

    NbdRequestDecoder(Requests requests) {
        this.requests = requests;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        ctx = context;
    }

    @Override
    protected void decode(ChannelHandlerContext context, ByteBuf in, List<Object> out) {
        if (isLost || requests.areOver()) {
            in.skipBytes(in.readableBytes());
        } else if (requests.awaitPayload()) {
            requests.takePayload(in);
        } else if (in.readableBytes() >= HEADER_BYTES) {
            offerRequest(in);
        }
    }

    private void offerRequest(ByteBuf in) {
        int start = in.readerIndex();
        int magic = in.getInt(start);
        if (magic != MAGIC) {
            log.warn("{} closed: a request begins with {}", ctx.channel(), Integer.toHexString(magic));
            isLost = true;
            ctx.close();
            return;
        }
        int code = in.getUnsignedShort(start + 6);
        NbdRequest request = new NbdRequest(
                NbdCommand.of(code),
                code,
                in.getUnsignedShort(start + 4),
                in.getLong(start + 8),
                in.getLong(start + 16),
                in.getUnsignedInt(start + 24));
        if (requests.tryBegin(request)) {
            in.skipBytes(HEADER_BYTES);
        }
    }

    /** Goes on with what has come in already. On the event loop, but not from the middle of a request. */
    void resume() {
        if (ctx.isRemoved()) {
            return;
        }
        try {
            channelRead(ctx, Unpooled.EMPTY_BUFFER);
        } catch (Exception e) {
            ctx.fireExceptionCaught(e);
        }
    }

    /** Not the base class's way, which drops what is waiting for room when the client shuts down its sending side. */
    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        ctx.fireUserEventTriggered(event);
    }

    /** Not the base class's way, which reads on by itself although reading is paused. */
    @Override
    public void channelReadComplete(ChannelHandlerContext context) {
        discardSomeReadBytes();
        ctx.fireChannelReadComplete();
    }
}
