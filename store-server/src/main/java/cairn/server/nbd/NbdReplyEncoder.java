package cairn.server.nbd;

import cairn.server.volume.Volume.Content;
import cairn.server.volume.Volume.Extent;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.CompositeByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPromise;

/**
 * Turns replies into bytes. What was read is written as it is, behind a header of its own, so it is never copied.
 *
 * <p>A simple reply, where structured ones were not negotiated:
 * <pre>
 *   offset  size  field
 *        0     4  magic, 0x67446698
 *        4     4  error, or 0
 *        8     8  cookie
 *       16        what was read
 * </pre>
 * A structured reply, of one chunk; all replies are, once negotiated:
 * <pre>
 *   offset  size  field
 *        0     4  magic, 0x668e33ef
 *        4     2  flags, 1: this is the last chunk
 *        6     2  type
 *        8     8  cookie
 *       16     4  length of what follows
 *       20        NONE (0): nothing
 *                 OFFSET_DATA (1): offset 8, what was read
 *                 BLOCK_STATUS (5): context id 4, then for each extent: length 4, flags 4
 *                 ERROR (32769): error 4, length of the message 2, message
 * </pre>
 */
final class NbdReplyEncoder extends ChannelOutboundHandlerAdapter {
    static final int SIMPLE_MAGIC = 0x67446698;
    static final int STRUCTURED_MAGIC = 0x668e33ef;
    static final int SIMPLE_BYTES = 16;
    static final int STRUCTURED_BYTES = 20;
    /** Of one extent in a reply to BLOCK_STATUS. */
    static final int EXTENT_BYTES = 8;

    static final int TYPE_NONE = 0;
    static final int TYPE_OFFSET_DATA = 1;
    static final int TYPE_BLOCK_STATUS = 5;
    static final int TYPE_ERROR = 1 << 15 | 1;

    static final int STATE_DATA = 0;
    /** It reads as zeros. */
    static final int STATE_ZERO = 2;
    /** Nothing is stored there (1), and it reads as zeros (2). */
    static final int STATE_HOLE_ZERO = 3;

    private static final int FLAG_DONE = 1;

    private final boolean isStructured;

    NbdReplyEncoder(boolean isStructured) {
        this.isStructured = isStructured;
    }

    @Override
    public void write(ChannelHandlerContext ctx, Object message, ChannelPromise promise) {
        if (message instanceof NbdReply.Data data) {
            writeData(ctx, data, promise);
        } else if (message instanceof NbdReply.Done done) {
            ctx.write(isStructured ? chunk(ctx, TYPE_NONE, done, 0, 0) : simple(ctx, done, 0), promise);
        } else if (message instanceof NbdReply.Failed failed) {
            ctx.write(isStructured ? error(ctx, failed) : simple(ctx, failed, failed.error().code()), promise);
        } else if (message instanceof NbdReply.Status status) {
            ctx.write(status(ctx, status), promise);
        } else {
            ctx.write(message, promise);
        }
    }

    private void writeData(ChannelHandlerContext ctx, NbdReply.Data data, ChannelPromise promise) {
        ByteBuf header;
        try {
            header = isStructured
                    ? chunk(ctx, TYPE_OFFSET_DATA, data, Long.BYTES, data.content().readableBytes())
                            .writeLong(data.offset())
                    : simple(ctx, data, 0);
        } catch (RuntimeException | Error e) {
            data.release();
            throw e;
        }
        ctx.write(header, ctx.voidPromise());
        if (data.content() instanceof CompositeByteBuf parts) {
            writeParts(ctx, parts, promise);
        } else {
            ctx.write(data.content(), promise);
        }
    }

    /**
     * Writes the chunks of a longer read one by one. Takes them. In one piece they would be gathered anew for every
     * attempt to write what is left of them, and be held until the last one is in the socket.
     */
    private static void writeParts(ChannelHandlerContext ctx, CompositeByteBuf parts, ChannelPromise promise) {
        int last = parts.numComponents() - 1;
        for (int i = 0; i <= last; i++) {
            ctx.write(parts.componentSlice(i).retain(), i < last ? ctx.voidPromise() : promise);
        }
        parts.release();
    }

    private static ByteBuf error(ChannelHandlerContext ctx, NbdReply.Failed failed) {
        byte[] message = NbdText.bytes(failed.message());
        return chunk(ctx, TYPE_ERROR, failed, 6 + message.length, 0)
                .writeInt(failed.error().code())
                .writeShort(message.length)
                .writeBytes(message);
    }

    private static ByteBuf status(ChannelHandlerContext ctx, NbdReply.Status status) {
        int lengthBytes = 4 + EXTENT_BYTES * status.extents().size();
        ByteBuf out = chunk(ctx, TYPE_BLOCK_STATUS, status, lengthBytes, 0).writeInt(NbdNegotiation.ALLOCATION_ID);
        for (Extent extent : status.extents()) {
            // Unsigned on the wire, and no longer than the request's own length was.
            out.writeInt((int) extent.lengthBytes()).writeInt(stateOf(extent.content()));
        }
        return out;
    }

    private static int stateOf(Content content) {
        return switch (content) {
            case DATA -> STATE_DATA;
            case ZERO -> STATE_ZERO;
            case HOLE -> STATE_HOLE_ZERO;
        };
    }

    private static ByteBuf simple(ChannelHandlerContext ctx, NbdReply reply, int error) {
        return ctx.alloc()
                .ioBuffer(SIMPLE_BYTES)
                .writeInt(SIMPLE_MAGIC)
                .writeInt(error)
                .writeLong(reply.cookie());
    }

    /** @param restBytes length of what goes into a buffer of its own */
    private static ByteBuf chunk(ChannelHandlerContext ctx, int type, NbdReply reply, int lengthBytes, int restBytes) {
        return ctx.alloc()
                .ioBuffer(STRUCTURED_BYTES + lengthBytes)
                .writeInt(STRUCTURED_MAGIC)
                .writeShort(FLAG_DONE)
                .writeShort(type)
                .writeLong(reply.cookie())
                .writeInt(lengthBytes + restBytes);
    }
}
