package cairn.server.storage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Digest;
import cairn.Fault;
import cairn.StoreException;
import cairn.chunk.ChunkId;
import cairn.tree.PageId;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ChunkStoreTest {
    private static final DomainId OURS = new DomainId(1);
    private static final DomainId THEIRS = new DomainId(2);

    private final Storage storage = new MemoryStorage();
    private final ChunkStore store = new ChunkStore(storage.segments(), storage.index());

    @AfterEach
    void close() {
        storage.close();
    }

    @Test
    void keepsAChunkOnceAndReadsItOnceSealed() {
        assertTrue(put(OURS, 1));
        assertFalse(put(OURS, 1));
        assertTrue(store.contains(OURS, key(1)));
        assertFalse(store.isReadable(OURS, key(1)));

        store.seal();

        assertArrayEquals(packed(1), store.read(OURS, key(1)));
        assertFalse(put(OURS, 1));
        assertEquals(1, storage.index().count(ItemKey.CHUNK_KIND));
    }

    @Test
    void tellsNobodyWhatOthersKeep() {
        put(THEIRS, 1);
        put(DomainId.PUBLIC, 2);
        store.seal();

        assertFalse(store.contains(OURS, key(1)));
        assertEquals(Fault.CORRUPT, assertThrows(StoreException.class, () -> store.read(OURS, key(1))).fault());
        assertTrue(store.contains(OURS, key(2)));
        assertTrue(put(OURS, 1));
        assertFalse(store.contains(DomainId.PUBLIC, key(1)));
    }

    @Test
    void refusesAPageBeforeItsChildren() {
        ItemKey page = ItemKey.of(new PageId(0, Digest.of(new byte[] {9})));
        put(OURS, 1);

        assertEquals(
                Optional.of(key(2)), store.putPage(OURS, page, List.of(key(1), key(2)), packed(9), 0, packed(9).length));
        assertFalse(store.contains(OURS, page));

        put(OURS, 2);
        assertEquals(
                Optional.empty(), store.putPage(OURS, page, List.of(key(1), key(2)), packed(9), 0, packed(9).length));
        assertTrue(store.contains(OURS, page));
    }

    @Test
    void forgetsWhatAFailedSegmentHeld() {
        FailingSegmentStore failing = new FailingSegmentStore(storage.segments());
        ChunkStore store = new ChunkStore(failing, storage.index());
        store.putChunk(OURS, key(1), packed(1), 0, packed(1).length);
        failing.isFull = true;

        assertEquals(
                Fault.NO_SPACE,
                assertThrows(StoreException.class, () -> store.putChunk(OURS, key(2), packed(2), 0, 1)).fault());
        assertFalse(store.contains(OURS, key(1)));

        failing.isFull = false;
        assertTrue(store.putChunk(OURS, key(1), packed(1), 0, packed(1).length));
        store.seal();
        assertArrayEquals(packed(1), store.read(OURS, key(1)));
    }

    @Test
    void looksAgainForChildrenWhenTheirSegmentFailsMeanwhile() {
        FailingSegmentStore failing = new FailingSegmentStore(storage.segments());
        ChunkStore[] store = new ChunkStore[1];
        ItemKey page = ItemKey.of(new PageId(0, Digest.of(new byte[] {9})));
        // The index is asked for child 2 while child 1 has been seen in the open segment; just then that segment fails.
        store[0] = new ChunkStore(failing, new HookedChunkIndex(storage.index(), key(2), () -> {
            failing.isFull = true;
            assertThrows(StoreException.class, () -> store[0].putChunk(OURS, key(3), packed(3), 0, 1));
            failing.isFull = false;
        }));
        store[0].putChunk(OURS, key(2), packed(2), 0, packed(2).length);
        store[0].seal();
        store[0].putChunk(OURS, key(1), packed(1), 0, packed(1).length);

        assertEquals(
                Optional.of(key(1)),
                store[0].putPage(OURS, page, List.of(key(1), key(2)), packed(9), 0, packed(9).length));
        assertFalse(store[0].contains(OURS, page));
    }

    @Test
    void sealsByItselfWhenASegmentIsFull() {
        byte[] big = new byte[100_000];
        int count = (int) (ChunkStore.SEGMENT_BYTES / big.length) + 2;
        for (int i = 0; i < count; i++) {
            store.putChunk(OURS, key(i), big, 0, big.length);
        }

        assertTrue(store.isReadable(OURS, key(0)));
        assertFalse(store.isReadable(OURS, key(count - 1)));
    }

    private boolean put(DomainId domain, int number) {
        return store.putChunk(domain, key(number), packed(number), 0, packed(number).length);
    }

    private static ItemKey key(int number) {
        return ItemKey.of(new ChunkId(Digest.of(new byte[] {(byte) number, (byte) (number >> 8)})));
    }

    private static byte[] packed(int number) {
        return new byte[] {1, 2, (byte) number};
    }
}
