package cairn.server.storage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Digest;
import cairn.Fault;
import cairn.StoreException;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkId;
import cairn.tree.Page;
import cairn.tree.TreeEditor;
import cairn.tree.TreeReader;
import cairn.tree.TreeRoot;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class TreeAdoptionTest {
    private static final DomainId OURS = new DomainId(1);
    private static final DomainId THEIRS = new DomainId(2);
    /** 40 leaves below one page of level 1. */
    private static final int SIZE_BYTES = 40 << 24;

    private final Storage storage = new MemoryStorage();
    private final ChunkStore store = new ChunkStore(storage.segments(), storage.index());
    private final Lease lease = store.lease();
    private final TreeAdoption adoption = new TreeAdoption(store, lease);

    @AfterEach
    void close() {
        storage.close();
    }

    @Test
    void makesATreeReadableInAnotherDomainWithoutStoringAByte() {
        TestDisk disk = TestDisk.random(1, 3 << 20);
        TreeRoot tree = disk.put(store, THEIRS);
        long storedBytes = storage.segments().storedBytes();
        long chunkRows = storage.index().count(ItemKey.CHUNK_KIND);

        adoption.adopt(tree, THEIRS, OURS);

        assertEquals(storedBytes, storage.segments().storedBytes());
        assertEquals(2 * chunkRows, storage.index().count(ItemKey.CHUNK_KIND));
        int[] seen = {0};
        new TreeReader(tree, new StoredPages(store, OURS)).forEachChunk((index, id) -> {
            assertArrayEquals(disk.packedChunk(index), store.read(OURS, ItemKey.of(id)));
            seen[0]++;
        });
        assertTrue(seen[0] > 0, "no chunk was looked at");
    }

    @Test
    void addsNothingThatTheDomainMayUseAlready() {
        TreeRoot tree = sparse(THEIRS, 1);
        TreeRoot open = sparse(DomainId.PUBLIC, 2);

        assertTrue(adoption.adopt(tree, THEIRS, OURS) > 0);
        assertEquals(0, adoption.adopt(tree, THEIRS, OURS));
        assertEquals(0, adoption.adopt(tree, OURS, OURS));
        assertEquals(0, adoption.adopt(open, DomainId.PUBLIC, OURS));
        assertEquals(0, adoption.adopt(TreeRoot.of(1 << 20, Digest.ZERO), THEIRS, OURS));
    }

    @Test
    void costsWhatAChildChanged() {
        TreeRoot parent = sparse(THEIRS, 1);
        adoption.adopt(parent, THEIRS, OURS);
        TreeRoot child = edit(THEIRS, parent, Map.of(17L * Page.CHILDREN, id(99)));
        AtomicInteger pagesRead = new AtomicInteger();

        long rows = adoption.adopt(child, THEIRS, OURS, pagesRead::incrementAndGet);

        assertEquals(3, rows, "a chunk, its leaf, and the top page");
        assertEquals(2, pagesRead.get());
        requireWhole(child);
    }

    @Test
    void leavesNoPageWithoutWhatIsBelowItWhereItIsCutShort() {
        TreeRoot tree = sparse(THEIRS, 3);
        AtomicInteger pagesLeft = new AtomicInteger(36);

        assertThrows(IllegalStateException.class, () -> adoption.adopt(tree, THEIRS, OURS, () -> {
            if (pagesLeft.decrementAndGet() < 0) {
                throw new IllegalStateException("enough");
            }
        }));

        assertFalse(store.isReadable(OURS, ItemKey.of(tree.top())));
        int[] leaves = {0};
        new TreeReader(tree, new StoredPages(store, THEIRS)).forEachLeaf((index, leaf) -> {
            if (store.isReadable(OURS, ItemKey.of(leaf.id()))) {
                leaves[0]++;
                TestDisk.childrenOf(leaf).forEach(key -> assertTrue(store.isReadable(OURS, key), key + " is missing"));
            }
        });
        assertTrue(leaves[0] > 0 && leaves[0] < 40, leaves[0] + " leaves");

        assertTrue(adoption.adopt(tree, THEIRS, OURS) > 0);
        requireWhole(tree);
    }

    @Test
    void refusesATreeThatTheOtherDomainHasNotGot() {
        TreeRoot tree = TestDisk.random(5, 1 << 20).root();

        StoreException e = assertThrows(StoreException.class, () -> adoption.adopt(tree, THEIRS, OURS));

        assertEquals(Fault.CORRUPT, e.fault());
        assertEquals(OptionalLong.empty(), storage.index().find(OURS, ItemKey.of(tree.top())));
    }

    @Test
    void takesAPageThatComesTwiceOnce() {
        Map<Long, ChunkId> changes = new HashMap<>();
        for (long leaf = 0; leaf < 40; leaf++) {
            changes.put(leaf * Page.CHILDREN, id(7));
        }
        TreeRoot tree = edit(THEIRS, TreeRoot.of(SIZE_BYTES, Digest.ZERO), changes);

        assertEquals(3, adoption.adopt(tree, THEIRS, OURS), "one chunk, one leaf, one top page");
        requireWhole(tree);
    }

    @Test
    void putsPagesAnewWhoseChildrenTheDomainHasElsewhere() {
        TreeRoot ours = edit(OURS, TreeRoot.of(SIZE_BYTES, Digest.ZERO), Map.of(5L, id(5), 3L * Page.CHILDREN, id(1_000_002)));
        TreeRoot theirs = sparse(THEIRS, 1);
        long pagesBefore = storage.index().count(1) + storage.index().count(2);
        long chunkBefore = store.ordinal(OURS, ItemKey.of(id(1_000_002))).orElseThrow();

        adoption.adopt(theirs, THEIRS, OURS);

        requireWhole(theirs);
        requireWhole(ours);
        assertEquals(chunkBefore, store.ordinal(OURS, ItemKey.of(id(1_000_002))).orElseThrow());
        assertEquals(pagesBefore + 41, storage.index().count(1) + storage.index().count(2));
        requireAgreement(theirs);
        requireAgreement(ours);
        assertTrue(store.ordinal(OURS, ItemKey.of(theirs.top())).orElseThrow()
                != store.ordinal(THEIRS, ItemKey.of(theirs.top())).orElseThrow(), "the top page is not shared");
    }

    /** Whoever follows ordinals meets what is found by name. */
    private void requireAgreement(TreeRoot tree) {
        new TreeReader(tree, new StoredPages(store, OURS)).forEachLeaf((index, leaf) -> requireAgreement(leaf));
        requireAgreement(new StoredPages(store, OURS).read(tree.top()));
    }

    private void requireAgreement(Page page) {
        PageChildren children = store.children(store.ordinal(OURS, ItemKey.of(page.id())).orElseThrow(), OURS, page.id());
        for (int slot = 0; slot < Page.CHILDREN; slot++) {
            assertEquals(
                    page.isAbsent(slot)
                            ? PageChildren.ABSENT
                            : store.ordinal(OURS, ChunkStore.child(page, slot)).orElseThrow(),
                    children.ordinal(slot));
        }
    }

    private void requireWhole(TreeRoot tree) {
        assertTrue(store.isReadable(OURS, ItemKey.of(tree.top())));
        new TreeReader(tree, new StoredPages(store, OURS)).forEachChunk((index, id) ->
                assertTrue(store.isReadable(OURS, ItemKey.of(id)), id + " is missing"));
    }

    /** A disk in which every second chunk is present; their bytes are no chunks, only their names count. */
    private TreeRoot sparse(DomainId domain, int seed) {
        Map<Long, ChunkId> changes = new HashMap<>();
        for (long index = 0; index < Chunk.count(SIZE_BYTES); index += 2) {
            changes.put(index, id(seed * 1_000_000L + index));
        }
        return edit(domain, TreeRoot.of(SIZE_BYTES, Digest.ZERO), changes);
    }

    private TreeRoot edit(DomainId domain, TreeRoot base, Map<Long, ChunkId> changes) {
        changes.values().forEach(id -> lease.putChunk(domain, ItemKey.of(id), new byte[] {1}, 0, 1));
        TreeRoot tree = new TreeEditor(new StoredPages(store, domain), page -> {
                    byte[] packed = TestDisk.pack(page.toBytes());
                    lease.putPage(domain, page, packed, 0, packed.length);
                })
                .edit(base, base.sizeBytes(), new TreeMap<>(changes));
        store.seal();
        return tree;
    }

    private static ChunkId id(long number) {
        return new ChunkId(Digest.of(Long.toString(number).getBytes()));
    }
}
