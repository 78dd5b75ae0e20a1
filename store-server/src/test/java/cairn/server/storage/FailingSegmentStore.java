package cairn.server.storage;

import static cairn.Fault.CORRUPT;
import static cairn.Fault.INTERNAL;
import static cairn.Fault.NO_SPACE;

import cairn.StoreException;
import java.util.List;

/** A segment store on a disk that can be full, or unreadable. */
public final class FailingSegmentStore extends ForwardingSegmentStore {
    public volatile boolean isFull;
    public volatile boolean isUnreadable;
    /** Whether it fails to seal for no reason that it knows. */
    public volatile boolean isFailing;
    /** An item that can not be read, alone or in a run. */
    public volatile ItemKey damaged;

    public FailingSegmentStore(SegmentStore inner) {
        super(inner);
    }

    @Override
    public long append(ItemKey key, byte[] packed, int offset, int lengthBytes) {
        requireSpace();
        return inner.append(key, packed, offset, lengthBytes);
    }

    @Override
    public void seal() {
        requireSpace();
        if (isFailing) {
            throw new StoreException(INTERNAL, "the test's disk fails");
        }
        inner.seal();
    }

    @Override
    public byte[] read(long ordinal, ItemKey key) {
        requireReadable();
        if (key.equals(damaged)) {
            throw new StoreException(CORRUPT, key + " is damaged");
        }
        return inner.read(ordinal, key);
    }

    @Override
    public List<Item> readRun(long fromOrdinal, long untilOrdinal, long bytesMax) {
        requireReadable();
        List<Item> items = inner.readRun(fromOrdinal, untilOrdinal, bytesMax);
        for (int i = 0; i < items.size(); i++) {
            if (items.get(i).key().equals(damaged)) {
                if (i == 0) {
                    throw new StoreException(CORRUPT, damaged + " is damaged");
                }
                return items.subList(0, i);
            }
        }
        return items;
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
