package cairn.server.storage;

import static cairn.Fault.CORRUPT;
import static cairn.Fault.NO_SPACE;

import cairn.StoreException;
import cairn.server.storage.ChunkIndex.Children;
import cairn.server.storage.ChunkIndex.Row;
import cairn.tree.Page;
import cairn.tree.PageId;
import cairn.tree.Tree;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiConsumer;
import java.util.function.LongConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps packed chunks and pages, each once in a dedup domain. Whoever writes takes a {@link Lease} first.
 *
 * <p>What was put lies in the open segment until that is sealed, by {@link #seal} or because it is full; only then can
 * it be read, and only then is it in the index. Where a page is put, its children were put before: {@link
 * Lease#putPage} holds that, so that whatever page is in the index, everything below it is there too. And where the
 * index has a page, in some domain, it has the page's children there at the very ordinals that {@link #children} tells:
 * so whoever follows these from a root meets all that is found from there by name.
 *
 * <p>Safe for threads: checks run side by side, appending takes turns.
 */
public final class ChunkStore {
    /** A segment is sealed when it has grown to this. */
    static final long SEGMENT_BYTES = 64L << 20;

    private static final Logger log = LoggerFactory.getLogger(ChunkStore.class);
    private static final long ABSENT = PageChildren.ABSENT;
    /** Items with no more than so many others between them are read in one go. */
    private static final int RUN_GAP_MAX = 8;
    private static final long RUN_BYTES_MAX = 4L << 20;
    /** Rows that are removed while nobody may ask: a few milliseconds' worth. */
    private static final int REMOVED_AT_ONCE = 256;

    private final SegmentStore segments;
    private final ChunkIndex index;
    private final Epochs epochs;
    private final OpenTrees openTrees = new OpenTrees();
    private final ReentrantLock appending = new ReentrantLock();
    /** What the open segment holds. Guarded by itself, so that asking need not wait for a write to the disk. */
    private final Map<Place, Opened> open = new HashMap<>();
    /** Counts how often an item that was seen may have gone elsewhere. Guarded by {@link #open}. */
    private long moves;
    /** Counts how often rows were added to the index. Changed only while {@link #appending}, once they are there. */
    private volatile long additions;
    /** Guarded by itself. */
    private final OrdinalSet damaged = new OrdinalSet();
    /** Whether anything is known to be damaged. */
    private volatile boolean hasDamaged;
    private volatile LongConsumer onDamage = ordinal -> {};

    private record Place(DomainId domain, ItemKey key) {}

    /** @param children null for a chunk */
    private record Opened(long ordinal, PageChildren children) {}

    public ChunkStore(SegmentStore segments, ChunkIndex index) {
        this.segments = segments;
        this.index = index;
        this.epochs = new Epochs(segments::openSegment);
    }

    /** What decides how long items stay. */
    public Epochs epochs() {
        return epochs;
    }

    /** What is being read. */
    public OpenTrees openTrees() {
        return openTrees;
    }

    /** Lets somebody write. */
    public Lease lease() {
        return new Lease(this, epochs, epochs.open());
    }

    /** Lets somebody go on who began in an earlier run. @param floorSegment as {@link Lease#floorSegment} was then */
    public Lease lease(long floorSegment) {
        return new Lease(this, epochs, epochs.open(floorSegment));
    }

    /**
     * Whether an item is in the index, so that it and all below it can be read, where a domain may use it: in the
     * domain itself, or in the public one. It stays only as long as something refers to it; who wants to do that takes
     * a lease.
     */
    public boolean isReadable(DomainId domain, ItemKey key) {
        return find(domain, key) != ABSENT;
    }

    /** An item's ordinal, where {@link #isReadable}. */
    public OptionalLong ordinal(DomainId domain, ItemKey key) {
        long ordinal = find(domain, key);
        return ordinal == ABSENT ? OptionalLong.empty() : OptionalLong.of(ordinal);
    }

    private long find(DomainId domain, ItemKey key) {
        OptionalLong own = index.find(domain, key);
        return (own.isPresent() || domain.equals(DomainId.PUBLIC) ? own : index.find(DomainId.PUBLIC, key)).orElse(ABSENT);
    }

    /** As {@link Lease#contains}. */
    boolean contains(DomainId domain, ItemKey key) {
        return findIntact(domain, key) != ABSENT;
    }

    private long findIntact(DomainId domain, ItemKey key) {
        long open = findOpen(domain, key);
        if (open != ABSENT) {
            return open;
        }
        long found = findKept(domain, key);
        return found != ABSENT && hasDamaged && isDamaged(found, domain, key) ? ABSENT : found;
    }

    /** Touched, too: a lease may have been opened after its segment was sealed, and before it was found here. */
    private long findOpen(DomainId domain, ItemKey key) {
        Lock asking = epochs.asking();
        asking.lock();
        try {
            synchronized (open) {
                Opened found = open.get(new Place(domain, key));
                if (found == null) {
                    return ABSENT;
                }
                epochs.touch(found.ordinal());
                return found.ordinal();
            }
        } finally {
            asking.unlock();
        }
    }

    /** As {@link Lease#isReadable}. */
    boolean isKept(DomainId domain, ItemKey key) {
        return findKept(domain, key) != ABSENT;
    }

    /** Whether an item has been put, and is not readable yet. */
    boolean isOpen(DomainId domain, ItemKey key) {
        return findOpen(domain, key) != ABSENT;
    }

    /** As {@link Lease#find}. */
    OptionalLong findForGood(DomainId domain, ItemKey key) {
        long ordinal = findKept(domain, key);
        return ordinal == ABSENT ? OptionalLong.empty() : OptionalLong.of(ordinal);
    }

    /** Finds an item for somebody who is going to rely on it. */
    private long findKept(DomainId domain, ItemKey key) {
        Lock asking = epochs.asking();
        asking.lock();
        try {
            long ordinal = find(domain, key);
            if (ordinal != ABSENT) {
                epochs.touch(ordinal);
                resurrect(ordinal, key.kind());
            }
            return ordinal;
        } finally {
            asking.unlock();
        }
    }

    /** What is below comes first: where one that was condemned has been found, so has everything below it. */
    private void resurrect(long ordinal, int kind) {
        if (!epochs.isCondemned(ordinal)) {
            return;
        }
        if (kind != ItemKey.CHUNK_KIND) {
            index.children(ordinal).ifPresent(all -> all.forEach(child -> resurrect(child, kind - 1)));
        }
        epochs.resurrect(ordinal);
    }

    private boolean isDamaged(long ordinal, DomainId domain, ItemKey key) {
        if (isDamaged(ordinal)) {
            return true;
        }
        PageId page = key.kind() == ItemKey.CHUNK_KIND ? null : new PageId(key.kind() - 1, key.digest());
        if (page == null || page.level() > 0) {
            return false;
        }
        try {
            boolean[] isDamaged = {false};
            children(ordinal, domain, page).forEach(child -> isDamaged[0] |= isDamaged(child));
            return isDamaged[0];
        } catch (StoreException e) {
            if (e.fault() == CORRUPT) {
                return true;
            }
            throw e;
        }
    }

    private boolean isDamaged(long ordinal) {
        if (!hasDamaged) {
            return false;
        }
        synchronized (damaged) {
            return damaged.contains(ordinal);
        }
    }

    /**
     * Says which items are damaged: all of them. From now on writers are told that these are missing, and what they
     * then send is put in their place.
     */
    public void damaged(OrdinalSet ordinals) {
        damaged(ordinals, new OrdinalSet());
    }

    /**
     * As {@link #damaged(OrdinalSet)}, by somebody who has looked while others wrote: what they healed meanwhile is
     * not damaged, though he may have seen it before.
     *
     * @param before what was known to be damaged when the looking began
     * @return what is damaged
     */
    public OrdinalSet damaged(OrdinalSet ordinals, OrdinalSet before) {
        synchronized (damaged) {
            OrdinalSet healed = before.copy();
            healed.removeAll(damaged);
            damaged.clear();
            damaged.addAll(ordinals);
            damaged.removeAll(healed);
            hasDamaged = !damaged.isEmpty();
            return damaged.copy();
        }
    }

    /**
     * @param listener told of the ordinal of each item that a reader asks for and cannot have; in the reader's thread
     */
    public void onDamage(LongConsumer listener) {
        onDamage = listener;
    }

    /** A copy of what is known to be damaged, and has not been healed yet. */
    public OrdinalSet damaged() {
        synchronized (damaged) {
            return damaged.copy();
        }
    }

    /** As {@link Lease#putChunk}. */
    boolean putChunk(
            DomainId domain, ItemKey key, byte[] packed, int offset, int lengthBytes, Runnable proof) {
        long additionsBefore = additions;
        if (findOpen(domain, key) != ABSENT) {
            return false;
        }
        long there = findKept(domain, key);
        if (there != ABSENT && !isDamaged(there)) {
            return false;
        }
        proof.run();
        appending.lock();
        try {
            // Where nothing was added to the index since, what was not in it then is not in it now.
            return there == ABSENT && additions == additionsBefore
                    ? appendUnlessOpen(domain, key, packed, offset, lengthBytes)
                    : append(domain, key, null, packed, offset, lengthBytes);
        } finally {
            appending.unlock();
        }
    }

    private boolean appendUnlessOpen(DomainId domain, ItemKey key, byte[] packed, int offset, int lengthBytes) {
        if (findOpen(domain, key) != ABSENT) {
            return false;
        }
        appendNew(domain, key, null, packed, offset, lengthBytes);
        return true;
    }

    /**
     * As {@link Lease#putPage}.
     *
     * @param known empty, or for each slot the ordinal of a child that an intact page has which this lease has found;
     *     {@link PageChildren#ABSENT} where the child is to be looked for
     */
    Optional<ItemKey> putPage(
            DomainId domain, Page page, long[] known, byte[] packed, int offset, int lengthBytes) {
        ItemKey key = ItemKey.of(page.id());
        long[] believed = known;
        while (true) {
            long movesBefore = moves();
            if (contains(domain, key)) {
                return Optional.empty();
            }
            long[] ordinals = new long[Page.CHILDREN];
            for (int slot = 0; slot < Page.CHILDREN; slot++) {
                ordinals[slot] = page.isAbsent(slot) ? ABSENT : believed.length > 0 ? believed[slot] : ABSENT;
                if (!page.isAbsent(slot) && ordinals[slot] == ABSENT) {
                    ItemKey child = child(page, slot);
                    ordinals[slot] = findIntact(domain, child);
                    if (ordinals[slot] == ABSENT) {
                        return Optional.of(child);
                    }
                }
            }
            appending.lock();
            try {
                // A child that was seen in a segment since abandoned is gone: look again.
                if (moves() == movesBefore) {
                    append(domain, key, new PageChildren(ordinals), packed, offset, lengthBytes);
                    return Optional.empty();
                }
            } finally {
                appending.unlock();
            }
            // What has moved may lie elsewhere than the page before had it.
            believed = new long[0];
        }
    }

    static ItemKey child(Page page, int slot) {
        return page.level() == 0 ? ItemKey.of(page.chunk(slot)) : ItemKey.of(page.page(slot));
    }

    private long moves() {
        synchronized (open) {
            return moves;
        }
    }

    private boolean append(
            DomainId domain, ItemKey key, PageChildren children, byte[] packed, int offset, int lengthBytes) {
        if (findOpen(domain, key) != ABSENT) {
            return false;
        }
        long there = findKept(domain, key);
        if (there != ABSENT) {
            return heal(there, key, packed, offset, lengthBytes);
        }
        appendNew(domain, key, children, packed, offset, lengthBytes);
        return true;
    }

    private boolean heal(long ordinal, ItemKey key, byte[] packed, int offset, int lengthBytes) {
        if (!isDamaged(ordinal)) {
            return false;
        }
        segments.heal(ordinal, key, packed, offset, lengthBytes);
        synchronized (damaged) {
            damaged.remove(ordinal);
            hasDamaged = !damaged.isEmpty();
        }
        return true;
    }

    private long appendNew(
            DomainId domain, ItemKey key, PageChildren children, byte[] packed, int offset, int lengthBytes) {
        try {
            long ordinal = segments.append(key, packed, offset, lengthBytes);
            synchronized (open) {
                open.put(new Place(domain, key), new Opened(ordinal, children));
            }
            if (segments.openBytes() >= SEGMENT_BYTES) {
                sealOpen();
            }
            return ordinal;
        } catch (RuntimeException e) {
            abandon();
            throw e;
        }
    }

    /**
     * Makes everything that was put before readable. It survives a crash once a later
     * {@linkplain Catalog#commit commit} has returned.
     *
     * @throws StoreException NO_SPACE, as {@link Lease#putChunk}
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
        List<Row> rows = new ArrayList<>();
        List<Children> children = new ArrayList<>();
        synchronized (open) {
            open.forEach((place, opened) -> {
                rows.add(new Row(place.domain(), place.key(), opened.ordinal()));
                if (opened.children() != null) {
                    children.add(new Children(opened.ordinal(), opened.children()));
                }
            });
        }
        if (rows.isEmpty()) {
            return;
        }
        segments.seal();
        addToIndex(rows, children);
        synchronized (open) {
            open.clear();
        }
    }

    /** What has failed may have been added nonetheless. Only while {@link #appending}. */
    private void addToIndex(List<Row> rows, List<Children> children) {
        try {
            index.putAll(rows, children);
        } finally {
            additions++;
        }
    }

    private void abandon() {
        synchronized (open) {
            open.clear();
            moves++;
        }
        segments.abandon();
    }

    /**
     * Lets another domain use pages that one may use, and what is directly below them: they get rows in the index of
     * its own, and no data is read or written. What it may use already is left as it is; so a page some of whose
     * children it has elsewhere is put anew there, with these. Rows survive a crash as what was {@linkplain #seal
     * sealed} does.
     *
     * @param pages readable ones, each once and after those below it, that the other domain does not have
     * @return how many rows were added, or will be by {@link #seal}
     * @throws StoreException CORRUPT, naming the item, if one is not in the index; NO_SPACE; then some may have been
     *     added
     */
    int adopt(DomainId from, DomainId into, List<Page> pages) {
        appending.lock();
        try {
            return new Adoption(from, into).adopt(pages);
        } finally {
            appending.unlock();
        }
    }

    /** Some pages that a domain takes from another. Only while appending. */
    private final class Adoption {
        private final DomainId from;
        private final DomainId into;
        private final List<Row> rows = new ArrayList<>();
        /** Of those that have a row by now, or wait for one. */
        private final Map<ItemKey, Long> adopted = new HashMap<>();

        Adoption(DomainId from, DomainId into) {
            this.from = from;
            this.into = into;
        }

        int adopt(List<Page> pages) {
            pages.forEach(this::adopt);
            putRows();
            return adopted.size();
        }

        private void adopt(Page page) {
            ItemKey key = ItemKey.of(page.id());
            long own = findOwn(key);
            if (own != ABSENT) {
                // Somebody has put it since it was looked for: the pages above know it by that place.
                adopted.put(key, own);
                return;
            }
            long ordinal = findKept(from, key);
            if (ordinal == ABSENT) {
                throw missing(key);
            }
            PageChildren theirs = children(ordinal, from, page.id());
            long[] ours = new long[Page.CHILDREN];
            for (int slot = 0; slot < Page.CHILDREN; slot++) {
                ours[slot] = page.isAbsent(slot) ? ABSENT : adoptChild(page, slot, theirs.ordinal(slot));
            }
            PageChildren children = new PageChildren(ours);
            if (children.equals(theirs)) {
                add(key, ordinal);
            } else {
                putRows();
                byte[] packed = segments.read(ordinal, key);
                adopted.put(key, appendNew(into, key, children, packed, 0, packed.length));
            }
        }

        private long adoptChild(Page page, int slot, long theirs) {
            ItemKey key = child(page, slot);
            Long before = adopted.get(key);
            if (before != null) {
                return before;
            }
            long ours = findOwn(key);
            if (ours != ABSENT) {
                return ours;
            }
            if (page.level() > 0) {
                throw new StoreException(NO_SPACE, key + " was lost, because the disk was full for somebody else");
            }
            add(key, theirs);
            return theirs;
        }

        private long findOwn(ItemKey key) {
            long open = findOpen(into, key);
            return open != ABSENT ? open : findKept(into, key);
        }

        private void add(ItemKey key, long ordinal) {
            rows.add(new Row(into, key, ordinal));
            adopted.put(key, ordinal);
        }

        private void putRows() {
            if (!rows.isEmpty()) {
                addToIndex(rows, List.of());
                rows.clear();
            }
        }
    }

    /**
     * Where the children of a page lie. Where nobody has written it down, because an earlier version has put the page,
     * it is found by the page's content, and written down.
     *
     * @throws StoreException CORRUPT if the page is damaged then, or a child is not in the index
     */
    public PageChildren children(long pageOrdinal, DomainId domain, PageId id) {
        return index.children(pageOrdinal).orElseGet(() -> {
            PageChildren found = findChildren(readPage(pageOrdinal, id), domain);
            index.putAll(List.of(), List.of(new Children(pageOrdinal, found)));
            return found;
        });
    }

    private Page readPage(long ordinal, PageId id) {
        byte[] packed = segments.read(ordinal, ItemKey.of(id));
        return StoredPages.unpack(id, packed);
    }

    private PageChildren findChildren(Page page, DomainId domain) {
        long[] ordinals = new long[Page.CHILDREN];
        for (int slot = 0; slot < Page.CHILDREN; slot++) {
            ordinals[slot] = page.isAbsent(slot) ? ABSENT : place(domain, child(page, slot));
        }
        return new PageChildren(ordinals);
    }

    /**
     * Sees to it that {@link #children} holds for every page and domain, in a store that an earlier version has
     * written: what is not written down is, and a page that two domains share, though they have its children in
     * different places, is put anew in one of them. Takes an index question for each child of each page; to be called
     * once, by whoever is going to rely on it. Does nothing that is needed twice, and harms nobody who writes
     * meanwhile.
     *
     * @param requireOpen called now and then; what it throws ends this
     */
    public void completeChildren(Runnable requireOpen) {
        for (int level = 0; level <= Tree.LEVEL_MAX; level++) {
            List<Row> pages = new ArrayList<>();
            index.forEach(1 + level, pages::add);
            for (Row row : pages) {
                requireOpen.run();
                try {
                    completeChildren(row);
                } catch (StoreException e) {
                    if (e.fault() != CORRUPT) {
                        throw e;
                    }
                    log.warn("the children of {} are not known: {}", row.key(), e.getMessage());
                }
            }
            // What is written down of the level above names nothing that could still be lost.
            seal();
        }
    }

    private void completeChildren(Row row) {
        PageId id = new PageId(row.key().kind() - 1, row.key().digest());
        PageChildren found = findChildren(readPage(row.ordinal(), id), row.domain());
        Optional<PageChildren> before = index.children(row.ordinal());
        if (before.isEmpty()) {
            index.putAll(List.of(), List.of(new Children(row.ordinal(), found)));
        } else if (!before.get().equals(found)) {
            appending.lock();
            try {
                byte[] packed = segments.read(row.ordinal(), row.key());
                appendNew(row.domain(), row.key(), found, packed, 0, packed.length);
                synchronized (open) {
                    moves++;
                }
            } finally {
                appending.unlock();
            }
        }
    }

    /**
     * Removes rows that are doomed from the index, but for those that somebody has found meanwhile. Of some ordinals
     * those of higher kinds are to be removed first, so that no page is left whose children are not there.
     *
     * @param rows all that name a page side by side
     * @param step called before each batch; may wait, and what it throws ends this
     * @return how many were removed
     */
    public int removeDoomed(List<Row> rows, Runnable step) {
        int removed = 0;
        for (int from = 0; from < rows.size(); ) {
            step.run();
            int until = endOfBatch(rows, from);
            removed += removeDoomed(rows.subList(from, until));
            from = until;
        }
        return removed;
    }

    /** Rows of one page are not parted: with the last of them goes what is said of its children. */
    private static int endOfBatch(List<Row> rows, int from) {
        int until = Math.min(rows.size(), from + REMOVED_AT_ONCE);
        while (until < rows.size() && rows.get(until).ordinal() == rows.get(until - 1).ordinal()) {
            until++;
        }
        return until;
    }

    private int removeDoomed(List<Row> rows) {
        Lock removing = epochs.removing();
        removing.lock();
        try {
            List<Row> doomed =
                    rows.stream().filter(row -> epochs.isDoomed(row.ordinal())).toList();
            List<Long> pages = doomed.stream()
                    .filter(row -> row.key().kind() != ItemKey.CHUNK_KIND)
                    .map(Row::ordinal)
                    .distinct()
                    .toList();
            return index.removeAll(doomed, pages);
        } finally {
            removing.unlock();
        }
    }

    /**
     * Reads a packed item that is readable.
     *
     * @throws StoreException CORRUPT if it is damaged or, though something refers to it, is not there
     */
    public byte[] read(DomainId domain, ItemKey key) {
        long ordinal = place(domain, key);
        epochs.watch(ordinal, key);
        return readNoticed(ordinal, key);
    }

    /** Whoever wants to know hears of damage. */
    private byte[] readNoticed(long ordinal, ItemKey key) {
        try {
            return segments.read(ordinal, key);
        } catch (StoreException e) {
            if (e.fault() == CORRUPT) {
                onDamage.accept(ordinal);
            }
            throw e;
        }
    }

    private long place(DomainId domain, ItemKey key) {
        long ordinal = find(domain, key);
        if (ordinal == ABSENT) {
            throw missing(key);
        }
        return ordinal;
    }

    private static StoreException missing(ItemKey key) {
        return new StoreException(CORRUPT, key + " is missing from the index");
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
            long ordinal = place(domain, key);
            epochs.watch(ordinal, key);
            wanted.put(ordinal, key);
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
            sink.accept(key, readNoticed(first, key));
        }
    }
}
