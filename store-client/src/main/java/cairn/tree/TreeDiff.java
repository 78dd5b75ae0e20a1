package cairn.tree;

import cairn.Digest;
import cairn.chunk.ChunkId;

/** Finds where two disks differ, descending only where page ids do: it costs what changed. */
public final class TreeDiff {
    private final PageSource pages;
    private final Visitor visitor;

    /** Sees a chunk that differs; absent where a disk has zeros there, or ends before it. */
    @FunctionalInterface
    public interface Visitor {
        void visit(long chunkIndex, ChunkId first, ChunkId second);
    }

    private TreeDiff(PageSource pages, Visitor visitor) {
        this.pages = pages;
        this.visitor = visitor;
    }

    /** Visits every chunk in which two disks differ, in the disks' order. Disks of unequal size may be compared. */
    public static void visit(TreeRoot first, TreeRoot second, PageSource pages, Visitor visitor) {
        int level = Math.max(first.top().level(), second.top().level());
        new TreeDiff(pages, visitor).descend(level, 0, new Node(first.top(), level), new Node(second.top(), level));
    }

    /**
     * One side's place in the descent: a page, or, above the top of the lower tree, a page that would have that top
     * as its first child and no other.
     */
    private record Node(PageId id, int level) {
        boolean isAboveTop() {
            return level > id.level();
        }
    }

    private void descend(int level, long index, Node first, Node second) {
        if (first.id.equals(second.id) || first.id.isAbsent() && second.id.isAbsent()) {
            return;
        }
        Page firstPage = pageOf(first);
        Page secondPage = pageOf(second);
        for (int slot = 0; slot < Page.CHILDREN; slot++) {
            long childIndex = index * Page.CHILDREN + slot;
            if (level > 0) {
                descend(level - 1, childIndex, child(first, firstPage, slot), child(second, secondPage, slot));
            } else if (!childOf(firstPage, slot).equals(childOf(secondPage, slot))) {
                visitor.visit(
                        childIndex,
                        new ChunkId(childOf(firstPage, slot)),
                        new ChunkId(childOf(secondPage, slot)));
            }
        }
    }

    private Page pageOf(Node node) {
        return node.isAboveTop() || node.id.isAbsent() ? null : pages.read(node.id);
    }

    private static Node child(Node parent, Page page, int slot) {
        int level = parent.level - 1;
        if (parent.isAboveTop() && slot == 0) {
            return new Node(parent.id, level);
        }
        return new Node(new PageId(level, childOf(page, slot)), level);
    }

    private static Digest childOf(Page page, int slot) {
        return page == null ? Digest.ZERO : page.child(slot);
    }
}
