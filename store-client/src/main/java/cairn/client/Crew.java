package cairn.client;

import cairn.Fault;
import cairn.StoreException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/**
 * A few threads that do tasks as they are handed out. The first failure interrupts all the others, and is what the
 * thread that hands out gets to see.
 */
final class Crew implements AutoCloseable {
    /** Twice the usual number on a large machine; each worker has tens of megabytes in its hands. */
    static final int WORKERS_MAX = 256;

    private static final long STOP_SECONDS_MAX = 30;

    private final ExecutorService pool;
    private final Semaphore idle;
    private final AtomicReference<Throwable> failure = new AtomicReference<>();

    Crew(String name, int workers) {
        AtomicInteger number = new AtomicInteger();
        this.idle = new Semaphore(workers);
        this.pool = Executors.newFixedThreadPool(workers, task -> {
            Thread thread = new Thread(task, name + '-' + number.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        });
    }

    /** Enough that some wait for the network while the others keep every core busy. */
    static int usualWorkers() {
        return Math.min(Runtime.getRuntime().availableProcessors() + 2, WORKERS_MAX);
    }

    /** Hands out a task; waits until a worker is idle, so that no more tasks exist than workers. */
    void submit(Runnable task) {
        try {
            idle.acquire();
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
        try {
            throwFailure();
            pool.execute(() -> work(task));
        } catch (RejectedExecutionException e) {
            idle.release();
            throwFailure();
            throw new IllegalStateException("the crew has gone", e);
        } catch (RuntimeException | Error e) {
            idle.release();
            throw e;
        }
    }

    private void work(Runnable task) {
        try {
            task.run();
        } catch (RuntimeException | Error e) {
            if (failure.compareAndSet(null, e)) {
                pool.shutdownNow();
            }
        } finally {
            idle.release();
        }
    }

    /** Waits until everything is done. */
    void finish() {
        pool.shutdown();
        try {
            while (!pool.awaitTermination(STOP_SECONDS_MAX, TimeUnit.SECONDS)) {
                // Each request in a task has its own limit.
            }
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
        throwFailure();
    }

    private void throwFailure() {
        Throwable why = failure.get();
        if (why instanceof Error e) {
            throw e;
        }
        if (why instanceof RuntimeException e) {
            throw e;
        }
    }

    private static StoreException interrupted(InterruptedException e) {
        Thread.currentThread().interrupt();
        return new StoreException(Fault.UNAVAILABLE, "interrupted", e);
    }

    /** Interrupts what still runs and waits until it has stopped, so that nobody uses what is closed next. */
    @Override
    public void close() {
        pool.shutdownNow();
        try {
            pool.awaitTermination(STOP_SECONDS_MAX, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
