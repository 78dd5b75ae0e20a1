package cairn.server.sim;

import static cairn.Fault.CORRUPT;
import static cairn.Fault.INVALID_REQUEST;
import static cairn.Fault.TOO_LARGE;

import cairn.StoreException;
import cairn.server.sim.SimDisk.Outcome;
import cairn.server.sim.SimState.Stored;
import cairn.server.storage.ItemKey;
import cairn.server.storage.Ordinal;
import cairn.server.storage.SegmentStore;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/** Segments on a simulated disk: those of few bytes lie in the log, and share an extent; others are files. */
final class SimSegments implements SegmentStore {
    /** A segment of fewer bytes is synced when something later is. */
    private static final long SMALL_BYTES_MAX = 6 * 1024;
    /** As many small segments as share an extent. */
    private static final int SHARING = 3;

    private final SimStorage storage;
    /** What is open. Guarded by {@code this}, as is all below. */
    private final List<Item> open = new ArrayList<>();
    private long openBytes;
    private long segment;
    private boolean hasFailed;

    SimSegments(SimStorage storage) {
        this.storage = storage;
    }

    @Override
    public long append(ItemKey key, byte[] packed, int offset, int lengthBytes) {
        if (lengthBytes > ITEM_BYTES_MAX) {
            throw new StoreException(
                    TOO_LARGE, key + " has " + lengthBytes + " packed bytes, at most " + ITEM_BYTES_MAX);
        }
        if (lengthBytes <= 0) {
            throw new StoreException(INVALID_REQUEST, key + " has no bytes");
        }
        storage.pass();
        Outcome outcome = storage.disk().outcome();
        synchronized (this) {
            if (hasFailed || outcome != Outcome.DONE) {
                hasFailed = true;
                throw SimDisk.full();
            }
            if (open.isEmpty()) {
                segment = storage.disk().takeSegment();
            }
            long ordinal = Ordinal.of(segment, open.size());
            open.add(new Item(ordinal, key, Arrays.copyOfRange(packed, offset, offset + lengthBytes)));
            openBytes += lengthBytes;
            return ordinal;
        }
    }

    @Override
    public synchronized long openBytes() {
        return openBytes;
    }

    @Override
    public void seal() {
        storage.pass();
        Outcome outcome = storage.disk().outcome();
        synchronized (this) {
            if (hasFailed || outcome == Outcome.REFUSED) {
                hasFailed = true;
                throw SimDisk.full();
            }
            if (open.isEmpty()) {
                return;
            }
            List<Item> sealed = List.copyOf(open);
            if (openBytes <= SMALL_BYTES_MAX) {
                storage.writeNow(false, state -> put(state, sealed, true));
            } else {
                storage.writeThrough(state -> put(state, sealed, false));
            }
            if (outcome == Outcome.FAILED_BUT_MADE) {
                hasFailed = true;
                throw SimDisk.full();
            }
            forget();
        }
        storage.pass();
    }

    private static void put(SimState state, List<Item> sealed, boolean isSmall) {
        sealed.forEach(item -> state.items.put(item.ordinal(), new Stored(item.key(), item.packed(), false)));
        long first = sealed.get(0).ordinal();
        long last = sealed.get(sealed.size() - 1).ordinal();
        NavigableMap.Entry<Long, SimState.Extent> before = state.extents.lowerEntry(first);
        boolean isShared = isSmall
                && before != null
                && !before.getValue().isSettled()
                && Ordinal.segment(first) % SHARING != 0
                && state.extents.higherKey(first) == null;
        state.extents.put(isShared ? before.getKey() : first, new SimState.Extent(last, false));
    }

    @Override
    public void abandon() {
        storage.pass();
        synchronized (this) {
            forget();
        }
    }

    private void forget() {
        open.clear();
        openBytes = 0;
        hasFailed = false;
    }

    @Override
    public byte[] read(long ordinal, ItemKey key) {
        Stored stored = storage.read(state -> state.items.get(ordinal));
        if (stored == null || stored.isRotten() || !stored.key().equals(key)) {
            throw new StoreException(CORRUPT, key + " is not at ordinal " + Ordinal.shown(ordinal) + ": "
                    + (stored == null ? "nothing is" : stored.isRotten() ? "it is damaged" : stored.key() + " is"));
        }
        return stored.packed().clone();
    }

