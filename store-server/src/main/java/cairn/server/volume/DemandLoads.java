package cairn.server.volume;

import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Hands loads on to the threads that do them, and knows whether any is waiting or under way; so that whoever loads what
 * nobody has asked for yet can wait until there is none. Safe for threads.
 */
final class DemandLoads implements Executor {
    private final Executor loaders;
    private final AtomicInteger pending = new AtomicInteger();
    private volatile boolean isAwaited;

    DemandLoads(Executor loaders) {
        this.loaders = loaders;
    }

    @Override
    public void execute(Runnable load) {
        pending.incrementAndGet();
        boolean isTaken = false;
        try {
            loaders.execute(() -> {
                try {
                    load.run();
                } finally {
                    end();
                }
            });
            isTaken = true;
        } finally {
            if (!isTaken) {
                end();
            }
        }
    }

    private void end() {
        // Those who wait say so before they look: one of the two sees what the other did.
        if (pending.decrementAndGet() == 0 && isAwaited) {
            synchronized (this) {
                notifyAll();
            }
        }
    }

    /** How many are waiting or under way. */
    int pending() {
        return pending.get();
    }

    /** Returns at a moment at which none was pending. */
    void awaitNone() throws InterruptedException {
        if (pending.get() == 0) {
            return;
        }
        synchronized (this) {
            isAwaited = true;
            while (pending.get() > 0) {
                wait();
            }
        }
    }
}
