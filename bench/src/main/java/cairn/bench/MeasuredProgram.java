package cairn.bench;

import cairn.Fault;
import cairn.StoreException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Runs a program to its end, and says what it took. One at a time: whatever else this process had started and ends
 * meanwhile would be counted too.
 */
final class MeasuredProgram {
    private static final long SECONDS_MAX = 3600;
    private static final long LOOK_MILLIS = 20;
    /** What Linux counts in, whatever its own clock does, but on two old processors. */
    private static final double TICKS_A_SECOND = 100;
    /** Of /proc/self/stat, behind the name, which is in brackets: cutime and cstime, the 16th and 17th. */
    private static final int CHILDREN_USER_FIELD = 13;

    private final Path folder;
    private final Map<String, String> environment;
    private String said = "";

    /**
     * What something took.
     *
     * @param cpuSeconds of all threads of all its processes, in steps of 10 ms
     * @param peakBytes the most memory that its processes had in RAM together
     */
    record Used(double wallSeconds, double cpuSeconds, long peakBytes) {
        static final Used NOTHING = new Used(0, 0, 0);

        /** Followed by something else. */
        Used then(Used next) {
            return new Used(
                    wallSeconds + next.wallSeconds, cpuSeconds + next.cpuSeconds, Math.max(peakBytes, next.peakBytes));
        }

        /** With what somebody else took in this time. */
        Used with(double otherCpuSeconds, long otherPeakBytes) {
            return new Used(wallSeconds, cpuSeconds + otherCpuSeconds, peakBytes + otherPeakBytes);
        }
    }

    /**
     * @param folder where it runs, and what it says is kept meanwhile
     * @param environment that it has beside this process's own
     */
    MeasuredProgram(Path folder, Map<String, String> environment) {
        this.folder = folder;
        this.environment = Map.copyOf(environment);
    }

    /**
     * Runs it.
     *
     * @throws StoreException UNAVAILABLE if it can not be run; INTERNAL, with what it said on stderr, if it failed
     */
    Used run(List<String> command) {
        Path out = folder.resolve("measured-said.txt");
        Path err = folder.resolve("measured-failed.txt");
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectInput(Path.of("/dev/null").toFile())
                .redirectOutput(out.toFile())
                .redirectError(err.toFile());
        builder.environment().putAll(environment);
        try {
            double cpuBefore = endedChildrenCpuSeconds();
            long start = System.nanoTime();
            Process process = builder.start();
            Thread ending = endedWithUs(process);
            long peakBytes = watch(process, start);
            double wallSeconds = (System.nanoTime() - start) / 1e9;
            Runtime.getRuntime().removeShutdownHook(ending);
            if (process.exitValue() != 0) {
                throw new StoreException(
                        Fault.INTERNAL,
                        String.join(" ", command) + " failed: "
                                + Files.readString(err, StandardCharsets.UTF_8).strip());
            }
            said = Files.readString(out, StandardCharsets.UTF_8);
            return new Used(wallSeconds, endedChildrenCpuSeconds() - cpuBefore, peakBytes);
        } catch (IOException e) {
            throw new StoreException(Fault.UNAVAILABLE, "cannot run " + command.get(0) + ": " + e.getMessage(), e);
        } catch (IllegalStateException e) {
            throw new StoreException(Fault.SHUTTING_DOWN, "interrupted", e);
        }
    }

    /** @throws IllegalStateException if this process is being ended; then that one is too */
    private static Thread endedWithUs(Process process) {
        Thread ending = new Thread(process::destroy);
        try {
            Runtime.getRuntime().addShutdownHook(ending);
        } catch (IllegalStateException e) {
            process.destroy();
            throw e;
        }
        return ending;
    }

    /** What it said on stdout. */
    String said() {
        return said;
    }

    /**
     * Waits for its end.
     *
     * @return its peak memory, as the system keeps it; only what it grew by in its last moment is not seen
     */
    private static long watch(Process process, long start) {
        long peakBytes = 0;
        try {
            while (!process.waitFor(LOOK_MILLIS, TimeUnit.MILLISECONDS)) {
                peakBytes = Math.max(peakBytes, peakBytes(process.pid()));
                if (System.nanoTime() - start > TimeUnit.SECONDS.toNanos(SECONDS_MAX)) {
                    process.destroyForcibly();
                    throw new StoreException(Fault.INTERNAL, "a program has not ended within " + SECONDS_MAX + " s");
                }
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
            throw new StoreException(Fault.SHUTTING_DOWN, "interrupted", e);
        }
        return peakBytes;
    }

    private static long peakBytes(long pid) {
        long bytes = ProcessUse.peakBytes(pid).orElse(0);
        for (String child : children(pid).split(" ")) {
            bytes += child.isEmpty() ? 0 : peakBytes(Long.parseLong(child));
        }
        return bytes;
    }

    private static String children(long pid) {
        try {
            return Files.readString(Path.of("/proc/" + pid + "/task/" + pid + "/children")).strip();
        } catch (IOException e) {
            // It has ended, or this system does not say.
            return "";
        }
    }

    /** What the system has added up of all processes that this one had started, and theirs, when they had ended. */
    private static double endedChildrenCpuSeconds() throws IOException {
        String stat = Files.readString(Path.of("/proc/self/stat"));
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
        return (Long.parseLong(fields[CHILDREN_USER_FIELD]) + Long.parseLong(fields[CHILDREN_USER_FIELD + 1]))
                / TICKS_A_SECOND;
    }
}
