package cairn.server.storage;

import static cairn.Fault.CORRUPT;

import cairn.StoreException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiConsumer;

/**
 * Keeps packed chunks and pages, each once in a dedup domain.
 *
 * <p>What was put lies in the open segment until that is sealed, by {@link #seal} or because it is full; only then can
 * it be read, and only then is it in the index. Where a page is put, its children were put before: {@link #putPage}
 * holds that, so that whatever page is in the index, everything below it is there too. Safe for threads: checks run
 * side by side, appending takes turns.
 */
public final class ChunkStore {
    /** A segment is sealed when it has grown to this. */
    static final long SEGMENT_BYTES = 64L << 20;

    /** Items with no more than so many others between them are read in one go. */
    private static final int RUN_GAP_MAX = 8;
    private static final long RUN_BYTES_MAX = 4L << 20;

    private final SegmentStore segments;
    private final ChunkIndex index;
    private final ReentrantLock appending = new ReentrantLock();
    /** What the open segment holds. Guarded by itself, so that asking need not wait for a write to the disk. */
    private final Map<Place, Long> open = new HashMap<>();
    /** Counts the segments that were abandoned with what they held. Guarded by {@link #open}. */
    private long abandoned;

    private record Place(DomainId domain, ItemKey key) {}

    public ChunkStore(SegmentStore segments, ChunkIndex index) {
        this.segments = segments;
        this.index = index;
    }

    /**
     * Whether an item is kept where a domain may use it: in the domain itself, or in the public one. It may not be
     * readable yet.
     */
    public boolean contains(DomainId domain, ItemKey key) {
        synchronized (open) {
            if (open.containsKey(new Place(domain, key))) {
                return true;
            }
        }
        return find(domain, key).isPresent();
    }

    /**
     * Whether an item is in the index, so that it and all below it can be read; see {@link #seal}.
     */
    public boolean isReadable(DomainId domain, ItemKey key) {
        return find(domain, key).isPresent();
    }

    private OptionalLong find(DomainId domain, ItemKey key) {
        OptionalLong own = index.find(domain, key);
        return own.isPresent() || domain.equals(DomainId.PUBLIC) ? own : index.find(DomainId.PUBLIC, key);
    }

    /**
     * Keeps a chunk, unless it is there already. The caller has proven that it unpacks to what its key names.
     *
     * @return whether it is new
     * @throws StoreException NO_SPACE if the disk is full; then everything put since the last seal may be lost, and
     *     must be put again
     */
    public boolean putChunk(DomainId domain, ItemKey key, byte[] packed, int offset, int lengthBytes) {
        appending.lock();
        try {
            return append(domain, key, packed, offset, lengthBytes);
        } finally {
            appending.unlock();
        }
    }

    /**
     * Keeps a page whose children are all kept, unless it is there already.
     *
     * @param children the present ones
     * @return the first child that is missing; then the page was not kept
     * @throws StoreException NO_SPACE, as {@link #putChunk}
     */
    public Optional<ItemKey> putPage(
            DomainId domain, ItemKey key, List<ItemKey> children, byte[] packed, int offset, int lengthBytes) {
        while (true) {
            long abandonedBefore = abandoned();
            if (contains(domain, key)) {
                return Optional.empty();
            }
            for (ItemKey child : children) {
                if (!contains(domain, child)) {
                    return Optional.of(child);
                }
            }
            appending.lock();
            try {
                // A child that was seen in a segment since abandoned is gone: look again.
                if (abandoned() == abandonedBefore) {
                    append(domain, key, packed, offset, lengthBytes);
                    return Optional.empty();
                }
            } finally {
                appending.unlock();
            }
        }
    }

    private long abandoned() {
        synchronized (open) {
            return abandoned;
        }
    }

    private boolean append(DomainId domain, ItemKey key, byte[] packed, int offset, int lengthBytes) {
        if (contains(domain, key)) {
            return false;
        }
        try {
            long ordinal = segments.append(key, packed, offset, lengthBytes);
            synchronized (open) {
                open.put(new Place(domain, key), ordinal);
            }
            if (segments.openBytes() >= SEGMENT_BYTES) {
                sealOpen();
            }
            return true;
        } catch (RuntimeException e) {
            abandon();
            throw e;
        }
    }

