package cairn.server.nbd;

import cairn.server.volume.Volume;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;

/** Closes a volume when its connection and all that it does for it have ended. Begun once when made; for any thread. */
final class VolumeUse {
    private final Volume volume;
    private final AtomicInteger uses = new AtomicInteger(1);

    VolumeUse(Volume volume) {
        this.volume = volume;
    }

    /**
     * Goes on once the volume is done with something; until then it is not closed.
     *
     * @param then run on the executor
     * @param otherwise run on any thread if the executor takes nothing any more
     */
    void whenDone(CompletableFuture<?> something, Executor executor, Runnable then, Runnable otherwise) {
        uses.incrementAndGet();
        something.whenComplete((ignored, failure) -> {
            try {
                executor.execute(() -> {
                    try {
                        then.run();
                    } finally {
                        end();
                    }
                });
            } catch (RejectedExecutionException e) {
                end();
                otherwise.run();
            }
        });
    }

    void end() {
        if (uses.decrementAndGet() == 0) {
            volume.close();
        }
    }
}
