package cairn.server.gc;

import static cairn.Fault.SHUTTING_DOWN;

import cairn.StoreException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Slows the collector's one thread down so that others come first, makes it wait while it is paused, and ends it.
 * Between two calls of it lies little work.
 */
final class Pace {
    private static final int STEPS_AT_ONCE = 256;
    private static final double NANOS = 1e9;
    private static final int PERCENT = 100;
    /** Not worth a wait. */
    private static final long WAIT_NANOS_MIN = 2_000_000;

    private final ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    private final Runnable check;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private volatile boolean isPaused;
    private volatile boolean isEnded;
    private volatile Budget budget = Budget.NONE;

    // Of the collecting thread alone.
    private int steps;
    private long lastNanos;
    private long lastCpuNanos;
    /** When what was done so far may have been done. */
    private long dueNanos;

    /** @param check called with every step; what it throws ends what is being done */
    Pace(Runnable check) {
        this.check = check;
    }

    /** To be called by the collecting thread when it begins. */
    void begin(Budget newBudget) {
        budget = newBudget;
        lastNanos = System.nanoTime();
        dueNanos = lastNanos;
        lastCpuNanos = threads.getCurrentThreadCpuTime();
    }

    /** From now on, also for what is being done. */
    void hurry() {
        lock.lock();
        try {
            budget = Budget.NONE;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    void pause(boolean nowPaused) {
        lock.lock();
        try {
            isPaused = nowPaused;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    boolean isPaused() {
        return isPaused;
    }

    /** What is being done ends at its next step, and so does whatever is begun. */
    void end() {
        lock.lock();
        try {
            isEnded = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    boolean isEnded() {
        return isEnded;
    }

    /** Little was done. @throws StoreException SHUTTING_DOWN; what the check throws */
    void step() {
        requireGoing();
        if (++steps % STEPS_AT_ONCE == 0) {
            spend(0);
        }
    }

    /** So many bytes were read or written. @throws StoreException as {@link #step} */
    void used(long bytes) {
        requireGoing();
        spend(bytes);
    }

    private void requireGoing() {
        if (isPaused) {
            awaitResumed();
        }
        requireOpen();
        check.run();
    }

    /** For who does not keep to the budget. @throws StoreException SHUTTING_DOWN */
    void requireOpen() {
        if (isEnded) {
            throw new StoreException(SHUTTING_DOWN, "the collection of garbage ends with the server");
        }
    }

    private void awaitResumed() {
        lock.lock();
        try {
            while (isPaused && !isEnded) {
                changed.awaitUninterruptibly();
            }
        } finally {
            lock.unlock();
        }
        begin(budget);
    }

    private void spend(long bytes) {
        Budget now = budget;
        long nanos = System.nanoTime();
        long cpuNanos = threads.getCurrentThreadCpuTime();
        double byBytes = now.bytesPerSecond() == 0 ? 0 : bytes * NANOS / now.bytesPerSecond();
        double byCpu = now.cpuPercent() >= PERCENT ? 0 : (cpuNanos - lastCpuNanos) * (double) PERCENT / now.cpuPercent();
        dueNanos = Math.max(dueNanos, lastNanos) + (long) Math.max(byBytes, byCpu);
        lastNanos = nanos;
        lastCpuNanos = cpuNanos;
        if (dueNanos - nanos > WAIT_NANOS_MIN) {
            awaitDue();
        }
    }

    private void awaitDue() {
        lock.lock();
        try {
            long left = dueNanos - System.nanoTime();
            while (left > 0 && !isEnded && !isPaused && budget != Budget.NONE) {
                left = Math.min(changed.awaitNanos(left), dueNanos - System.nanoTime());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StoreException(SHUTTING_DOWN, "the collection of garbage was interrupted", e);
        } finally {
            lock.unlock();
        }
        if (budget == Budget.NONE) {
            dueNanos = System.nanoTime();
        }
    }
}
