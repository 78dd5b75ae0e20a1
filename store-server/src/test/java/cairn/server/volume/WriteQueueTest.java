package cairn.server.volume;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Digest;
import cairn.StoreException;
import cairn.server.storage.MemoryStorage;
import cairn.server.storage.VolumeBlocks.Layer;
import cairn.tree.TreeRoot;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What becomes of those who wait where writing fails in a way that nobody has thought of. */
class WriteQueueTest {
    private final MemoryStorage storage = new MemoryStorage();
    private final Deque<Runnable> tasks = new ArrayDeque<>();
    private InternalError threadless;
    private final WriteQueue queue = new WriteQueue(
            new BlockWriter(storage.volumeBlocks(), new StatesBudget(1 << 20), blank()), this::execute);

    @AfterEach
    void close() {
        storage.close();
    }

    private static VolumeView blank() {
        TreeRoot tree = TreeRoot.of(1 << 20, Digest.ZERO);
        // No change here looks at the base.
        return new VolumeView(null, tree, 0, List.of(new DirtyLayer(new Layer(1, 0))));
    }

    private void execute(Runnable task) {
        if (threadless != null) {
            throw threadless;
        }
        tasks.add(task);
    }

    private void runTasks() {
        while (!tasks.isEmpty()) {
            tasks.remove().run();
        }
    }

    /** Nothing but an end that fails. */
    private static final class BadEnd extends QueuedChange {
        BadEnd() {
            super(false);
        }

        @Override
        Applied applyTo(BlockBatch batch) {
            return Applied.DONE;
        }

        @Override
        void release() {
            throw new InternalError("the test's");
        }
    }

    @Test
    void goesOnAfterAnyFailureAndLeavesNobodyWaiting() {
        CompletableFuture<Void> bad = queue.add(new BadEnd());
        CompletableFuture<Void> together = queue.add(new QueuedChange.Flush());
        CompletableFuture<Void> turn = queue.addTurn(() -> {});
        runTasks();

        assertNull(bad.join(), "it was done");
        assertTrue(assertThrows(CompletionException.class, together::join).getCause() instanceof InternalError);
        turn.join();
        CompletableFuture<Void> later = queue.add(new QueuedChange.Flush());
        CompletableFuture<Void> closing = queue.close();
        runTasks();
        later.join();
        closing.join();
    }

    @Test
    void aHoldKeepsWhatComesAfterItAndNoThread() {
        CompletableFuture<Void> before = queue.add(new QueuedChange.Flush());
        QueuedChange.Hold hold = queue.hold();
        CompletableFuture<Void> after = queue.add(new QueuedChange.Flush());
        assertFalse(hold.held().isDone());
        runTasks();

        assertTrue(hold.held().isDone());
        assertTrue(before.isDone());
        assertFalse(after.isDone());
        CompletableFuture<Void> later = queue.addTurn(() -> {});
        assertEquals(0, tasks.size());

        hold.letGo();
        hold.letGo();
        runTasks();
        after.join();
        later.join();
        hold.done().join();
    }

    @Test
    void aHoldThatIsLetGoBeforeItsTurnHoldsNothing() {
        QueuedChange.Hold hold = queue.hold();
        hold.letGo();
        CompletableFuture<Void> after = queue.add(new QueuedChange.Flush());
        runTasks();

        after.join();
        queue.close();
        runTasks();
        assertTrue(assertThrows(CompletionException.class, () -> queue.hold().held().join()).getCause()
                instanceof StoreException);
    }

    @Test
    void failsWhatFindsNoThreadAndGoesOnOnceThereIsOne() {
        threadless = new InternalError("the test has no thread");
        CompletableFuture<Void> first = queue.add(new QueuedChange.Flush());
        assertTrue(first.isCompletedExceptionally());
        assertSame(threadless, assertThrows(CompletionException.class, first::join).getCause());

        threadless = null;
        CompletableFuture<Void> second = queue.add(new QueuedChange.Flush());
        assertEquals(1, tasks.size());
        runTasks();
        second.join();
    }
}
