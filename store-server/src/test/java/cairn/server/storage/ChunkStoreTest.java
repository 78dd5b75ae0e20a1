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
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
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
    void wantsProofOnlyOfWhatIsNotThereAndIntact() {
        AtomicInteger proofs = new AtomicInteger();
        assertTrue(put(1, proofs::incrementAndGet));
        assertFalse(put(1, proofs::incrementAndGet));
        store.seal();
        assertFalse(put(1, proofs::incrementAndGet));
        assertEquals(1, proofs.get());

        OrdinalSet damaged = new OrdinalSet();
        damaged.add(ordinal(key(1)));
        store.damaged(damaged);
        assertTrue(put(1, proofs::incrementAndGet));
        assertEquals(2, proofs.get());
        assertFalse(put(1, proofs::incrementAndGet));
        assertEquals(2, proofs.get());
    }

    @Test
    void keepsNothingThatCannotBeProven() {
        assertThrows(IllegalStateException.class, () -> put(1, () -> {
            throw new IllegalStateException("not proven");
        }));

        assertFalse(lease.contains(OURS, key(1)));
        assertTrue(put(OURS, 1));
    }

    @Test
    void keepsOnceWhatSomebodyElsePutsWhileItIsProven() {
        assertFalse(put(1, () -> assertTrue(put(OURS, 1))));
        assertFalse(put(2, () -> {
            assertTrue(put(OURS, 2));
            store.seal();
        }));
        Page page = pageOf(3);
        DomainId other = new DomainId(OURS.number() + 1);
        put(other, 3);
        assertEquals(Optional.empty(), lease.putPage(other, page, new byte[] {1}, 0, 1));
        store.seal();
        assertFalse(put(3, () -> store.adopt(other, OURS, List.of(page))));

        assertTrue(put(4, () -> {
            put(OURS, 5);
            store.seal();
        }));
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

    @Test
    void keepsWhereTheChildrenOfAPageLie() {
        Page page = pageOf(1, 2);
        put(OURS, 1);
        store.seal();
        put(OURS, 2);
        putPage(lease, page);
        store.seal();

        PageChildren children = childrenOf(page);

        assertEquals(children, storage.index().children(ordinal(ItemKey.of(page.id()))).orElseThrow());
        assertEquals(List.of(ordinal(key(1)), ordinal(key(2))), List.of(children.ordinal(0), children.ordinal(1)));
        assertEquals(PageChildren.ABSENT, children.ordinal(2));
    }

    @Test
    void findsTheChildrenOfAPageThatAnEarlierVersionPut() {
        Page page = pageOf(1, 2);
        putWhole(page, 1, 2);
        PageChildren children = childrenOf(page);
        long ordinal = ordinal(ItemKey.of(page.id()));
        storage.index().removeAll(List.of(), List.of(ordinal));

        assertEquals(children, childrenOf(page));
        assertEquals(Optional.of(children), storage.index().children(ordinal));

        storage.index().removeAll(List.of(), List.of(ordinal));
        store.completeChildren(() -> {});
        assertEquals(Optional.of(children), storage.index().children(ordinal));
    }

    @Test
    void putsAPageAnewThatAnEarlierVersionGaveToADomainWithOtherChildren() {
        Page page = pageOf(1, 2);
        ItemKey key = ItemKey.of(page.id());
        putWhole(page, 1, 2);
        put(THEIRS, 2);
        store.seal();
        long shared = ordinal(key);
        storage.index().putAll(List.of(
                new ChunkIndex.Row(THEIRS, key(1), ordinal(key(1))), new ChunkIndex.Row(THEIRS, key, shared)));

        store.completeChildren(() -> {});

        assertEquals(shared, ordinal(key));
        long own = store.ordinal(THEIRS, key).orElseThrow();
        assertTrue(own > shared);
        assertEquals(
                store.ordinal(THEIRS, key(2)).orElseThrow(), store.children(own, THEIRS, page.id()).ordinal(1));
        assertArrayEquals(store.read(OURS, key), store.read(THEIRS, key));
        store.completeChildren(() -> {});
        assertEquals(own, store.ordinal(THEIRS, key).orElseThrow());
    }

    @Test
    void wantsADamagedChunkAgainAndPutsItInItsPlace() {
        Page page = pageOf(1, 2);
        ItemKey key = ItemKey.of(page.id());
        putWhole(page, 1, 2);
        long damaged = ordinal(key(2));
        OrdinalSet all = new OrdinalSet();
        all.add(damaged);

        store.damaged(all);

        assertFalse(lease.contains(OURS, key(2)));
        assertFalse(lease.contains(OURS, key), "its page is not whole");
        assertTrue(lease.contains(OURS, key(1)));
        assertEquals(Optional.of(key(2)), putPage(lease, page));
        assertFalse(put(OURS, 1));

        assertTrue(put(OURS, 2));
        assertTrue(lease.contains(OURS, key(2)) && lease.contains(OURS, key));
        assertEquals(damaged, ordinal(key(2)));
        assertTrue(store.damaged().isEmpty());
        assertArrayEquals(packed(2), store.read(OURS, key(2)));
        assertEquals(2, storage.index().count(ItemKey.CHUNK_KIND));
    }

    @Test
    void whatIsHealedWhileSomebodyLooksForDamageIsNotDamaged() {
        putWhole(pageOf(1, 2, 3), 1, 2, 3);
        OrdinalSet before = new OrdinalSet();
        before.add(ordinal(key(1)));
        before.add(ordinal(key(2)));
        store.damaged(before);
        OrdinalSet seen = before.copy();
        seen.add(ordinal(key(3)));
        assertTrue(put(OURS, 2));

        OrdinalSet left = store.damaged(seen, before);

        assertTrue(lease.contains(OURS, key(2)));
        assertFalse(lease.contains(OURS, key(1)) || lease.contains(OURS, key(3)));
        assertEquals(2, left.size());
        assertFalse(left.contains(ordinal(key(2))));
    }

    @Test
    void wantsADamagedPageAgain() {
        Page page = pageOf(1, 2);
        ItemKey key = ItemKey.of(page.id());
        putWhole(page, 1, 2);
        OrdinalSet all = new OrdinalSet();
        all.add(ordinal(key));
        store.damaged(all);

        assertFalse(lease.contains(OURS, key));
        assertEquals(Optional.empty(), putPage(lease, page));

        assertTrue(lease.contains(OURS, key));
        assertTrue(store.damaged().isEmpty());
    }

    @Test
    void aLeaseThatIsOverKeepsNothing() {
        assertEquals(1, store.epochs().leases());
        lease.close();
        lease.close();

        assertEquals(0, store.epochs().leases());
        assertEquals(Fault.CONFLICT, assertThrows(StoreException.class, () -> lease.contains(OURS, key(1))).fault());
        assertEquals(Fault.CONFLICT, assertThrows(StoreException.class, () -> put(OURS, 1)).fault());
    }

    @Test
    void aHorizonIsNotAboveWhatALeaseMayHavePut() {
        put(OURS, 1);
        store.seal();
        put(OURS, 2);
        store.seal();

        assertTrue(store.epochs().begin().floorOrdinal() <= ordinal(key(1)));
        lease.close();
        Epochs.Horizon later = store.epochs().begin();
        assertTrue(later.floorOrdinal() > ordinal(key(2)));
        try (Lease resumed = store.lease(Ordinal.segment(ordinal(key(2))))) {
            Epochs.Horizon now = store.epochs().begin();
            assertTrue(now.floorOrdinal() <= ordinal(key(2)) && now.floorOrdinal() > ordinal(key(1)));
            assertTrue(resumed.contains(OURS, key(1)));
            assertTrue(store.epochs().touched(now).contains(ordinal(key(1))));
        }
        assertFalse(store.epochs().touched(store.epochs().begin()).contains(ordinal(key(1))));
    }

    @Test
    void whatADoomedPageRefersToStaysIfThePageIsFoundInTime() {
        Page found = pageOf(1, 2);
        Page lost = pageOf(2, 3);
        putWhole(found, 1, 2);
        putWhole(lost, 2, 3);
        lease.close();
        List<Epochs.Alarm> alarms = new ArrayList<>();
        Epochs epochs = store.epochs();
        epochs.condemned(ordinal -> true, alarms::add);
        epochs.doom(epochs.begin(), new OrdinalSet(), since -> ordinal -> true);

        try (Lease late = store.lease()) {
            assertTrue(late.contains(OURS, ItemKey.of(found.id())));
            for (int kind = 1; kind >= 0; kind--) {
                List<ChunkIndex.Row> rows = new ArrayList<>();
                storage.index().forEach(kind, rows::add);
                assertEquals(1, store.removeDoomed(rows, () -> {}), "of kind " + kind);
            }
            store.read(OURS, key(1));
            store.read(OURS, key(2));
            assertEquals(List.of(), alarms);
            assertFalse(late.contains(OURS, key(3)) || late.contains(OURS, ItemKey.of(lost.id())));
            epochs.undoom();
            assertTrue(put(late, OURS, 3));
        }
    }

    @Test
    void aReadOfWhatIsCondemnedIsAnAlarm() {
        put(OURS, 1);
        store.seal();
        List<Epochs.Alarm> alarms = new ArrayList<>();
        store.epochs().condemned(ordinal -> true, alarms::add);

        assertArrayEquals(packed(1), store.read(OURS, key(1)));
        store.readAll(OURS, List.of(key(1)), (key, packed) -> {});

        Epochs.Alarm alarm = new Epochs.Alarm(ordinal(key(1)), key(1));
        assertEquals(List.of(alarm, alarm), alarms);
        lease.contains(OURS, key(1));
        store.read(OURS, key(1));
        assertEquals(2, alarms.size(), "a writer wants it by now");
    }

    private void putWhole(Page page, int... chunks) {
        for (int chunk : chunks) {
            put(OURS, chunk);
        }
        assertEquals(Optional.empty(), putPage(lease, page));
        store.seal();
    }

    private PageChildren childrenOf(Page page) {
        return store.children(ordinal(ItemKey.of(page.id())), OURS, page.id());
    }

    private long ordinal(ItemKey key) {
        return store.ordinal(OURS, key).orElseThrow();
    }

    private static boolean put(Lease lease, DomainId domain, int number) {
        return lease.putChunk(domain, key(number), packed(number), 0, packed(number).length);
    }

    private boolean put(int number, Runnable proof) {
        return lease.putChunk(OURS, key(number), packed(number), 0, packed(number).length, proof);
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
