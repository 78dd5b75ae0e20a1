package cairn.server.nbd;

import cairn.server.nbd.Exports.Export;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;

/**
 * Writes the answers to options. ACK and errors end an answer and are flushed; what comes before them is not.
 * <pre>
 *   offset  size  field
 *        0     8  magic, 0x3e889045565a9
 *        8     4  option
 *       12     4  reply
 *       16     4  length of what follows
 *       20        SERVER: length of the name 4, name
 *                 INFO: info 2, then EXPORT: size 8, transmission flags 2
 *                               NAME, DESCRIPTION: text
 *                               BLOCK_SIZE: minimum 4, preferred 4, maximum 4
 *                 META_CONTEXT: context id 4, name
 *                 errors: message
 * </pre>
 */
final class NbdOptionWriter {
    static final long MAGIC = 0x3e889045565a9L;

    private static final int ZEROES_BYTES = 124;
    /** Any range will do. */
    private static final int BLOCK_BYTES_MIN = 1;
    /** Pages are what kernels read and write, which can not take more; and writes of whole ones read nothing first. */
    private static final int BLOCK_BYTES_PREFERRED = 4096;

    private final ChannelHandlerContext ctx;
    private final NbdLimits limits;

    NbdOptionWriter(ChannelHandlerContext ctx, NbdLimits limits) {
        this.ctx = ctx;
        this.limits = limits;
    }

    void acknowledge(NbdOption option) {
        ctx.writeAndFlush(reply(option.code(), NbdOptionReply.ACK, 0));
    }

    /** @param option its code, also where we do not know it */
    void refuse(int option, NbdOptionReply why, String message) {
        byte[] bytes = NbdText.bytes(message);
        ctx.writeAndFlush(reply(option, why, bytes.length).writeBytes(bytes));
    }

    /** The one answer that EXPORT_NAME has, which has no header. */
    void exportName(Export export, int transmissionFlags, boolean noZeroes) {
        ByteBuf out = ctx.alloc()
                .ioBuffer(10 + ZEROES_BYTES)
                .writeLong(export.volume().sizeBytes())
                .writeShort(transmissionFlags);
        ctx.writeAndFlush(noZeroes ? out : out.writeZero(ZEROES_BYTES));
    }

    void server(String exportName) {
        byte[] bytes = NbdText.bytes(exportName);
        ctx.write(reply(NbdOption.LIST.code(), NbdOptionReply.SERVER, Integer.BYTES + bytes.length)
                .writeInt(bytes.length)
                .writeBytes(bytes));
    }

    void info(NbdOption option, NbdInfo info, Export export, int transmissionFlags) {
        ctx.write(switch (info) {
            case EXPORT -> info(option, info, Long.BYTES + Short.BYTES)
                    .writeLong(export.volume().sizeBytes())
                    .writeShort(transmissionFlags);
            case NAME -> text(option, info, export.name());
            case DESCRIPTION -> text(option, info, export.description());
            case BLOCK_SIZE -> info(option, info, 3 * Integer.BYTES)
                    .writeInt(BLOCK_BYTES_MIN)
                    .writeInt(BLOCK_BYTES_PREFERRED)
                    .writeInt(limits.requestBytesMax());
        });
    }

    private ByteBuf text(NbdOption option, NbdInfo info, String text) {
        byte[] bytes = NbdText.bytes(text);
        return info(option, info, bytes.length).writeBytes(bytes);
    }

    private ByteBuf info(NbdOption option, NbdInfo info, int lengthBytes) {
        return reply(option.code(), NbdOptionReply.INFO, Short.BYTES + lengthBytes).writeShort(info.code());
    }

    void metaContext(NbdOption option, int id, String context) {
        byte[] name = NbdText.bytes(context);
        ctx.write(reply(option.code(), NbdOptionReply.META_CONTEXT, Integer.BYTES + name.length)
                .writeInt(id)
                .writeBytes(name));
    }

    private ByteBuf reply(int option, NbdOptionReply reply, int lengthBytes) {
        return ctx.alloc()
                .ioBuffer(20 + lengthBytes)
                .writeLong(MAGIC)
                .writeInt(option)
                .writeInt(reply.code())
                .writeInt(lengthBytes);
    }
}
