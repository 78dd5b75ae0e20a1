package cairn.server.nbd;

import cairn.server.volume.Volume;
import io.netty.channel.ChannelPipeline;

/** A connection's handlers, in order: first those of the handshake, then those of the transmission. */
final class NbdConnection {
    /** What the server tells its connections. */
    enum Event {
        /** Answer what is in flight, then close. */
        FINISH
    }

    private NbdConnection() {}

    /** Called once, when a client has connected. */
    static void greet(
            ChannelPipeline pipeline, Exports exports, Exports.Peer peer, NbdLimits limits, ReplyBudget budget) {
        pipeline.addLast("handshake", new NbdHandshake(exports, peer, limits, budget)); // bytes -> bytes
        pipeline.addLast("failures", new NbdFailures());
    }

    /** Called once, when the handshake has chosen a volume; takes it. */
    static void serve(
            ChannelPipeline pipeline,
            Volume volume,
            boolean isStructured,
            boolean hasAllocation,
            NbdLimits limits,
            ReplyBudget budget) {
        NbdRequestHandler requests = new NbdRequestHandler(volume, isStructured, hasAllocation, limits, budget);
        pipeline.addBefore("failures", "decoder", new NbdRequestDecoder()); //             bytes      -> NbdRequest
        pipeline.addBefore("failures", "encoder", new NbdReplyEncoder(isStructured)); //   NbdReply   -> bytes
        pipeline.addBefore("failures", "requests", requests); //                           NbdRequest -> NbdReply
        pipeline.remove("handshake");
    }
}
