package cairn.server;

import cairn.server.KillLedger.Kind;
import cairn.server.KillLedger.Thing;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Kills a real server at each file operation of a fixed piece of work, and proves each time that a start needs no help
 * and nothing acknowledged is lost.
 *
 * <p>strace stops the server for a moment behind each system call that changes files, and tells it; at the wanted one
 * in the data folder, from the server's start on, the server is killed before it goes on. First without a kill, to
 * count them. Each time begins with a copy of one data folder, and then does the same: starts, takes a push, writes by
 * EBS direct and over NBD with flushes, makes a snapshot, removes, collects garbage and settles, ends. Which of several
 * threads is first differs a little from one time to the next, and with it which operation has a number.
 */
@Command(name = "crash-points", mixinStandardHelpOptions = true, sortOptions = false)
public final class CrashPoints implements Callable<Integer> {
    static final String TRACER = "strace";
    private static final String CALLS = "write,writev,pwrite64,pwritev,fsync,fdatasync,sync_file_range,rename,renameat,"
            + "renameat2,link,linkat,unlink,unlinkat,ftruncate,mkdir,mkdirat,rmdir";
    /** Long enough for the kill to come before anything else is done. */
    private static final int STOPPED_MICROS = 1500;
    private static final int SECONDS_MAX = 120;
    private static final int PREPARATIONS = 3;
    private static final int POINTS_BETWEEN_LINES = 20;

    @Option(names = "--every", paramLabel = "N", description = "each Nth operation only (default: ${DEFAULT-VALUE})")
    private int every = 1;

    @Option(names = "--from", paramLabel = "N", description = "the first one (default: ${DEFAULT-VALUE})")
    private long from = 1;

    @Option(names = "--seed", paramLabel = "N", description = "of the work (default: ${DEFAULT-VALUE})")
    private long seed = 1;

    @Option(names = "--data", paramLabel = "DIR", required = true, description = "a folder to work in, not there yet")
    private Path folder;

    private PrintStream out = System.out;
    private QuickServers servers;
    private KillLedger prepared;

    private CrashPoints() {}

    CrashPoints(Path folder, PrintStream out) {
        this.folder = folder;
        this.out = out;
    }

    public static void main(String[] args) {
        System.exit(new CommandLine(new CrashPoints()).execute(args));
    }

    @Override
    public Integer call() throws Exception {
        if (Files.exists(folder)) {
            out.println(folder + " is there already");
            return 2;
        }
        try {
            run();
            return 0;
        } catch (AssertionError e) {
            out.println("FAILED: " + e.getMessage() + "\nThe store is in " + folder + ", and its log beside it.");
            e.printStackTrace(out);
            return 1;
        }
    }

    /** All that were asked for. */
    private void run() throws Exception {
        long startNanos = System.nanoTime();
        long operations = count();
        for (long at = from; at <= operations; at += every) {
            crashAt(at);
            if ((at - from) / every % POINTS_BETWEEN_LINES == 0) {
                say(startNanos, "up to operation " + at);
            }
        }
        say(startNanos, "nothing lost");
    }

    /** Some of them, other ones each time. */
    void runSome(int points) throws Exception {
        long operations = count();
        long step = Math.max(1, operations / points);
        for (long at = 1 + System.nanoTime() % step; at <= operations; at += step) {
            out.println("killed at operation " + at);
            crashAt(at);
        }
    }

    private void say(long startNanos, String what) {
        out.printf(Locale.ROOT, "%.0f s: %s%n", (System.nanoTime() - startNanos) / 1e9, what);
    }

    /** Prepares, and does it all without a kill. @return how many operations there are */
    private long count() throws Exception {
        // As the system shows it.
        folder = Files.createDirectories(folder).toRealPath();
        servers = QuickServers.prepare(folder.resolve("classes"));
        prepare();
        Traced whole = new Traced(folder.resolve("whole"), prepared.copy(), Long.MAX_VALUE);
        whole.run();
        whole.check();
        out.println(whole.operations + " operations on files: " + whole.calls);
        return whole.operations.get();
    }

    private void crashAt(long operation) throws Exception {
        Traced traced = new Traced(folder.resolve("point"), prepared.copy(), operation);
        try {
            traced.run();
            traced.check();
        } catch (AssertionError e) {
            throw new AssertionError("killed at operation " + operation + " of seed " + seed + ", which was "
                    + traced.last + ": " + e.getMessage(), e);
        }
        traced.remove();
    }

