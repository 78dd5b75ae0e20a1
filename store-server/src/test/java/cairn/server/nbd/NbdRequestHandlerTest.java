package cairn.server.nbd;

import static cairn.server.nbd.NbdTalk.join;
import static cairn.server.nbd.NbdTalk.read;
import static cairn.server.nbd.NbdTalk.request;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.server.nbd.NbdTalk.Reply;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(value = 60, unit = TimeUnit.SECONDS)
class NbdRequestHandlerTest {
    private static final long SIZE_BYTES = (64L << 20) + 12_345;
    /** No connection has bytes of its own, 1 MiB for each, 2 MiB for all. */
    private static final NbdLimits TIGHT = new NbdLimits(
            10, Duration.ofSeconds(30), 1 << 16, 1 << 20, 10, 8, 1 << 20, 0, 1 << 20, 2 << 20,
            Duration.ofMillis(1), 16, Duration.ofSeconds(1));

    private final OneExport.Later later = new OneExport.Later();
    private final List<PatternVolume> volumes = new ArrayList<>();
    private final ByteBudget budget = new ByteBudget(TIGHT.sharedBytesMax());
    private NbdTalk.Embedded talk;

    private NbdTalk.Embedded enter(boolean isStructured) {
        return enter(isStructured, NbdLimits.DEFAULT);
    }

    private NbdTalk.Embedded enter(boolean isStructured, NbdLimits limits) {
        talk = new NbdTalk.Embedded(new OneExport(this::volume), Exports.Peer.LOCAL, limits, budget);
        talk.enter("disk", isStructured);
        return talk;
    }

    private PatternVolume volume() {
        PatternVolume volume = new PatternVolume(SIZE_BYTES, later, 1 << 20, 2 << 20);
        volumes.add(volume);
        return volume;
    }

