package cairn.tree;

import cairn.Digest;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkId;

/** Walks a disk's tree, touching only pages that are present. */
public final class TreeReader {
    private final TreeRoot root;
    private final PageSource pages;

    public TreeReader(TreeRoot root, PageSource pages) {
        this.root = root;
        this.pages = pages;
    }

    /** Sees chunks. */
    @FunctionalInterface
    public interface ChunkVisitor {
        void visit(long chunkIndex, ChunkId id);
    }

    /** Sees pages of level 0. */
    @FunctionalInterface
    public interface LeafVisitor {
        void visit(long leafIndex, Page leaf);
    }

    /** The chunk at an index, perhaps absent. */
    public ChunkId chunkAt(long chunkIndex) {
        if (chunkIndex < 0 || chunkIndex >= Chunk.count(root.sizeBytes())) {
            throw new IllegalArgumentException("chunk " + chunkIndex + " of " + Chunk.count(root.sizeBytes()));
        }
        PageId id = root.top();
        while (!id.isAbsent()) {
            Page page = pages.read(id);
            int slot = Tree.slotOf(chunkIndex >>> 8 * page.level());
            if (page.level() == 0) {
                return page.chunk(slot);
            }
            id = page.page(slot);
        }
        return ChunkId.ABSENT;
    }

    /** The page of a level at an index, perhaps absent. */
    public PageId pageAt(int level, long index) {
        PageId id = root.top();
        while (id.level() > level && !id.isAbsent()) {
            id = pages.read(id).page(Tree.slotOf(index >>> 8 * (id.level() - 1 - level)));
        }
        return id.level() == level ? id : new PageId(level, Digest.ZERO);
    }

    /** Visits every present page of level 0 in the disk's order. */
    public void forEachLeaf(LeafVisitor visitor) {
        visit(root.top(), 0, 0, Long.MAX_VALUE, visitor);
    }

    /** Visits every present chunk in the disk's order. */
    public void forEachChunk(ChunkVisitor visitor) {
        forEachChunk(0, Long.MAX_VALUE, visitor);
    }

    /** Visits every present chunk from one index to before another, in the disk's order. */
    public void forEachChunk(long from, long end, ChunkVisitor visitor) {
        long leafEnd = end / Page.CHILDREN + 1;
        visit(root.top(), 0, from / Page.CHILDREN, leafEnd, (leafIndex, leaf) -> {
            for (int slot = 0; slot < Page.CHILDREN; slot++) {
                long index = leafIndex * Page.CHILDREN + slot;
                if (index >= from && index < end && !leaf.isAbsent(slot)) {
                    visitor.visit(index, leaf.chunk(slot));
                }
            }
        });
    }

    /** Visits the leaves below a page whose indices lie from {@code firstLeaf} to before {@code leafEnd}. */
    private void visit(PageId id, long index, long firstLeaf, long leafEnd, LeafVisitor visitor) {
        int shift = 8 * id.level();
        boolean isBefore = index + 1 << shift <= firstLeaf;
        boolean isBehind = index << shift >= leafEnd;
        if (id.isAbsent() || isBefore || isBehind) {
            return;
        }
        Page page = pages.read(id);
        if (page.level() == 0) {
            visitor.visit(index, page);
            return;
        }
        for (int slot = 0; slot < Page.CHILDREN; slot++) {
            visit(page.page(slot), index * Page.CHILDREN + slot, firstLeaf, leafEnd, visitor);
        }
    }
}
