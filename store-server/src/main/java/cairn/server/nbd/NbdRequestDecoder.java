package cairn.server.nbd;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageDecoder;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Turns bytes into requests. A WRITE's payload is dropped as it comes in, however long: the request follows it.
 * <pre>
 *   offset  size  field
 *        0     4  magic, 0x25609513
 *        4     2  flags
 *        6     2  command
 *        8     8  cookie
 *       16     8  offset
 *       24     4  length
 * </pre>
 * Numbers are big-endian. Without the magic nobody knows where a request begins, so the connection is closed.
 */
final class NbdRequestDecoder extends ByteToMessageDecoder {
    static final int MAGIC = 0x25609513;
    static final int HEADER_BYTES = 28;

    private static final Logger log = LoggerFactory.getLogger(NbdRequestDecoder.class);

    private NbdRequest skipping;
    private long skipBytes;
    private boolean isLost;

    @Override
    protected void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) {
        if (isLost) {
            in.skipBytes(in.readableBytes());
        } else if (skipping != null) {
            skipPayload(in, out);
        } else if (in.readableBytes() >= HEADER_BYTES) {
            readHeader(ctx, in, out);
        }
    }

    private void readHeader(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) {
        int magic = in.readInt();
        if (magic != MAGIC) {
            log.warn("{} closed: a request begins with {}", ctx.channel(), Integer.toHexString(magic));
            isLost = true;
            ctx.close();
            return;
        }
        int flags = in.readUnsignedShort();
        int code = in.readUnsignedShort();
        NbdRequest request = new NbdRequest(
                NbdCommand.of(code), code, flags, in.readLong(), in.readLong(), in.readUnsignedInt());
        if (request.command() == NbdCommand.WRITE && request.lengthBytes() > 0) {
            skipping = request;
            skipBytes = request.lengthBytes();
        } else {
            out.add(request);
        }
    }

    private void skipPayload(ByteBuf in, List<Object> out) {
        int now = (int) Math.min(skipBytes, in.readableBytes());
        in.skipBytes(now);
        skipBytes -= now;
        if (skipBytes == 0) {
            out.add(skipping);
            skipping = null;
        }
    }
}
