package cairn.server.volume;

import java.util.concurrent.CompletableFuture;

/** A change that waits in a volume's queue for its turn. Applied by one thread, the volume's writer. */
abstract class QueuedChange {
    private final CompletableFuture<Void> done = new CompletableFuture<>();
    private final boolean isDurable;

    /** How far a change has come. */
    enum Applied {
        DONE,
        /** As far as the batch has room; the rest goes to the next one. */
        PART,
        /** Not at all: the batch has to be committed before. */
        LATER
    }

    /** @param isDurable not done before it would survive a crash */
    QueuedChange(boolean isDurable) {
        this.isDurable = isDurable;
    }

    /**
     * Adds this to a batch. What it throws is this change's failure alone: then it has changed nothing outside of its
     * range.
     */
    abstract Applied applyTo(BlockBatch batch);

    /** Forgets the last {@link #applyTo}, because its batch was not committed. */
    void undo() {}

    /** Lets go of what this holds; harmless when repeated. */
    void release() {}

    boolean isDurable() {
        return isDurable;
    }

    CompletableFuture<Void> done() {
        return done;
    }

    final void succeed() {
        try {
            release();
        } finally {
            done.complete(null);
        }
    }

    final void fail(Throwable why) {
        try {
            release();
        } finally {
            done.completeExceptionally(why);
        }
    }

    /** Everything before it is to last. */
    static final class Flush extends QueuedChange {
        Flush() {
            super(true);
        }

        @Override
        Applied applyTo(BlockBatch batch) {
            return Applied.DONE;
        }
    }

    /** Holds what comes after it, and no thread, from its turn on until it is let go. */
    static final class Hold extends QueuedChange {
        private final CompletableFuture<Void> reached = new CompletableFuture<>();
        private final CompletableFuture<Void> letGo = new CompletableFuture<>();

        Hold() {
            super(false);
        }

        @Override
        Applied applyTo(BlockBatch batch) {
            return Applied.LATER;
        }

        @Override
        void release() {
            // Where it never comes to its turn, whoever waits for that is told by done().
            letGo.complete(null);
        }

        /** Done when all before it has ended, and nothing after it begins; fails where it never comes to that. */
        CompletableFuture<Void> held() {
            return CompletableFuture.anyOf(reached, done()).thenApply(any -> null);
        }

        /** Harmless when repeated. */
        void letGo() {
            letGo.complete(null);
        }

        void reach() {
            reached.complete(null);
        }

        /** Calls something once it has been let go, perhaps at once. */
        void whenLetGo(Runnable action) {
            letGo.thenRun(action);
        }
    }

    /** Something that is done between two batches. */
    static final class Turn extends QueuedChange {
        private final Runnable action;

        Turn(Runnable action) {
            super(false);
            this.action = action;
        }

        @Override
        Applied applyTo(BlockBatch batch) {
            return Applied.LATER;
        }

        void run() {
            try {
                action.run();
                succeed();
            } catch (RuntimeException | Error e) {
                fail(e);
            }
        }
    }
}
