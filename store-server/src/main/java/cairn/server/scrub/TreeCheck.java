package cairn.server.scrub;

import static cairn.Fault.CORRUPT;

import cairn.StoreException;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkId;
import cairn.server.gc.Root;
import cairn.server.storage.ChunkIndex;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.server.storage.Ordinal;
import cairn.server.storage.OrdinalSet;
import cairn.server.storage.PageChildren;
import cairn.server.storage.SegmentStore;
import cairn.tree.Page;
import cairn.tree.PageId;
import cairn.tree.Tree;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.LongConsumer;

/**
 * Walks trees, each page once in each dedup domain, and proves that everything below them is found: that the index has
 * every child, and that the record of a page's children says the same as the page. A record that cannot be read is made
 * anew, since whatever gives space back relies on it. Afterwards it tells which bytes of which disk are damaged. Reads
 * pages, and of chunks nothing.
 */
final class TreeCheck {
    private final SegmentStore segments;
    private final ChunkIndex index;
    private final Findings findings;
    private final LongConsumer used;
    private final ItemProof proof = new ItemProof();
    private final Map<DomainId, OrdinalSet> seen = new HashMap<>();
    /** Pages that are damaged, or have something damaged below them. */
    private final Map<DomainId, OrdinalSet> broken = new HashMap<>();
    private long pages;
    private long recordsMade;

    /** Told of what cannot be read. @param ordinal {@link Damage#NOWHERE} where the index does not have it */
    interface RangeSink {
        void damaged(long offset, long lengthBytes, long ordinal, ItemKey key);
    }

    /** @param used told how many bytes were read; may wait */
    TreeCheck(SegmentStore segments, ChunkIndex index, Findings findings, LongConsumer used) {
        this.segments = segments;
        this.index = index;
        this.findings = findings;
        this.used = used;
    }

    /** How many pages were looked at. */
    long pages() {
        return pages;
    }

    /** How many records of pages' children were made anew. */
    long recordsMade() {
        return recordsMade;
    }

    /** @return whether something of the tree cannot be read */
    boolean root(Root root) {
        return !root.tree().top().isAbsent() && isBroken(root.domain(), ItemKey.of(root.tree().top()));
    }

    /** @return whether one of some chunks that are in no tree yet cannot be read */
    boolean chunks(DomainId domain, List<ChunkId> chunks) {
        boolean isBroken = false;
        for (ChunkId chunk : chunks) {
            isBroken |= !chunk.isAbsent() && isBroken(domain, ItemKey.of(chunk));
        }
        return isBroken;
    }

    private boolean isBroken(DomainId domain, ItemKey key) {
        OptionalLong ordinal = find(domain, key);
        if (ordinal.isEmpty()) {
            findings.missing(key);
            return true;
        }
        return isBroken(domain, key, ordinal.getAsLong());
    }

    /** At most as deep as trees are high. */
    private boolean isBroken(DomainId domain, ItemKey key, long ordinal) {
        if (key.kind() == ItemKey.CHUNK_KIND) {
            return findings.isDamaged(ordinal);
        }
        if (!setOf(seen, domain).add(ordinal)) {
            return setOf(broken, domain).contains(ordinal);
        }
        boolean isBroken = isPageBroken(domain, key, ordinal);
        if (isBroken) {
            setOf(broken, domain).add(ordinal);
        }
        return isBroken;
    }

    private boolean isPageBroken(DomainId domain, ItemKey key, long ordinal) {
        pages++;
        Optional<Page> read = page(key, ordinal);
        if (read.isEmpty()) {
            return true;
        }
        Page page = read.get();
        long[] actual = new long[Page.CHILDREN];
        boolean isBroken = false;
        boolean areAllFound = true;
        for (int slot = 0; slot < Page.CHILDREN; slot++) {
            actual[slot] = PageChildren.ABSENT;
            if (page.isAbsent(slot)) {
                continue;
            }
            ItemKey child = childOf(page, slot);
            OptionalLong found = find(domain, child);
            if (found.isEmpty()) {
                findings.missing(child);
                isBroken = true;
                areAllFound = false;
            } else {
                actual[slot] = found.getAsLong();
                isBroken |= isBroken(domain, child, found.getAsLong());
            }
        }
        if (areAllFound) {
            requireRecorded(domain, key, ordinal, new PageChildren(actual));
        }
        return isBroken;
    }

