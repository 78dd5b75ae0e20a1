package cairn.server.nbd;

import static cairn.server.nbd.NbdTalk.int32;
import static cairn.server.nbd.NbdTalk.join;
import static cairn.server.nbd.NbdTalk.option;
import static cairn.server.nbd.NbdTalk.optionHeader;
import static cairn.server.nbd.NbdTalk.queries;
import static cairn.server.nbd.NbdTalk.question;
import static cairn.server.nbd.NbdTalk.read;
import static cairn.server.nbd.NbdTalk.text;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.server.nbd.NbdTalk.OptionReply;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

class NbdHandshakeTest {
    private static final int FLAGS = 0b101_0000_0111;
    private static final int SEND_DF = 1 << 7;

    private final PatternVolume volume = new PatternVolume(1 << 20);
    private final OneExport exports = new OneExport(() -> volume);
    private final ByteBudget budget = new ByteBudget(NbdLimits.DEFAULT.sharedBytesMax());
    private final NbdTalk.Embedded talk = talk(exports, Exports.Peer.LOCAL);

    private NbdTalk.Embedded talk(Exports some, Exports.Peer peer) {
        return new NbdTalk.Embedded(some, peer, NbdLimits.DEFAULT, budget);
    }

    @AfterEach
    void nothingIsLeft() {
        talk.end();
        assertEquals(NbdLimits.DEFAULT.sharedBytesMax(), budget.freeBytes());
    }

    @Test
    void theOldWayOfNamingAnExportEndsWithZeroes() {
        talk.greet(1);

        talk.send(option(NbdOption.EXPORT_NAME, text("disk")));

        ByteBuffer export = talk.receive(10 + 124);
        assertEquals(1 << 20, export.getLong());
        assertEquals(FLAGS, export.getShort());
        assertArrayEquals(new byte[124], join(Arrays.copyOfRange(export.array(), 10, 134)));
        talk.send(read(1, 0, 10));
        assertArrayEquals(PatternVolume.bytes(0, 10), talk.simpleReply(10).payload());
    }

    @Test
    void theZeroesAreLeftOutIfTheClientSaysSo() {
        talk.greet(3);

        talk.send(option(NbdOption.EXPORT_NAME, text("disk")));

        talk.receive(10);
        assertEquals(0, talk.receivedBytes());
    }

    @Test
    void anExportNameThatIsNotThereClosesTheConnection() {
        talk.greet(3);

        talk.send(option(NbdOption.EXPORT_NAME, text("other")));

        assertFalse(talk.isOpen());
    }

    @Test
    void goTellsTheExportsSizeAndWhatElseIsAskedFor() {
        talk.greet(3);

        List<OptionReply> replies = talk.ask(NbdOption.GO, question("disk", 3, 1, 2, 1, 999));

        assertEquals(5, replies.size());
        assertEquals(FLAGS, replies.get(0).data().position(10).getShort());
        assertEquals(1 << 20, replies.get(0).data().getLong(2));
        assertEquals("disk", replies.get(1).text(2));
        assertEquals(OneExport.DESCRIPTION, replies.get(2).text(2));
        assertArrayEquals(join(new byte[] {0, 3}, int32(1), int32(4096), int32(32 << 20)), replies.get(3).payload());
        assertTrue(replies.get(4).is(NbdOptionReply.ACK));
    }

    @Test
    void infoLeavesTheHandshakeOpenAndTheVolumeClosed() {
        talk.greet(3);

        assertEquals(2, talk.ask(NbdOption.INFO, question("disk")).size());

        assertEquals(1, volume.closes.get());
        assertTrue(talk.ask(NbdOption.INFO, question("nix")).get(0).is(NbdOptionReply.ERR_UNKNOWN));
    }

    @Test
    void structuredRepliesComeWithUnfragmentedReads() {
        talk.greet(3);

        assertTrue(talk.ask(NbdOption.STRUCTURED_REPLY).get(0).is(NbdOptionReply.ACK));

        OptionReply export = talk.ask(NbdOption.INFO, question("disk")).get(0);
        assertEquals(FLAGS | SEND_DF, export.data().getShort(10));
    }

    @Test
    void listsWhatThePeerMayOpen() {
        NbdTalk.Embedded remote = talk(exports, Exports.Peer.REMOTE);
        talk.greet(3);
        remote.greet(3);

        List<OptionReply> replies = talk.ask(NbdOption.LIST);
        List<OptionReply> remotes = remote.ask(NbdOption.LIST);

        assertEquals(2, replies.size());
        assertArrayEquals(join(int32(4), text("disk")), replies.get(0).payload());
        assertEquals(1, remotes.size());
        remote.end();
    }

    @Test
    void refusesToListMoreThanItMay() {
        Exports many = new Exports() {
            @Override
            public CompletableFuture<List<String>> list(Peer peer) {
                return CompletableFuture.completedFuture(
                        Collections.nCopies(NbdLimits.DEFAULT.listedExportsMax() + 1, "x"));
            }

            @Override
            public CompletableFuture<Export> open(String exportName, Peer peer) {
                return exports.open(exportName, peer);
            }
        };
        NbdTalk.Embedded other = talk(many, Exports.Peer.LOCAL);
        other.greet(3);

        assertTrue(other.ask(NbdOption.LIST).get(0).is(NbdOptionReply.ERR_TOO_BIG));
        other.end();
    }

