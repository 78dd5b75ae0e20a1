package cairn.client;

import static cairn.Fault.SHUTTING_DOWN;
import static cairn.Fault.UNAVAILABLE;

import cairn.StoreException;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Supplier;

/**
 * Tries requests that may be repeated again, when the server could not be reached: with pauses that double, so that a
 * server has the time to come back.
 *
 * @param triesMax how often in all
 * @param firstPause before the second try
 */
public record Retry(int triesMax, Duration firstPause) {
    /** Tries for about fifteen seconds. */
    public static Retry usual() {
        return new Retry(7, Duration.ofMillis(250));
    }

    public static Retry never() {
        return new Retry(1, Duration.ZERO);
    }

    /** @throws StoreException the last failure */
    <T> T call(Supplier<T> request) {
        long pauseMillis = firstPause.toMillis();
        for (int tries = 1; ; tries++) {
            try {
                return request.get();
            } catch (StoreException e) {
                boolean isPassing = e.fault() == UNAVAILABLE || e.fault() == SHUTTING_DOWN;
                if (!isPassing || tries >= triesMax || Thread.currentThread().isInterrupted()) {
                    throw e;
                }
                pause(pauseMillis, e);
                pauseMillis *= 2;
            }
        }
    }

    void run(Runnable request) {
        call(() -> {
            request.run();
            return null;
        });
    }

    /** A part of the pause is by chance, so that workers that failed together do not come back together. */
    private static void pause(long millis, StoreException why) {
        try {
            Thread.sleep(millis / 2 + ThreadLocalRandom.current().nextLong(millis / 2 + 1));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw why;
        }
    }
}
