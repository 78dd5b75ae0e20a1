package cairn.server.storage;

import static cairn.Fault.CORRUPT;
import static cairn.Fault.INVALID_REQUEST;
import static cairn.Fault.TOO_LARGE;

import cairn.StoreException;
import cairn.server.storage.MemoryStorage.Door;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicLong;

/** Segments on the heap. */
final class MemorySegmentStore implements SegmentStore {
    private final Door door;
    private final ConcurrentSkipListMap<Long, Item> sealed = new ConcurrentSkipListMap<>();
    private final AtomicLong sealedBytes = new AtomicLong();
    private final Set<Long> settled = ConcurrentHashMap.newKeySet();
    private final List<Item> open = new ArrayList<>();
    private long openBytes;
    private long segment = 1;

    MemorySegmentStore(Door door) {
        this.door = door;
    }

    @Override
    public synchronized long append(ItemKey key, byte[] packed, int offset, int lengthBytes) {
        door.requireOpen();
        if (lengthBytes > ITEM_BYTES_MAX) {
            throw new StoreException(
                    TOO_LARGE, key + " has " + lengthBytes + " packed bytes, at most " + ITEM_BYTES_MAX);
        }
        if (lengthBytes <= 0) {
            throw new StoreException(INVALID_REQUEST, key + " has no bytes");
        }
        if (open.size() == Ordinal.SLOTS_MAX) {
            throw new StoreException(INVALID_REQUEST, "segment " + segment + " has no slot left");
        }
        long ordinal = Ordinal.of(segment, open.size());
        open.add(new Item(ordinal, key, Arrays.copyOfRange(packed, offset, offset + lengthBytes)));
        openBytes += lengthBytes;
        return ordinal;
    }

    @Override
    public synchronized long openBytes() {
        return openBytes;
    }

    @Override
    public synchronized void seal() {
        door.requireOpen();
        open.forEach(item -> sealed.put(item.ordinal(), item));
        sealedBytes.addAndGet(openBytes);
        begin();
    }

    @Override
    public synchronized void abandon() {
        door.requireOpen();
        begin();
    }

    private void begin() {
        if (!open.isEmpty()) {
            open.clear();
            openBytes = 0;
            segment++;
        }
    }

    @Override
    public byte[] read(long ordinal, ItemKey key) {
        door.requireOpen();
        Item item = sealed.get(ordinal);
        if (item == null || !item.key().equals(key)) {
            throw new StoreException(CORRUPT, key + " is not at ordinal " + Ordinal.shown(ordinal) + ": "
                    + (item == null ? "nothing is there" : item.key() + " is there"));
        }
        return item.packed().clone();
    }

    @Override
    public List<Item> readRun(long fromOrdinal, long untilOrdinal, long bytesMax) {
        door.requireOpen();
        List<Item> run = new ArrayList<>();
        if (fromOrdinal >= untilOrdinal) {
            return run;
        }
        long bytes = 0;
        for (Item item : sealed.subMap(fromOrdinal, untilOrdinal).values()) {
            if (bytes >= bytesMax) {
                break;
            }
            run.add(new Item(item.ordinal(), item.key(), item.packed().clone()));
            bytes += item.packed().length;
        }
        return run;
    }

    @Override
    public long storedBytes() {
        door.requireOpen();
        return sealedBytes.get();
    }

    @Override
    public synchronized long openSegment() {
        door.requireOpen();
        return segment;
    }

    /** One for each segment. */
    @Override
    public List<Extent> extents() {
        door.requireOpen();
        Map<Long, List<Item>> bySegment = new TreeMap<>();
        sealed.values().forEach(item -> bySegment
                .computeIfAbsent(Ordinal.segment(item.ordinal()), number -> new ArrayList<>())
                .add(item));
        return bySegment.entrySet().stream()
                .map(each -> new Extent(
                        each.getValue().get(0).ordinal(),
                        each.getValue().get(each.getValue().size() - 1).ordinal(),
                        each.getValue().size(),
                        packedBytes(each.getValue()),
                        settled.contains(each.getKey())))
                .toList();
    }

    private static long packedBytes(Collection<Item> items) {
        return items.stream().mapToLong(item -> item.packed().length).sum();
    }

    @Override
    public long rewrite(List<Extent> extents, Rewriting how) {
        door.requireOpen();
        List<Item> dead = new ArrayList<>();
        for (Extent extent : extents) {
            for (Item item : sealed.subMap(extent.firstOrdinal(), true, extent.lastOrdinal(), true).values()) {
                how.used(item.packed().length);
                if (!how.isLive(item.ordinal())) {
                    dead.add(item);
                } else if (how.isSettling() && !extent.isSettled()) {
                    ProvenItem.unpack(item.ordinal(), item.key(), item.packed());
                }
            }
        }
        dead.forEach(item -> sealed.remove(item.ordinal()));
        sealedBytes.addAndGet(-packedBytes(dead));
        if (how.isSettling()) {
            extents.forEach(extent -> settled.add(Ordinal.segment(extent.firstOrdinal())));
        }
        return packedBytes(dead);
    }

    @Override
    public void heal(long ordinal, ItemKey key, byte[] packed, int offset, int lengthBytes) {
        door.requireOpen();
        Item item = new Item(ordinal, key, Arrays.copyOfRange(packed, offset, offset + lengthBytes));
        Item before = sealed.put(ordinal, item);
        sealedBytes.addAndGet(lengthBytes - (before == null ? 0 : before.packed().length));
    }
}
