package cairn.server.storage;

import static cairn.Fault.CORRUPT;
import static cairn.Fault.INVALID_REQUEST;
import static cairn.Fault.TOO_LARGE;

import cairn.StoreException;
import cairn.server.storage.MemoryStorage.Door;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicLong;

/** Segments on the heap. */
final class MemorySegmentStore implements SegmentStore {
    private final Door door;
    private final ConcurrentSkipListMap<Long, Item> sealed = new ConcurrentSkipListMap<>();
    private final AtomicLong sealedBytes = new AtomicLong();
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
            throw new StoreException(TOO_LARGE, key + " has " + lengthBytes + " packed bytes, at most " + ITEM_BYTES_MAX);
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
}
