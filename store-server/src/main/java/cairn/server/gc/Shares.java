package cairn.server.gc;

import cairn.server.gc.PageGraph.Top;
import cairn.server.storage.DomainId;
import cairn.server.storage.PageChildren;
import cairn.tree.Page;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;

/**
 * Tells, exactly, what each of some groups of trees holds, and what it alone holds: what would be nobody's without it.
 *
 * <p>Groups are added one after the other. An item is its group's that comes to it first, until another group does:
 * then it is shared, and everything below it too. A page is descended into when it is met first, and once more when it
 * becomes shared; from then on whoever comes to it turns back. So the time follows the unique pages, each of which is
 * read twice at most, and not the number of groups or what they hold.
 *
 * <p>Holds three bits for each item, and about 90 bytes for each page. Not for several threads.
 */
final class Shares {
    /** Of a map's entry, with its key and value. */
    private static final long PAGE_BYTES = 88;

    private final PageGraph graph;
    private final Runnable step;
    /** Everything that earlier groups have come to. */
    private final OrdinalBits known = new OrdinalBits();
    /** What two groups or more have come to. */
    private final OrdinalBits shared = new OrdinalBits();
    private final OrdinalBits pages = new OrdinalBits();
    /** Of each page, how many chunks are below it, one that comes twice counted twice. */
    private final Map<Long, Long> chunksBelow = new HashMap<>();
    private final List<Group> groups = new ArrayList<>();
    private OrdinalBits mine;
    private long pageReads;

    /** @param firstHere what no earlier group had come to */
    private record Group(OrdinalBits firstHere, long dataChunks) {}

    /** @param step called before each page is read; what it throws ends this */
    Shares(PageGraph graph, Runnable step) {
        this.graph = graph;
        this.step = step;
    }

    /** Chunks that are in no tree yet. */
    interface LooseChunks {
        void forEach(LongConsumer visitor);
    }

    /**
     * Adds a group.
     *
     * @return its number: 0, 1, 2, and so on
     * @throws cairn.StoreException CORRUPT if a page is missing or damaged
     */
    int add(List<Top> trees, LooseChunks looseChunks) {
        mine = new OrdinalBits();
        long[] dataChunks = {0};
        for (Top top : trees) {
            dataChunks[0] += page(top.domain(), top.level(), top.ordinal());
        }
        looseChunks.forEach(ordinal -> {
            dataChunks[0]++;
            chunk(ordinal);
        });
        known.addAll(mine);
        groups.add(new Group(mine, dataChunks[0]));
        return groups.size() - 1;
    }

    private long page(DomainId domain, int level, long ordinal) {
        if (shared.contains(ordinal)) {
            return chunksBelow.get(ordinal);
        }
        if (known.contains(ordinal)) {
            shared.add(ordinal);
        } else if (!mine.add(ordinal)) {
            return chunksBelow.get(ordinal);
        }
        step.run();
        pageReads++;
        pages.add(ordinal);
        PageChildren children = graph.children(domain, ordinal);
        long below = 0;
        for (int slot = 0; slot < Page.CHILDREN; slot++) {
            long child = children.ordinal(slot);
            if (child == PageChildren.ABSENT) {
                continue;
            }
            if (level == 0) {
                chunk(child);
                below++;
            } else {
                below += page(domain, level - 1, child);
            }
        }
        chunksBelow.put(ordinal, below);
        return below;
    }

    private void chunk(long ordinal) {
        if (known.contains(ordinal)) {
            shared.add(ordinal);
        } else {
            mine.add(ordinal);
        }
    }

    /** What a group holds, now that all have been added. */
    Held held(int group, ExtentShares extents) {
        long[] counts = {0, 0};
        double[] storedBytes = {0};
        groups.get(group).firstHere.forEachWithout(shared, ordinal -> {
            counts[pages.contains(ordinal) ? 1 : 0]++;
            storedBytes[0] += extents.bytesOf(ordinal);
        });
        return new Held(groups.get(group).dataChunks, counts[0], counts[1], Math.round(storedBytes[0]));
    }

    /** Everything that any group has come to. */
    OrdinalBits known() {
        return known;
    }

    boolean isPage(long ordinal) {
        return pages.contains(ordinal);
    }

    /** How often a page was read: each unique one once or twice. */
    long pageReads() {
        return pageReads;
    }

    /** What this takes of the heap, about. */
    long heldBytes() {
        long groupBytes = groups.stream().mapToLong(each -> each.firstHere.heldBytes()).sum();
        return known.heldBytes() + shared.heldBytes() + pages.heldBytes() + groupBytes
                + chunksBelow.size() * PAGE_BYTES;
    }
}
