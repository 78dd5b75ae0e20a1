package cairn.server.gc;

import static cairn.Fault.CORRUPT;

import cairn.StoreException;
import cairn.chunk.ChunkId;
import cairn.server.storage.ChunkIndex;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.server.storage.OrdinalSet;
import cairn.server.storage.PageChildren;
import cairn.server.storage.StoredPages;
import cairn.tree.Page;
import cairn.tree.PageId;
import cairn.tree.TreeRoot;

/**
 * Collects the ordinals of everything that hangs from some roots. One look-up in the index for a root, one small read
 * for a page, each page once however many trees share it: neither pages nor chunks are read. Blocks. Not for several
 * threads.
 */
public final class Mark {
    private final ChunkIndex index;
    private final ChunkStore chunks;
    private final Runnable step;
    private final OrdinalSet marked = new OrdinalSet();
    /** Pages whose children are marked. */
    private final OrdinalSet descended = new OrdinalSet();
    private final long[] chunkOrdinals = new long[Page.CHILDREN];
    private long pages;

    public Mark(ChunkStore chunks, ChunkIndex index) {
        this(chunks, index, () -> {});
    }

    /** @param step called once for each page; may wait, and what it throws ends the marking */
    public Mark(ChunkStore chunks, ChunkIndex index, Runnable step) {
        this.chunks = chunks;
        this.index = index;
        this.step = step;
    }

    /**
     * Marks a whole tree.
     *
     * @throws StoreException CORRUPT, naming it, if a page is missing or damaged
     */
    public void root(DomainId domain, TreeRoot tree) {
        if (!tree.top().isAbsent()) {
            page(domain, tree.top());
        }
    }

    /** Marks a page and everything below it. @throws StoreException CORRUPT, as {@link #root} */
    public void page(DomainId domain, PageId id) {
        page(domain, id, ordinal(domain, ItemKey.of(id)));
    }

    /** The same, where it is known that the page lies at an ordinal. */
    public void page(DomainId domain, PageId id, long ordinal) {
        descend(new Place(domain, null, 0, id, ordinal));
    }

    /** Marks a chunk. @param id may be absent. @throws StoreException CORRUPT if it is missing */
    public void chunk(DomainId domain, ChunkId id) {
        if (!id.isAbsent()) {
            marked.add(ordinal(domain, ItemKey.of(id)));
        }
    }

    /** Marks one item, and nothing below it. */
    public void ordinal(long ordinal) {
        marked.add(ordinal);
    }

    /** What is marked so far. Changes with the next mark. */
    public OrdinalSet marked() {
        return marked;
    }

    /** Whether this page, and so everything below it, has been marked. */
    public boolean hasPage(long ordinal) {
        return descended.contains(ordinal);
    }

    /** How many different pages were marked. */
    public long pages() {
        return pages;
    }

    /** At most as deep as trees are high. */
    private void descend(Place place) {
        if (!descended.add(place.ordinal)) {
            return;
        }
        step.run();
        pages++;
        marked.add(place.ordinal);
        PageChildren children = children(place);
        if (place.level == 0) {
            markAll(children);
            return;
        }
        for (int slot = 0; slot < Page.CHILDREN; slot++) {
            long child = children.ordinal(slot);
            if (child != PageChildren.ABSENT && !descended.contains(child)) {
                descend(new Place(place.domain, place, slot, null, child));
            }
        }
    }

    private void markAll(PageChildren children) {
        int count = 0;
        for (int slot = 0; slot < Page.CHILDREN; slot++) {
            if (children.ordinal(slot) != PageChildren.ABSENT) {
                chunkOrdinals[count++] = children.ordinal(slot);
            }
        }
        marked.addAll(chunkOrdinals, count);
    }

    private PageChildren children(Place place) {
        // Only where an earlier version has put the page, its id is needed.
        return index.children(place.ordinal)
                .orElseGet(() -> chunks.children(place.ordinal, place.domain, place.id()));
    }

    private long ordinal(DomainId domain, ItemKey key) {
        return chunks.ordinal(domain, key)
                .orElseThrow(() -> new StoreException(CORRUPT, key + " is missing from the index"));
    }

    /** A page on the way down. Its id is only looked for where it is wanted. */
    private final class Place {
        private final DomainId domain;
        /** Null for the page that the descent began with, whose id is known. */
        private final Place parent;
        private final int slot;
        private final int level;
        private final long ordinal;
        private PageId id;

        Place(DomainId domain, Place parent, int slot, PageId id, long ordinal) {
            this.domain = domain;
            this.parent = parent;
            this.slot = slot;
            this.id = id;
            this.level = parent == null ? id.level() : parent.level - 1;
            this.ordinal = ordinal;
        }

        PageId id() {
            if (id == null) {
                id = new StoredPages(chunks, domain).read(parent.id()).page(slot);
            }
            return id;
        }
    }
}
