package cairn.server;

import cairn.api.Messages;
import cairn.client.StoreClient;
import cairn.server.KillLedger.Kind;
import cairn.server.KillLedger.Thing;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Kills a real server under mixed load, again and again, and proves after each start that nothing acknowledged is lost.
 *
 * <p>A round: a load of everything that a store can be asked for, SIGKILL at a random time, a start that must need no
 * help, and a comparison with what was acknowledged: what is listed is what has to be there, each volume and a part of
 * all images and snapshots in turn are read bit for bit; every so many rounds, and in the end, all of them. Garbage is
 * collected all the time. Some starts are killed, too. In the end half of all is removed, and what is stored then is
 * compared with a new store. The same seed makes the same choices, but threads take turns as they like.
 */
@Command(name = "kill-loop", mixinStandardHelpOptions = true, sortOptions = false)
public final class KillLoop implements Callable<Integer> {
    private static final int DEEDS_BEFORE_KILL_MAX = 300;
    private static final Duration LOAD_MAX = Duration.ofSeconds(20);
    private static final int MILLIS_OF_KILLED_START_MAX = 1500;
    private static final Duration READY_MAX = Duration.ofSeconds(30);
    private static final int READ_EACH_ROUND = 8;
    private static final int ROUNDS_BETWEEN_FULL_CHECKS = 25;
    private static final int ROUNDS_BETWEEN_LINES = 10;
    private static final int PAUSE_MILLIS = 2;
    private static final int SURPLUS_PERCENT_MAX = 5;
    /** Of files of a few rows. */
    private static final long SURPLUS_BYTES_MAX = 2L << 20;

    @Option(names = "--rounds", paramLabel = "N", description = "default: ${DEFAULT-VALUE}")
    private int rounds = 500;

    @Option(names = "--seed", paramLabel = "N", description = "default: another one each time")
    private long seed = System.nanoTime() & 0xffff_ffffL;

    @Option(names = "--data", paramLabel = "DIR", required = true, description = "a folder that is not there yet")
    private Path data;

    private final KillLedger ledger = new KillLedger();
    private PrintStream out = System.out;
    private Duration slowestStart = Duration.ZERO;
    private int killedStarts;
    private int turn;
    private QuickServers servers;

    private KillLoop() {}

    KillLoop(int rounds, long seed, Path data, PrintStream out) {
        this.rounds = rounds;
        this.seed = seed;
        this.data = data;
        this.out = out;
    }

    public static void main(String[] args) {
        System.exit(new CommandLine(new KillLoop()).execute(args));
    }

    @Override
    public Integer call() throws Exception {
        if (Files.exists(data)) {
            out.println(data + " is there already");
            return 2;
        }
        try {
            run();
            return 0;
        } catch (AssertionError e) {
            out.println("FAILED: " + e.getMessage() + "\nThe store is " + data + ", and its log is beside it.");
            e.printStackTrace(out);
            return 1;
        }
    }

    /** @throws AssertionError for what was lost, has come back, or failed without a reason; with round and seed */
    void run() throws Exception {
        out.println("seed " + seed + ", " + rounds + " rounds, " + data);
        long startNanos = System.nanoTime();
        servers = QuickServers.prepare(data.resolveSibling(data.getFileName() + "-classes"));
        SplittableRandom random = new SplittableRandom(seed);
        for (int round = 1; round <= rounds; round++) {
            try {
                round(random, round % ROUNDS_BETWEEN_FULL_CHECKS == 0);
            } catch (AssertionError e) {
                throw new AssertionError("round " + round + " of seed " + seed + ": " + e.getMessage(), e);
            }
            if (round % ROUNDS_BETWEEN_LINES == 0) {
                say(round, startNanos);
            }
        }
        try {
            end();
        } catch (AssertionError e) {
            throw new AssertionError("behind the last round of seed " + seed + ": " + e.getMessage(), e);
        }
        say(rounds, startNanos);
        out.println("acknowledged: " + ledger.deeds());
    }

    private void say(int round, long startNanos) {
        out.printf(
                Locale.ROOT,
                "%.0f s: %d rounds, %d starts killed besides, slowest start %d ms; now %d images and snapshots, %d pending, %d volumes%n",
                (System.nanoTime() - startNanos) / 1e9,
                round,
                killedStarts,
                slowestStart.toMillis(),
                ledger.finished().size(),
                ledger.list(thing -> thing.kind == Kind.PENDING).size(),
                ledger.list(thing -> thing.kind == Kind.VOLUME).size());
    }