    /** A store in which there is a bit of everything. */
    private void prepare() throws Exception {
        prepared = new KillLedger();
        Path data = folder.resolve("prepared");
        try (ServerProcess server = ServerProcess.start(data, servers.command(data, List.of()))) {
            SplittableRandom random = new SplittableRandom(seed);
            KillLoad load = new KillLoad(server, prepared);
            for (int n = 0; n < PREPARATIONS; n++) {
                load.once(random);
            }
        }
    }

    /** The work, done by a server that is watched, and killed at one point of it. */
    private final class Traced {
        private final Path data;
        private final KillLedger ledger;
        private final long killedAt;
        private final AtomicLong operations = new AtomicLong();
        private final TreeMap<String, Integer> calls = new TreeMap<>();
        private volatile String last = "none";
        private volatile Process server;
        private volatile boolean isKilled;

        Traced(Path data, KillLedger ledger, long killedAt) throws IOException {
            this.data = data;
            this.ledger = ledger;
            this.killedAt = killedAt;
            remove();
            try (Stream<Path> files = Files.walk(folder.resolve("prepared"))) {
                for (Path file : files.toList()) {
                    Files.copy(file, data.resolve(folder.resolve("prepared").relativize(file)),
                            StandardCopyOption.COPY_ATTRIBUTES);
                }
            }
        }

        void run() throws Exception {
            Path trace = Files.createTempDirectory(folder, "trace").resolve("pipe");
            Tools.run("mkfifo", trace.toString()).success();
            CompletableFuture<Void> watching = CompletableFuture.runAsync(() -> watch(trace));
            List<String> command = new ArrayList<>(List.of(
                    TRACER, "-D", "-f", "--seccomp-bpf", "-qq", "-y", "-o", trace.toString(), "-e", "signal=none",
                    "-e", "trace=" + CALLS, "-e", "inject=" + CALLS + ":delay_exit=" + STOPPED_MICROS));
            command.addAll(servers.command(data, List.of()));
            try {
                ServerProcess started = ServerProcess.start(data, command, process -> server = process);
                try (started) {
                    new KillLoad(started, ledger).once(new SplittableRandom(seed));
                }
            } catch (Exception | AssertionError e) {
                if (!isKilled) {
                    throw e;
                }
            } finally {
                server.destroyForcibly().onExit().join();
            }
            watching.get(SECONDS_MAX, TimeUnit.SECONDS);
        }

        private void watch(Path trace) {
            // Calls that another thread's came in between of, by their thread.
            Map<String, String> unfinished = new HashMap<>();
            try (BufferedReader lines = Files.newBufferedReader(trace)) {
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                    String thread = line.substring(0, line.indexOf(' '));
                    if (line.endsWith("<unfinished ...>")) {
                        unfinished.put(thread, line);
                        continue;
                    }
                    String call = line.contains(" resumed>") ? unfinished.getOrDefault(thread, "") : line;
                    if (call.contains(data + "/") && !call.contains("/rocks/LOG>")) {
                        operation(call);
                    }
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private void operation(String line) {
            if (isKilled) {
                return;
            }
            last = line;
            calls.merge(line.replaceFirst("^\\d+ +(\\w+).*", "$1"), 1, Integer::sum);
            if (operations.incrementAndGet() == killedAt) {
                isKilled = true;
                server.destroyForcibly();
            }
        }

        /** It starts without help, has all that was acknowledged, and goes on; and so once more. */
        void check() throws Exception {
            for (int n = 0; n < 2; n++) {
                try (ServerProcess again = ServerProcess.start(data, servers.command(data, List.of()))) {
                    ledger.reconcile(again.connect());
                    for (Thing thing : ledger.list(each -> each.kind != Kind.PENDING)) {
                        KillLoad.compare(again, thing);
                    }
                    if (n == 0) {
                        new KillLoad(again, ledger).once(new SplittableRandom(seed + 1));
                    }
                }
            }
        }

        void remove() throws IOException {
            if (!Files.exists(data)) {
                return;
            }
            try (Stream<Path> files = Files.walk(data)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        }
    }
}