    @Test
    void aRemotePeerNeedsItsTicket() {
        NbdTalk.Embedded remote = talk(exports, Exports.Peer.REMOTE);
        remote.greet(3);

        assertTrue(remote.ask(NbdOption.GO, question("disk")).get(0).is(NbdOptionReply.ERR_POLICY));
        assertTrue(remote.ask(NbdOption.GO, question("")).get(0).is(NbdOptionReply.ERR_UNKNOWN));
        assertEquals("disk", remote.ask(NbdOption.GO, question("disk:secret", 1)).get(1).text(2), "without its ticket");
        remote.end();
    }

    @Test
    void abortIsAcknowledgedThenTheConnectionCloses() {
        talk.greet(3);

        assertTrue(talk.ask(NbdOption.ABORT).get(0).is(NbdOptionReply.ACK));

        assertFalse(talk.isOpen());
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4, 5, 11, 12, 13, 77, -1})
    void anOptionThatIsNotOfferedIsSkipped(int code) {
        talk.greet(3);

        assertTrue(talk.ask(code, new byte[1000]).get(0).is(NbdOptionReply.ERR_UNSUP));

        assertEquals(2, talk.ask(NbdOption.LIST).size());
    }

    @Test
    void anOptionThatIsTooBigIsSkipped() {
        int tooMany = NbdLimits.DEFAULT.optionBytesMax() + 1;
        talk.greet(3);

        assertTrue(talk.ask(NbdOption.GO, new byte[tooMany]).get(0).is(NbdOptionReply.ERR_TOO_BIG));
        assertTrue(talk.ask(42, new byte[tooMany]).get(0).is(NbdOptionReply.ERR_UNSUP));
        assertTrue(talk.ask(NbdOption.GO, question("x".repeat(4097))).get(0).is(NbdOptionReply.ERR_TOO_BIG));

        assertEquals(2, talk.ask(NbdOption.GO, question("disk")).size());
    }

    @ParameterizedTest
    @ValueSource(ints = {(16 << 20) + 1, Integer.MAX_VALUE, -1})
    void anOptionThatIsFarTooBigClosesTheConnection(int lengthBytes) {
        talk.greet(3);

        talk.send(optionHeader(NbdOption.GO.code(), lengthBytes));

        assertFalse(talk.isOpen());
    }

    @Test
    void whoIsRefusedAgainAndAgainDoesNotFillTheLog() {
        Logger door = (Logger) LoggerFactory.getLogger(NbdNegotiation.class);
        ListAppender<ILoggingEvent> told = new ListAppender<>();
        told.start();
        door.addAppender(told);
        talk.greet(3);

        for (int i = 0; i < 1000; i++) {
            assertTrue(talk.ask(NbdOption.INFO, question("nix")).get(0).is(NbdOptionReply.ERR_UNKNOWN));
        }

        door.detachAppender(told);
        assertEquals(LogRation.TOLD_MAX, told.list.size());
    }

    @Test
    void malformedOptionsAreInvalidAndTheNextOneWorks() {
        talk.greet(3);

        assertInvalid(NbdOption.LIST, new byte[1]);
        assertInvalid(NbdOption.STRUCTURED_REPLY, new byte[1]);
        assertInvalid(NbdOption.GO, new byte[0]);
        assertInvalid(NbdOption.GO, int32(5));
        assertInvalid(NbdOption.GO, join(question("disk", 1), new byte[1]));
        assertInvalid(NbdOption.GO, join(int32(2), new byte[] {(byte) 0xc3, 0x28}, new byte[2]));
        assertInvalid(NbdOption.GO, question("nul\0"));
        assertInvalid(NbdOption.SET_META_CONTEXT, queries("disk", "base:allocation"));
        talk.ask(NbdOption.STRUCTURED_REPLY);
        assertInvalid(NbdOption.SET_META_CONTEXT, new byte[3]);
        assertInvalid(NbdOption.SET_META_CONTEXT, join(int32(0), int32(-1)));
        assertInvalid(NbdOption.LIST_META_CONTEXT, join(int32(0), int32(1), int32(9)));
        assertInvalid(NbdOption.LIST_META_CONTEXT, join(queries("disk", "base:"), new byte[1]));

        assertEquals(2, talk.ask(NbdOption.GO, question("disk")).size());
    }

    private void assertInvalid(NbdOption option, byte[] payload) {
        assertTrue(talk.ask(option, payload).get(0).is(NbdOptionReply.ERR_INVALID));
    }

    @Test
    void theOneMetadataContextIsFoundByNameAndByItsNamespace() {
        talk.greet(3);
        talk.ask(NbdOption.STRUCTURED_REPLY);

        assertEquals(List.of("base:allocation"), contexts(NbdOption.LIST_META_CONTEXT));
        assertEquals(List.of("base:allocation"), contexts(NbdOption.LIST_META_CONTEXT, "base:"));
        assertEquals(List.of("base:allocation"), contexts(NbdOption.LIST_META_CONTEXT, "x:y", "base:allocation"));
        assertEquals(List.of(), contexts(NbdOption.LIST_META_CONTEXT, "qemu:", "base:other"));
        assertEquals(List.of(), contexts(NbdOption.SET_META_CONTEXT));
        assertEquals(List.of(), contexts(NbdOption.SET_META_CONTEXT, "qemu:dirty-bitmap:x"));
        assertEquals(List.of("base:allocation"), contexts(NbdOption.SET_META_CONTEXT, "a:b", "base:allocation"));
    }

    private List<String> contexts(NbdOption option, String... queries) {
        return talk.ask(option, queries("disk", queries)).stream()
                .filter(reply -> reply.is(NbdOptionReply.META_CONTEXT))
                .map(reply -> reply.text(4))
                .toList();
    }

    @Test
    void aContextThatWasSetForAnotherExportIsNotThere() {
        talk.greet(3);
        talk.ask(NbdOption.STRUCTURED_REPLY);
        talk.ask(NbdOption.SET_META_CONTEXT, queries("other", "base:allocation"));
        talk.ask(NbdOption.GO, question("disk"));

        talk.send(NbdTalk.request(NbdCommand.BLOCK_STATUS, 0, 1, 0, 4096));

        assertEquals(NbdError.EINVAL.code(), talk.structuredReply().error());
    }

    @Test
    void unknownClientFlagsCloseTheConnection() {
        talk.greet(4 | 3);

        assertFalse(talk.isOpen());
    }

    @Test
    void garbageClosesTheConnection() {
        talk.greet(3);

        talk.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n".getBytes(StandardCharsets.US_ASCII));

        assertFalse(talk.isOpen());
    }

    /** All of a session: what a client says, from its flags to its last request. */
    private static byte[] session() {
        return join(
                int32(3),
                option(NbdOption.STRUCTURED_REPLY),
                option(NbdOption.SET_META_CONTEXT, queries("disk", "base:allocation")),
                option(NbdOption.GO, question("disk")),
                read(1, 5, 70_000),
                read(2, 500_000, 3));
    }

    private static void assertSession(NbdTalk talk) {
        talk.takeGreeting();
        assertEquals(1, talk.optionReplies(NbdOption.STRUCTURED_REPLY.code()).size());
        assertEquals(2, talk.optionReplies(NbdOption.SET_META_CONTEXT.code()).size());
        assertEquals(2, talk.optionReplies(NbdOption.GO.code()).size());
        assertArrayEquals(PatternVolume.bytes(5, 70_000), talk.structuredReply().payload());
        assertArrayEquals(PatternVolume.bytes(500_000, 3), talk.structuredReply().payload());
    }

    @Test
    void aSessionMayComeByteByByte() {
        for (byte one : session()) {
            talk.channel.writeInbound(Unpooled.wrappedBuffer(new byte[] {one}));
        }

        assertSession(talk);
    }

    @Test
    void aSessionMayComeInOnePiece() {
        talk.send(session());

        assertSession(talk);
    }

    @Test
    void aSessionMayComeInOnePieceWhileOpeningTakesTime() {
        OneExport.Later later = new OneExport.Later();
        NbdTalk.Embedded slow = talk(new OneExport(() -> volume, later), Exports.Peer.LOCAL);
        slow.send(session());

        assertFalse(slow.channel.config().isAutoRead(), "nothing more is read while opening");
        later.runAll();

        assertSession(slow);
        assertTrue(slow.channel.config().isAutoRead());
        slow.end();
    }

    @Test
    void aVolumeThatOpensAfterTheClientHasGoneIsClosed() {
        OneExport.Later later = new OneExport.Later();
        NbdTalk.Embedded slow = talk(new OneExport(() -> volume, later), Exports.Peer.LOCAL);
        slow.greet(3).send(option(NbdOption.GO, question("disk")));

        slow.end();
        later.runAll();
        slow.run();

        assertEquals(1, volume.closes.get());
    }

    @Test
    void whoChoosesNothingInTimeIsClosed() {
        talk.greet(3);
        talk.passTime(29_000);
        assertTrue(talk.isOpen());

        talk.passTime(2_000);

        assertFalse(talk.isOpen());
    }

    @Test
    void whoHasChosenMayTakeItsTime() {
        talk.enter("disk", false);

        talk.passTime(1 * 86_400_000L);

        assertTrue(talk.isOpen());
    }

    @Test
    void whoDoesNotReadAnswersIsNotAskedForMore() {
        talk.greet(3);
        talk.stall();

        for (int i = 0; i < 10_000 && talk.channel.config().isAutoRead(); i++) {
            talk.send(option(NbdOption.INFO, question("disk", 3)));
        }

        assertFalse(talk.channel.config().isAutoRead());
        talk.goOn();
        assertTrue(talk.channel.config().isAutoRead());
    }
}