    @AfterEach
    void nothingIsLeft() {
        talk.end();
        later.runAll();
        talk.run();
        for (PatternVolume volume : volumes) {
            assertEquals(1, volume.closes.get());
            assertEquals(0, volume.readsPendingAtClose.get());
        }
        assertEquals(TIGHT.sharedBytesMax(), budget.freeBytes());
        assertEquals(0, budget.waiting());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void readsAnyRange(boolean isStructured) {
        enter(isStructured);
        long[][] ranges = {{0, 1}, {511, 1025}, {65_535, 2}, {SIZE_BYTES - 1, 1}, {3 << 20, 2 << 20}};

        for (long[] range : ranges) {
            talk.send(read(7, range[0], range[1]));
            later.runAll();

            Reply reply = isStructured ? talk.structuredReply() : talk.simpleReply((int) range[1]);
            assertEquals(7, reply.cookie());
            assertArrayEquals(PatternVolume.bytes(range[0], (int) range[1]), reply.payload());
        }
    }

    @Test
    void answersInTheOrderInWhichReadsEnd() {
        enter(false);
        talk.send(join(read(1, 0, 10), read(2, 100, 10), read(3, 200, 10)));

        later.runLast();
        assertEquals(3, talk.simpleReply(10).cookie());
        later.runFirst();
        assertEquals(1, talk.simpleReply(10).cookie());
        later.runFirst();
        assertEquals(2, talk.simpleReply(10).cookie());
    }

    @Test
    void aReadOfNothingIsAnsweredWithNothing() {
        enter(false).send(read(1, SIZE_BYTES, 0));
        assertEquals(0, talk.simpleReply(0).error());
        talk.end();

        enter(true).send(read(1, 5, 0));
        assertEquals(NbdReplyEncoder.TYPE_NONE, talk.structuredReply().type());
    }

    @Test
    void refusesReadsBeyondTheEnd() {
        enter(true);
        long[][] ranges = {{SIZE_BYTES, 1}, {SIZE_BYTES - 1, 2}, {-1, 1}, {Long.MIN_VALUE, 0}, {Long.MAX_VALUE, 10},
            {0, (32 << 20) + 1}, {0, 0xffff_ffffL}};

        for (long[] range : ranges) {
            talk.send(read(9, range[0], range[1]));

            Reply reply = talk.structuredReply();
            assertEquals(NbdError.EINVAL.code(), reply.error());
            assertEquals(9, reply.cookie());
            assertFalse(reply.message().isEmpty());
        }
    }

    @Test
    void answersACorruptChunkWithEio() {
        enter(true).send(read(1, 1 << 20, 4096));
        later.runAll();
        Reply structured = talk.structuredReply();
        talk.end();
        enter(false).send(read(2, (2 << 20) - 1, 4096));
        later.runAll();
        Reply simple = talk.simpleReply(4096);

        assertEquals(NbdError.EIO.code(), structured.error());
        assertEquals("chunk at 1048576 is damaged", structured.message());
        assertEquals(NbdError.EIO.code(), simple.error());
    }

    @Test
    void unfragmentedReadsAreForStructuredReplies() {
        enter(true).send(request(NbdCommand.READ, NbdCommand.FLAG_DF, 1, 0, 100));
        later.runAll();
        assertEquals(100, talk.structuredReply().payload().length);
        talk.end();

        enter(false).send(request(NbdCommand.READ, NbdCommand.FLAG_DF, 1, 0, 100));
        assertEquals(NbdError.EINVAL.code(), talk.simpleReply(100).error());
    }

    @ParameterizedTest
    @EnumSource(names = {"READ", "FLUSH", "CACHE", "BLOCK_STATUS"})
    void refusesFlagsThatACommandDoesNotHave(NbdCommand command) {
        enter(true);

        for (int flags : new int[] {1, 2, 1 << 4, 1 << 15}) {
            talk.send(request(command, flags, 1, 0, 0));
            assertEquals(NbdError.EINVAL.code(), talk.structuredReply().error());
        }
    }

    @Test
    void refusesWritesAndDropsWhatTheyBring() {
        enter(false);

        talk.send(join(request(NbdCommand.WRITE, 0, 1, 0, 100_000), new byte[50_000]));
        assertEquals(0, talk.receivedBytes(), "until all has come");
        talk.send(join(new byte[50_000], request(NbdCommand.TRIM, 0, 2, 0, 9), request(NbdCommand.WRITE, 1, 3, 0, 0)));
        talk.send(request(NbdCommand.WRITE_ZEROES, 0, 4, 0, 9));

        for (long cookie = 1; cookie <= 4; cookie++) {
            assertEquals(new Reply(cookie, -1, NbdError.EPERM.code(), null), withoutPayload(talk.simpleReply(0)));
        }
    }

    @Test
    void aWriteOf4GiBIsDroppedAsItComes() {
        enter(false).send(request(NbdCommand.WRITE, 0, 1, 0, 0xffff_ffffL));
        byte[] piece = new byte[1 << 20];
        for (int i = 0; i < 4095; i++) {
            talk.send(piece);
        }

        talk.send(new byte[(1 << 20) - 1]);

        assertEquals(NbdError.EPERM.code(), talk.simpleReply(0).error());
    }

    private static Reply withoutPayload(Reply reply) {
        return new Reply(reply.cookie(), reply.type(), reply.error(), null);
    }

    @Test
    void flushesCachesAndKnowsNothingElse() {
        enter(false);

        talk.send(join(request(NbdCommand.FLUSH, 0, 1, 0, 0), request(NbdCommand.CACHE, 0, 2, 4096, 1 << 20)));
        assertEquals(0, talk.simpleReply(0).error());
        assertEquals(0, talk.simpleReply(0).error());
        assertEquals(1 << 20, volumes.get(0).prefetchedBytes.get());

        talk.send(join(request(NbdCommand.CACHE, 0, 3, SIZE_BYTES, 1), request(NbdCommand.FLUSH, 0, 4, 1, 0)));
        talk.send(join(request(8, 0, 5, 0, 0), request(0xffff, 0, 6, 0, 0)));
        for (int i = 0; i < 4; i++) {
            assertEquals(NbdError.EINVAL.code(), talk.simpleReply(0).error());
        }
    }

    @Test
    void tellsWhereTheHolesAre() {
        enter(true).send(request(NbdCommand.BLOCK_STATUS, 0, 1, 1000, 4 << 20));
        later.runAll();

        ByteBuffer status = ByteBuffer.wrap(talk.structuredReply().payload());

        assertEquals(NbdNegotiation.ALLOCATION_ID, status.getInt());
        long at = 1000;
        while (status.hasRemaining()) {
            int lengthBytes = status.getInt();
            boolean isHole = status.getInt() == 3;
            assertTrue(lengthBytes > 0);
            assertEquals(PatternVolume.isHole(at), isHole);
            assertEquals(PatternVolume.isHole(at + lengthBytes - 1), isHole);
            at += lengthBytes;
        }
        assertEquals(1000 + (4 << 20), at);
    }

    @Test
    void tellsAtMostAsManyExtentsAsAreWanted() {
        enter(true, TIGHT);

        talk.send(join(
                request(NbdCommand.BLOCK_STATUS, NbdCommand.FLAG_REQ_ONE, 1, 0, SIZE_BYTES),
                request(NbdCommand.BLOCK_STATUS, 0, 2, 0, SIZE_BYTES)));
        later.runAll();

        assertEquals(4 + 8, talk.structuredReply().payload().length);
        assertEquals(4 + 8 * TIGHT.statusExtentsMax(), talk.structuredReply().payload().length);
    }

    @Test
    void refusesBlockStatusThatMakesNoSense() {
        enter(true);

        talk.send(join(
                request(NbdCommand.BLOCK_STATUS, 0, 1, 0, 0),
                request(NbdCommand.BLOCK_STATUS, 0, 2, SIZE_BYTES - 1, 2)));

        assertEquals(NbdError.EINVAL.code(), talk.structuredReply().error());
        assertEquals(NbdError.EINVAL.code(), talk.structuredReply().error());
    }

    @Test
    void badMagicClosesTheConnection() {
        enter(false);
        byte[] bad = read(1, 0, 10);
        bad[0]++;

        talk.send(join(bad, read(2, 0, 10)));

        assertFalse(talk.isOpen());
        assertEquals(0, later.size());
    }

    @Test
    void disconnectingWaitsForWhatIsPending() {
        enter(false);
        talk.send(join(read(1, 0, 10), request(NbdCommand.DISC, 0, 2, 0, 0), read(3, 0, 10)));
        assertTrue(talk.isOpen());
        assertEquals(1, later.size());

        later.runAll();

        assertEquals(1, talk.simpleReply(10).cookie());
        assertFalse(talk.isOpen());
        assertEquals(0, talk.receivedBytes());
    }

    @Test
    void aServerThatClosesAnswersWhatItHasBegunAndRefusesTheRest() {
        enter(true, TIGHT);
        for (int i = 0; i < 10; i++) {
            talk.send(read(i, 0, 1));
        }
        assertEquals(TIGHT.requestsMax(), later.size());

        talk.channel.pipeline().fireUserEventTriggered(NbdConnection.Event.FINISH);
        assertEquals(NbdError.ESHUTDOWN.code(), talk.structuredReply().error());
        assertEquals(NbdError.ESHUTDOWN.code(), talk.structuredReply().error());
        later.runAll();

        for (int i = 0; i < TIGHT.requestsMax(); i++) {
            assertEquals(i, talk.structuredReply().cookie());
        }
        assertFalse(talk.isOpen());
    }

    @Test
    void takesNoMoreRequestsThanItMay() {
        enter(false, TIGHT);

        for (int i = 0; i < 20; i++) {
            talk.send(read(i, i, 1));
        }

        assertEquals(TIGHT.requestsMax(), later.size());
        assertFalse(talk.channel.config().isAutoRead());
        for (int i = 0; i < 20; i++) {
            later.runFirst();
            assertEquals(i, talk.simpleReply(1).cookie());
        }
        assertTrue(talk.channel.config().isAutoRead());
    }

    @Test
    void takesNoMoreBytesThanItMay() {
        enter(false, TIGHT);

        talk.send(join(read(1, 4 << 20, 600_000), read(2, 4 << 20, 600_000), read(3, 0, 10)));

        assertEquals(1, later.size());
        assertFalse(talk.channel.config().isAutoRead());
        later.runFirst();
        assertEquals(1, talk.simpleReply(600_000).cookie());
        assertEquals(2, later.size());
        later.runAll();
        assertEquals(2, talk.simpleReply(600_000).cookie());
        assertEquals(3, talk.simpleReply(10).cookie());
    }

    @Test
    void whoDoesNotReadIsNotReadFor() {
        enter(false, TIGHT);
        talk.stall();

        for (int i = 0; i < 20; i++) {
            talk.send(read(i, 4 << 20, 196_608));
        }
        int begun = 0;
        while (later.size() > 0) {
            later.runFirst();
            begun++;
            talk.run();
        }

        assertEquals(5, begun);
        assertFalse(talk.channel.config().isAutoRead());
        talk.goOn();
        for (int i = 0; i < 20; i++) {
            later.runAll();
            assertEquals(i, talk.simpleReply(196_608).cookie());
        }
    }

    @Test
    void aLargeReadGetsItsTurnAndSmallOnesBehindItWait() {
        NbdTalk.Embedded first = enter(false, TIGHT);
        NbdTalk.Embedded second = enter(false, TIGHT);
        NbdTalk.Embedded third = enter(false, TIGHT);
        NbdTalk.Embedded fourth = enter(false, TIGHT);
        first.send(read(1, 4 << 20, 1 << 20));
        second.send(read(2, 4 << 20, 900_000));
        third.send(read(3, 4 << 20, 1 << 20));
        fourth.send(read(4, 4 << 20, 100));
        assertEquals(2, later.size(), "the fourth would fit, but does not overtake the third");

        later.runFirst();
        first.run();
        third.run();
        fourth.run();
        assertEquals(3, later.size());
        later.runAll();

        assertEquals(2, second.simpleReply(900_000).cookie());
        assertEquals(3, third.simpleReply(1 << 20).cookie());
        assertEquals(4, fourth.simpleReply(100).cookie());
        first.end();
        second.end();
        third.end();
    }

    @Test
    void whatAConnectionHasToItselfIsNeverWaitedFor() {
        NbdLimits withOwn = new NbdLimits(
                10, Duration.ofSeconds(30), 1 << 16, 1 << 20, 10, 8, 1 << 20, 1000, 1 << 20, 2 << 20,
                Duration.ofSeconds(30), 16, Duration.ofSeconds(1));
        assertTrue(budget.takeOrWait(new Greedy(), 2 << 20));
        enter(false, withOwn);

        talk.send(read(1, 0, 400));
        talk.send(read(2, 0, 700));
        assertEquals(1, later.size());
        later.runAll();
        assertEquals(1, talk.simpleReply(400).cookie());
        assertEquals(1, later.size(), "it fits now, so it no longer waits for others");
        later.runAll();
        assertEquals(2, talk.simpleReply(700).cookie());

        assertEquals(0, budget.waiting());
        budget.giveBack(new Greedy(), 2 << 20);
    }

    private static final class Greedy implements ByteBudget.Holder {
        @Override
        public void granted(long bytes) {}

        @Override
        public void yieldIfStalled() {}
    }

    @Test
    void whoHoldsBytesWithoutReadingIsClosedOnceOthersWait() {
        NbdTalk.Embedded staller = enter(false, TIGHT);
        NbdTalk.Embedded other = enter(false, TIGHT);
        NbdTalk.Embedded victim = enter(false, TIGHT);
        staller.stall();
        other.stall();
        staller.send(read(1, 4 << 20, 1 << 20));
        other.send(read(1, 4 << 20, 1 << 20));
        later.runAll();
        staller.run();
        other.run();
        victim.send(read(3, 0, 100));
        assertEquals(0, later.size());

        while (staller.isOpen() || other.isOpen()) {
            victim.passTime(2);
        }

        victim.run();
        later.runAll();
        assertEquals(3, victim.simpleReply(100).cookie());
        staller.end();
        other.end();
    }

    @Test
    void closingWithReadsPendingLeavesNothingBehind() {
        enter(false, TIGHT);
        talk.send(join(read(1, 0, 1000), read(2, 0, 1000), read(3, 4 << 20, 1 << 20), read(4, 0, 1)));

        talk.channel.close();

        assertEquals(0, volumes.get(0).closes.get());
        later.runAll();
        talk.run();
        assertEquals(1, volumes.get(0).closes.get());
    }
}
