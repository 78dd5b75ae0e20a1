package cairn.server.nbd;

import static cairn.server.nbd.NbdCommand.FLAG_FAST_ZERO;
import static cairn.server.nbd.NbdCommand.FLAG_FUA;
import static cairn.server.nbd.NbdCommand.FLAG_NO_HOLE;
import static cairn.server.nbd.NbdTalk.join;
import static cairn.server.nbd.NbdTalk.question;
import static cairn.server.nbd.NbdTalk.read;
import static cairn.server.nbd.NbdTalk.request;
import static cairn.server.nbd.NbdTalk.write;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.server.nbd.NbdTalk.Reply;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What changes an export. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class NbdWriteTest {
    private static final long SIZE_BYTES = (6L << 30) + 12_345;
    /** No connection has bytes of its own, 1 MiB for each, 2 MiB for all. */
    private static final NbdLimits TIGHT = new NbdLimits(
            10, Duration.ofSeconds(30), 1 << 16, 1 << 20, 10, 8, 1 << 20, 0, 1 << 20, 2 << 20,
            Duration.ofMillis(1), 16, Duration.ofSeconds(1));
    private static final int PIECE_BYTES = 64 << 10;
    private static final long FOUR_GIB = 0xffff_ffffL;

    private final OneExport.Later later = new OneExport.Later();
    private final ByteBudget budget = new ByteBudget(TIGHT.sharedBytesMax());
    private final List<NbdTalk.Embedded> talks = new ArrayList<>();
    private MemoryDisk disk = new MemoryDisk(SIZE_BYTES);

    private NbdTalk.Embedded enter(boolean isStructured) {
        return enter(isStructured, NbdLimits.DEFAULT);
    }

    private NbdTalk.Embedded enter(boolean isStructured, NbdLimits limits) {
        NbdTalk.Embedded talk =
                new NbdTalk.Embedded(new OneExport(disk::connect), Exports.Peer.LOCAL, limits, budget);
        talks.add(talk);
        talk.enter("disk", isStructured);
        return talk;
    }

    @AfterEach
    void nothingIsLeft() {
        talks.forEach(NbdTalk.Embedded::end);
        later.runAll();
        talks.forEach(NbdTalk.Embedded::run);
        assertTrue(disk.isLeft());
        assertEquals(0, disk.heldBytes.get());
        assertEquals(TIGHT.sharedBytesMax(), budget.freeBytes());
        assertEquals(0, budget.waiting());
    }

    private static byte[] random(long seed, int bytes) {
        byte[] random = new byte[bytes];
        new Random(seed).nextBytes(random);
        return random;
    }

    @Test
    void aWritableExportSaysWhatItCan() {
        NbdTalk.Embedded talk =
                new NbdTalk.Embedded(new OneExport(disk::connect), Exports.Peer.LOCAL, NbdLimits.DEFAULT, budget);
        talks.add(talk);
        talk.greet(3);

        int plain = talk.ask(NbdOption.INFO, question("disk")).get(0).data().getShort(10);
        talk.ask(NbdOption.STRUCTURED_REPLY);
        int structured = talk.ask(NbdOption.INFO, question("disk")).get(0).data().getShort(10);

        assertEquals(0b1101_0110_1101, plain);
        assertEquals(0b1101_1110_1101, structured);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void writesAnyRange(boolean isStructured) {
        NbdTalk.Embedded talk = enter(isStructured);
        long[][] ranges =
                {{0, 1}, {511, 1025}, {65_535, 2}, {SIZE_BYTES - 1, 1}, {100_000, 3 << 20}, {1 << 20, 32 << 20}};

        for (long[] range : ranges) {
            byte[] bytes = random(range[0], (int) range[1]);
            talk.send(write(7, range[0], bytes));

            assertEquals(new Reply(7, isStructured ? 0 : -1, 0, null), answer(talk, isStructured));
            assertArrayEquals(bytes, disk.bytes(range[0], bytes.length));
            int readBytes = Math.min(bytes.length, 1 << 20);
            talk.send(read(8, range[0], readBytes));
            Reply read = isStructured ? talk.structuredReply() : talk.simpleReply(readBytes);
            assertArrayEquals(Arrays.copyOf(bytes, readBytes), read.payload());
        }
    }

    private static Reply answer(NbdTalk talk, boolean isStructured) {
        Reply reply = isStructured ? talk.structuredReply() : talk.simpleReply(0);
        return new Reply(reply.cookie(), reply.type(), reply.error(), null);
    }

    private static void assertDone(NbdTalk talk, long cookie) {
        assertEquals(new Reply(cookie, -1, 0, null), answer(talk, false));
    }

    private static void assertFailed(NbdTalk talk, long cookie, NbdError error) {
        assertEquals(new Reply(cookie, -1, error.code(), null), answer(talk, false));
    }

    @Test
    void aWriteMayComeByteByByte() {
        NbdTalk.Embedded talk = enter(false);
        byte[] bytes = random(1, 70_000);

        for (byte one : join(write(1, 65_000, bytes), write(2, 0, new byte[0]), read(3, 65_000, 4))) {
            talk.channel.writeInbound(Unpooled.wrappedBuffer(new byte[] {one}));
        }

        assertDone(talk, 1);
        assertDone(talk, 2);
        assertEquals(ByteBuffer.wrap(bytes, 0, 4), ByteBuffer.wrap(talk.simpleReply(4).payload()));
        assertArrayEquals(bytes, disk.bytes(65_000, bytes.length));
    }

    @Test
    void manyWritesMayComeInOnePiece() {
        NbdTalk.Embedded talk = enter(false);
        byte[] all = new byte[0];
        for (int i = 0; i < 100; i++) {
            all = join(all, write(i, 1000 * i, random(i, 1000)));
        }

        talk.send(all);

        for (int i = 0; i < 100; i++) {
            assertDone(talk, i);
            assertArrayEquals(random(i, 1000), disk.bytes(1000 * i, 1000));
        }
    }

    @Test
    void aLargeWriteIsWrittenInAlignedPiecesAsItComes() {
        NbdTalk.Embedded talk = enter(false);
        byte[] bytes = random(1, 1 << 20);
        byte[] said = write(1, 100_000, bytes);

        talk.send(Arrays.copyOf(said, 28 + 31_071));
        assertEquals(0, disk.writes.get(), "until a piece is whole");
        talk.send(Arrays.copyOfRange(said, 28 + 31_071, 28 + 90_000));
        assertEquals(1, disk.writes.get());
        // Up to 2 * 64 KiB.
        assertArrayEquals(Arrays.copyOf(bytes, 31_072), disk.bytes(100_000, 31_072));
        talk.send(Arrays.copyOfRange(said, 28 + 90_000, said.length));

        assertDone(talk, 1);
        assertEquals(17, disk.writes.get());
        assertEquals(PIECE_BYTES, disk.writtenBytesMax.get());
        assertArrayEquals(bytes, disk.bytes(100_000, bytes.length));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 4096, 1 << 20})
    void whatIsWrittenWithFuaSurvivesACrash(int lengthBytes) {
        disk = new MemoryDisk(SIZE_BYTES, later);
        NbdTalk.Embedded talk = enter(false);
        byte[] bytes = random(1, lengthBytes);

        talk.send(write(FLAG_FUA, 1, 5, bytes));
        while (later.size() > 0) {
            assertEquals(0, talk.receivedBytes());
            later.runLast();
            talk.run();
        }

        assertDone(talk, 1);
        assertArrayEquals(bytes, disk.durableBytes(5, lengthBytes));
        assertEquals(1, disk.flushes.get() + disk.durableWrites.get(), "synced once, however large");
    }

    @Test
    void aWriteAloneDoesNotWaitForTheDisk() {
        NbdTalk.Embedded talk = enter(false);

        talk.send(write(1, 0, random(1, 1 << 20)));

        assertDone(talk, 1);
        assertEquals(0, disk.flushes.get() + disk.durableWrites.get());
    }

    @ParameterizedTest
    @EnumSource(names = {"TRIM", "WRITE_ZEROES"})
    void zeroingWithFuaSurvivesACrash(NbdCommand command) {
        NbdTalk.Embedded talk = enter(false);
        talk.send(write(FLAG_FUA, 1, 0, random(1, 8192)));
        assertDone(talk, 1);

        talk.send(request(command, FLAG_FUA, 2, 0, 8192));

        assertDone(talk, 2);
        assertArrayEquals(new byte[8192], disk.durableBytes(0, 8192));
    }

    @Test
    void aFlushCoversWhatEveryConnectionHasWritten() {
        NbdTalk.Embedded one = enter(false);
        NbdTalk.Embedded other = enter(false);
        byte[] bytes = random(1, 5000);
        one.send(write(1, 0, bytes));
        assertDone(one, 1);

        other.send(request(NbdCommand.FLUSH, 0, 2, 0, 0));

        assertDone(other, 2);
        assertArrayEquals(bytes, disk.durableBytes(0, 5000));
    }

    @Test
    void aFlushIsAnsweredWhenItIsDone() {
        disk = new MemoryDisk(SIZE_BYTES, later);
        NbdTalk.Embedded talk = enter(false);

        talk.send(join(write(1, 0, new byte[100]), request(NbdCommand.FLUSH, 0, 2, 0, 0)));

        later.runFirst();
        assertDone(talk, 1);
        assertEquals(0, talk.receivedBytes());
        later.runFirst();
        assertDone(talk, 2);
    }

    @Test
    void zeroesAndTrimsShowAsHolesAndKeptSpaceAsZeros() {
        NbdTalk.Embedded talk = enter(true);
        talk.send(write(1, 0, random(1, 5 * 4096)));
        talk.structuredReply();

        talk.send(join(
                request(NbdCommand.WRITE_ZEROES, 0, 2, 4096, 4096),
                request(NbdCommand.WRITE_ZEROES, FLAG_NO_HOLE, 3, 2 * 4096, 4096),
                request(NbdCommand.TRIM, 0, 4, 3 * 4096, 4096),
                request(NbdCommand.BLOCK_STATUS, 0, 5, 0, 6 * 4096)));

        for (int cookie = 2; cookie <= 4; cookie++) {
            assertEquals(new Reply(cookie, 0, 0, null), answer(talk, true));
        }
        ByteBuffer status = ByteBuffer.wrap(talk.structuredReply().payload());
        assertEquals(NbdNegotiation.ALLOCATION_ID, status.getInt());
        for (int state : new int[] {0, 3, 2, 3, 0, 3}) {
            assertEquals(4096, status.getInt());
            assertEquals(state, status.getInt());
        }
        assertFalse(status.hasRemaining());
    }

    @Test
    void zeroesOf4GiBAreOneRequest() {
        NbdTalk.Embedded talk = enter(false);
        talk.send(write(1, FOUR_GIB - 20, random(1, 20)));
        assertDone(talk, 1);

        talk.send(join(
                request(NbdCommand.WRITE_ZEROES, FLAG_FAST_ZERO, 2, 0, FOUR_GIB),
                request(NbdCommand.TRIM, FLAG_FUA, 3, 1 << 30, FOUR_GIB)));

        assertDone(talk, 2);
        assertDone(talk, 3);
        assertArrayEquals(new byte[20], disk.bytes(FOUR_GIB - 20, 20));
        assertEquals(3, disk.writes.get());
    }

    @ParameterizedTest
    @EnumSource(names = {"WRITE", "TRIM", "WRITE_ZEROES", "READ", "CACHE"})
    void aRequestForNothingIsDone(NbdCommand command) {
        NbdTalk.Embedded talk = enter(false);

        talk.send(join(request(command, 0, 1, 0, 0), request(command, FLAG_FUA, 2, SIZE_BYTES, 0)));

        assertDone(talk, 1);
        assertDone(talk, 2);
        assertEquals(0, disk.writes.get());
    }

    /** Every command with every flag there is, and two that there are not. */
    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = {"DISC", "UNKNOWN"})
    void aCommandHasTheFlagsThatTheProtocolGivesIt(NbdCommand command) {
        NbdTalk.Embedded talk = enter(true);
        int allowed = FLAG_FUA | switch (command) {
            case READ -> 1 << 2;
            case WRITE_ZEROES -> 1 << 1 | 1 << 4;
            case BLOCK_STATUS -> 1 << 3;
            case WRITE, FLUSH, TRIM, CACHE, DISC, UNKNOWN -> 0;
        };
        int lengthBytes = command == NbdCommand.FLUSH ? 0 : 512;
        byte[] payload = new byte[command == NbdCommand.WRITE ? lengthBytes : 0];

        for (int flags = 0; flags < 1 << 7; flags++) {
            talk.send(join(request(command, (flags & 63) | (flags & 64) << 9, flags, 0, lengthBytes), payload));

            Reply reply = talk.structuredReply();
            assertEquals((flags & ~allowed) == 0 ? 0 : NbdError.EINVAL.code(), reply.error(), command + " " + flags);
            assertEquals(flags, reply.cookie());
        }
    }

    @Test
    void rangesBeyondTheEndAreRefusedAndThePayloadConsumed() {
        NbdTalk.Embedded talk = enter(false);
        Object[][] table = {
            {NbdCommand.WRITE, SIZE_BYTES, 1L, NbdError.ENOSPC},
            {NbdCommand.WRITE, SIZE_BYTES - 1, 2L, NbdError.ENOSPC},
            {NbdCommand.WRITE, -1L, 1L, NbdError.ENOSPC},
            {NbdCommand.WRITE, Long.MIN_VALUE, 70_000L, NbdError.ENOSPC},
            {NbdCommand.WRITE, Long.MAX_VALUE, 100L, NbdError.ENOSPC},
            {NbdCommand.WRITE, 0L, (32L << 20) + 1, NbdError.EINVAL},
            {NbdCommand.WRITE_ZEROES, SIZE_BYTES - 1, 2L, NbdError.ENOSPC},
            {NbdCommand.WRITE_ZEROES, 3L << 30, FOUR_GIB, NbdError.ENOSPC},
            {NbdCommand.WRITE_ZEROES, -1L, 0L, NbdError.ENOSPC},
            {NbdCommand.TRIM, SIZE_BYTES - 1, 2L, NbdError.EINVAL},
            {NbdCommand.TRIM, Long.MAX_VALUE, FOUR_GIB, NbdError.EINVAL},
            {NbdCommand.CACHE, SIZE_BYTES - 1, 2L, NbdError.EINVAL},
            {NbdCommand.READ, SIZE_BYTES - 1, 2L, NbdError.EINVAL},
            {NbdCommand.FLUSH, 0L, 1L, NbdError.EINVAL},
        };

        for (int i = 0; i < table.length; i++) {
            NbdCommand command = (NbdCommand) table[i][0];
            long lengthBytes = (long) table[i][2];
            talk.send(request(command, 0, i, (long) table[i][1], lengthBytes));
            if (command == NbdCommand.WRITE) {
                assertEquals(0, talk.receivedBytes(), "until all has come");
                talk.send(new byte[(int) lengthBytes]);
            }
            assertFailed(talk, i, (NbdError) table[i][3]);
        }

        assertEquals(0, disk.writes.get());
        talk.send(write(99, SIZE_BYTES - 1, new byte[1]));
        assertDone(talk, 99);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void resizeIsNotKnown(boolean isStructured) {
        NbdTalk.Embedded talk = enter(isStructured);

        talk.send(join(request(8, 0, 1, 1 << 20, 0), request(0xffff, 0, 2, 0, 0)));

        assertEquals(NbdError.EINVAL.code(), answer(talk, isStructured).error());
        assertEquals(NbdError.EINVAL.code(), answer(talk, isStructured).error());
    }

    @Test
    void aWriteThatFailsInOnePieceIsConsumedAndTheNextOneWorks() {
        disk.failing(600_000, 600_001);
        NbdTalk.Embedded talk = enter(true);
        byte[] said = write(FLAG_FUA, 1, 0, random(1, 2 << 20));

        talk.send(Arrays.copyOf(said, 1 << 20));
        assertEquals(0, talk.receivedBytes(), "until all has come");
        talk.send(Arrays.copyOfRange(said, 1 << 20, said.length));

        Reply reply = talk.structuredReply();
        assertEquals(NbdError.ENOSPC.code(), reply.error());
        assertEquals("no space at 600000", reply.message());
        assertEquals(10, disk.writes.get(), "the rest need not be tried");
        talk.send(write(2, 0, new byte[10]));
        assertEquals(2, talk.structuredReply().cookie());
    }

    @Test
    void aWriteThatFailsLateGivesUpThePieceThatIsComing() {
        disk = new MemoryDisk(SIZE_BYTES, later).failing(0, 1);
        NbdTalk.Embedded talk = enter(false, TIGHT);
        byte[] said = write(1, 0, random(1, 600_000));
        talk.send(Arrays.copyOf(said, 500_000));
        assertEquals(TIGHT.sharedBytesMax() - 8 * PIECE_BYTES, budget.freeBytes());

        later.runFirst();
        talk.run();
        assertEquals(TIGHT.sharedBytesMax() - 6 * PIECE_BYTES, budget.freeBytes());
        later.runAll();
        talk.run();
        assertEquals(TIGHT.sharedBytesMax(), budget.freeBytes());
        talk.send(Arrays.copyOfRange(said, 500_000, said.length));

        assertFailed(talk, 1, NbdError.ENOSPC);
    }

    @Test
    void nothingIsAllocatedOrReadBeforeThereIsRoom() {
        Hog hog = new Hog();
        assertTrue(budget.takeOrWait(hog, 2 << 20));
        NbdTalk.Embedded talk = enter(false, TIGHT);
        byte[] bytes = random(1, 1 << 20);

        talk.send(write(1, 0, bytes));
        assertEquals(0, disk.writes.get());
        assertFalse(talk.channel.config().isAutoRead());
        budget.giveBack(hog, 2 << 20);
        talk.run();

        assertDone(talk, 1);
        assertTrue(talk.channel.config().isAutoRead());
        assertArrayEquals(bytes, disk.bytes(0, bytes.length));
    }

    private static final class Hog implements ByteBudget.Holder {
        @Override
        public void granted(long bytes) {}

        @Override
        public void yieldIfStalled() {}
    }

    @Test
    void aSlowDiskHoldsNoMoreThanAConnectionMay() {
        disk = new MemoryDisk(SIZE_BYTES, later);
        NbdTalk.Embedded talk = enter(false, TIGHT);
        for (int i = 0; i < 6; i++) {
            talk.send(write(i, (long) i << 20, random(i, 1 << 20)));
        }

        long heldBytesMax = 0;
        while (later.size() > 0) {
            heldBytesMax = Math.max(heldBytesMax, disk.heldBytes.get());
            later.runLast();
            talk.run();
        }

        assertEquals(TIGHT.connectionBytesMax(), heldBytesMax);
        Set<Long> done = new TreeSet<>();
        for (int i = 0; i < 6; i++) {
            done.add(talk.simpleReply(0).cookie());
            assertArrayEquals(random(i, 1 << 20), disk.bytes((long) i << 20, 1 << 20));
        }
        assertEquals(6, done.size());
    }

    @Test
    void whoStopsInTheMiddleOfAPayloadHoldsOnePieceAndOthersGoOn() {
        List<NbdTalk.Embedded> stallers = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            NbdTalk.Embedded staller = enter(false);
            staller.send(join(request(NbdCommand.WRITE, 0, 1, 0, 32 << 20), new byte[1]));
            stallers.add(staller);
        }
        assertEquals(TIGHT.sharedBytesMax(), budget.freeBytes(), "it is their own");

        NbdTalk.Embedded other = enter(false);
        other.send(write(1, 0, new byte[1 << 20]));

        assertDone(other, 1);
        stallers.forEach(staller -> assertEquals(0, staller.receivedBytes()));
    }

    @Test
    void whoHoldsSharedBytesWithoutSendingTheRestIsClosedOnceOthersWait() {
        NbdTalk.Embedded staller = enter(false, TIGHT);
        NbdTalk.Embedded other = enter(false, TIGHT);
        Hog hog = new Hog();
        staller.send(join(request(NbdCommand.WRITE, 0, 1, 0, 1 << 20), new byte[1]));
        assertTrue(budget.takeOrWait(hog, budget.freeBytes()));
        other.send(write(2, 0, new byte[1]));
        assertEquals(0, disk.writes.get());

        while (staller.isOpen()) {
            other.passTime(2);
        }

        other.run();
        assertDone(other, 2);
        budget.giveBack(hog, TIGHT.sharedBytesMax() - PIECE_BYTES);
    }

    @Test
    void disconnectingInTheMiddleOfAPayloadLeavesNothingBehind() {
        disk = new MemoryDisk(SIZE_BYTES, later);
        NbdTalk.Embedded talk = enter(false, TIGHT);
        talk.send(join(request(NbdCommand.WRITE, FLAG_FUA, 1, 0, 1 << 20), new byte[600_000]));
        assertEquals(9, later.size());

        talk.channel.close();
        assertFalse(disk.isLeft(), "what it has begun is being written");
        later.runAll();
        talk.run();

        assertTrue(disk.isLeft());
        assertEquals(TIGHT.sharedBytesMax(), budget.freeBytes());
    }

    @Test
    void disconnectingWaitsForWritesAndFlushes() {
        disk = new MemoryDisk(SIZE_BYTES, later);
        NbdTalk.Embedded talk = enter(false);
        talk.send(join(
                write(FLAG_FUA, 1, 0, new byte[1 << 20]),
                request(NbdCommand.TRIM, 0, 2, 0, 10),
                request(NbdCommand.DISC, 0, 3, 0, 0),
                write(4, 0, new byte[10])));

        while (later.size() > 0) {
            assertTrue(talk.isOpen());
            later.runLast();
            talk.run();
        }

        assertDone(talk, 2);
        assertDone(talk, 1);
        assertFalse(talk.isOpen());
        assertEquals(0, talk.receivedBytes());
    }

    @Test
    void aServerThatClosesTakesTheRestOfAWriteItHasBegun() {
        NbdTalk.Embedded talk = enter(true);
        byte[] said = write(1, 0, random(1, 1 << 20));
        talk.send(Arrays.copyOf(said, 300_000));

        talk.channel.pipeline().fireUserEventTriggered(NbdConnection.Event.FINISH);
        assertTrue(talk.isOpen());
        assertTrue(talk.channel.config().isAutoRead());
        talk.send(join(
                Arrays.copyOfRange(said, 300_000, said.length),
                write(2, 0, new byte[100]),
                read(3, 0, 10)));

        assertEquals(new Reply(1, 0, 0, null), answer(talk, true));
        assertEquals(NbdError.ESHUTDOWN.code(), talk.structuredReply().error());
        assertEquals(NbdError.ESHUTDOWN.code(), talk.structuredReply().error());
        assertFalse(talk.isOpen());
        assertArrayEquals(random(1, 1 << 20), disk.bytes(0, 1 << 20));
    }

    @Test
    void aReadOnlyExportRefusesEverythingThatWrites() {
        NbdTalk.Embedded talk = new NbdTalk.Embedded(
                new OneExport(() -> new PatternVolume(SIZE_BYTES)), Exports.Peer.LOCAL, NbdLimits.DEFAULT, budget);
        talks.add(talk);
        talk.enter("disk", false);

        talk.send(join(
                write(FLAG_FUA, 1, 0, new byte[10]),
                write(2, 0, new byte[0]),
                request(NbdCommand.TRIM, 1 << 15, 3, SIZE_BYTES, FOUR_GIB),
                request(NbdCommand.WRITE_ZEROES, FLAG_FAST_ZERO, 4, 0, FOUR_GIB),
                request(NbdCommand.FLUSH, 0, 5, 0, 0),
                request(NbdCommand.FLUSH, FLAG_FUA, 6, 0, 0)));

        for (int cookie = 1; cookie <= 4; cookie++) {
            assertFailed(talk, cookie, NbdError.EPERM);
        }
        assertDone(talk, 5);
        assertFailed(talk, 6, NbdError.EINVAL);
    }
}
