package cairn.server.scrub;

import static cairn.Fault.CORRUPT;

import cairn.StoreException;
import cairn.chunk.ChunkId;
import cairn.server.gc.Root;
import cairn.server.gc.Roots;
import cairn.server.storage.Catalog;
import cairn.server.storage.ChunkIndex;
import cairn.server.storage.ChunkIndex.Children;
import cairn.server.storage.ChunkIndex.Row;
import cairn.server.storage.DomainId;
import cairn.server.storage.IndexMaking;
import cairn.server.storage.ItemKey;
import cairn.server.storage.ItemPlaces;
import cairn.server.storage.Notes;
import cairn.server.storage.Ordinal;
import cairn.server.storage.PageChildren;
import cairn.server.storage.SegmentStore;
import cairn.tree.Page;
import cairn.tree.PageId;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.LongConsumer;

/**
 * Makes the index anew, with what is said of pages' children, from the segments, whose keys name their items, and from
 * the trees, which tell the dedup domains. Nothing of the old index is read. What no tree has gets no row: its space is
 * given back later. What a tree has and no segment gets a row to a place that was never used, where nothing can be read
 * until somebody brings the same bytes.
 *
 * <p>While this is not done a note says so, and no server opens the store; doing it again begins anew. Only with nobody
 * else at the storage. Not for several threads.
 */
final class IndexRebuild {
    /** No record of the catalog: where a file of the index cannot be opened, the database takes no writes. */
    static final String MARKER = "index-unfinished";

    private static final long RUN_BYTES = 4L << 20;
    private static final int ROWS_AT_ONCE = 4096;
    /** More than a segment of 64 MiB has of chunks that pack to nearly nothing. */
    private static final int SLOTS_TRIED = 1 << 18;
    private static final byte[] NOTHING = new byte[1];

    private final Parts parts;
    private final LongConsumer progress;
    private final ItemProof proof = new ItemProof();
    /** Which the index has not yet. */
    private final Set<Row> rows = new LinkedHashSet<>();
    private final List<Children> children = new ArrayList<>();
    private ItemPlaces places;
    /** The segment of what is in none. */
    private long unusedSegment;
    private long lost;
    private long items;
    private long rowsMade;

    /** What it is made of. */
    record Parts(
            SegmentStore segments, ChunkIndex index, Catalog catalog, Notes notes, Roots roots, IndexMaking making) {}

    /** @param items that were found @param rows that were made @param lost items of trees that no segment has */
    record Result(long items, long rows, long lost) {}

    /** @param progress told how many bytes of items were read */
    IndexRebuild(Parts parts, LongConsumer progress) {
        this.parts = parts;
        this.progress = progress;
    }

    /** Whether one was begun, and did not come to its end. */
    static boolean isUnfinished(Notes notes) {
        return notes.find(MARKER).isPresent();
    }

    /** @throws StoreException CORRUPT if a record that names a tree cannot be read: then the index is not touched */
    Result run() {
        // Nobody knows what to make the index of where a record cannot be read; found out before anything is forgotten.
        parts.roots.forEach(root -> {}, (snapshot, account, domain, chunks) -> {});
        parts.notes.put(MARKER, NOTHING);
        unusedSegment = parts.segments.openSegment();
        try (ItemPlaces sorted = parts.making.newPlaces()) {
            places = sorted;
            findItems();
            parts.making.clearIndex();
            parts.roots.forEach(this::root, (snapshot, account, domain, chunks) -> chunks(domain, chunks));
            flush();
        }
        parts.segments.abandon();
        // The rows are safe before nothing says any longer that some are missing.
        parts.catalog.commit(List.of());
        parts.notes.remove(MARKER);
        return new Result(items, rowsMade, lost);
    }

    private void findItems() {
        for (SegmentStore.Extent extent : parts.segments.extents()) {
            long position = extent.firstOrdinal();
            long until = extent.lastOrdinal() + 1;
            while (position < until) {
                position = findRun(position, until);
            }
        }
    }

