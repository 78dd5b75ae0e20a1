package cairn.server.gc;

import cairn.server.gc.GcStatus.Phase;
import cairn.server.gc.GcStatus.Progress;
import cairn.server.gc.GcStatus.Result;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What one run has done so far. The collecting thread says it, any thread may ask. */
final class GcProgress {
    private static final int FAILURES_MAX = 10;
    private static final double NANOS = 1e9;
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    private final Clock clock;
    private final Instant startedAt;
    private final long startedCpuNanos = THREADS.getCurrentThreadCpuTime();
    private final List<String> failures = new ArrayList<>();
    private Phase phase = Phase.MARKING;
    private long phaseNanos = System.nanoTime();
    private int cycle;
    private long pages;
    private long rowsRemoved;
    private long doneBytes;
    private long totalBytes;
    private long givenBackBytes;
    private long packedBytes;
    private int extentsRewritten;
    private int extentsFailed;

    GcProgress(Clock clock) {
        this.clock = clock;
        this.startedAt = clock.instant();
    }

    synchronized void marking() {
        enter(Phase.MARKING, 0);
        cycle++;
        pages = 0;
    }

    /** @param newTotalBytes of the extents that it is about; 0 where it is about none */
    synchronized void enter(Phase newPhase, long newTotalBytes) {
        phase = newPhase;
        phaseNanos = System.nanoTime();
        doneBytes = 0;
        totalBytes = newTotalBytes;
    }

    synchronized void page() {
        pages++;
    }

    synchronized void removed(long rows) {
        rowsRemoved += rows;
    }

    synchronized void rewritten(Plan.Group group, long bytesLess) {
        doneBytes += group.storedBytes();
        if (phase == Phase.SETTLING) {
            packedBytes += bytesLess;
        } else {
            givenBackBytes += bytesLess;
        }
        extentsRewritten += group.extents().size();
    }

    synchronized void failed(Plan.Group group, String why) {
        doneBytes += group.storedBytes();
        extentsFailed += group.extents().size();
        if (failures.size() < FAILURES_MAX) {
            failures.add(why);
        }
    }

    synchronized boolean hasFailures() {
        return extentsFailed > 0;
    }

    synchronized Progress seen() {
        return new Progress(
                phase, startedAt, Math.max(1, cycle), pages, rowsRemoved, doneBytes, totalBytes, givenBackBytes, secondsLeft());
    }

    private Optional<Long> secondsLeft() {
        double seconds = (System.nanoTime() - phaseNanos) / NANOS;
        return doneBytes <= 0
                ? Optional.empty()
                : Optional.of(Math.round(seconds * Math.max(0, totalBytes - doneBytes) / doneBytes));
    }

    private long cpuMillis() {
        return (THREADS.getCurrentThreadCpuTime() - startedCpuNanos) / 1_000_000;
    }

    /** To be called by the thread that began it. */
    synchronized Result result(Optional<String> error) {
        return new Result(
                startedAt,
                clock.instant(),
                pages,
                rowsRemoved,
                givenBackBytes,
                packedBytes,
                extentsRewritten,
                extentsFailed,
                cpuMillis(),
                List.copyOf(failures),
                error);
    }
}
