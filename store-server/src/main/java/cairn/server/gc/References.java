package cairn.server.gc;

import cairn.server.gc.PageGraph.Top;
import cairn.server.storage.DomainId;
import cairn.server.storage.PageChildren;
import cairn.tree.Page;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongPredicate;

/**
 * Counts how often trees name some chunks. Each unique page is read once, however many trees share it; about 90 bytes
 * are held for each. Not for several threads.
 */
final class References {
    private final PageGraph graph;
    private final Runnable step;
    private final LongPredicate isWanted;
    private final Map<Long, Long> below = new HashMap<>();

    /** @param isWanted of a chunk's ordinal @param step called before each page is read; what it throws ends this */
    References(PageGraph graph, Runnable step, LongPredicate isWanted) {
        this.graph = graph;
        this.step = step;
        this.isWanted = isWanted;
    }

    /** How often a tree names them. @throws cairn.StoreException CORRUPT if a page is missing or damaged */
    long count(Top tree) {
        return count(tree.domain(), tree.level(), tree.ordinal());
    }

    private long count(DomainId domain, int level, long ordinal) {
        Long counted = below.get(ordinal);
        if (counted != null) {
            return counted;
        }
        step.run();
        PageChildren children = graph.children(domain, ordinal);
        long count = 0;
        for (int slot = 0; slot < Page.CHILDREN; slot++) {
            long child = children.ordinal(slot);
            if (child != PageChildren.ABSENT) {
                count += level > 0 ? count(domain, level - 1, child) : isWanted.test(child) ? 1 : 0;
            }
        }
        below.put(ordinal, count);
        return count;
    }

    /** How a chunk is reached: from the top page to that of level 0. */
    record Path(List<Long> pageOrdinals, long chunkIndex) {}

    /** The first place of a tree in which one of them is; there is one. */
    Path first(Top tree) {
        List<Long> path = new ArrayList<>();
        long page = tree.ordinal();
        long index = 0;
        for (int level = tree.level(); level >= 0; level--) {
            path.add(page);
            PageChildren children = graph.children(tree.domain(), page);
            int slot = firstSlot(tree.domain(), level, children);
            index = index * Page.CHILDREN + slot;
            page = children.ordinal(slot);
        }
        return new Path(path, index);
    }

    private int firstSlot(DomainId domain, int level, PageChildren children) {
        for (int slot = 0; slot < Page.CHILDREN; slot++) {
            long child = children.ordinal(slot);
            if (child != PageChildren.ABSENT
                    && (level > 0 ? count(domain, level - 1, child) > 0 : isWanted.test(child))) {
                return slot;
            }
        }
        throw new IllegalStateException("a page with references has none in any slot");
    }
}
