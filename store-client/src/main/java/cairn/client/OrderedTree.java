package cairn.client;

import cairn.tree.Page;
import cairn.tree.PageId;
import cairn.tree.TreeBuilder;
import cairn.tree.TreeRoot;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * A tree built from pages of level 0 that are done in any order: keeps those that came before their turn. For several
 * threads.
 */
final class OrderedTree {
    private record Leaf(long index, PageId id) {}

    private final TreeBuilder builder;
    private final Map<Long, Leaf> early = new TreeMap<>();
    private long nextTurn;

    /** @param sink gets the pages above level 0, children before parents, one at a time */
    OrderedTree(long sizeBytes, Consumer<Page> sink) {
        this.builder = new TreeBuilder(sizeBytes, sink);
    }

    /**
     * Puts a page, perhaps absent.
     *
     * @param turn 0, 1, 2... in the order of the disk
     */
    synchronized void put(long turn, long leafIndex, PageId leaf) {
        early.put(turn, new Leaf(leafIndex, leaf));
        for (Leaf next = early.remove(nextTurn); next != null; next = early.remove(nextTurn)) {
            builder.putLeaf(next.index, next.id);
            nextTurn++;
        }
    }

    /** Once everything has been put. */
    synchronized TreeRoot finish() {
        if (!early.isEmpty()) {
            throw new IllegalStateException("page " + nextTurn + " was never put");
        }
        return builder.finish();
    }
}
