package cairn.server.gc;

import static cairn.Fault.CONFLICT;
import static cairn.Fault.SHUTTING_DOWN;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.gc.Collector.Mode;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Has garbage collected by a thread of its own: now and then in the background, and when somebody asks. */
public final class GcSchedule implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(GcSchedule.class);

    private static final long CLOSE_MILLIS = TimeUnit.SECONDS.toMillis(10);

    private final Collector collector;
    private final GcSettings settings;
    private final Thread thread = new Thread(this::work, "gc");
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    // Guarded by the lock.
    private long asked;
    private long begun;
    private long ended;
    private boolean isClosed;

    /** @param collector closed with this */
    public GcSchedule(Collector collector, GcSettings settings) {
        this.collector = collector;
        this.settings = settings;
        thread.setDaemon(true);
        thread.setPriority(Thread.MIN_PRIORITY);
    }

    public void start() {
        thread.start();
    }

    public Collector collector() {
        return collector;
    }

    /**
     * Asks for what is dead now to be collected, without regard to the budget. Several who ask before it begins get the
     * same run.
     *
     * @return the run's number: it has ended when {@link GcStatus#runs} is that
     * @throws StoreException CONFLICT while collection is paused, or an alarm stands
     */
    public long ask() {
        GcStatus status = status();
        if (status.isPaused()) {
            throw new StoreException(
                    CONFLICT, "the collection of garbage is paused; `cairn gc --resume` lets it go on");
        }
        collector.requireNoAlarm();
        lock.lock();
        try {
            if (asked == begun) {
                asked++;
            }
            collector.hurry();
            changed.signalAll();
            return asked;
        } finally {
            lock.unlock();
        }
    }

    public GcStatus status() {
        lock.lock();
        try {
            return collector.status(ended);
        } finally {
            lock.unlock();
        }
    }

    private void work() {
        Duration pause = settings.first();
        while (true) {
            Optional<Long> run = await(pause);
            if (isClosed()) {
                return;
            }
            try {
                collect(run.isPresent() ? Mode.ASKED : Mode.BACKGROUND);
            } finally {
                run.ifPresent(this::end);
            }
            pause = settings.every().orElse(Duration.ZERO);
        }
    }

    /** @return the run that was asked for; empty when it is time for one in the background */
    private Optional<Long> await(Duration pause) {
        lock.lock();
        try {
            long left = pause.toNanos();
            while (!isClosed && asked == begun && (settings.every().isEmpty() || left > 0)) {
                if (settings.every().isEmpty()) {
                    changed.awaitUninterruptibly();
                } else {
                    left = changed.awaitNanos(left);
                }
            }
            if (asked == begun) {
                return Optional.empty();
            }
            begun = asked;
            return Optional.of(begun);
        } catch (InterruptedException e) {
            isClosed = true;
            return Optional.empty();
        } finally {
            lock.unlock();
        }
    }

    private boolean isClosed() {
        lock.lock();
        try {
            return isClosed;
        } finally {
            lock.unlock();
        }
    }

    /** What fails now is tried again the next time. */
    private void collect(Mode mode) {
        try {
            if (mode == Mode.ASKED) {
                collector.collect(mode, Budget.NONE);
            } else if (collector.isDue()) {
                collector.collect(mode, settings.budget());
            }
        } catch (OutOfMemoryError e) {
            log.error("garbage is not collected", e);
        } catch (RuntimeException e) {
            if (Fault.of(e) == Fault.INTERNAL) {
                log.error("garbage is not collected", e);
            } else if (Fault.of(e) != SHUTTING_DOWN) {
                log.warn("garbage is not collected: {}", e.getMessage());
            }
        }
    }

    private void end(long run) {
        lock.lock();
        try {
            ended = run;
        } finally {
            lock.unlock();
        }
    }

    /** What is being collected ends within a moment. */
    @Override
    public void close() {
        lock.lock();
        try {
            isClosed = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        collector.close();
        try {
            thread.join(CLOSE_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
