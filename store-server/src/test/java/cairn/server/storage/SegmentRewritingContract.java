package cairn.server.storage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.storage.Items.Real;
import cairn.server.storage.SegmentStore.Extent;
import cairn.server.storage.SegmentStore.Item;
import cairn.server.storage.SegmentStore.Rewriting;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.NavigableMap;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What holds for any {@link SegmentStore} whose extents are rewritten, or whose items are healed. */
abstract class SegmentRewritingContract extends StorageContract {
    SegmentStore segments;
    /** What must be readable, by ordinal: the number of the real item. */
    final NavigableMap<Long, Long> live = new TreeMap<>();
    /** What must not, once it has been rewritten. */
    final NavigableMap<Long, Long> dead = new TreeMap<>();
    final Set<Long> quick = new HashSet<>();
    private long next;

    @BeforeEach
    void segments() {
        segments = storage.segments();
    }

    /** Seals a segment of new items. @return their ordinals */
    List<Long> store(int items) {
        List<Long> ordinals = new ArrayList<>();
        for (int n = 0; n < items; n++) {
            ordinals.add(append(next++));
        }
        segments.seal();
        return ordinals;
    }

    private long append(long item) {
        Real real = Items.real(item);
        long ordinal = segments.append(real.key(), real.packed(), 0, real.packed().length);
        live.put(ordinal, item);
        return ordinal;
    }

    void die(long ordinal) {
        dead.put(ordinal, live.remove(ordinal));
    }

    final class How implements Rewriting {
        private final boolean isSettling;
        private long usedBytes;

        How(boolean isSettling) {
            this.isSettling = isSettling;
        }

        @Override
        public boolean isLive(long ordinal) {
            return !dead.containsKey(ordinal);
        }

        @Override
        public boolean isQuick(long ordinal) {
            return quick.contains(ordinal);
        }

        @Override
        public boolean isSettling() {
            return isSettling;
        }

        @Override
        public void used(long bytes) {
            assertTrue(bytes >= 0);
            usedBytes += bytes;
        }
    }

    /** Rewrites all extents: runs of written ones and of settled ones by turns. */
    long rewriteAll(boolean isSettling) {
        long freedBytes = 0;
        List<Extent> run = new ArrayList<>();
        for (Extent extent : segments.extents()) {
            if (!run.isEmpty() && run.get(0).isSettled() != extent.isSettled()) {
                freedBytes += segments.rewrite(run, new How(isSettling));
                run.clear();
            }
            run.add(extent);
        }
        return freedBytes + (run.isEmpty() ? 0 : segments.rewrite(run, new How(isSettling)));
    }

    void assertAllReadable() {
        live.forEach((ordinal, item) -> {
            Real real = Items.real(item);
            assertArrayEquals(real.plain(), ProvenItem.unpack(ordinal, real.key(), segments.read(ordinal, real.key())));
        });
        assertEquals(List.copyOf(live.keySet()), assertRun(0, Long.MAX_VALUE, Long.MAX_VALUE));
    }

    /** @return the ordinals of a run whose items are what they should be */
    private List<Long> assertRun(long from, long until, long bytesMax) {
        List<Long> ordinals = new ArrayList<>();
        for (Item item : segments.readRun(from, until, bytesMax)) {
            ordinals.add(item.ordinal());
            Real real = Items.real(live.get(item.ordinal()));
            assertEquals(real.key(), item.key());
            assertArrayEquals(real.plain(), ProvenItem.unpack(item.ordinal(), item.key(), item.packed()));
        }
        return ordinals;
    }

    void assertDeadAreGone() {
        dead.forEach((ordinal, item) ->
                assertFault(Fault.CORRUPT, () -> segments.read(ordinal, Items.real(item).key())));
    }

    /** Extents are in order, apart, and have every item once. */
    void assertExtentsHaveAll() {
        long before = -1;
        long items = 0;
        for (Extent extent : segments.extents()) {
            assertTrue(extent.firstOrdinal() > before, extent + " after " + before);
            assertEquals(live.subMap(extent.firstOrdinal(), true, extent.lastOrdinal(), true).size(), extent.items(), extent.toString());
            assertTrue(extent.storedBytes() > 0, extent.toString());
            before = extent.lastOrdinal();
            items += extent.items();
        }
        assertEquals(live.size(), items);
    }

