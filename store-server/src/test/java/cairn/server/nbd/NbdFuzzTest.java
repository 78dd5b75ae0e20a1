package cairn.server.nbd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.ByteArrayOutputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Clients that mean no good, or are broken: whatever they send, nothing hangs, leaks or goes uncaught. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class NbdFuzzTest {
    private static final int SESSIONS = 300;
    private static final NbdLimits LIMITS = new NbdLimits(
            10, Duration.ofSeconds(30), 1 << 13, 1 << 14, 10, 4, 1 << 16, 1000, 1 << 17, 1 << 18,
            Duration.ofMillis(1), 5, Duration.ofSeconds(1));

    private final OneExport.Later later = new OneExport.Later();
    private final ReplyBudget budget = new ReplyBudget(LIMITS.sharedBytesMax());
    private final List<PatternVolume> volumes = new ArrayList<>();

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void anySessionEndsAndLeavesNothingBehind(long seed) {
        Random random = new Random(seed);

        for (int i = 0; i < SESSIONS; i++) {
            byte[] said = session(random);
            NbdTalk.Embedded talk = new NbdTalk.Embedded(
                    new OneExport(this::volume, random.nextBoolean() ? later : Runnable::run),
                    Exports.Peer.LOCAL,
                    LIMITS,
                    budget);
            say(talk, said, random);
            talk.goOn();
            talk.end();
            settle(talk);
        }

        assertEquals(LIMITS.sharedBytesMax(), budget.freeBytes());
        assertEquals(0, budget.waiting());
        for (PatternVolume volume : volumes) {
            assertEquals(1, volume.closes.get());
            assertEquals(0, volume.readsPendingAtClose.get());
        }
        assertFalse(volumes.isEmpty());
    }

    private PatternVolume volume() {
        PatternVolume volume = new PatternVolume(1 << 20, later, 1 << 18, 1 << 19);
        volumes.add(volume);
        return volume;
    }

    private void say(NbdTalk.Embedded talk, byte[] said, Random random) {
        for (int at = 0; at < said.length && talk.isOpen(); ) {
            int some = Math.min(said.length - at, 1 + random.nextInt(random.nextBoolean() ? 5 : 500));
            talk.send(Arrays.copyOfRange(said, at, at + some));
            at += some;
            switch (random.nextInt(8)) {
                case 0 -> talk.stall();
                case 1 -> talk.goOn();
                case 2 -> later.runAll();
                case 3 -> runOne();
                case 4 -> talk.receive(Math.min(100, talk.receivedBytes()));
                default -> { }
            }
        }
    }

    private void runOne() {
        if (later.size() > 0) {
            later.runLast();
        }
    }

    private void settle(NbdTalk.Embedded talk) {
        while (later.size() > 0) {
            later.runAll();
            talk.run();
        }
        talk.run();
    }

    /** A good session, most of the time with some of its bytes spoilt. */
    private static byte[] session(Random random) {
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        said.writeBytes(NbdTalk.int32(random.nextInt(20) == 0 ? random.nextInt() : random.nextInt(4)));
        for (int i = random.nextInt(6); i > 0; i--) {
            said.writeBytes(option(random));
        }
        if (random.nextInt(10) > 0) {
            said.writeBytes(NbdTalk.option(NbdOption.GO, NbdTalk.question("disk", random.nextInt(5))));
            for (int i = random.nextInt(60); i > 0; i--) {
                said.writeBytes(request(random));
            }
        }
        byte[] bytes = said.toByteArray();
        for (int i = random.nextInt(3); i > 0; i--) {
            bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
        }
        return bytes;
    }

    private static byte[] option(Random random) {
        String name = random.nextBoolean() ? "disk" : "nix";
        return switch (random.nextInt(8)) {
            case 0 -> NbdTalk.option(NbdOption.STRUCTURED_REPLY);
            case 1 -> NbdTalk.option(NbdOption.SET_META_CONTEXT, NbdTalk.queries(name, "base:allocation", "a:b"));
            case 2 -> NbdTalk.option(NbdOption.LIST_META_CONTEXT, NbdTalk.queries(name, "base:"));
            case 3 -> NbdTalk.option(NbdOption.LIST);
            case 4 -> NbdTalk.option(NbdOption.INFO, NbdTalk.question(name, 0, 1, 2, 3));
            case 5 -> NbdTalk.option(random.nextInt(20), bytes(random, random.nextInt(20_000)));
            case 6 -> NbdTalk.option(random.nextInt(), bytes(random, random.nextInt(50)));
            default -> NbdTalk.option(NbdOption.GO, bytes(random, random.nextInt(40)));
        };
    }

    private static byte[] request(Random random) {
        long offset = random.nextInt(10) == 0 ? random.nextLong() : random.nextInt(1 << 20);
        long lengthBytes = random.nextInt(10) == 0 ? random.nextInt() : random.nextInt(1 << 16);
        int flags = random.nextInt(5) == 0 ? random.nextInt(1 << 16) : 0;
        return switch (random.nextInt(10)) {
            case 0 -> NbdTalk.request(random.nextInt(1 << 16), flags, random.nextLong(), offset, lengthBytes);
            case 1 -> NbdTalk.request(NbdCommand.BLOCK_STATUS, flags, 1, offset, lengthBytes);
            case 2 -> NbdTalk.join(NbdTalk.request(NbdCommand.WRITE, flags, 2, offset, 3000), new byte[3000]);
            case 3 -> NbdTalk.request(NbdCommand.CACHE, flags, 3, offset, lengthBytes);
            case 4 -> NbdTalk.request(random.nextInt(9), flags, 4, offset, lengthBytes);
            default -> NbdTalk.read(5, offset, lengthBytes);
        };
    }

    private static byte[] bytes(Random random, int count) {
        byte[] bytes = new byte[count];
        random.nextBytes(bytes);
        return bytes;
    }
}
