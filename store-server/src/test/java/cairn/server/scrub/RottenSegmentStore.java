package cairn.server.scrub;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.storage.ForwardingSegmentStore;
import cairn.server.storage.ItemKey;
import cairn.server.storage.Ordinal;
import cairn.server.storage.SegmentStore;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;

/** A segment store on a disk that has lost some items, until they are put in their places again. */
final class RottenSegmentStore extends ForwardingSegmentStore {
    final Set<Long> rotten = new ConcurrentSkipListSet<>();

    RottenSegmentStore(SegmentStore inner) {
        super(inner);
    }

    @Override
    public byte[] read(long ordinal, ItemKey key) {
        requireSound(ordinal);
        return inner.read(ordinal, key);
    }

    @Override
    public List<Item> readRun(long fromOrdinal, long untilOrdinal, long bytesMax) {
        List<Item> run = inner.readRun(fromOrdinal, untilOrdinal, bytesMax);
        for (int i = 0; i < run.size(); i++) {
            if (rotten.contains(run.get(i).ordinal())) {
                if (i == 0) {
                    requireSound(run.get(0).ordinal());
                }
                return run.subList(0, i);
            }
        }
        return run;
    }

    private void requireSound(long ordinal) {
        if (rotten.contains(ordinal)) {
            throw new StoreException(Fault.CORRUPT, "the test's disk has lost ordinal " + Ordinal.shown(ordinal));
        }
    }

    @Override
    public void heal(long ordinal, ItemKey key, byte[] packed, int offset, int lengthBytes) {
        inner.heal(ordinal, key, packed, offset, lengthBytes);
        rotten.remove(ordinal);
    }
}
