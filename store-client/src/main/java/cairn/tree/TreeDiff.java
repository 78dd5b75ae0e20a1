package cairn.tree;

import cairn.Digest;
import cairn.chunk.ChunkId;

/** Finds where two disks differ, descending only where page ids do: it costs what changed. */
public final class TreeDiff {
    private final PageSource pages;
    private final BoundedVisitor visitor;
    private final long fromChunk;

    /** Sees a chunk that differs; absent where a disk has zeros there, or ends before it. */
    @FunctionalInterface
    public interface Visitor {
        void visit(long chunkIndex, ChunkId first, ChunkId second);
    }

    /** Sees chunks that differ until it has had enough. */
    public interface BoundedVisitor {
        /**
         * Called before pages are read. What differs from here on has not been seen.
         *
         * @return false to end
         */
        boolean enter(long chunkIndex);

        /** @return false to end, having not taken this one */
        boolean visit(long chunkIndex, ChunkId first, ChunkId second);
    }

    private TreeDiff(PageSource pages, long fromChunk, BoundedVisitor visitor) {
        this.pages = pages;
        this.fromChunk = fromChunk;
        this.visitor = visitor;
    }

    /** Visits every chunk in which two disks differ, in the disks' order. Disks of unequal size may be compared. */
    public static void visit(TreeRoot first, TreeRoot second, PageSource pages, Visitor visitor) {
        visit(first, second, pages, 0, new BoundedVisitor() {
            @Override
            public boolean enter(long chunkIndex) {
                return true;
            }

            @Override
            public boolean visit(long chunkIndex, ChunkId one, ChunkId other) {
                visitor.visit(chunkIndex, one, other);
                return true;
            }
        });
    }

    /** Visits chunks in which two disks differ, from one chunk on, until the visitor has had enough. */
    public static void visit(
            TreeRoot first, TreeRoot second, PageSource pages, long fromChunk, BoundedVisitor visitor) {
        int level = Math.max(first.top().level(), second.top().level());
        new TreeDiff(pages, fromChunk, visitor)
                .descend(level, 0, new Node(first.top(), level), new Node(second.top(), level));
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

    /** @return whether to go on */
    private boolean descend(int level, long index, Node first, Node second) {
        int shift = 8 * (level + 1);
        boolean isBefore = index + 1 << shift <= fromChunk;
        if (isBefore || first.id.equals(second.id) || first.id.isAbsent() && second.id.isAbsent()) {
            return true;
        }
        if (!visitor.enter(Math.max(fromChunk, index << shift))) {
            return false;
        }
        Page firstPage = pageOf(first);
        Page secondPage = pageOf(second);
        for (int slot = 0; slot < Page.CHILDREN; slot++) {
            long childIndex = index * Page.CHILDREN + slot;
            boolean goesOn = level > 0
                    ? descend(level - 1, childIndex, child(first, firstPage, slot), child(second, secondPage, slot))
                    : compare(childIndex, childOf(firstPage, slot), childOf(secondPage, slot));
            if (!goesOn) {
                return false;
            }
        }
        return true;
    }

    private boolean compare(long chunkIndex, Digest first, Digest second) {
        return chunkIndex < fromChunk
                || first.equals(second)
                || visitor.visit(chunkIndex, new ChunkId(first), new ChunkId(second));
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
