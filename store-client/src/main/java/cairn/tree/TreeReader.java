package cairn.tree;

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

    /** Visits every present page of level 0 in the disk's order. */
    public void forEachLeaf(LeafVisitor visitor) {
        visit(root.top(), 0, visitor);
    }

    /** Visits every present chunk in the disk's order. */
    public void forEachChunk(ChunkVisitor visitor) {
        forEachLeaf((leafIndex, leaf) -> {
            for (int slot = 0; slot < Page.CHILDREN; slot++) {
                if (!leaf.isAbsent(slot)) {
                    visitor.visit(leafIndex * Page.CHILDREN + slot, leaf.chunk(slot));
                }
            }
        });
    }

    private void visit(PageId id, long index, LeafVisitor visitor) {
        if (id.isAbsent()) {
            return;
        }
        Page page = pages.read(id);
        if (page.level() == 0) {
            visitor.visit(index, page);
            return;
        }
        for (int slot = 0; slot < Page.CHILDREN; slot++) {
            visit(page.page(slot), index * Page.CHILDREN + slot, visitor);
        }
    }
}
