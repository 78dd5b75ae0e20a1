package cairn.server.gc;

import static cairn.server.gc.GcWorld.MIB;
import static cairn.server.gc.GcWorld.OURS;
import static cairn.server.gc.GcWorld.THEIRS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkId;
import cairn.server.storage.ChunkIndex.Row;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.server.storage.Lease;
import cairn.server.storage.MemoryStorage;
import cairn.server.storage.SegmentStore.Extent;
import cairn.server.storage.TestDisk;
import cairn.server.storage.TreeAdoption;
import cairn.tree.TreeRoot;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CollectorTest {
    private static final int SECONDS_MAX = 60;

    private final GcWorld world = new GcWorld();

    @AfterEach
    void close() {
        world.close();
    }

    /** A disk of two halves, each of which is that of another with the same number; mostly zeros. */
    private static TestDisk half(long first, long second) {
        byte[] bytes = new byte[40 * MIB];
        fill(bytes, 0, first);
        fill(bytes, 20 * MIB, second);
        return TestDisk.of(bytes);
    }

    private static void fill(byte[] bytes, int from, long seed) {
        byte[] some = TestDisk.random(seed, MIB).bytes();
        for (int at = 0; at < some.length; at += Chunk.SIZE_BYTES) {
            System.arraycopy(some, at, bytes, from + 19 * at, Chunk.SIZE_BYTES);
        }
    }

    @Test
    void givesBackAllThatOnlyARemovedTreeHad() {
        world.put("stays", OURS, half(1, 2));
        world.put("goes", OURS, half(1, 3));
        world.remove("goes");
        long fresh = world.freshBytes();

        GcStatus.Result result = world.collect();

        assertEquals(Optional.empty(), result.error());
        assertEquals(fresh, world.storage.segments().storedBytes());
        assertTrue(result.givenBackBytes() > MIB / 8, result.toString());
        assertEquals(world.rows(), world.items(), "no row without an item, and none the other way round");
        world.assertAllIsThere();
        world.assertIndexIsWhole();
    }

    @Test
    void removesNothingWhereEverythingIsKept() {
        world.put("one", OURS, half(1, 2));
        world.put("two", OURS, half(1, 3));
        long rows = world.rows();
        long storedBytes = world.storage.segments().storedBytes();

        for (int cycle = 0; cycle < 3; cycle++) {
            world.collect();
        }

        assertEquals(rows, world.rows());
        assertEquals(storedBytes, world.storage.segments().storedBytes());
        world.assertAllIsThere();
    }

    @Test
    void whatIsCondemnedStaysForOneMoreCycle() {
        TestDisk disk = half(1, 2);
        world.put("goes", OURS, disk);
        world.remove("goes");
        long rows = world.rows();

        world.cycle();

        assertEquals(rows, world.rows());
        assertTrue(world.collector.status(0).condemnedBytes() > 0);

        world.cycle();

        assertEquals(0, world.rows());
        assertEquals(0, world.storage.segments().storedBytes());
        assertEquals(0, world.collector.status(0).condemnedBytes());
    }

    @Test
    void whoFindsSomethingCondemnedKeepsItAndAllBelowIt() {
        TestDisk disk = half(1, 2);
        TreeRoot tree = world.put("goes", OURS, disk);
        world.remove("goes");
        world.cycle();

        try (Lease lease = world.chunks.lease()) {
            assertTrue(lease.contains(OURS, ItemKey.of(tree.top())));
            world.assertIsThere("as soon as it is found", OURS, disk);
            world.cycle();
            world.keep("back", OURS, disk);
        }
        world.collect();

        world.assertAllIsThere();
        world.assertIndexIsWhole();
    }

    @Test
    void whatWasFoundAndThenLeftGoesInTheEnd() {
        TestDisk disk = half(1, 2);
        TreeRoot tree = world.put("goes", OURS, disk);
        world.remove("goes");
        world.cycle();
        try (Lease lease = world.chunks.lease()) {
            assertTrue(lease.contains(OURS, ItemKey.of(tree.top())));
        }

        for (int cycle = 0; cycle < 3; cycle++) {
            world.cycle();
            world.assertIndexIsWhole();
        }

        assertEquals(0, world.rows());
    }

    @Test
    void aPageThatWasPutOverCondemnedOnesKeepsThem() {
        TestDisk disk = half(1, 2);
        world.put("goes", OURS, disk);
        world.remove("goes");
        world.cycle();
        byte[] bytes = disk.bytes();
        bytes[0] ^= 1;

        TestDisk child = TestDisk.of(bytes);
        child.put(world.chunks, OURS);

        // Nobody keeps it: it goes page by page, and never a child before its page.
        world.assertIsThere("younger than what is condemned", OURS, child);
        world.cycle();
        world.assertIndexIsWhole();
        for (int cycle = 0; cycle < 3; cycle++) {
            world.cycle();
            world.assertIndexIsWhole();
        }
        assertEquals(0, world.rows());
    }

    @Test
    void whatIsBeingWrittenStaysUntilItsLeaseEnds() {
        TestDisk disk = half(1, 2);
        Lease lease = world.chunks.lease();
        disk.put(world.chunks, lease, OURS);

        for (int cycle = 0; cycle < 3; cycle++) {
            world.collect();
        }

        world.assertIsThere("under a lease", OURS, disk);
        assertTrue(world.collector.status(0).heldBytes() > 0);
        assertEquals(1, world.collector.status(0).leases());
        lease.close();
        world.collect();
        assertEquals(0, world.rows());
        assertEquals(0, world.collector.status(0).heldBytes());
    }

    @Test
    void blocksInNoTreeKeepTheirChunks() {
        TestDisk disk = TestDisk.random(7, MIB);
        disk.put(world.chunks, OURS);
        List<ChunkId> ids = LongStream.range(0, 8).mapToObj(disk::chunkAt).toList();
        world.blocks.add(new GcWorld.Block(OURS, ids));

        world.collect();

        long wanted = ids.stream().filter(id -> !id.isAbsent()).distinct().count();
        assertEquals(wanted, world.rows());
        ids.stream().filter(id -> !id.isAbsent()).forEach(id -> assertTrue(world.chunks.isReadable(OURS, ItemKey.of(id))));
    }

    @Test
    void domainsThatShareItemsKeepThemForEachOther() {
        TestDisk theirs = half(1, 2);
        world.put("theirs", THEIRS, theirs);
        world.put("ours, with half of it elsewhere", OURS, half(1, 9));
        try (Lease lease = world.chunks.lease()) {
            new TreeAdoption(world.chunks, lease).adopt(theirs.root(), THEIRS, OURS);
            world.chunks.seal();
            world.keep("adopted", OURS, theirs);
        }

        world.remove("theirs");
        world.remove("ours, with half of it elsewhere");
        world.collect();

        world.assertAllIsThere();
        world.assertIndexIsWhole();
        world.remove("adopted");
        world.collect();
        assertEquals(0, world.rows());
        assertEquals(0, world.storage.segments().storedBytes());
    }

    @Test
    void readingWhatIsCondemnedStopsAllDeletion() {
        TestDisk disk = half(1, 2);
        TreeRoot tree = world.put("goes", OURS, disk);
        world.remove("goes");
        world.cycle();
        long rows = world.rows();

        world.chunks.read(OURS, ItemKey.of(tree.top()));

        GcStatus.Alarm alarm = world.collector.status(0).alarm().orElseThrow();
        assertEquals(ItemKey.of(tree.top()).toString(), alarm.item());
        StoreException e = assertThrows(StoreException.class, world::collect);
        assertEquals(Fault.CONFLICT, e.fault());
        assertTrue(e.getMessage().contains("--clear-alarm"), e.getMessage());
        world.open();
        assertEquals(alarm, world.collector.status(0).alarm().orElseThrow(), "it outlives the server");
        assertThrows(StoreException.class, world::collect);
        assertEquals(rows, world.rows());

        world.collector.clearAlarm();

        assertEquals(Optional.empty(), world.collector.status(0).alarm());
        world.cycle();
        assertEquals(rows, world.rows(), "what was condemned is forgotten");
        world.cycle();
        assertEquals(0, world.rows());
    }

    @Test
    void aRootThatIsDamagedStopsItAndIsNamed() {
        TreeRoot tree = world.put("damaged", OURS, half(1, 2));
        world.put("goes", OURS, half(3, 4));
        world.remove("goes");
        world.cycle();
        ItemKey top = ItemKey.of(tree.top());
        long ordinal = world.chunks.ordinal(OURS, top).getAsLong();
        world.storage.index().removeAll(List.of(new Row(OURS, top, ordinal)));
        long rows = world.rows();

        StoreException e = assertThrows(StoreException.class, world::collect);

        assertEquals(Fault.CORRUPT, e.fault());
        assertTrue(e.getMessage().contains("snapshot damaged"), e.getMessage());
        assertTrue(e.getMessage().contains(top.toString()), e.getMessage());
        assertEquals(rows, world.rows());
        assertEquals(Optional.of(e.getMessage()), world.collector.status(0).last().orElseThrow().error());
    }

    @Test
    void aDryRunSaysWhatThenComesBackAndChangesNothing() {
        world.put("goes", OURS, half(1, 3));
        world.put("stays", OURS, half(1, 2));
        world.put("goes too", OURS, half(5, 6));
        world.remove("goes");
        world.remove("goes too");
        long rows = world.rows();

        DryRun said = world.collector.dryRun();

        assertEquals(rows, world.rows());
        assertEquals(Optional.empty(), world.collector.status(0).last());
        long back = world.collect().givenBackBytes();
        assertTrue(Math.abs(said.givenBackBytes() - back) < back / 20, said + " and " + back);
        assertEquals(1, said.extentsDropped());
        assertEquals(1, said.extentsRewritten());
    }

    @Test
    void goesOnAfterARestart() {
        world.put("stays", OURS, half(1, 2));
        world.put("goes", OURS, half(1, 3));
        world.remove("goes");
        long fresh = world.freshBytes();
        world.cycle();

        world.open();
        world.cycle();

        assertEquals(fresh, world.storage.segments().storedBytes());
        world.assertAllIsThere();
    }

    @Test
    void beginsAnewWhereItsNoteIsOfAnotherTime() {
        world.put("goes", OURS, half(1, 3));
        world.cycle();
        byte[] note = world.storage.notes().find("gc").orElseThrow();
        world.remove("goes");
        world.cycle();
        world.storage.notes().put("gc", note);
        long rows = world.rows();

        world.open();
        world.cycle();

        assertEquals(rows, world.rows(), "nothing was condemned");
        world.cycle();
        assertEquals(0, world.rows());
    }

    @Test
    void losesNothingWhereverItIsCut() {
        boolean isOn = false;
        int cuts = 0;
        for (int steps = 0; !isOn; steps++) {
            try (GcWorld cut = new GcWorld()) {
                isOn = survives(cut, steps);
                cuts++;
            }
        }
        assertTrue(cuts > 15, cuts + " cuts");
    }

    /** @return whether the power has not failed */
    private static boolean survives(GcWorld cut, int steps) {
        cut.put("stays", OURS, half(1, 2));
        TestDisk goes = half(1, 3);
        cut.put("goes", OURS, goes);
        cut.put("is all gone", THEIRS, half(4, 5));
        cut.remove("goes");
        cut.remove("is all gone");
        CutStorage storage = new CutStorage(cut.storage, steps);
        try {
            cut.open(storage);
            cut.cycle();
            cut.cycle();
        } catch (CutStorage.Cut e) {
            assertFalse(storage.isOn());
        }

        cut.open();
        cut.assertAllIsThere();
        cut.assertIndexIsWhole();
        // Whoever comes now finds what there still is, and what they then have is whole.
        cut.put("is back", OURS, goes);
        cut.assertAllIsThere();
        cut.collect();
        cut.assertAllIsThere();
        cut.assertIndexIsWhole();
        cut.remove("is back");
        cut.collect();
        cut.assertAllIsThere();
        cut.assertIndexIsWhole();
        assertEquals(cut.freshBytes(), cut.storage.segments().storedBytes(), "cut after " + steps + " steps");
        assertEquals(cut.rows(), cut.items());
        return storage.isOn();
    }

    @Test
    void waitsWhileItIsPausedAlsoAfterARestart() throws Exception {
        world.put("goes", OURS, half(1, 2));
        world.remove("goes");
        world.collector.pause();
        world.open();
        CompletableFuture<GcStatus.Result> collected = CompletableFuture.supplyAsync(world::collect);
        while (world.collector.status(0).progress().isEmpty()) {
            Thread.onSpinWait();
        }

        assertTrue(world.collector.status(0).isPaused());
        assertFalse(collected.isDone());
        assertTrue(world.rows() > 0);
        world.collector.resume();

        assertEquals(Optional.empty(), collected.get(SECONDS_MAX, SECONDS).error());
        assertEquals(0, world.rows());
    }

    @Test
    void endsAtOnceWhenItIsClosed() {
        world.put("stays", OURS, half(1, 2));
        world.collector.pause();
        CompletableFuture<GcStatus.Result> collected = CompletableFuture.supplyAsync(world::collect);
        while (world.collector.status(0).progress().isEmpty()) {
            Thread.onSpinWait();
        }

        world.collector.close();

        ExecutionException e = assertThrows(ExecutionException.class, () -> collected.get(SECONDS_MAX, SECONDS));
        assertEquals(Fault.SHUTTING_DOWN, Fault.of(e));
    }

    @Test
    void packsWhatHasBeenThereForAWhile() {
        try (GcWorld settling = new GcWorld(new MemoryStorage(), true)) {
            settling.put("one", OURS, half(1, 2));
            settling.cycle();
            assertTrue(settling.storage.segments().extents().stream().noneMatch(Extent::isSettled), "too young");
            settling.put("two", OURS, half(1, 3));

            settling.cycle();

            List<Extent> extents = settling.storage.segments().extents();
            assertEquals(List.of(true, false), extents.stream().map(Extent::isSettled).toList());
            settling.collect();
            assertTrue(settling.storage.segments().extents().stream().allMatch(Extent::isSettled), "asked for");
            settling.assertAllIsThere();
        }
    }

    @Test
    void hasNothingToDoWhereNothingHasChanged() {
        world.put("stays", OURS, half(1, 2));
        assertTrue(world.collector.isDue());
        world.collect();
        assertFalse(world.collector.isDue());

        world.put("more", OURS, half(1, 3));
        assertTrue(world.collector.isDue(), "something was written");
        world.collect();
        assertFalse(world.collector.isDue());

        world.remove("more");
        assertTrue(world.collector.isDue(), "something was removed");
        world.cycle();
        assertTrue(world.collector.isDue(), "something is condemned");
        world.cycle();
        assertFalse(world.collector.isDue());
        world.open();
        assertFalse(world.collector.isDue(), "nor after a restart");
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6})
    void keepsWhatIsKeptWhateverHappensInBetween(long seed) {
        Random random = new Random(seed);
        Lease lease = null;
        TestDisk written = null;
        for (int n = 0; n < 60; n++) {
            DomainId domain = random.nextBoolean() ? OURS : THEIRS;
            String name = "disk " + random.nextInt(6);
            switch (random.nextInt(8)) {
                case 0, 1 -> {
                    byte[] bytes = new byte[(1 + random.nextInt(3)) * 17 * MIB];
                    for (int at = 0; at < bytes.length; at += 2 * MIB) {
                        System.arraycopy(
                                TestDisk.random(random.nextInt(12), Chunk.SIZE_BYTES).bytes(), 0, bytes, at, Chunk.SIZE_BYTES);
                    }
                    world.put(name, domain, TestDisk.of(bytes));
                }
                case 2, 3 -> world.remove(name);
                case 4 -> {
                    if (lease == null) {
                        lease = world.chunks.lease();
                        written = TestDisk.random(random.nextInt(9), 3 * MIB);
                        written.put(world.chunks, lease, OURS);
                    } else {
                        world.keep("written", OURS, written);
                        lease.close();
                        lease = null;
                    }
                }
                case 5 -> {
                    if (lease == null) {
                        world.open();
                    }
                }
                default -> world.cycle();
            }
            world.assertAllIsThere();
            world.assertIndexIsWhole();
        }
        if (lease != null) {
            lease.close();
        }
        world.collect();
        world.collect();
        world.assertAllIsThere();
        assertEquals(world.rows(), world.items(), "nothing is left that nobody wants");
    }
}
