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
import cairn.tree.Page;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ChunkStoreTest {
    private static final DomainId OURS = new DomainId(1);
    private static final DomainId THEIRS = new DomainId(2);

    private final Storage storage = new MemoryStorage();
    private final ChunkStore store = new ChunkStore(storage.segments(), storage.index());
    private final Lease lease = store.lease();

    @AfterEach
    void close() {
        storage.close();
    }

    @Test
    void keepsAChunkOnceAndReadsItOnceSealed() {
        assertTrue(put(OURS, 1));
        assertFalse(put(OURS, 1));
        assertTrue(lease.contains(OURS, key(1)));
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

        assertFalse(lease.contains(OURS, key(1)));
        assertEquals(Fault.CORRUPT, assertThrows(StoreException.class, () -> store.read(OURS, key(1))).fault());
        assertTrue(lease.contains(OURS, key(2)));
        assertTrue(put(OURS, 1));
        assertFalse(lease.contains(DomainId.PUBLIC, key(1)));
    }

    @Test
    void refusesAPageBeforeItsChildren() {
        Page page = pageOf(1, 2);
        put(OURS, 1);

        assertEquals(Optional.of(key(2)), putPage(lease, page));
        assertFalse(lease.contains(OURS, ItemKey.of(page.id())));

        put(OURS, 2);
        assertEquals(Optional.empty(), putPage(lease, page));
        assertTrue(lease.contains(OURS, ItemKey.of(page.id())));
    }

    @Test
    void forgetsWhatAFailedSegmentHeld() {
        FailingSegmentStore failing = new FailingSegmentStore(storage.segments());
        ChunkStore store = new ChunkStore(failing, storage.index());
        Lease lease = store.lease();
        lease.putChunk(OURS, key(1), packed(1), 0, packed(1).length);
        failing.isFull = true;

        assertEquals(
                Fault.NO_SPACE,
                assertThrows(StoreException.class, () -> lease.putChunk(OURS, key(2), packed(2), 0, 1)).fault());
        assertFalse(lease.contains(OURS, key(1)));

        failing.isFull = false;
        assertTrue(lease.putChunk(OURS, key(1), packed(1), 0, packed(1).length));
        store.seal();
        assertArrayEquals(packed(1), store.read(OURS, key(1)));
    }

    @Test
    void looksAgainForChildrenWhenTheirSegmentFailsMeanwhile() {
        FailingSegmentStore failing = new FailingSegmentStore(storage.segments());
        Lease[] lease = new Lease[1];
        Page page = pageOf(1, 2);
        // The index is asked for child 2 while child 1 has been seen in the open segment; just then that segment fails.
        ChunkStore store = new ChunkStore(failing, new HookedChunkIndex(storage.index(), key(2), () -> {
            failing.isFull = true;
            assertThrows(StoreException.class, () -> lease[0].putChunk(OURS, key(3), packed(3), 0, 1));
            failing.isFull = false;
        }));
        lease[0] = store.lease();
        lease[0].putChunk(OURS, key(2), packed(2), 0, packed(2).length);
        store.seal();
        lease[0].putChunk(OURS, key(1), packed(1), 0, packed(1).length);

        assertEquals(Optional.of(key(1)), putPage(lease[0], page));
        assertFalse(lease[0].contains(OURS, ItemKey.of(page.id())));
    }

    @Test
    void sealsByItselfWhenASegmentIsFull() {
        byte[] big = new byte[100_000];
        int count = (int) (ChunkStore.SEGMENT_BYTES / big.length) + 2;
        for (int i = 0; i < count; i++) {
            lease.putChunk(OURS, key(i), big, 0, big.length);
        }

        assertTrue(store.isReadable(OURS, key(0)));
        assertFalse(store.isReadable(OURS, key(count - 1)));
    }

    private boolean put(DomainId domain, int number) {
        return lease.putChunk(domain, key(number), packed(number), 0, packed(number).length);
    }

    private static ItemKey key(int number) {
        return ItemKey.of(new ChunkId(Digest.of(new byte[] {(byte) number, (byte) (number >> 8)})));
    }

    private static Page pageOf(int... chunks) {
        Page.Builder page = new Page.Builder(0);
        for (int slot = 0; slot < chunks.length; slot++) {
            page.set(slot, key(chunks[slot]).digest());
        }
        return page.build();
    }

    private static Optional<ItemKey> putPage(Lease lease, Page page) {
        byte[] packed = TestDisk.pack(page.toBytes());
        return lease.putPage(OURS, page, packed, 0, packed.length);
    }

    private static byte[] packed(int number) {
        return new byte[] {1, 2, (byte) number};
    }
}