    /**
     * Makes everything that was put before readable. It survives a crash once a later
     * {@linkplain Catalog#commit commit} has returned.
     *
     * @throws StoreException NO_SPACE, as {@link #putChunk}
     */
    public void seal() {
        appending.lock();
        try {
            sealOpen();
        } catch (RuntimeException e) {
            abandon();
            throw e;
        } finally {
            appending.unlock();
        }
    }

    private void sealOpen() {
        List<ChunkIndex.Row> rows = new ArrayList<>();
        synchronized (open) {
            open.forEach((place, ordinal) -> rows.add(new ChunkIndex.Row(place.domain(), place.key(), ordinal)));
        }
        if (rows.isEmpty()) {
            return;
        }
        segments.seal();
        index.putAll(rows);
        synchronized (open) {
            open.clear();
        }
    }

    private void abandon() {
        synchronized (open) {
            open.clear();
            abandoned++;
        }
        segments.abandon();
    }

    /**
     * Lets another domain use items that one may use: it gets rows in the index of its own, and no data is read or
     * written. What it may use already is left as it is. They survive a crash as what was {@linkplain #seal sealed}
     * does. Whoever asks says by the order of such calls that whatever is below a page came before it.
     *
     * @param keys readable ones, each once
     * @return how many rows were added
     * @throws StoreException CORRUPT, naming the item, if one is not in the index; NO_SPACE; then none was added
     */
    int adopt(DomainId from, DomainId into, Collection<ItemKey> keys) {
        List<ChunkIndex.Row> rows = new ArrayList<>();
        for (ItemKey key : keys) {
            if (find(into, key).isEmpty()) {
                rows.add(new ChunkIndex.Row(into, key, place(from, key)));
            }
        }
        if (!rows.isEmpty()) {
            index.putAll(rows);
        }
        return rows.size();
    }

    /**
     * Reads a packed item that is readable.
     *
     * @throws StoreException CORRUPT if it is damaged or, though something refers to it, is not there
     */
    public byte[] read(DomainId domain, ItemKey key) {
        return segments.read(place(domain, key), key);
    }

    private long place(DomainId domain, ItemKey key) {
        return find(domain, key)
                .orElseThrow(() -> new StoreException(CORRUPT, key + " is missing from the index"));
    }

    /**
     * Reads packed items that are readable: those that lie near each other in one go, which from a cold disk is much
     * faster than one by one.
     *
     * @param sink gets each item once, in whatever order
     * @throws StoreException CORRUPT, as {@link #read}, once everything before the damaged item has gone to the sink
     */
    public void readAll(DomainId domain, Collection<ItemKey> keys, BiConsumer<ItemKey, byte[]> sink) {
        NavigableMap<Long, ItemKey> wanted = new TreeMap<>();
        for (ItemKey key : keys) {
            wanted.put(place(domain, key), key);
        }
        while (!wanted.isEmpty()) {
            readRun(wanted, sink);
        }
    }

    private List<SegmentStore.Item> run(long first, long last) {
        try {
            return segments.readRun(first, last + 1, RUN_BYTES_MAX);
        } catch (StoreException e) {
            if (e.fault() == CORRUPT) {
                return List.of();
            }
            throw e;
        }
    }

    /** Reads the first of the wanted items and those close behind it, and takes them out. */
    private void readRun(NavigableMap<Long, ItemKey> wanted, BiConsumer<ItemKey, byte[]> sink) {
        long first = wanted.firstKey();
        long last = first;
        for (Long next = wanted.higherKey(last);
                next != null && next - last <= RUN_GAP_MAX;
                next = wanted.higherKey(last)) {
            last = next;
        }
        if (first != last) {
            for (SegmentStore.Item item : run(first, last)) {
                if (item.key().equals(wanted.get(item.ordinal()))) {
                    sink.accept(wanted.remove(item.ordinal()), item.packed());
                }
            }
        }
        // Alone, or where the run did not begin with it because it is damaged: then this says so, and names it.
        ItemKey key = wanted.remove(first);
        if (key != null) {
            sink.accept(key, segments.read(first, key));
        }
    }
}