    /** @return where to go on */
    private long findRun(long from, long until) {
        List<SegmentStore.Item> run;
        try {
            run = parts.segments.readRun(from, until, RUN_BYTES);
        } catch (StoreException e) {
            requireCorrupt(e);
            return behind(from, until);
        }
        long bytes = 0;
        for (SegmentStore.Item item : run) {
            bytes += item.packed().length;
            put(item);
        }
        progress.accept(bytes);
        items += run.size();
        return run.isEmpty() ? until : run.get(run.size() - 1).ordinal() + 1;
    }

    /**
     * The next place behind an item that cannot be read. Where a segment ends nobody can tell who cannot read its end:
     * far behind, the next segment is tried.
     */
    private static long behind(long from, long until) {
        boolean isFarBehind = Ordinal.slot(from) >= SLOTS_TRIED;
        return Math.min(until, isFarBehind ? Ordinal.of(Ordinal.segment(from) + 1, 0) : from + 1);
    }

    /** A good copy is kept rather than a damaged one, and of good ones any. */
    private void put(SegmentStore.Item item) {
        if (isGood(item) || places.find(item.key()).isEmpty()) {
            places.put(item.key(), item.ordinal());
        }
    }

    private boolean isGood(SegmentStore.Item item) {
        try {
            proof.require(item.key(), item.packed());
            return true;
        } catch (StoreException e) {
            requireCorrupt(e);
            return false;
        }
    }

    private void root(Root root) {
        if (!root.tree().top().isAbsent()) {
            add(root.domain(), ItemKey.of(root.tree().top()));
        }
    }

    private void chunks(DomainId domain, List<ChunkId> chunks) {
        chunks.stream().filter(chunk -> !chunk.isAbsent()).forEach(chunk -> add(domain, ItemKey.of(chunk)));
    }

    /** Makes rows for an item and all that is below it, children first. @return where the item lies */
    private long add(DomainId domain, ItemKey key) {
        OptionalLong known = parts.index.find(domain, key);
        if (known.isPresent()) {
            return known.getAsLong();
        }
        long ordinal = placeOf(key);
        Row row = new Row(domain, key, ordinal);
        if (rows.contains(row)) {
            return ordinal;
        }
        if (key.kind() != ItemKey.CHUNK_KIND) {
            page(key, ordinal).ifPresent(page -> addChildren(domain, page, ordinal));
        }
        rows.add(row);
        if (rows.size() >= ROWS_AT_ONCE) {
            flush();
        }
        return ordinal;
    }

    private void addChildren(DomainId domain, Page page, long ordinal) {
        long[] ordinals = new long[Page.CHILDREN];
        for (int slot = 0; slot < Page.CHILDREN; slot++) {
            ordinals[slot] = page.isAbsent(slot) ? PageChildren.ABSENT : add(domain, childOf(page, slot));
        }
        children.add(new Children(ordinal, new PageChildren(ordinals)));
    }

    private static ItemKey childOf(Page page, int slot) {
        return page.level() == 0
                ? ItemKey.of(page.chunk(slot))
                : ItemKey.of(new PageId(page.level() - 1, page.child(slot)));
    }

    private long placeOf(ItemKey key) {
        OptionalLong found = places.find(key);
        if (found.isPresent()) {
            return found.getAsLong();
        }
        // What is put there is abandoned in the end, and its ordinal never given again.
        long unused = parts.segments.append(key, NOTHING, 0, NOTHING.length);
        places.put(key, unused);
        lost++;
        return unused;
    }

    /** Empty if it is damaged: then nobody knows what is below it. */
    private Optional<Page> page(ItemKey key, long ordinal) {
        if (Ordinal.segment(ordinal) >= unusedSegment) {
            return Optional.empty();
        }
        try {
            return Optional.of(proof.page(key, parts.segments.read(ordinal, key)));
        } catch (StoreException e) {
            requireCorrupt(e);
            return Optional.empty();
        }
    }

    private void flush() {
        if (!rows.isEmpty()) {
            parts.index.putAll(List.copyOf(rows), children);
            rowsMade += rows.size();
            rows.clear();
            children.clear();
        }
    }

    private static void requireCorrupt(StoreException e) {
        if (e.fault() != CORRUPT) {
            throw e;
        }
    }
}