    @Override
    public List<Item> readRun(long fromOrdinal, long untilOrdinal, long bytesMax) {
        return storage.read(state -> {
            List<Item> run = new ArrayList<>();
            if (fromOrdinal >= untilOrdinal) {
                return run;
            }
            long bytes = 0;
            for (Map.Entry<Long, Stored> each : state.items.subMap(fromOrdinal, untilOrdinal).entrySet()) {
                Stored stored = each.getValue();
                if (bytes >= bytesMax || stored.isRotten() && !run.isEmpty()) {
                    break;
                }
                requireIntact(each.getKey(), stored);
                run.add(new Item(each.getKey(), stored.key(), stored.packed().clone()));
                bytes += stored.packed().length;
            }
            return run;
        });
    }

    @Override
    public long storedBytes() {
        return storage.read(state ->
                state.items.values().stream().mapToLong(stored -> stored.packed().length).sum());
    }

    @Override
    public long openSegment() {
        storage.pass();
        synchronized (this) {
            return open.isEmpty() ? storage.disk().nextSegment() : segment;
        }
    }

    @Override
    public List<Extent> extents() {
        return storage.read(state -> {
            List<Extent> extents = new ArrayList<>();
            state.extents.forEach((first, extent) -> {
                NavigableMap<Long, Stored> items = state.items.subMap(first, true, extent.lastOrdinal(), true);
                if (!items.isEmpty()) {
                    long bytes = items.values().stream().mapToLong(stored -> stored.packed().length).sum();
                    extents.add(new Extent(items.firstKey(), items.lastKey(), items.size(), bytes, extent.isSettled()));
                }
            });
            return extents;
        });
    }

    /** Dead items go one by one, and a crash may come between any two. */
    @Override
    public long rewrite(List<Extent> extents, Rewriting how) {
        storage.pass();
        if (storage.disk().outcome() == Outcome.REFUSED) {
            throw SimDisk.full();
        }
        storage.disk().sync();
        long first = extents.get(0).firstOrdinal();
        long last = extents.get(extents.size() - 1).lastOrdinal();
        List<Long> dead = new ArrayList<>();
        long freedBytes = 0;
        for (Map.Entry<Long, Stored> each : items(first, last).entrySet()) {
            Stored stored = each.getValue();
            how.used(stored.packed().length);
            storage.pass();
            if (how.isLive(each.getKey())) {
                how.isQuick(each.getKey());
                requireIntact(each.getKey(), stored);
            } else {
                dead.add(each.getKey());
                freedBytes += stored.packed().length;
            }
        }
        for (long ordinal : dead) {
            storage.pass();
            storage.writeThrough(state -> state.items.remove(ordinal));
        }
        storage.pass();
        boolean isSettled = how.isSettling() || extents.get(0).isSettled();
        storage.writeThrough(state -> {
            Long begins = state.extents.floorKey(first);
            long until = Math.max(last, state.extents.floorEntry(last).getValue().lastOrdinal());
            state.extents.subMap(begins, true, last, true).clear();
            if (!state.items.subMap(begins, true, until, true).isEmpty()) {
                state.extents.put(begins, new SimState.Extent(until, isSettled));
            }
        });
        storage.pass();
        return freedBytes;
    }

    private Map<Long, Stored> items(long first, long last) {
        return storage.disk().read(state -> new TreeMap<>(state.items.subMap(first, true, last, true)));
    }

    private static void requireIntact(long ordinal, Stored stored) {
        if (stored.isRotten()) {
            throw new StoreException(CORRUPT, stored.key() + " at ordinal " + Ordinal.shown(ordinal) + " is damaged");
        }
    }

    @Override
    public void heal(long ordinal, ItemKey key, byte[] packed, int offset, int lengthBytes) {
        byte[] copy = Arrays.copyOfRange(packed, offset, offset + lengthBytes);
        storage.write(false, state -> {
            state.items.put(ordinal, new Stored(key, copy, false));
            if (state.extents.floorEntry(ordinal) == null
                    || state.extents.floorEntry(ordinal).getValue().lastOrdinal() < ordinal) {
                state.extents.put(ordinal, new SimState.Extent(ordinal, false));
            }
        });
    }
}
