package cairn.bench;

import cairn.Fault;
import cairn.StoreException;
import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.OptionalLong;
import java.util.stream.Stream;

/** What a process has used of the machine. Memory is with its mapped files, and on Linux alone. */
final class ProcessUse {
    private static final String NOW = "VmRSS:";
    private static final String PEAK = "VmHWM:";
    /** What clear_refs takes for that. */
    private static final String FORGET_PEAK = "5";

    private ProcessUse() {}

    /** What all its threads have used since it began, compilers and collectors too; in steps of the system's clock. */
    static Duration cpu(long pid) {
        return ProcessHandle.of(pid)
                .flatMap(process -> process.info().totalCpuDuration())
                .orElseThrow(() -> new StoreException(Fault.UNAVAILABLE, "process " + pid + " has ended"));
    }

    /** The same of this process, in steps of its own. */
    static Duration ownCpu() {
        OperatingSystemMXBean system = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
        return Duration.ofNanos(system.getProcessCpuTime());
    }

    /** In RAM now, in bytes; nothing if it has ended. */
    static OptionalLong bytes(long pid) {
        return field(pid, NOW);
    }

    /** The most that it has had in RAM at any time, in bytes; nothing if it has ended. */
    static OptionalLong peakBytes(long pid) {
        return field(pid, PEAK);
    }

    private static OptionalLong field(long pid, String name) {
        try (Stream<String> lines = Files.lines(file(pid, "status"))) {
            return lines.filter(line -> line.startsWith(name))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) << 10)
                    .findFirst();
        } catch (IOException | UncheckedIOException e) {
            return OptionalLong.empty();
        }
    }

    /**
     * From here on the peak is that of what follows.
     *
     * @throws StoreException UNAVAILABLE if the system can not do that
     */
    static void forgetPeak(long pid) {
        try {
            Files.writeString(file(pid, "clear_refs"), FORGET_PEAK);
        } catch (IOException e) {
            throw new StoreException(Fault.UNAVAILABLE, "cannot reset the peak memory of a process: " + e, e);
        }
    }

    private static Path file(long pid, String name) {
        return Path.of("/proc", String.valueOf(pid), name);
    }
}
