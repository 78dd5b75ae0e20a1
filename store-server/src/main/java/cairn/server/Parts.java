package cairn.server;

import cairn.Fault;
import cairn.StoreException;
import java.util.ArrayDeque;
import java.util.Deque;

/** What has to be closed in the end, in reverse. Not safe for threads. */
final class Parts implements AutoCloseable {
    private final Deque<AutoCloseable> parts = new ArrayDeque<>();

    <T extends AutoCloseable> T closing(T part) {
        parts.push(part);
        return part;
    }

    /** Closes after a failure, which is the one to be told. */
    void closeAfter(Throwable failure) {
        try {
            close();
        } catch (StoreException e) {
            failure.addSuppressed(e);
        }
    }

    /** @throws StoreException INTERNAL if a part does not close; all others are closed all the same */
    @Override
    public void close() {
        StoreException failure = null;
        while (!parts.isEmpty()) {
            try {
                parts.pop().close();
            } catch (Exception e) {
                if (failure == null) {
                    failure = new StoreException(Fault.INTERNAL, "closing failed: " + e.getMessage(), e);
                } else {
                    failure.addSuppressed(e);
                }
            }
        }
        if (failure != null) {
            throw failure;
        }
    }
}
