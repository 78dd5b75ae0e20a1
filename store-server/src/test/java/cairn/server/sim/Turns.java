package cairn.server.sim;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.locks.AbstractOwnableSynchronizer;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

/**
 * Has several tasks go on at once, of which only one runs at a time: each in a thread of its own, which goes on for
 * some calls of the storage when it is its turn, and then waits for the next one. Who is next is drawn from a random
 * number generator, so that the same seed has the same order.
 *
 * <p>A task may wait for a lock that another one holds which is not on turn; then others come first. Threads that a
 * task has begun and waits for run with it.
 */
final class Turns implements AutoCloseable {
    private static final long POLL_NANOS = 200_000;
    /** Of waiting for something that is no lock. */
    private static final long PATIENCE_NANOS = 50_000_000;
    private static final long DEADLOCK_NANOS = 5_000_000_000L;
    private static final int TURN_CALLS_MAX = 40;
    private static final int THREADS_MAX = 1000;

    private enum Phase {
        IDLE,
        READY,
        RUNNING
    }

    private final Random random;
    private final Thread controller = Thread.currentThread();
    private final List<Worker> workers = new ArrayList<>();

    Turns(Random random) {
        this.random = random;
    }

    private final class Worker extends Thread {
        private volatile Phase state = Phase.IDLE;
        private volatile boolean isStuck;
        private volatile boolean isEnding;
        private boolean isQuiet;
        private volatile int callsLeft;
        private volatile Throwable failure;
        private volatile Runnable body;
        private volatile String what = "";

        Worker(int number) {
            super("sim-worker-" + number);
            setDaemon(true);
        }

        @Override
        public void run() {
            while (true) {
                awaitTurn();
                if (isEnding) {
                    return;
                }
                try {
                    body.run();
                } catch (RuntimeException | Error e) {
                    failure = e;
                }
                body = null;
                become(Phase.IDLE);
            }
        }

        private void awaitTurn() {
            while (state != Phase.RUNNING && !isEnding) {
                LockSupport.park(this);
            }
        }

        private void become(Phase next) {
            isStuck = false;
            state = next;
            LockSupport.unpark(controller);
        }

        void pass() {
            if (!isQuiet && --callsLeft <= 0) {
                become(Phase.READY);
                awaitTurn();
            }
        }
    }

    /** To be called where others may come first; does nothing in a thread that is no task's. */
    void pass() {
        if (Thread.currentThread() instanceof Worker worker) {
            worker.pass();
        }
    }

    /** Runs something as part of this turn, how ever often it asks the storage: that depends on real time. */
    <T> T quietly(Supplier<T> action) {
        if (!(Thread.currentThread() instanceof Worker worker)) {
            return action.get();
        }
        worker.isQuiet = true;
        try {
            return action.get();
        } finally {
            worker.isQuiet = false;
        }
    }

    /** How many tasks have not ended. */
    int count() {
        return (int) workers.stream().filter(worker -> worker.state != Phase.IDLE).count();
    }

    /** Adds a task, which begins when it is its turn. */
    void start(String what, Runnable body) {
        Worker worker = workers.stream().filter(each -> each.state == Phase.IDLE).findFirst().orElseGet(() -> {
            Worker added = new Worker(workers.size());
            workers.add(added);
            added.start();
            return added;
        });
        worker.what = what;
        worker.body = body;
        worker.state = Phase.READY;
    }

    /** Gives one task its turn. @return what it is, for people */
    String step() {
        workers.stream().filter(worker -> worker.isStuck).forEach(this::await);
        List<Worker> ready = workers.stream().filter(worker -> worker.state == Phase.READY).toList();
        long since = System.nanoTime();
        while (ready.isEmpty()) {
            if (count() == 0) {
                return "";
            }
            if (System.nanoTime() - since > DEADLOCK_NANOS) {
                throw new AssertionError("all tasks wait for each other:\n" + stacks());
            }
            LockSupport.parkNanos(POLL_NANOS);
            ready = workers.stream().filter(worker -> worker.state == Phase.READY).toList();
            throwFailures();
        }
        Worker worker = ready.get(random.nextInt(ready.size()));
        worker.callsLeft = random.nextInt(4) == 0 ? Integer.MAX_VALUE : 1 + random.nextInt(TURN_CALLS_MAX);
        worker.state = Phase.RUNNING;
        LockSupport.unpark(worker);
        await(worker);
        throwFailures();
        return worker.what;
    }

    /** Runs all tasks to their ends. */
    void finish() {
        while (count() > 0) {
            step();
        }
    }

    private void throwFailures() {
        for (Worker worker : workers) {
            Throwable failure = worker.failure;
            if (failure != null) {
                worker.failure = null;
                throw new AssertionError(worker.what + ": " + failure, failure);
            }
        }
    }

    /** Until its turn is over, or it waits for somebody who is not on turn. */
    private void await(Worker worker) {
        long since = System.nanoTime();
        int lockedPolls = 0;
        while (worker.state == Phase.RUNNING) {
            LockSupport.parkNanos(this, POLL_NANOS);
            lockedPolls = waitsForLock(worker) || waitsForHelper(worker) ? lockedPolls + 1 : 0;
            boolean isPatienceOver = System.nanoTime() - since > PATIENCE_NANOS
                    && worker.getState() != Thread.State.RUNNABLE;
            if (worker.state == Phase.RUNNING && (lockedPolls >= 2 || isPatienceOver)) {
                worker.isStuck = true;
                worker.callsLeft = 0;
                return;
            }
        }
    }

    private static boolean waitsForLock(Thread thread) {
        return thread.getState() == Thread.State.BLOCKED
                || LockSupport.getBlocker(thread) instanceof AbstractOwnableSynchronizer;
    }

    /** Whether it waits, perhaps for a thread that itself waits for a lock of somebody who is not on turn. */
    private boolean waitsForHelper(Worker worker) {
        if (worker.getState() == Thread.State.RUNNABLE) {
            return false;
        }
        Thread[] all = new Thread[THREADS_MAX];
        int count = controller.getThreadGroup().enumerate(all);
        return Arrays.stream(all, 0, count).anyMatch(each -> !(each instanceof Worker) && waitsForLock(each));
    }

    private static String stacks() {
        StringBuilder text = new StringBuilder();
        Thread.getAllStackTraces().forEach((thread, stack) -> {
            if (Arrays.stream(stack).anyMatch(element -> element.getClassName().startsWith("cairn."))) {
                text.append(thread.getName()).append(' ').append(thread.getState()).append('\n');
                for (StackTraceElement element : stack) {
                    text.append("    ").append(element).append('\n');
                }
            }
        });
        return text.toString();
    }

    /** Ends the threads, whose tasks have ended. */
    @Override
    public void close() {
        for (Worker worker : workers) {
            worker.isEnding = true;
            LockSupport.unpark(worker);
        }
    }
}