    @Test
    void hasNoExtentsBeforeAnythingIsSealed() {
        append(next++);

        assertEquals(List.of(), segments.extents());
    }

    @Test
    void listsWhatLiesTogether() {
        store(3);
        store(100);
        store(2);
        store(4);
        store(100);
        store(5);

        List<Extent> extents = segments.extents();

        assertTrue(extents.size() >= 5, extents.toString());
        assertTrue(extents.stream().noneMatch(Extent::isSettled));
        assertExtentsHaveAll();
    }

    @Test
    void tellsTheSegmentBehindAllThatAreSealed() {
        long first = segments.openSegment();
        long open = append(next++);
        assertEquals(first, Ordinal.segment(open));
        assertEquals(first, segments.openSegment());

        segments.seal();

        assertTrue(segments.openSegment() > first);
        long later = segments.openSegment();
        append(next++);
        segments.abandon();
        assertTrue(segments.openSegment() > later);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void keepsWhatLivesAndGivesTheRestBack(boolean isSettling) {
        List<Long> ordinals = new ArrayList<>();
        ordinals.addAll(store(100));
        ordinals.addAll(store(7));
        ordinals.addAll(store(100));
        Random random = new Random(3);
        ordinals.stream().filter(ordinal -> random.nextInt(3) > 0).forEach(this::die);
        long bytesBefore = segments.storedBytes();

        long freedBytes = rewriteAll(isSettling);

        assertAllReadable();
        assertDeadAreGone();
        assertExtentsHaveAll();
        assertTrue(freedBytes > bytesBefore / 2, freedBytes + " of " + bytesBefore);
        assertTrue(segments.storedBytes() < bytesBefore / 2, segments.storedBytes() + " of " + bytesBefore);
        assertTrue(segments.extents().stream().allMatch(extent -> extent.isSettled() == isSettling));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void keepsOnGivingBackWhatDiesLater(boolean isSettling) {
        for (int n = 0; n < 4; n++) {
            store(60);
        }
        Random random = new Random(5);
        for (int round = 0; round < 4; round++) {
            List.copyOf(live.keySet()).stream().filter(ordinal -> random.nextInt(3) == 0).forEach(this::die);

            rewriteAll(isSettling);

            assertAllReadable();
            assertDeadAreGone();
            assertExtentsHaveAll();
            store(20 + round * 20);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void dropsWhatIsWholeDead(boolean isSettled) {
        store(100);
        List<Long> doomed = store(100);
        doomed.addAll(store(3));
        doomed.addAll(store(3));
        store(100);
        if (isSettled) {
            for (Extent extent : segments.extents()) {
                segments.rewrite(List.of(extent), new How(true));
            }
        }
        doomed.forEach(this::die);
        long bytesBefore = segments.storedBytes();
        List<Extent> whole = segments.extents().stream()
                .filter(extent -> extent.firstOrdinal() >= doomed.get(0)
                        && extent.lastOrdinal() <= doomed.get(doomed.size() - 1))
                .toList();

        long freedBytes = segments.rewrite(whole, new How(true));

        assertAllReadable();
        assertDeadAreGone();
        assertExtentsHaveAll();
        assertTrue(freedBytes > bytesBefore / 4, freedBytes + " of " + bytesBefore);
        live.keySet().stream().toList().forEach(this::die);
        rewriteAll(false);
        assertEquals(List.of(), segments.extents());
        assertTrue(segments.storedBytes() < 100_000, segments.storedBytes() + " bytes of nothing");
    }

    @Test
    void makesNeighboursOfManySmallSegments() {
        for (int n = 0; n < 20; n++) {
            store(3);
        }

        rewriteAll(true);

        assertAllReadable();
        assertExtentsHaveAll();
        store(2);
        rewriteAll(true);
        assertAllReadable();
    }

    @Test
    void settlesChunksThatMustStayQuickAndPagesUnchanged() {
        List<Long> ordinals = store(100);
        quick.addAll(ordinals.subList(20, 30));

        rewriteAll(true);

        assertAllReadable();
        live.forEach((ordinal, item) -> {
            Real real = Items.real(item);
            if (quick.contains(ordinal) || real.key().kind() != ItemKey.CHUNK_KIND) {
                assertArrayEquals(real.packed(), segments.read(ordinal, real.key()));
            }
        });
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void changesNothingWhereItIsInterrupted(boolean isSettled) {
        store(100);
        store(3);
        if (isSettled) {
            rewriteAll(true);
        }
        List<Extent> before = segments.extents();
        dead.put(live.firstKey(), live.firstEntry().getValue());

        assertThrows(IllegalStateException.class, () -> segments.rewrite(before, new Rewriting() {
            @Override
            public boolean isLive(long ordinal) {
                return !dead.containsKey(ordinal);
            }

            @Override
            public boolean isQuick(long ordinal) {
                return false;
            }

            @Override
            public boolean isSettling() {
                return true;
            }

            @Override
            public void used(long bytes) {
                throw new IllegalStateException("stop");
            }
        }));

        assertAllReadable();
        assertEquals(before.size(), segments.extents().size());
        dead.clear();
        assertExtentsHaveAll();
    }

    @Test
    void changesNothingWhereSomethingThatLivesIsDamagedAndNamesIt() {
        List<Long> ordinals = store(50);
        Real bad = Items.real(1_000);
        byte[] damaged = bad.packed().clone();
        damaged[500] ^= 1;
        long ordinal = segments.append(bad.key(), damaged, 0, damaged.length);
        segments.seal();
        die(ordinals.get(3));
        List<Extent> before = segments.extents();

        StoreException e = assertFault(Fault.CORRUPT, () -> rewriteAll(true));

        assertTrue(e.getMessage().contains(bad.key().toString()), e.getMessage());
        assertTrue(e.getMessage().contains(Ordinal.shown(ordinal)), e.getMessage());
        assertEquals(before.size(), segments.extents().size());
        dead.put(ordinal, 1_000L);
        rewriteAll(true);
        assertAllReadable();
        assertExtentsHaveAll();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void healsWhatIsDamagedAndKeepsItSo(boolean isSettling) {
        store(50);
        Real bad = Items.real(1_000);
        byte[] damaged = bad.packed().clone();
        damaged[500] ^= 1;
        long ordinal = segments.append(bad.key(), damaged, 0, damaged.length);
        store(50);

        segments.heal(ordinal, bad.key(), bad.packed(), 0, bad.packed().length);

        live.put(ordinal, 1_000L);
        assertAllReadable();
        die(live.firstKey());
        rewriteAll(isSettling);
        assertAllReadable();
        assertExtentsHaveAll();
        die(ordinal);
        rewriteAll(isSettling);
        assertAllReadable();
        assertDeadAreGone();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void healsWhatIsLost(boolean isSettling) {
        List<Long> ordinals = store(60);
        store(60);
        rewriteAll(isSettling);
        for (long lost : ordinals.subList(10, 20)) {
            die(lost);
        }
        rewriteAll(isSettling);
        for (long lost : ordinals.subList(10, 20)) {
            Real real = Items.real(dead.get(lost));
            segments.heal(lost, real.key(), real.packed(), 0, real.packed().length);
            live.put(lost, dead.remove(lost));
        }

        assertAllReadable();
        assertEquals(ordinals.subList(12, 30), assertRun(ordinals.get(12), ordinals.get(30), Long.MAX_VALUE));
        die(ordinals.get(15));
        rewriteAll(isSettling);
        assertAllReadable();
        assertDeadAreGone();
    }

    @Test
    void readsAnyRunOfWhatWasRewritten() {
        List<Long> ordinals = new ArrayList<>();
        for (int n = 0; n < 6; n++) {
            ordinals.addAll(store(n % 2 == 0 ? 50 : 5));
        }
        quick.addAll(ordinals.subList(70, 80));
        List<Extent> extents = segments.extents();
        segments.rewrite(extents.subList(0, 1), new How(true));
        segments.rewrite(extents.subList(2, 4), new How(true));
        Random random = new Random(9);

        for (int n = 0; n < 100; n++) {
            int from = random.nextInt(ordinals.size());
            int until = from + random.nextInt(ordinals.size() - from);
            assertEquals(ordinals.subList(from, until), assertRun(ordinals.get(from), ordinals.get(until), Long.MAX_VALUE));
        }
        assertEquals(ordinals.subList(3, 4), assertRun(ordinals.get(3), Long.MAX_VALUE, 1));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void readersNoticeNothing(boolean isSettling) {
        for (int n = 0; n < 6; n++) {
            store(60);
        }
        NavigableMap<Long, Long> kept = new TreeMap<>();
        live.forEach((ordinal, item) -> {
            if (ordinal % 3 > 0) {
                kept.put(ordinal, item);
            }
        });
        AtomicBoolean isDone = new AtomicBoolean();
        List<CompletableFuture<Long>> readers = IntStream.range(0, 3)
                .mapToObj(reader -> CompletableFuture.supplyAsync(() -> readUntil(isDone, kept, reader)))
                .toList();

        try {
            for (int round = 0; round < 4; round++) {
                int from = round * 90;
                List.copyOf(live.keySet()).stream()
                        .filter(ordinal -> !kept.containsKey(ordinal) && Items.real(live.get(ordinal)).plain().length % 4 == 0)
                        .forEach(this::die);
                rewriteAll(isSettling);
                List.copyOf(live.keySet()).stream()
                        .filter(ordinal -> !kept.containsKey(ordinal) && live.get(ordinal) >= from && live.get(ordinal) < from + 90)
                        .forEach(this::die);
                for (Extent extent : segments.extents()) {
                    segments.rewrite(List.of(extent), new How(isSettling));
                }
            }
        } finally {
            isDone.set(true);
        }

        readers.forEach(reader -> assertTrue(reader.join() > 0));
        assertAllReadable();
    }

    private long readUntil(AtomicBoolean isDone, NavigableMap<Long, Long> kept, long seed) {
        List<Long> ordinals = List.copyOf(kept.keySet());
        Random random = new Random(seed);
        long reads = 0;
        while (!isDone.get() || reads == 0) {
            long ordinal = ordinals.get(random.nextInt(ordinals.size()));
            Real real = Items.real(kept.get(ordinal));
            assertArrayEquals(real.plain(), ProvenItem.unpack(ordinal, real.key(), segments.read(ordinal, real.key())));
            Set<Long> run = new HashSet<>();
            segments.readRun(ordinal, ordinal + 50, Long.MAX_VALUE).forEach(item -> assertTrue(run.add(item.ordinal())));
            assertTrue(run.containsAll(kept.subMap(ordinal, ordinal + 50).keySet()), "run from " + ordinal);
            reads++;
        }
        return reads;
    }

    @Test
    void goesOnAppendingMeanwhile() {
        for (int n = 0; n < 5; n++) {
            store(40);
        }
        List.copyOf(live.keySet()).stream().filter(ordinal -> ordinal % 2 == 0).forEach(this::die);
        List<Long> appended = new ArrayList<>();

        for (Extent extent : segments.extents()) {
            appended.add(append(next++));
            segments.rewrite(List.of(extent), new How(true));
        }
        segments.seal();

        assertAllReadable();
        assertDeadAreGone();
        assertFalse(appended.isEmpty());
    }

    @Test
    void saysWhatItReadsAndWrites() {
        store(100);
        How how = new How(true);

        segments.rewrite(segments.extents(), how);

        assertTrue(how.usedBytes > 1_000_000, how.usedBytes + " bytes");
    }

    @Test
    void refusesToHealOnceClosed() {
        Real real = Items.real(1);
        storage.close();

        assertFault(Fault.SHUTTING_DOWN, () -> segments.heal(7, real.key(), real.packed(), 0, real.packed().length));
        assertFault(Fault.SHUTTING_DOWN, () -> segments.extents());
        assertFault(Fault.SHUTTING_DOWN, () -> segments.openSegment());
        assertFault(Fault.SHUTTING_DOWN,
                () -> segments.rewrite(List.of(new Extent(1, 2, 2, 9, false)), new How(true)));
    }
}
