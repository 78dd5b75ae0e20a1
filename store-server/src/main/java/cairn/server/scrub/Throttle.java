package cairn.server.scrub;

import cairn.Fault;
import cairn.StoreException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * How much of the disk and of a processor work in the background may take, so that others come first: it tells what it
 * has used, and is made to wait until that is within its share. For one thread at a time, but for {@link #close}.
 */
public final class Throttle implements AutoCloseable {
    /** What was not used for so long may be used later at once. */
    private static final long SAVED_NANOS_MAX = TimeUnit.MILLISECONDS.toNanos(250);
    /** Shorter waits are saved up. */
    private static final long WAIT_NANOS_MIN = TimeUnit.MILLISECONDS.toNanos(5);
    private static final double NANOS_PER_SECOND = 1e9;
    private static final double PERCENT = 100;

    private final double nanosPerByte;
    private final double nanosPerCpuNano;
    private final ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition closed = lock.newCondition();
    /** Whose processor time is counted, and from when on. This and what follows: guarded by {@link #lock}. */
    private Thread thread;
    private long cpuNanos;
    private long atNanos;
    private double debtNanos;
    private boolean isClosed;

    /** @param cpuPercent of one processor; 100 for as much as one thread can take */
    public Throttle(long bytesPerSecond, int cpuPercent) {
        this.nanosPerByte = NANOS_PER_SECOND / bytesPerSecond;
        this.nanosPerCpuNano = PERCENT / cpuPercent;
    }

    /**
     * Tells that so many bytes were read or written since this was last called, and waits until that is within the
     * budget, as is the processor time of this thread.
     *
     * @throws StoreException SHUTTING_DOWN once this is closed
     */
    public void used(long bytes) {
        lock.lock();
        try {
            owe(bytes);
            long until = System.nanoTime() + (long) debtNanos;
            while (!isClosed && debtNanos >= WAIT_NANOS_MIN && until - System.nanoTime() > 0) {
                await(until - System.nanoTime());
            }
            if (isClosed) {
                throw new StoreException(Fault.SHUTTING_DOWN, "work in the background has ended");
            }
        } finally {
            lock.unlock();
        }
    }

    private void owe(long bytes) {
        long now = System.nanoTime();
        long cpuNow = threads.getCurrentThreadCpuTime();
        if (thread != Thread.currentThread()) {
            thread = Thread.currentThread();
            cpuNanos = cpuNow;
            atNanos = now;
        }
        double due = Math.max(bytes * nanosPerByte, (cpuNow - cpuNanos) * nanosPerCpuNano);
        debtNanos = Math.max(-SAVED_NANOS_MAX, debtNanos + due - (now - atNanos));
        cpuNanos = cpuNow;
        atNanos = now;
    }

    private void await(long nanos) {
        try {
            closed.awaitNanos(nanos);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StoreException(Fault.SHUTTING_DOWN, "work in the background was interrupted", e);
        }
    }

    /** Ends whoever waits, and whoever uses it later. */
    @Override
    public void close() {
        lock.lock();
        try {
            isClosed = true;
            closed.signalAll();
        } finally {
            lock.unlock();
        }
    }
}
