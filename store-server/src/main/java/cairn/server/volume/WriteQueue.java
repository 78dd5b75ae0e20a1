package cairn.server.volume;

import static cairn.Fault.SHUTTING_DOWN;

import cairn.StoreException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A volume's changes in the order in which they came, from any thread. One thread of a pool makes them while there are
 * any; what has come together goes into one batch, and is synced once. It waits here, however much it is: at most
 * {@link #GROUP_MAX} changes, and {@link BlockBatch#BYTES_MAX} and the last one's bytes, are in a volume's batch, and
 * the pool has so many threads.
 */
final class WriteQueue {
    /** Changes that one batch may take. */
    private static final int GROUP_MAX = 1024;
    /** After so many batches another volume gets the thread. */
    private static final int ROUNDS_MAX = 16;

    private static final Logger log = LoggerFactory.getLogger(WriteQueue.class);

    private final BlockWriter writer;
    private final Executor writers;
    // Guarded by the queue itself.
    private final Deque<QueuedChange> queue = new ArrayDeque<>();
    private boolean isRunning;
    private boolean isClosed;

    /** @param writers run what may block */
    WriteQueue(BlockWriter writer, Executor writers) {
        this.writer = writer;
        this.writers = writers;
    }

    /** Takes a change. Never blocks. @return done when the change is; fails with SHUTTING_DOWN once closed */
    CompletableFuture<Void> add(QueuedChange change) {
        boolean isTaken;
        synchronized (queue) {
            isTaken = !isClosed;
            if (isTaken) {
                queue.add(change);
            }
        }
        if (isTaken) {
            start();
        } else {
            change.fail(new StoreException(SHUTTING_DOWN, "the volume is closed"));
        }
        return change.done();
    }

    /** Runs something on the writing thread between two batches, after all that has come before. */
    CompletableFuture<Void> addTurn(Runnable action) {
        return add(new QueuedChange.Turn(action));
    }

    /** Holds the queue, once all that has come before is done, until whoever has asked for it lets go. */
    QueuedChange.Hold hold() {
        QueuedChange.Hold hold = new QueuedChange.Hold();
        add(hold);
        return hold;
    }

    /** @throws StoreException SHUTTING_DOWN once closed */
    void requireOpen() {
        synchronized (queue) {
            if (isClosed) {
                throw new StoreException(SHUTTING_DOWN, "the volume is closed");
            }
        }
    }

    /** Takes nothing more. @return done when everything that came before is completed */
    CompletableFuture<Void> close() {
        QueuedChange last = new QueuedChange.Turn(() -> {});
        synchronized (queue) {
            isClosed = true;
            queue.add(last);
        }
        start();
        return last.done();
    }

    /** Ends the queue with the turn that calls this: what has come after that fails. */
    void endHere() {
        List<QueuedChange> left = new ArrayList<>();
        synchronized (queue) {
            isClosed = true;
            QueuedChange turn = queue.remove();
            left.addAll(queue);
            queue.clear();
            queue.add(turn);
        }
        left.forEach(change -> change.fail(new StoreException(SHUTTING_DOWN, "the volume is closed")));
    }

    private void start() {
        synchronized (queue) {
            if (isRunning) {
                return;
            }
            isRunning = true;
        }
        execute();
    }

    private void execute() {
        try {
            writers.execute(this::run);
        } catch (RejectedExecutionException e) {
            stop(true, new StoreException(SHUTTING_DOWN, "the server is going down", e));
        } catch (RuntimeException | Error e) {
            stop(false, e);
        }
    }

    /** Fails all that waits, because there is no thread for it. */
    private void stop(boolean isEnd, Throwable why) {
        List<QueuedChange> left;
        synchronized (queue) {
            isClosed |= isEnd;
            isRunning = false;
            left = new ArrayList<>(queue);
            queue.clear();
        }
        left.forEach(change -> fail(change, why));
    }

    private void run() {
        for (int round = 0; round < ROUNDS_MAX; round++) {
            List<QueuedChange> group = List.of();
            int ended;
            try {
                group = group();
                if (group.isEmpty()) {
                    return;
                }
                if (group.get(0) instanceof QueuedChange.Hold hold) {
                    // The queue counts as running until then, so that nobody else runs it.
                    hold.whenLetGo(() -> goOnAfter(hold));
                    hold.reach();
                    return;
                }
                ended = apply(group);
            } catch (RuntimeException | Error e) {
                // Whatever it is: those who wait are told, and what comes next is tried.
                ended = fail(group, e);
            }
            synchronized (queue) {
                for (int i = 0; i < ended; i++) {
                    queue.remove();
                }
            }
        }
        execute();
    }

    private void goOnAfter(QueuedChange.Hold hold) {
        synchronized (queue) {
            queue.remove();
        }
        hold.succeed();
        execute();
    }

    private int apply(List<QueuedChange> group) {
        if (group.get(0) instanceof QueuedChange.Turn turn) {
            turn.run();
            return 1;
        }
        return writer.apply(group);
    }

    /** Fails those of a group that have not ended, or what comes first. @return how many have ended */
    private int fail(List<QueuedChange> group, Throwable why) {
        log.error("writing to a volume has failed", why);
        if (!group.isEmpty()) {
            group.forEach(change -> fail(change, why));
            return group.size();
        }
        QueuedChange first;
        synchronized (queue) {
            first = queue.element();
        }
        fail(first, why);
        return 1;
    }

    private static void fail(QueuedChange change, Throwable why) {
        try {
            change.fail(why);
        } catch (RuntimeException | Error e) {
            log.error("a failed change to a volume keeps what it holds", e);
        }
    }

    /** What comes next: one turn or hold, or changes up to the next. They stay in the queue until they have ended. */
    private List<QueuedChange> group() {
        List<QueuedChange> group = new ArrayList<>();
        synchronized (queue) {
            if (queue.isEmpty()) {
                isRunning = false;
                return group;
            }
            for (QueuedChange change : queue) {
                if (group.size() == GROUP_MAX || isAlone(change) && !group.isEmpty()) {
                    break;
                }
                group.add(change);
                if (isAlone(change)) {
                    break;
                }
            }
            return group;
        }
    }

    private static boolean isAlone(QueuedChange change) {
        return change instanceof QueuedChange.Turn || change instanceof QueuedChange.Hold;
    }
}
