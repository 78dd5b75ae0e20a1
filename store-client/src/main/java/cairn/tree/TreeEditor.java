package cairn.tree;

import cairn.Digest;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkId;
import java.util.HashMap;
import java.util.Map;
import java.util.NavigableMap;
import java.util.function.Consumer;

/**
 * Makes a tree from another by changing some of its chunks: reads and writes only the pages above what changed.
 */
public final class TreeEditor {
    private final PageSource pages;
    private final Consumer<Page> sink;

    /** @param sink gets every page that is new, children before parents */
    public TreeEditor(PageSource pages, Consumer<Page> sink) {
        this.pages = pages;
        this.sink = sink;
    }

    /**
     * Changes chunks of a disk, which may grow.
     *
     * @param sizeBytes the new size, not below the base's
     * @param changes chunk index to its new id; {@link ChunkId#ABSENT} makes a hole
     */
    public TreeRoot edit(TreeRoot base, long sizeBytes, NavigableMap<Long, ChunkId> changes) {
        if (sizeBytes < base.sizeBytes()) {
            throw new IllegalArgumentException("a disk of " + base.sizeBytes() + " bytes cannot become " + sizeBytes);
        }
        if (!changes.isEmpty() && (changes.firstKey() < 0 || changes.lastKey() >= Chunk.count(sizeBytes))) {
            throw new IllegalArgumentException("chunk " + changes.lastKey() + " of " + Chunk.count(sizeBytes));
        }
        Digest top = base.top().digest();
        int topLevel = Tree.topLevel(sizeBytes);
        Map<PageId, Page> raised = new HashMap<>();
        for (int level = base.top().level() + 1; level <= topLevel && !top.isZero(); level++) {
            Page page = new Page.Builder(level).set(0, top).build();
            raised.put(page.id(), page);
            sink.accept(page);
            top = page.id().digest();
        }
        // What the sink has been given can perhaps not be read back yet.
        TreeEditor editor = new TreeEditor(id -> raised.containsKey(id) ? raised.get(id) : pages.read(id), sink);
        return new TreeRoot(sizeBytes, new PageId(topLevel, editor.edit(topLevel, top, changes)));
    }

    private Digest edit(int level, Digest old, NavigableMap<Long, ChunkId> changes) {
        if (changes.isEmpty()) {
            return old;
        }
        Page before = old.isZero() ? null : pages.read(new PageId(level, old));
        Page.Builder page = before == null ? new Page.Builder(level) : new Page.Builder(before);
        if (level == 0) {
            changes.forEach((chunkIndex, id) -> page.set(Tree.slotOf(chunkIndex), id.digest()));
        } else {
            editChildren(before, changes, page, level - 1);
        }
        return put(page, old);
    }

    private void editChildren(Page before, NavigableMap<Long, ChunkId> changes, Page.Builder page, int childLevel) {
        long childSpan = Tree.spanBytes(childLevel) / Chunk.SIZE_BYTES;
        Long next = changes.firstKey();
        while (next != null) {
            long child = next / childSpan;
            int slot = Tree.slotOf(child);
            Digest old = before == null ? Digest.ZERO : before.child(slot);
            page.set(slot, edit(childLevel, old, changes.subMap(child * childSpan, true, (child + 1) * childSpan, false)));
            next = changes.ceilingKey((child + 1) * childSpan);
        }
    }

    private Digest put(Page.Builder builder, Digest old) {
        if (builder.isEmpty()) {
            return Digest.ZERO;
        }
        Page page = builder.build();
        Digest digest = page.id().digest();
        if (!digest.equals(old)) {
            sink.accept(page);
        }
        return digest;
    }
}