    private void round(SplittableRandom random, boolean isAllRead) throws Exception {
        if (random.nextInt(8) == 0) {
            ServerProcess.startAndKill(data, command(), random.nextInt(MILLIS_OF_KILLED_START_MAX));
            killedStarts++;
        }
        ServerProcess server = start();
        try {
            check(server, isAllRead);
            KillLoad load = new KillLoad(server, ledger);
            load.start(random);
            long deeds = ledger.count() + random.nextInt(DEEDS_BEFORE_KILL_MAX);
            long startNanos = System.nanoTime();
            while (ledger.count() < deeds && !load.hasFailed()
                    && System.nanoTime() - startNanos < LOAD_MAX.toNanos()) {
                Thread.sleep(PAUSE_MILLIS);
            }
            load.expectKill();
            server.kill();
            load.join();
        } finally {
            server.kill();
        }
    }

    private ServerProcess start() throws Exception {
        long startNanos = System.nanoTime();
        ServerProcess server = ServerProcess.start(data, command());
        Duration took = Duration.ofNanos(System.nanoTime() - startNanos);
        slowestStart = took.compareTo(slowestStart) > 0 ? took : slowestStart;
        if (took.compareTo(READY_MAX) > 0) {
            throw new AssertionError("the server was ready after " + took);
        }
        return server;
    }

    private List<String> command() {
        return servers.command(data, List.of("--gc-every", "1s", "--gc-rate", "0", "--gc-cpu", "100"));
    }

    private void check(ServerProcess server, boolean isAllRead) throws IOException {
        ledger.reconcile(server.connect());
        Garbage.requireNoAlarm(server.connect().gc());
        for (Thing volume : ledger.list(thing -> thing.kind == Kind.VOLUME)) {
            KillLoad.compare(server, volume);
        }
        List<Thing> finished = ledger.finished();
        int count = isAllRead ? finished.size() : Math.min(READ_EACH_ROUND, finished.size());
        for (int n = 0; n < count; n++) {
            KillLoad.compare(server, finished.get(turn++ % finished.size()));
        }
    }

    /** Everything is there, after a kill and after an orderly end; and the space of what is removed comes back. */
    private void end() throws Exception {
        try (ServerProcess server = start()) {
            check(server, true);
        }
        try (ServerProcess server = start()) {
            check(server, true);
            removeHalf(server);
            Garbage.collect(server.connect());
            check(server, true);
            long storedBytes = storedBytes(server.connect());
            long freshBytes = storedByAnother();
            out.printf(Locale.ROOT, "half removed: %d bytes stored, %d in a new store of the rest%n", storedBytes, freshBytes);
            if (storedBytes > freshBytes * (100 + SURPLUS_PERCENT_MAX) / 100 + SURPLUS_BYTES_MAX) {
                throw new AssertionError("the rest takes " + storedBytes + " bytes, in a new store " + freshBytes);
            }
        }
    }

    private void removeHalf(ServerProcess server) throws Exception {
        KillLoad load = new KillLoad(server, ledger);
        List<Thing> finished = ledger.finished();
        for (int n = 0; n < finished.size(); n += 2) {
            load.remove(finished.get(n));
        }
        for (Thing thing : ledger.list(each -> each.kind == Kind.PENDING)) {
            load.removePending(thing);
        }
        for (Thing thing : ledger.list(each -> each.kind == Kind.VOLUME)) {
            load.removeVolume(thing);
        }
    }

    /** What volumes have of their own goes as RocksDB rewrites its files. */
    private static long storedBytes(StoreClient client) {
        Messages.Stats stats = client.stats();
        return stats.segmentBytes() + stats.indexBytes();
    }

    /** The same images and snapshots in a store that has never had others. */
    private long storedByAnother() throws Exception {
        Path other = data.resolveSibling(data.getFileName() + "-other");
        try (ServerProcess server = ServerProcess.start(other, servers.command(other, List.of()))) {
            KillLoad load = new KillLoad(server, new KillLedger());
            for (Thing thing : ledger.finished()) {
                load.push(thing.disk());
            }
            Garbage.collect(server.connect());
            return storedBytes(server.connect());
        }
    }
}