    /** A record that is damaged is made anew. One of a version that kept none is for whoever wants it first. */
    private void requireRecorded(DomainId domain, ItemKey key, long ordinal, PageChildren actual) {
        try {
            boolean isWrong =
                    index.children(ordinal).filter(recorded -> !recorded.equals(actual)).isPresent();
            if (isWrong && isAt(domain, key, ordinal)) {
                findings.problem("the record of the children of " + key + " at ordinal " + Ordinal.shown(ordinal)
                        + " is not what domain " + domain.number()
                        + " has; make the index anew by cairn fsck --rebuild-index");
            }
        } catch (StoreException e) {
            requireCorrupt(e);
            if (isAt(domain, key, ordinal)) {
                makeRecord(ordinal, actual);
            }
        }
    }

    private void makeRecord(long ordinal, PageChildren actual) {
        try {
            index.putAll(List.of(), List.of(new ChunkIndex.Children(ordinal, actual)));
            recordsMade++;
        } catch (StoreException e) {
            requireCorrupt(e);
            findings.problem(
                    "records of pages' children cannot be made, make the index anew by cairn fsck --rebuild-index: "
                            + e.getMessage());
        }
    }

    /** Whether it has not gone meanwhile. */
    private boolean isAt(DomainId domain, ItemKey key, long ordinal) {
        OptionalLong now = find(domain, key);
        return now.isPresent() && now.getAsLong() == ordinal;
    }

    private Optional<Page> page(ItemKey key, long ordinal) {
        if (findings.isDamaged(ordinal)) {
            return Optional.empty();
        }
        try {
            byte[] packed = segments.read(ordinal, key);
            used.accept(packed.length);
            return Optional.of(proof.page(key, packed));
        } catch (StoreException e) {
            requireCorrupt(e);
            findings.damaged(ordinal, key, e.getMessage());
            return Optional.empty();
        }
    }

    /** Tells what of a tree cannot be read, in ascending order. Only once all trees were walked. */
    void ranges(Root root, RangeSink sink) {
        if (!root.tree().top().isAbsent()) {
            PageId top = root.tree().top();
            ranges(root.domain(), ItemKey.of(top), top.level(), 0, root.tree().sizeBytes(), sink);
        }
    }

    private void ranges(DomainId domain, ItemKey key, int level, long offset, long diskSizeBytes, RangeSink sink) {
        long spanBytes = Math.min(level < 0 ? Chunk.SIZE_BYTES : Tree.spanBytes(level), diskSizeBytes - offset);
        OptionalLong ordinal = find(domain, key);
        if (ordinal.isEmpty() || findings.isDamaged(ordinal.getAsLong())) {
            sink.damaged(offset, spanBytes, ordinal.orElse(Damage.NOWHERE), key);
            return;
        }
        if (level < 0 || !setOf(broken, domain).contains(ordinal.getAsLong())) {
            return;
        }
        Optional<Page> page = page(key, ordinal.getAsLong());
        if (page.isEmpty()) {
            sink.damaged(offset, spanBytes, ordinal.getAsLong(), key);
            return;
        }
        long childBytes = level == 0 ? Chunk.SIZE_BYTES : Tree.spanBytes(level - 1);
        for (int slot = 0; slot < Page.CHILDREN; slot++) {
            if (!page.get().isAbsent(slot)) {
                ranges(domain, childOf(page.get(), slot), level - 1, offset + slot * childBytes, diskSizeBytes, sink);
            }
        }
    }

    private static ItemKey childOf(Page page, int slot) {
        return page.level() == 0
                ? ItemKey.of(page.chunk(slot))
                : ItemKey.of(new PageId(page.level() - 1, page.child(slot)));
    }

    /** As whoever reads in this domain finds it. A row that is damaged is none. */
    private OptionalLong find(DomainId domain, ItemKey key) {
        try {
            OptionalLong own = index.find(domain, key);
            return own.isPresent() || domain.equals(DomainId.PUBLIC) ? own : index.find(DomainId.PUBLIC, key);
        } catch (StoreException e) {
            requireCorrupt(e);
            return OptionalLong.empty();
        }
    }

    private static void requireCorrupt(StoreException e) {
        if (e.fault() != CORRUPT) {
            throw e;
        }
    }

    private static OrdinalSet setOf(Map<DomainId, OrdinalSet> sets, DomainId domain) {
        return sets.computeIfAbsent(domain, each -> new OrdinalSet());
    }
}
