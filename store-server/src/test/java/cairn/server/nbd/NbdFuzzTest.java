package cairn.server.nbd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.UnpooledByteBufAllocator;
import java.io.ByteArrayOutputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Clients that mean no good, or are broken: whatever they say, everything is answered or the connection closes, and
 * nothing hangs, leaks or goes uncaught. An input is one message, an option or a request, of a conversation that was a
 * good one before some of its bytes were spoilt, and that comes in pieces of any size. A million of them are taken in.
 *
 * <p>Buffers are counted one by one, apart from Netty's own leak detector, so a leak fails the session that made it.
 */
class NbdFuzzTest {
    private static final int SEEDS = 8;
    private static final int INPUTS_PER_SEED = 125_000;
    private static final long DISK_BYTES = 1 << 20;
    private static final NbdLimits LIMITS = new NbdLimits(
            10, Duration.ofMinutes(30), 1 << 13, 1 << 14, 10, 4, 1 << 16, 1000, 1 << 17, 1 << 18,
            Duration.ofMinutes(30), 5, Duration.ofSeconds(1));

    @Test
    @Timeout(value = 600, unit = TimeUnit.SECONDS)
    void anyConversationIsAnsweredOrClosedAndLeavesNothingBehind() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors());
        try (ErrorLog errors = new ErrorLog()) {
            List<Callable<Void>> runs = new ArrayList<>();
            for (long seed = 1; seed <= SEEDS; seed++) {
                Fuzzer fuzzer = new Fuzzer(seed, errors);
                runs.add(fuzzer::run);
            }
            for (Future<Void> run : threads.invokeAll(runs)) {
                run.get();
            }
        } finally {
            threads.shutdownNow();
        }
    }

    /** Holds conversations that follow from a seed, one after the other. */
    private static final class Fuzzer {
        private final UnpooledByteBufAllocator allocator = new UnpooledByteBufAllocator(true);
        private final ByteBudget budget = new ByteBudget(LIMITS.sharedBytesMax());
        private final OneExport.Later later = new OneExport.Later();
        private final long seed;
        private final ErrorLog errors;
        private int inputs;

        Fuzzer(long seed, ErrorLog errors) {
            this.seed = seed;
            this.errors = errors;
        }

        Void run() {
            for (long session = 0; inputs < INPUTS_PER_SEED; session++) {
                String where = "seed " + seed + ", session " + session;
                try {
                    hold(new Random(seed << 32 | session));
                } catch (RuntimeException | AssertionError e) {
                    throw new AssertionError(where + ": " + e.getMessage(), e);
                }
                errors.requireNone(where);
            }
            return null;
        }

        private void hold(Random random) {
            boolean isWritable = random.nextInt(4) > 0;
            MemoryDisk disk = new MemoryDisk(DISK_BYTES, random.nextBoolean() ? later : Runnable::run, allocator)
                    .failing(1 << 18, 1 << 19);
            Exports exports =
                    new OneExport(() -> disk.connect(isWritable), random.nextInt(4) == 0 ? later : Runnable::run);
            byte[] said = spoil(conversation(random), random);
            NbdTalk.Embedded talk = new NbdTalk.Embedded(exports, Exports.Peer.LOCAL, LIMITS, budget, allocator);

            say(talk, said, random);
            if (random.nextInt(8) > 0) {
                talk.goOn();
                settle(talk);
                byte[] answered = talk.receive(talk.receivedBytes()).array();
                NbdJudge judge = new NbdJudge(LIMITS, said, answered, talk.isOpen());
                judge.judge();
                inputs += judge.messages();
            }
            talk.end();
            settle(talk);

            assertTrue(disk.isLeft(), "the disk is in use");
            assertEquals(LIMITS.sharedBytesMax(), budget.freeBytes());
            assertEquals(0, budget.waiting());
            assertEquals(0, allocator.metric().usedDirectMemory() + allocator.metric().usedHeapMemory(), "leaked");
        }

        private void say(NbdTalk.Embedded talk, byte[] said, Random random) {
            int someMax = random.nextInt(20) == 0 ? 40 : 4000;
            for (int at = 0; at < said.length && talk.isOpen(); ) {
                int some = Math.min(said.length - at, 1 + random.nextInt(someMax));
                talk.send(Arrays.copyOfRange(said, at, at + some));
                at += some;
                switch (random.nextInt(8)) {
                    case 0 -> talk.stall();
                    case 1 -> talk.goOn();
                    case 2 -> later.runAll();
                    case 3 -> runOne();
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
    }

    private static byte[] conversation(Random random) {
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        said.writeBytes(NbdTalk.int32(random.nextInt(20) == 0 ? random.nextInt() : random.nextInt(4)));
        boolean isHandshake = random.nextInt(3) == 0;
        for (int i = random.nextInt(isHandshake ? 40 : 4); i > 0; i--) {
            said.writeBytes(option(random));
        }
        if (isHandshake) {
            return said.toByteArray();
        }
        boolean isOld = random.nextInt(10) == 0;
        said.writeBytes(isOld
                ? NbdTalk.option(NbdOption.EXPORT_NAME, NbdTalk.text("disk"))
                : NbdTalk.option(NbdOption.GO, NbdTalk.question("disk", random.nextInt(5))));
        for (int i = random.nextInt(100); i > 0; i--) {
            said.writeBytes(request(random));
        }
        return said.toByteArray();
    }

    private static byte[] option(Random random) {
        String name = random.nextBoolean() ? "disk" : "nix";
        return switch (random.nextInt(9)) {
            case 0 -> NbdTalk.option(NbdOption.STRUCTURED_REPLY);
            case 1 -> NbdTalk.option(NbdOption.SET_META_CONTEXT, NbdTalk.queries(name, "base:allocation", "a:b"));
            case 2 -> NbdTalk.option(NbdOption.LIST_META_CONTEXT, NbdTalk.queries(name, "base:"));
            case 3 -> NbdTalk.option(NbdOption.LIST);
            case 4, 5 -> NbdTalk.option(NbdOption.INFO, NbdTalk.question(name, 0, 1, 2, 3));
            case 6 -> NbdTalk.option(notSpecial(random), bytes(random, random.nextInt(300)));
            case 7 -> NbdTalk.option(random.nextInt(), bytes(random, random.nextInt(50)));
            default -> random.nextInt(20) == 0
                    ? NbdTalk.option(random.nextInt(20), bytes(random, random.nextInt(20_000)))
                    : NbdTalk.option(NbdOption.GO, bytes(random, random.nextInt(40)));
        };
    }

    /** Neither the old way of naming an export nor the end, of which each would end most handshakes early. */
    private static int notSpecial(Random random) {
        return 3 + random.nextInt(17);
    }

    private static byte[] request(Random random) {
        long offset = random.nextInt(10) == 0 ? random.nextLong() : random.nextInt(1 << 20);
        long lengthBytes = switch (random.nextInt(100)) {
            case 0, 1 -> random.nextInt();
            case 2, 3 -> 0xffff_ffffL;
            case 4 -> random.nextInt(1 << 17);
            case 5, 6 -> 0;
            default -> random.nextInt(1 << 9);
        };
        int flags = random.nextInt(4) == 0 ? random.nextInt(1 << random.nextInt(17)) : 0;
        long cookie = random.nextLong();
        return switch (random.nextInt(12)) {
            case 0 -> NbdTalk.request(random.nextInt(1 << 16), flags, cookie, offset, lengthBytes);
            case 1 -> NbdTalk.request(NbdCommand.BLOCK_STATUS, flags, cookie, offset, lengthBytes);
            case 2, 3, 4 -> NbdTalk.write(flags, cookie, offset, new byte[(int) (lengthBytes & 0x1ff)]);
            case 5 -> NbdTalk.request(NbdCommand.WRITE_ZEROES, flags, cookie, offset, lengthBytes);
            case 6 -> NbdTalk.request(NbdCommand.TRIM, flags, cookie, offset, lengthBytes);
            case 7 -> NbdTalk.request(NbdCommand.FLUSH, flags, cookie, 0, 0);
            case 8 -> NbdTalk.request(random.nextInt(9), flags, cookie, offset, lengthBytes);
            case 9 -> random.nextInt(30) > 0
                    ? NbdTalk.request(NbdCommand.CACHE, flags, cookie, offset, lengthBytes)
                    : NbdTalk.write(flags, cookie, offset, new byte[random.nextInt(200_000)]);
            default -> NbdTalk.request(NbdCommand.READ, flags, cookie, offset, lengthBytes);
        };
    }

    /** Changes some bytes, cuts some out, puts some in, or says some twice; most conversations stay good for long. */
    private static byte[] spoil(byte[] said, Random random) {
        byte[] spoilt = said;
        for (int i = random.nextInt(4) - 1; i > 0; i--) {
            int at = random.nextInt(spoilt.length);
            int until = Math.min(spoilt.length, at + 1 + random.nextInt(30));
            byte[] before = Arrays.copyOf(spoilt, at);
            byte[] some = Arrays.copyOfRange(spoilt, at, until);
            byte[] after = Arrays.copyOfRange(spoilt, until, spoilt.length);
            spoilt = switch (random.nextInt(8)) {
                case 0 -> NbdTalk.join(before, after);
                case 1 -> NbdTalk.join(before, some, some, after);
                case 2 -> NbdTalk.join(before, bytes(random, some.length), after);
                case 3 -> NbdTalk.join(before, bytes(random, 1 + random.nextInt(30)), some, after);
                default -> NbdTalk.join(before, bytes(random, 1), Arrays.copyOfRange(some, 1, some.length), after);
            };
            if (spoilt.length == 0) {
                return bytes(random, 1);
            }
        }
        return spoilt;
    }

    private static byte[] bytes(Random random, int count) {
        byte[] bytes = new byte[count];
        random.nextBytes(bytes);
        return bytes;
    }
}
