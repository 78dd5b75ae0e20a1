package cairn.server.nbd;

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
            ChannelPipeline pipeline, Exports exports, Exports.Peer peer, NbdLimits limits, ByteBudget budget) {
        pipeline.addLast("handshake", new NbdHandshake(exports, peer, limits, budget)); // bytes -> bytes
        pipeline.addLast("failures", new NbdFailures());
    }

    /** Called once, when the handshake has chosen a volume; takes it. */
    static void serve(ChannelPipeline pipeline, NbdSession session, NbdLimits limits, ByteBudget budget) {
        NbdRequestHandler requests = new NbdRequestHandler(session, limits, budget);
        NbdReplyEncoder encoder = new NbdReplyEncoder(session.isStructured());
        pipeline.addBefore("failures", "decoder", requests.decoder()); // bytes      -> NbdRequest, for "requests"
        pipeline.addBefore("failures", "encoder", encoder); //            NbdReply   -> bytes
        pipeline.addBefore("failures", "requests", requests); //          NbdRequest -> NbdReply
        pipeline.remove("handshake");
    }
}
