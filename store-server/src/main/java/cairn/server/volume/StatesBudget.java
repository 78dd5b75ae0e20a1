package cairn.server.volume;

import static cairn.Fault.NO_SPACE;

import cairn.StoreException;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The heap that the states of all volumes in use may take together, in leaves of a {@link DirtyMap}. What would exceed
 * it fails before it has changed anything. Safe for threads.
 */
final class StatesBudget {
    /** A leaf's states, and what is around them: headers, and its place in the table. */
    static final int LEAF_BYTES = DirtyMap.LEAF_CHUNKS * Integer.BYTES + 64;

    private final long leavesMax;
    private final AtomicLong leaves = new AtomicLong();

    StatesBudget(long bytesMax) {
        this.leavesMax = bytesMax / LEAF_BYTES;
    }

    /** @throws StoreException NO_SPACE, naming the limit, if there is no room for so many more */
    void take(long count) {
        long before = leaves.getAndUpdate(taken -> count > leavesMax - taken ? taken : taken + count);
        if (count > leavesMax - before) {
            throw new StoreException(NO_SPACE, "what volumes in use were written to since their last snapshots takes "
                    + before * LEAF_BYTES + " bytes of heap to keep track of, and " + count * LEAF_BYTES
                    + " more would exceed the limit of " + leavesMax * LEAF_BYTES
                    + ": snapshots of them, or a larger heap, make room");
        }
    }

    /** Gives back what was taken. */
    void give(long count) {
        leaves.addAndGet(-count);
    }

    /** Bytes that are taken. */
    long takenBytes() {
        return leaves.get() * LEAF_BYTES;
    }
}
