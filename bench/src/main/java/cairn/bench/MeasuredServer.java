package cairn.bench;

import cairn.Fault;
import cairn.StoreException;
import cairn.cli.ThrowAwayServer;
import cairn.client.StoreClient;
import cairn.sigv4.Credentials;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * A real server in a process of its own, so that its CPU time can be told from the client's. It ends with this process,
 * also when that is interrupted, and its folder goes with it.
 */
final class MeasuredServer implements AutoCloseable {
    /** Heap and direct buffers that the launcher lets {@code cairn serve} have, in bytes. */
    static final long LAUNCHER_MEMORY_BYTES = (1024L + 2304) << 20;

    private static final List<String> LAUNCHER_MEMORY = List.of("-Xmx1g", "-XX:MaxDirectMemorySize=2304m");
    /** Between two looks at what it has used, by which it is told whether it still works. */
    private static final long IDLE_NANOS = TimeUnit.MILLISECONDS.toNanos(200);
    /** A tick of the system's clock: what it uses even when it does nothing. */
    private static final Duration IDLE_CPU_MAX = Duration.ofMillis(10);

    private static final int IDLE_LOOKS_MAX = 50;

    private final Path folder;
    private final boolean isFolderKept;
    private final Thread clearing = new Thread(this::clear);
    private ThrowAwayServer server;
    private Duration readyAfter = Duration.ZERO;
    private boolean isCleared;

    private MeasuredServer(Path folder, boolean isFolderKept) {
        this.folder = folder;
        this.isFolderKept = isFolderKept;
    }

    /**
     * Starts a server from this process's class path and waits until it is ready.
     *
     * @param keep a folder that is empty or not there yet, and stays; empty: one that does not
     * @param javaOptions more options for its Java
     */
    static MeasuredServer start(Optional<Path> keep, List<String> javaOptions) throws IOException {
        Path folder = keep.isPresent() ? emptyFolder(keep.get()) : ScratchFolder.make();
        return start(new MeasuredServer(folder, keep.isPresent()), CairnProgram.server(javaOptions));
    }

    /**
     * Starts a server as users do, on a folder that it or another has used before, or that is empty; it stays.
     *
     * @param options more for {@code cairn serve}
     */
    static MeasuredServer open(Path folder, List<String> options) {
        List<String> program = new ArrayList<>(CairnProgram.serve(LAUNCHER_MEMORY));
        program.addAll(options);
        return start(new MeasuredServer(folder.toAbsolutePath(), true), program);
    }

    private static MeasuredServer start(MeasuredServer measured, List<String> program) {
        Runtime.getRuntime().addShutdownHook(measured.clearing);
        try {
            long start = System.nanoTime();
            measured.launch(program).awaitReady();
            measured.readyAfter = Duration.ofNanos(System.nanoTime() - start);
            return measured;
        } catch (RuntimeException e) {
            boolean isInterrupted = measured.isCleared();
            measured.close();
            throw isInterrupted ? interrupted(e) : e;
        }
    }

    private static StoreException interrupted(RuntimeException cause) {
        return new StoreException(Fault.SHUTTING_DOWN, "interrupted", cause);
    }

    private static Path emptyFolder(Path folder) throws IOException {
        if (Files.exists(folder) && !Files.isDirectory(folder)) {
            throw new StoreException(Fault.CONFLICT, folder + " is no folder; name one that is empty or not there yet");
        }
        Files.createDirectories(folder);
        try (Stream<Path> files = Files.list(folder)) {
            if (files.findAny().isPresent()) {
                throw new StoreException(
                        Fault.CONFLICT, folder + " is not empty; name a folder that is, or is not there yet");
            }
        }
        return folder.toAbsolutePath();
    }

    /** Together with {@link #clear}, so that no server starts after everything was cleared. */
    private synchronized ThrowAwayServer launch(List<String> program) {
        if (isCleared) {
            throw interrupted(null);
        }
        server = ThrowAwayServer.start(program, folder, true);
        return server;
    }

    /** Does what needs the server; if that fails because this process is being ended, says so. */
    <T> T during(Function<MeasuredServer, T> work) {
        try {
            return work.apply(this);
        } catch (RuntimeException e) {
            throw isCleared() ? interrupted(e) : e;
        }
    }

    private synchronized boolean isCleared() {
        return isCleared;
    }

    StoreClient connect() {
        return server.connect();
    }

    long pid() {
        return server.pid();
    }

    Credentials credentials() {
        return server.credentials();
    }

    Path dataFolder() {
        return server.dataFolder();
    }

    /**
     * What all its threads have used since it started, compilers and collectors too; in steps of the system's clock.
     */
    Duration cpu() {
        return ProcessUse.cpu(server.pid());
    }

    /** The same, when it has ended what it does after it has answered: files are written, code is compiled. */
    Duration cpuWhenIdle() {
        Duration before = cpu();
        for (int look = 0; look < IDLE_LOOKS_MAX; look++) {
            LockSupport.parkNanos(IDLE_NANOS);
            Duration now = cpu();
            if (now.minus(before).compareTo(IDLE_CPU_MAX) <= 0) {
                return now;
            }
            before = now;
        }
        return before;
    }

    /** From the start of its process, Java and all, until it said that it was ready. */
    Duration readyAfter() {
        return readyAfter;
    }

    /** The most memory that it has had in RAM since that was forgotten, its mapped files too: in bytes. Linux only. */
    long peakMemoryBytes() {
        return ProcessUse.peakBytes(server.pid()).orElseThrow(MeasuredServer::unknownMemory);
    }

    /** The memory that it has in RAM now, its mapped files too: in bytes. Linux only. */
    long memoryBytes() {
        return ProcessUse.bytes(server.pid()).orElseThrow(MeasuredServer::unknownMemory);
    }

    private static StoreException unknownMemory() {
        return new StoreException(
                Fault.UNAVAILABLE, "cannot tell the server's memory: it has ended, or this is no Linux");
    }

    /** Has {@link #peakMemoryBytes} begin anew. */
    void forgetPeakMemory() {
        ProcessUse.forgetPeak(server.pid());
    }

    /** Ends the server and removes what it kept, unless that is to stay. */
    @Override
    public void close() {
        clear();
        try {
            Runtime.getRuntime().removeShutdownHook(clearing);
        } catch (IllegalStateException e) {
            // The hook is at work already; it finds nothing left to do.
        }
    }

    private synchronized void clear() {
        if (isCleared) {
            return;
        }
        isCleared = true;
        if (server != null) {
            server.close();
        }
        if (isFolderKept) {
            return;
        }
        try {
            ScratchFolder.remove(folder);
        } catch (IOException e) {
            throw new StoreException(Fault.INTERNAL, "cannot remove " + folder + ": " + e.getMessage(), e);
        }
    }
}
