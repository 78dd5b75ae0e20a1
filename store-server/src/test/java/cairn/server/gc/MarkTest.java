package cairn.server.gc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Digest;
import cairn.Fault;
import cairn.StoreException;
import cairn.chunk.ChunkId;
import cairn.server.storage.ChunkIndex.Children;
import cairn.server.storage.ChunkIndex.Row;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.server.storage.MemoryStorage;
import cairn.server.storage.Ordinal;
import cairn.server.storage.PageChildren;
import cairn.server.storage.Storage;
import cairn.server.storage.StoredPages;
import cairn.server.storage.TestDisk;
import cairn.tree.Page;
import cairn.tree.PageId;
import cairn.tree.TreeRoot;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class MarkTest {
    private static final DomainId OURS = new DomainId(1);
    private static final int MIB = 1 << 20;

    private final Storage storage = new MemoryStorage();
    private final ChunkStore chunks = new ChunkStore(storage.segments(), storage.index());
    private final Mark mark = new Mark(chunks, storage.index());

    @AfterEach
    void close() {
        storage.close();
    }

    private Collection<Long> marked() {
        List<Long> ordinals = new ArrayList<>();
        mark.marked().forEach(ordinals::add);
        return ordinals;
    }

    /** All of a tree, found by reading it. */
    private TreeSet<Long> expected(TreeRoot tree) {
        TreeSet<Long> ordinals = new TreeSet<>();
        collect(tree.top(), ordinals);
        return ordinals;
    }

    private void collect(PageId id, TreeSet<Long> ordinals) {
        ordinals.add(storage.index().find(OURS, ItemKey.of(id)).getAsLong());
        Page page = new StoredPages(chunks, OURS).read(id);
        for (int slot = 0; slot < Page.CHILDREN; slot++) {
            if (page.isAbsent(slot)) {
                continue;
            }
            if (page.level() > 0) {
                collect(page.page(slot), ordinals);
            } else {
                ordinals.add(storage.index().find(OURS, ItemKey.of(page.chunk(slot))).getAsLong());
            }
        }
    }

    @Test
    void marksAllOfATreeAndNothingElse() {
        TestDisk.random(1, 20 * MIB).put(chunks, OURS);
        TreeRoot tree = TestDisk.random(2, 40 * MIB).put(chunks, OURS);

        mark.root(OURS, tree);

        assertEquals(new ArrayList<>(expected(tree)), marked());
        assertEquals(4, mark.pages(), "three of level 0, and the top");
    }

    @Test
    void visitsAPageOnceHoweverManyTreesShareIt() {
        byte[] bytes = TestDisk.random(1, 40 * MIB).bytes();
        TreeRoot one = TestDisk.of(bytes).put(chunks, OURS);
        bytes[39 * MIB] ^= 1;
        TreeRoot other = TestDisk.of(bytes).put(chunks, OURS);
        int[] steps = {0};
        Mark counted = new Mark(chunks, storage.index(), () -> steps[0]++);

        counted.root(OURS, one);
        counted.root(OURS, other);
        counted.root(OURS, one);

        assertEquals(4 + 2, counted.pages(), "the last leaf and the top are different");
        assertEquals(counted.pages(), steps[0]);
    }

    @Test
    void readsNoPageWhoseChildrenAreKnown() {
        TreeRoot tree = TestDisk.random(3, 20 * MIB).put(chunks, OURS);
        long top = storage.index().find(OURS, ItemKey.of(tree.top())).getAsLong();
        long chunk = Ordinal.of(77, 1);
        long leaf = Ordinal.of(77, 2);
        storage.index().putAll(List.of(), List.of(children(top, leaf), children(leaf, chunk)));

        mark.root(OURS, tree);

        assertEquals(new ArrayList<>(new TreeSet<>(List.of(top, leaf, chunk))), marked());
    }

    private static Children children(long page, long child) {
        long[] ordinals = new long[Page.CHILDREN];
        Arrays.fill(ordinals, PageChildren.ABSENT);
        ordinals[200] = child;
        return new Children(page, new PageChildren(ordinals));
    }

    @Test
    void marksNothingOfADiskOfZeros() {
        mark.root(OURS, TreeRoot.of(MIB, Digest.ZERO));
        mark.chunk(OURS, ChunkId.ABSENT);

        assertTrue(mark.marked().isEmpty());
    }

    @Test
    void followsAPageOfAnEarlierVersionByItsContent() {
        TreeRoot tree = TestDisk.random(4, 40 * MIB).put(chunks, OURS);
        TreeSet<Long> expected = expected(tree);
        storage.index().removeAll(List.of(), List.copyOf(expected));

        mark.root(OURS, tree);

        assertEquals(new ArrayList<>(expected), marked());
    }

    @Test
    void namesAPageThatIsMissing() {
        TreeRoot tree = TestDisk.random(4, 40 * MIB).put(chunks, OURS);
        ItemKey lost = ItemKey.of(tree.top());
        storage.index().removeAll(List.of(new Row(OURS, lost, storage.index().find(OURS, lost).getAsLong())));

        StoreException e = assertThrows(StoreException.class, () -> mark.root(OURS, tree));

        assertEquals(Fault.CORRUPT, e.fault());
        assertTrue(e.getMessage().contains(lost.toString()), e.getMessage());
    }
}
