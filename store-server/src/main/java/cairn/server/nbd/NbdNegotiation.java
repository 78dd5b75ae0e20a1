package cairn.server.nbd;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import cairn.server.nbd.Exports.Export;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/** Answers options, and remembers what was agreed on. On the connection's event loop. */
final class NbdNegotiation {
    /** The handshake, of which this is a part. */
    interface Handshake {
        /** The connection closes, or has an export: nothing more is to be said. */
        boolean isOver();

        /**
         * Goes on once a future is done, on the event loop, if the handshake is not over by then; until then it stands
         * still.
         *
         * @param drop takes the result if the handshake is over, or {@code then} has failed
         */
        <T> void whenDone(
                CompletableFuture<T> future, Consumer<T> drop, Consumer<T> then, Consumer<Throwable> failed);

        /** Ends with an export. */
        void serve(NbdSession session);

        /** Ends without one. */
        void close();
    }

    /** By which BLOCK_STATUS names the one metadata context. */
    static final int ALLOCATION_ID = 1;

    private static final Logger log = LoggerFactory.getLogger(NbdNegotiation.class);

    private final Handshake handshake;
    private final Channel channel;
    private final Exports exports;
    private final Exports.Peer peer;
    private final NbdLimits limits;
    private final NbdOptionWriter writer;
    private final LogRation ration = new LogRation();

    private boolean noZeroes;
    private boolean isStructured;
    /** The export whose allocation the client wants to see; null for none. */
    private String allocationOf;

    NbdNegotiation(
            Handshake handshake,
            Channel channel,
            Exports exports,
            Exports.Peer peer,
            NbdLimits limits,
            NbdOptionWriter writer) {
        this.handshake = handshake;
        this.channel = channel;
        this.exports = exports;
        this.peer = peer;
        this.limits = limits;
        this.writer = writer;
    }

    /** The client wants EXPORT_NAME's answer to end early. */
    void leaveOutZeroes(boolean wanted) {
        noZeroes = wanted;
    }

    /** Borrows {@code payload}. */
    void answer(int code, ByteBuf payload) {
        NbdOption option = NbdOption.of(code);
        try {
            switch (option) {
                case EXPORT_NAME -> exportName(payload);
                case ABORT -> abort();
                case LIST -> list(payload);
                case INFO, GO -> exportInfo(option, payload);
                case STRUCTURED_REPLY -> structuredReply(payload);
                case LIST_META_CONTEXT, SET_META_CONTEXT -> metaContext(option, payload);
                case UNKNOWN -> writer.refuse(code, NbdOptionReply.ERR_UNSUP, "option " + code + " is not offered");
            }
        } catch (RuntimeException e) {
            failed(option, "", e);
        }
    }

    /** The payload was too big, and has been skipped. */
    void answerSkipped(int code) {
        boolean isUnknown = NbdOption.of(code) == NbdOption.UNKNOWN;
        writer.refuse(
                code,
                isUnknown ? NbdOptionReply.ERR_UNSUP : NbdOptionReply.ERR_TOO_BIG,
                "an option may have " + limits.optionBytesMax() + " bytes");
    }

    private void exportName(ByteBuf payload) {
        String name = NbdText.read(payload, payload.readableBytes());
        open(NbdOption.EXPORT_NAME, name, export -> {
            writer.exportName(export, transmissionFlags(export), noZeroes);
            serve(name, export);
        });
    }

    private void abort() {
        writer.acknowledge(NbdOption.ABORT);
        handshake.close();
    }

    private void list(ByteBuf payload) {
        NbdText.requireEmpty(payload);
        whenDone(NbdOption.LIST, "", exports.list(peer), ignored -> {}, names -> {
            if (names.size() > limits.listedExportsMax()) {
                throw new StoreException(Fault.TOO_LARGE,
                        names.size() + " exports are more than the " + limits.listedExportsMax() + " that are listed");
            }
            names.forEach(writer::server);
            writer.acknowledge(NbdOption.LIST);
        });
    }

    private void exportInfo(NbdOption option, ByteBuf payload) {
        NbdExportQuestion question = NbdExportQuestion.read(payload);
        open(option, question.name(), export -> {
            question.infos().forEach(info -> writer.info(option, info, export, transmissionFlags(export)));
            writer.acknowledge(option);
            if (option == NbdOption.GO) {
                serve(question.name(), export);
            } else {
                export.volume().close();
            }
        });
    }

    private void structuredReply(ByteBuf payload) {
        NbdText.requireEmpty(payload);
        isStructured = true;
        writer.acknowledge(NbdOption.STRUCTURED_REPLY);
    }

    private void metaContext(NbdOption option, ByteBuf payload) {
        boolean isSet = option == NbdOption.SET_META_CONTEXT;
        if (isSet) {
            allocationOf = null;
        }
        if (!isStructured) {
            throw new StoreException(Fault.INVALID_REQUEST, "metadata contexts need structured replies");
        }
        NbdMetaQuestion question = NbdMetaQuestion.read(payload);
        boolean isListed = question.queries() == 0 || question.hasAllOfBase();
        if (question.hasAllocation() || !isSet && isListed) {
            writer.metaContext(option, isSet ? ALLOCATION_ID : 0, NbdMetaQuestion.ALLOCATION);
            allocationOf = isSet ? question.name() : allocationOf;
        }
        writer.acknowledge(option);
    }

    private void open(NbdOption option, String name, Consumer<Export> then) {
        whenDone(option, name, exports.open(name, peer), export -> export.volume().close(), then);
    }

    private void serve(String name, Export export) {
        log.debug("{} serves {}", channel, export.name());
        handshake.serve(new NbdSession(export.volume(), isStructured, name.equals(allocationOf)));
    }

    private <T> void whenDone(
            NbdOption option, String name, CompletableFuture<T> future, Consumer<T> drop, Consumer<T> then) {
        handshake.whenDone(future, drop, then, failure -> failed(option, name, failure));
    }

    private void failed(NbdOption option, String name, Throwable failure) {
        if (handshake.isOver()) {
            return;
        }
        Fault fault = Fault.of(failure);
        // A name may carry a ticket, which is nobody's business but the client's.
        int nameChars = name.indexOf(':');
        String shown = Text.shown(nameChars < 0 ? name : name.substring(0, nameChars) + ":…");
        if (fault == Fault.INTERNAL) {
            log.error("{} {} \"{}\" failed", channel, option, shown, Fault.cause(failure));
        } else {
            log.atLevel(ration.level(Level.INFO))
                    .log("{} {} \"{}\" refused: {}", channel, option, shown, Fault.cause(failure).getMessage());
        }
        if (option == NbdOption.EXPORT_NAME) {
            // This option has no way to say no.
            handshake.close();
        } else {
            writer.refuse(option.code(), NbdOptionReply.of(fault), NbdText.messageOf(failure));
        }
    }

    private int transmissionFlags(Export export) {
        return TransmissionFlags.of(export.volume(), isStructured);
    }
}
