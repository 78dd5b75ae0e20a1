package cairn.server.nbd;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.io.IOException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The end of the pipeline: what nobody could answer closes the connection. */
final class NbdFailures extends ChannelInboundHandlerAdapter {
    private static final Logger log = LoggerFactory.getLogger(NbdFailures.class);

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable failure) {
        if (failure instanceof IOException) {
            log.debug("{} broke off: {}", ctx.channel(), failure.getMessage());
        } else {
            log.error("{} closed", ctx.channel(), failure);
        }
        ctx.close();
    }

    /** Events end here; the pipeline's own end would only log them. */
    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {}
}
