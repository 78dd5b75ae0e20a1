package cairn.tree;

import cairn.Digest;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkId;
import java.util.function.Consumer;

/**
 * Builds a disk's tree from its chunks, or from its pages of level 0, given in ascending order with absent ones left
 * out. Keeps one open page a level, whatever the disk's size.
 */
public final class TreeBuilder {
    private final long sizeBytes;
    private final int topLevel;
    private final Consumer<Page> sink;
    private final Page.Builder[] open;
    private final long[] openIndex;
    /** The top page of a disk that has one page, where it was built elsewhere. */
    private Digest onlyLeaf = Digest.ZERO;

    /** @param sink gets every page, children before parents */
    public TreeBuilder(long sizeBytes, Consumer<Page> sink) {
        this.sizeBytes = sizeBytes;
        this.topLevel = Tree.topLevel(sizeBytes);
        this.sink = sink;
        this.open = new Page.Builder[topLevel + 1];
        this.openIndex = new long[topLevel + 1];
    }

    public void putChunk(long chunkIndex, ChunkId id) {
        requireInside(chunkIndex, Chunk.count(sizeBytes));
        put(0, chunkIndex, id.digest());
    }

    /** Puts a page of level 0 that was built elsewhere; it does not go to the sink. */
    public void putLeaf(long leafIndex, PageId leaf) {
        requireInside(leafIndex, Tree.pageCount(sizeBytes, 0));
        if (topLevel == 0) {
            onlyLeaf = leaf.digest();
        } else {
            put(1, leafIndex, leaf.digest());
        }
    }

    /** Closes what is open and gives the tree's root. */
    public TreeRoot finish() {
        for (int level = 0; level < topLevel; level++) {
            close(level);
        }
        if (open[topLevel] == null || open[topLevel].isEmpty()) {
            return TreeRoot.of(sizeBytes, onlyLeaf);
        }
        Page top = open[topLevel].build();
        sink.accept(top);
        return new TreeRoot(sizeBytes, top.id());
    }

    private void put(int level, long childIndex, Digest child) {
        if (child.isZero()) {
            return;
        }
        long index = Tree.parentOf(childIndex);
        if (open[level] != null && openIndex[level] != index) {
            if (index < openIndex[level]) {
                throw new IllegalArgumentException("child " + childIndex + " comes after page " + openIndex[level]);
            }
            close(level);
        }
        if (open[level] == null) {
            open[level] = new Page.Builder(level);
            openIndex[level] = index;
        }
        open[level].set(Tree.slotOf(childIndex), child);
    }

    private void close(int level) {
        if (open[level] != null) {
            Page page = open[level].build();
            open[level] = null;
            sink.accept(page);
            put(level + 1, openIndex[level], page.id().digest());
        }
    }

    private static void requireInside(long index, long count) {
        if (index < 0 || index >= count) {
            throw new IllegalArgumentException("index " + index + " is not below " + count);
        }
    }
}
