package cairn.server.volume;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class DemandLoadsTest {
    private final ExecutorService threads = Executors.newFixedThreadPool(2);
    private final DemandLoads demand = new DemandLoads(threads);
    private final List<String> happened = Collections.synchronizedList(new ArrayList<>());

    @AfterEach
    void close() {
        threads.shutdownNow();
    }

    @Test
    void whoeverWaitsGoesOnWhenTheLastLoadHasEnded() throws Exception {
        CountDownLatch running = new CountDownLatch(2);
        CountDownLatch go = new CountDownLatch(1);
        for (int n = 0; n < 5; n++) {
            demand.execute(() -> {
                running.countDown();
                join(go);
                happened.add("load");
            });
        }
        running.await();
        assertEquals(5, demand.pending(), "two under way, three in the queue");
        Thread waiting = new Thread(() -> {
            try {
                demand.awaitNone();
                happened.add("gone on");
            } catch (InterruptedException e) {
                happened.add("interrupted");
            }
        });
        waiting.start();
        while (waiting.getState() != Thread.State.WAITING) {
            Thread.onSpinWait();
        }

        go.countDown();
        waiting.join();

        assertEquals(List.of("load", "load", "load", "load", "load", "gone on"), happened);
        assertEquals(0, demand.pending());
        demand.awaitNone();
    }

    @Test
    void aLoadThatFailsOrIsNotTakenIsNotPending() throws Exception {
        CompletableFuture<Void> failed = CompletableFuture.runAsync(
                () -> {
                    throw new IllegalStateException("a broken load");
                },
                demand);
        assertThrows(Exception.class, failed::join);
        demand.awaitNone();

        threads.shutdown();

        assertThrows(RejectedExecutionException.class, () -> demand.execute(() -> happened.add("load")));
        assertEquals(0, demand.pending());
        assertEquals(List.of(), happened);
    }

    private static void join(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
