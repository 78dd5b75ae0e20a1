package cairn.server.storage;

import static cairn.Fault.CORRUPT;
import static cairn.Fault.NO_SPACE;

import cairn.StoreException;
import java.util.List;

/** A segment store on a disk that can be full, or unreadable. */
public final class FailingSegmentStore implements SegmentStore {
    public volatile boolean isFull;
    public volatile boolean isUnreadable;
    private final SegmentStore inner;

    public FailingSegmentStore(SegmentStore inner) {
        this.inner = inner;
    }

    @Override
    public long append(ItemKey key, byte[] packed, int offset, int lengthBytes) {
        requireSpace();
        return inner.append(key, packed, offset, lengthBytes);
    }

    @Override
    public long openBytes() {
        return inner.openBytes();
    }

    @Override
    public void seal() {
        requireSpace();
        inner.seal();
    }

    @Override
    public void abandon() {
        inner.abandon();
    }

    @Override
    public byte[] read(long ordinal, ItemKey key) {
        requireReadable();
        return inner.read(ordinal, key);
    }

    @Override
    public List<Item> readRun(long fromOrdinal, long untilOrdinal, long bytesMax) {
        requireReadable();
        return inner.readRun(fromOrdinal, untilOrdinal, bytesMax);
    }

    @Override
    public long storedBytes() {
        return inner.storedBytes();
    }

    private void requireSpace() {
        if (isFull) {
            throw new StoreException(NO_SPACE, "the test's disk is full");
        }
    }

    private void requireReadable() {
        if (isUnreadable) {
            throw new StoreException(CORRUPT, "the test's disk is broken");
        }
    }
}
