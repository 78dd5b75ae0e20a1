package cairn.server;

import cairn.Fault;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Does every minute what is due by the clock: removes what has expired. A task that fails is tried again. */
final class Sweeper implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Sweeper.class);
    private static final Duration PAUSE = Duration.ofMinutes(1);
    private static final int CLOSE_SECONDS = 30;

    private final List<Task> tasks;
    private final ScheduledExecutorService thread = Executors.newSingleThreadScheduledExecutor(task -> {
        Thread made = new Thread(task, "sweeper");
        made.setDaemon(true);
        return made;
    });

    /** @param name for the log: what it removes */
    record Task(String name, Runnable action) {}

    Sweeper(List<Task> tasks) {
        this.tasks = List.copyOf(tasks);
    }

    void start() {
        thread.scheduleWithFixedDelay(this::sweep, PAUSE.toSeconds(), PAUSE.toSeconds(), TimeUnit.SECONDS);
    }

    /** Does all that is due now. */
    void sweep() {
        for (Task task : tasks) {
            if (thread.isShutdown()) {
                return;
            }
            try {
                task.action.run();
            } catch (RuntimeException e) {
                if (Fault.of(e) != Fault.SHUTTING_DOWN) {
                    log.warn("{} that are due could not be removed; this is tried again: {}", task.name, e.toString());
                }
            }
        }
    }

    /** Waits for the task that is being done. */
    @Override
    public void close() {
        thread.shutdownNow();
        try {
            if (!thread.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS)) {
                log.warn("what is removed by the clock is still being removed");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
