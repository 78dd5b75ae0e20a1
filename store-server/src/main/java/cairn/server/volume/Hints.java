package cairn.server.volume;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * How much may be loaded that nobody has asked for yet, by all volumes together: so that what is asked for does not
 * queue
 * behind it. Safe for threads.
 */
final class Hints {
    /** Chunks loaded on a hint that may be under way at once: 64 MiB. */
    private static final int CHUNKS_MAX = 1024;

    private final AtomicInteger free = new AtomicInteger(CHUNKS_MAX);
    private final long readAheadBytes;

    /** @param readAheadBytes how far ahead of a sequential reader chunks are loaded */
    Hints(long readAheadBytes) {
        this.readAheadBytes = readAheadBytes;
    }

    long readAheadBytes() {
        return readAheadBytes;
    }

    /** Takes room for so many chunks if there is any; then {@link #giveBack} is owed. */
    boolean tryTake(int chunks) {
        if (free.addAndGet(-chunks) >= 0) {
            return true;
        }
        free.addAndGet(chunks);
        return false;
    }

    void giveBack(int chunks) {
        free.addAndGet(chunks);
    }
}
