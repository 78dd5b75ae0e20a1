package cairn.server.storage;

import static cairn.Fault.NO_SPACE;

import cairn.StoreException;
import cairn.tree.Page;
import cairn.tree.PageId;
import cairn.tree.TreeRoot;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Makes the tree of one dedup domain whole in another, so that whoever is in that one can build upon it. It adds rows
 * to the index, and neither reads a chunk nor writes one: a chunk that both domains have lies on the disk once, unless
 * both had it before. Then the pages above it are written anew, for the domain that adopts.
 *
 * <p>Rows come children first, some at a time, so that whatever page a domain has, it has everything below it, also
 * where this was cut short. So a page that the domain has already ends the descent, and doing it again costs one
 * question. Whoever asks for it has made sure that the other domain may read the tree, for it is then told that these
 * chunks exist. Blocks; holds one page a level, and {@link #ROWS_AT_ONCE} rows or {@link #PAGES_AT_ONCE} pages more.
 * Safe for threads.
 */
public final class TreeAdoption {
    /** Index rows that are put together, give or take those of one page. */
    static final int ROWS_AT_ONCE = 4096;
    /** Pages that are adopted together. */
    static final int PAGES_AT_ONCE = 64;

    private final ChunkStore chunks;
    private final Lease lease;

    /** @param lease held until after the commit that makes a root of the tree, or of what is built upon it */
    public TreeAdoption(ChunkStore chunks, Lease lease) {
        this.chunks = chunks;
        this.lease = lease;
    }

    /** As {@link #adopt(TreeRoot, DomainId, DomainId, Runnable)}, to its end. */
    public long adopt(TreeRoot tree, DomainId from, DomainId into) {
        return adopt(tree, from, into, () -> {});
    }

    /**
     * Adopts what the other domain lacks. It survives a crash once a later {@linkplain Catalog#commit commit} has
     * returned.
     *
     * @param tree sealed in {@code from}
     * @param requireOpen called for each page; what it throws ends this, and what was adopted until then stays
     * @return how many index rows were added; 0 if the domain had it all
     * @throws StoreException CORRUPT if a page is damaged or missing; NO_SPACE
     */
    public long adopt(TreeRoot tree, DomainId from, DomainId into, Runnable requireOpen) {
        if (tree.top().isAbsent() || from.equals(into)) {
            return 0;
        }
        Walk walk = new Walk(from, into, requireOpen);
        walk.descend(tree.top());
        walk.flush();
        ItemKey top = ItemKey.of(tree.top());
        if (!lease.isReadable(into, top)) {
            chunks.seal();
        }
        if (!lease.isReadable(into, top)) {
            throw new StoreException(NO_SPACE, top + " was lost, because the disk was full for somebody else");
        }
        return walk.rowsAdded;
    }

    /** One descent. */
    private final class Walk {
        private final DomainId from;
        private final DomainId into;
        private final Runnable requireOpen;
        private final StoredPages pages;
        /** In the order in which they are to be adopted: those below come first. */
        private final Map<PageId, Page> found = new LinkedHashMap<>();
        private long rows;
        private long rowsAdded;

        Walk(DomainId from, DomainId into, Runnable requireOpen) {
            this.from = from;
            this.into = into;
            this.requireOpen = requireOpen;
            this.pages = new StoredPages(chunks, from);
        }

        void descend(PageId id) {
            if (found.containsKey(id) || lease.isKept(into, ItemKey.of(id))) {
                return;
            }
            requireOpen.run();
            Page page = pages.read(id);
            for (int slot = 0; slot < Page.CHILDREN; slot++) {
                if (!page.isAbsent(slot)) {
                    rows++;
                    if (page.level() > 0) {
                        descend(page.page(slot));
                    }
                }
            }
            found.put(id, page);
            if (rows >= ROWS_AT_ONCE || found.size() >= PAGES_AT_ONCE) {
                flush();
            }
        }

        void flush() {
            rowsAdded += lease.adopt(from, into, List.copyOf(found.values()));
            found.clear();
            rows = 0;
        }
    }
}
