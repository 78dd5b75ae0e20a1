package cairn.server.volume;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Digest;
import cairn.Fault;
import cairn.StoreException;
import cairn.chunk.Chunk;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.FailingSegmentStore;
import cairn.server.storage.FailingVolumeBlocks;
import cairn.server.storage.ItemKey;
import cairn.server.storage.MemoryStorage;
import cairn.server.storage.TestDisk;
import cairn.server.volume.Volume.Content;
import cairn.server.volume.Volume.Extent;
import cairn.server.volume.Volume.Zeroing;
import cairn.tree.Page;
import cairn.tree.TreeRoot;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class LiveVolumeTest {
    private static final DomainId DOMAIN = new DomainId(1);
    private static final int MIB = 1 << 20;
    private static final int BLOCK = 4096;
    private static final long NUMBER = 0x1234;

    private final MemoryStorage storage = new MemoryStorage();
    private final FailingSegmentStore segments = new FailingSegmentStore(storage.segments());
    private final ChunkStore store = new ChunkStore(segments, storage.index());
    private final FailingVolumeBlocks blocks = new FailingVolumeBlocks(storage.volumeBlocks());
    private Volumes volumes = new Volumes(store, blocks, 16 * MIB, MIB);
    private VolumeState state;
    private LiveVolume live;

    @AfterEach
    void close() {
        volumes.close();
        storage.close();
    }

    /** Opens a volume over these bytes, which may be larger. */
    private Volume open(byte[] base, long sizeBytes) {
        return open(TestDisk.of(base).put(store, DOMAIN), sizeBytes);
    }

    private Volume open(TreeRoot base, long sizeBytes) {
        state = new VolumeState(NUMBER, sizeBytes, DOMAIN, base, 0);
        live = volumes.live(NUMBER, () -> state);
        return live.connect(true);
    }

    private Volume openBlank(long sizeBytes) {
        return open(TreeRoot.of(sizeBytes, Digest.ZERO), sizeBytes);
    }

    private Volume reopen() {
        volumes.close();
        volumes = new Volumes(store, blocks, 16 * MIB, MIB);
        live = volumes.live(NUMBER, () -> state);
        return live.connect(true);
    }

    private static byte[] filled(int lengthBytes, int with) {
        byte[] bytes = new byte[lengthBytes];
        Arrays.fill(bytes, (byte) with);
        return bytes;
    }

    private static CompletableFuture<Void> write(Volume volume, long offset, byte[] bytes) {
        return volume.write(offset, Unpooled.directBuffer(bytes.length + 1).writeBytes(bytes), false);
    }

    private static byte[] read(Volume volume, long offset, int lengthBytes) {
        return VolumeModel.read(volume, offset, lengthBytes);
    }

    private static Fault faultOf(Executable what) {
        return Fault.of(assertThrows(RuntimeException.class, what));
    }

    private int stateRows() {
        int[] rows = new int[1];
        blocks.forEachStates(NUMBER, 0, (layer, chunk, states) -> rows[0]++);
        return rows[0];
    }

    @Test
    void zeroingABlankTebibyteLeavesNothingBehind() {
        Volume volume = openBlank(1L << 40);
        write(volume, 1L << 39, filled(BLOCK, 1)).join();

        volume.zero(512, (1L << 40) - 512, Zeroing.FREE, true).join();
        volume.zero(0, 1L << 40, Zeroing.DISCARD, false).join();

        assertEquals(0, stateRows());
        assertEquals(0, blocks.storedBytes());
        assertEquals(0, live.dirtyBytes());
        assertArrayEquals(new byte[BLOCK], read(volume, 1L << 39, BLOCK));
        long holeBytes = 0;
        while (holeBytes < 1L << 40) {
            Extent extent = volume.extents(holeBytes, (1L << 40) - holeBytes).join().get(0);
            assertEquals(Content.HOLE, extent.content());
            holeBytes += extent.lengthBytes();
        }
    }

    @Test
    void partsOfOneBlockByTwoWritersBothSurvive() {
        Volume one = openBlank(MIB);
        Volume other = live.connect(true);
        int rounds = 2000;

        CompletableFuture<Void> odd = CompletableFuture.runAsync(() -> writeSectors(other, 1, rounds));
        writeSectors(one, 0, rounds);
        odd.join();

        byte[] expected = new byte[BLOCK];
        for (int sector = 0; sector < 8; sector++) {
            Arrays.fill(expected, sector * 512, (sector + 1) * 512, (byte) (rounds - 1 + sector));
        }
        assertArrayEquals(expected, read(one, 0, BLOCK));
    }

    private static void writeSectors(Volume volume, int first, int rounds) {
        for (int round = 0; round < rounds; round++) {
            List<CompletableFuture<Void>> writes = new ArrayList<>();
            for (int sector = first; sector < 8; sector += 2) {
                writes.add(write(volume, sector * 512L, filled(512, round + sector)));
            }
            writes.forEach(CompletableFuture::join);
        }
    }

    @Test
    void readersSeeEachSectorOldOrNewWhileItIsWrittenTrimmedAndKept() {
        int lengthBytes = 128 << 10;
        Volume volume = open(filled(lengthBytes, 0), MIB);
        AtomicInteger done = new AtomicInteger();
        CompletableFuture<Void> writer = CompletableFuture.runAsync(() -> {
            for (int generation = 1; generation <= 120; generation++) {
                if (generation % 3 == 0) {
                    volume.zero(0, lengthBytes, Zeroing.FREE, false).join();
                } else {
                    write(volume, 0, filled(lengthBytes, generation)).join();
                }
                done.set(generation);
            }
        });
        CompletableFuture<Void> snapshots = CompletableFuture.runAsync(() -> {
            while (!writer.isDone()) {
                snapshot(live);
            }
        });

        List<CompletableFuture<Void>> readers = new ArrayList<>();
        for (int reader = 0; reader < 3; reader++) {
            readers.add(CompletableFuture.runAsync(() -> {
                while (!writer.isDone()) {
                    int before = done.get();
                    byte[] bytes = read(volume, 512, lengthBytes - 1024);
                    int after = done.get() + 1;
                    requireSectorsOf(bytes, before, after);
                }
            }));
        }
        readers.forEach(CompletableFuture::join);
        writer.join();
        snapshots.join();
        assertArrayEquals(new byte[lengthBytes], read(volume, 0, lengthBytes));
    }

    private static void requireSectorsOf(byte[] bytes, int before, int after) {
        for (int at = 0; at < bytes.length; at += 512) {
            int value = bytes[at];
            for (int i = at; i < at + 512; i++) {
                assertEquals(value, bytes[i], "a sector is torn");
            }
            boolean isKnown = false;
            for (int generation = before; generation <= after; generation++) {
                isKnown |= value == (generation % 3 == 0 ? 0 : generation);
            }
            assertTrue(isKnown, () -> value + " was there neither before nor after " + before + " to " + after);
        }
    }

    private TreeRoot snapshot(LiveVolume of) {
        try (LiveVolume.PointInTime point = of.freeze()) {
            TreeRoot tree = point.store(done -> {});
            state = point.after(tree);
            point.committed(tree);
            return tree;
        }
    }

    @Test
    void writesThatComeTogetherAreOneBatchAndAreSyncedOnce() {
        Volume volume = openBlank(MIB);
        blocks.gate = new CountDownLatch(1);
        List<CompletableFuture<Void>> writes = new ArrayList<>();
        for (int block = 0; block < 100; block++) {
            writes.add(write(volume, block * BLOCK, filled(BLOCK, block + 1)));
            writes.add(volume.flush());
        }
        assertTrue(writes.stream().noneMatch(CompletableFuture::isDone));

        blocks.gate.countDown();
        writes.forEach(CompletableFuture::join);

        assertTrue(blocks.commits <= 2, blocks.commits + " commits");
        assertTrue(blocks.syncs <= 3, blocks.syncs + " syncs");
        int syncs = blocks.syncs;
        volume.flush().join();
        assertEquals(syncs, blocks.syncs, "nothing was written since");
        volume.write(0, Unpooled.copyInt(7), true).join();
        assertEquals(syncs + 1, blocks.syncs);
    }

    @Test
    void aFullDiskFailsWritesAndLeavesWhatWasThere() {
        Volume volume = open(filled(MIB, 1), 2 * MIB);
        write(volume, 0, filled(BLOCK, 2)).join();
        blocks.isFull = true;
        blocks.gate = new CountDownLatch(1);
        ByteBuf bytes = Unpooled.directBuffer().writeBytes(filled(3 * BLOCK, 3));
        CompletableFuture<Void> first = volume.write(512, bytes, false);
        CompletableFuture<Void> second = write(volume, MIB, filled(BLOCK, 3));
        CompletableFuture<Void> flush = volume.flush();
        CompletableFuture<Void> outside = volume.zero(MIB + 7 * BLOCK, BLOCK, Zeroing.FREE, false);
        blocks.gate.countDown();

        assertEquals(Fault.NO_SPACE, faultOf(first::join));
        assertEquals(Fault.NO_SPACE, faultOf(second::join));
        flush.join();
        outside.join();

        assertEquals(0, bytes.refCnt());
        assertArrayEquals(filled(BLOCK, 2), read(volume, 0, BLOCK));
        assertArrayEquals(filled(BLOCK, 1), read(volume, BLOCK, BLOCK));
        assertArrayEquals(new byte[BLOCK], read(volume, MIB, BLOCK));
        assertEquals(BLOCK, live.dirtyBytes());
        blocks.isFull = false;
        write(volume, 512, filled(512, 3)).join();
        assertArrayEquals(filled(512, 2), read(volume, 0, 512));
        assertArrayEquals(filled(512, 3), read(volume, 512, 512));
        assertArrayEquals(filled(512, 2), read(volume, 1024, 512));
    }

    @Test
    void aFlushThatDoesNotLastFails() {
        Volume volume = openBlank(MIB);
        write(volume, 0, filled(BLOCK, 2)).join();
        blocks.isUnsyncable = true;
        assertEquals(Fault.NO_SPACE, faultOf(() -> volume.flush().join()));
        assertEquals(Fault.NO_SPACE, faultOf(() -> volume.flush().join()));

        blocks.isUnsyncable = false;
        volume.flush().join();
        assertEquals(1, blocks.syncs);
    }

    @Test
    void aChangeThatIsMadeThoughItWasSaidToHaveFailedIsSeen() {
        Volume volume = open(filled(MIB, 1), 64 * MIB);
        write(volume, 0, filled(4 * BLOCK, 2)).join();
        blocks.isUnsyncable = true;
        assertEquals(Fault.NO_SPACE, faultOf(
                () -> volume.zero(0, 2 * BLOCK, Zeroing.FREE, true).join()));
        assertArrayEquals(new byte[2 * BLOCK], read(volume, 0, 2 * BLOCK));
        assertEquals(Fault.NO_SPACE, faultOf(
                () -> volume.write(32 * MIB, Unpooled.copyInt(7), true).join()));

        blocks.isUnsyncable = false;
        write(volume, BLOCK, filled(BLOCK, 3)).join();
        volume.flush().join();

        byte[] expected = Arrays.copyOf(filled(MIB, 1), 64 * MIB);
        Arrays.fill(expected, 0, BLOCK, (byte) 0);
        Arrays.fill(expected, BLOCK, 2 * BLOCK, (byte) 3);
        Arrays.fill(expected, 2 * BLOCK, 4 * BLOCK, (byte) 2);
        expected[32 * MIB + 3] = 7;
        assertArrayEquals(expected, read(volume, 0, 64 * MIB));
        assertEquals(2 * StatesBudget.LEAF_BYTES, volumes.statesBytes());
        assertArrayEquals(expected, read(reopen(), 0, 64 * MIB));
    }

    @Test
    void aSnapshotHasAChangeThatIsMadeThoughItWasSaidToHaveFailed() {
        Volume volume = open(filled(MIB, 1), MIB);
        write(volume, 0, filled(2 * BLOCK, 2)).join();
        blocks.isUnsyncable = true;
        assertEquals(Fault.NO_SPACE, faultOf(
                () -> volume.zero(0, BLOCK, Zeroing.FREE, true).join()));
        blocks.isUnsyncable = false;

        byte[] expected = filled(MIB, 1);
        Arrays.fill(expected, 0, BLOCK, (byte) 0);
        Arrays.fill(expected, BLOCK, 2 * BLOCK, (byte) 2);
        assertEquals(TestDisk.of(expected).root(), snapshot(live));
        assertArrayEquals(expected, read(volume, 0, MIB));
    }

    @Test
    void aDamagedBlockFailsAlone() {
        Volume volume = openBlank(MIB);
        write(volume, 0, filled(8 * BLOCK, 5)).join();

        for (int n = 0; n < 2; n++) {
            blocks.damaged = n == 0 ? 3 : -1;
            blocks.lost = n == 0 ? -1 : 3;
            assertEquals(Fault.CORRUPT, faultOf(() -> volume.read(0, 8 * BLOCK).join()));
            assertEquals(Fault.CORRUPT, faultOf(() -> volume.read(3 * BLOCK + 1, 5).join()));
            assertEquals(Fault.CORRUPT, faultOf(() -> write(volume, 2 * BLOCK, filled(BLOCK + 1, 6)).join()));
            assertEquals(Fault.CORRUPT, faultOf(() -> volume.zero(3 * BLOCK + 1, 1, Zeroing.KEEP, false).join()));
            try (LiveVolume.PointInTime point = live.freeze()) {
                assertEquals(Fault.CORRUPT, faultOf(() -> point.store(done -> {})));
            }
            assertArrayEquals(filled(3 * BLOCK, 5), read(volume, 0, 3 * BLOCK));
        }
        write(volume, 3 * BLOCK, filled(BLOCK, 7)).join();
        blocks.lost = -1;
        assertArrayEquals(filled(BLOCK, 7), read(volume, 3 * BLOCK, BLOCK));
    }

    @Test
    void zeroesDataAlsoAfterItCouldNotLookWhatAnotherPartOfTheBaseHas() {
        TestDisk disk = TestDisk.of(filled(17 * MIB, 1));
        Volume volume = open(disk.bytes(), 17 * MIB);
        List<Page> pages = disk.pages(new TreeRoot[1]);
        Page second = pages.stream().filter(page -> page.level() == 0).toList().get(1);
        segments.damaged = ItemKey.of(second.id());
        assertEquals(Fault.CORRUPT, faultOf(
                () -> volume.zero(16 * MIB, BLOCK, Zeroing.FREE, false).join()));

        volume.zero(0, BLOCK, Zeroing.FREE, false).join();
        write(volume, 2 * BLOCK, new byte[BLOCK]).join();

        assertArrayEquals(new byte[BLOCK], read(volume, 0, BLOCK));
        assertArrayEquals(filled(BLOCK, 1), read(volume, BLOCK, BLOCK));
        assertArrayEquals(new byte[BLOCK], read(volume, 2 * BLOCK, BLOCK));
    }

    /** What they are made of may have to be read from the base, by the threads that such readers are on. */
    @Test
    void readersOfMissingRowsDoNotWaitForBlocksThatAreBeingPutTogether() {
        Volume volume = openBlank(MIB);
        write(volume, 0, filled(3 * BLOCK, 1)).join();
        blocks.lost = 2;
        blocks.putGate = new CountDownLatch(1);
        CompletableFuture<Void> partly = write(volume, 5, filled(9, 2));
        blocks.put.join();
        try {
            CompletableFuture<ByteBuf> reader = volume.read(2 * BLOCK, BLOCK).orTimeout(20, TimeUnit.SECONDS);

            assertEquals(Fault.CORRUPT, faultOf(reader::join));
            assertFalse(partly.isDone());
        } finally {
            blocks.putGate.countDown();
        }
        partly.join();
    }

    @Test
    void answersAtOnceWhatIsInMemoryAndElseLater() {
        Volume volume = open(TestDisk.random(3, MIB).bytes(), MIB);
        read(volume, 0, MIB);
        write(volume, 1000, filled(100_000, 9)).join();

        CompletableFuture<ByteBuf> warm = volume.read(0, MIB);
        assertTrue(warm.isDone());
        byte[] expected = read(volume, 0, MIB);
        blocks.isCold = true;
        assertArrayEquals(expected, read(volume, 0, MIB));
        assertArrayEquals(Arrays.copyOfRange(expected, 900, 9000), read(volume, 900, 8100));
        warm.join().release();
    }

    @Test
    void aSnapshotCostsWhatChanged() {
        int sizeBytes = 64 * MIB;
        Volume volume = open(TestDisk.random(4, sizeBytes).bytes(), sizeBytes);
        snapshot(live);

        for (int chunk = 0; chunk < 10; chunk++) {
            byte[] noise = new byte[100];
            ThreadLocalRandom.current().nextBytes(noise);
            write(volume, 17 * MIB + chunk * Chunk.SIZE_BYTES, noise).join();
        }
        try (LiveVolume.PointInTime point = live.freeze()) {
            SnapshotWriter writer = ((VolumeSnapshot) point).newWriter();
            TreeRoot tree = writer.write(done -> {});

            assertEquals(10 * Chunk.SIZE_BYTES, point.dirtyBytes());
            assertEquals(10, writer.chunksHashed());
            assertEquals(2, writer.pagesPut(), "one of level 0, one above");
            assertEquals(TestDisk.of(read(volume, 0, sizeBytes)).root(), tree);
        }
    }

    @Test
    void aSnapshotOfWhatHasNotChangedIsTheBase() {
        TestDisk disk = TestDisk.random(5, 2 * MIB);
        Volume volume = open(disk.bytes(), 2 * MIB);
        write(volume, 0, disk.bytes(0, MIB)).join();

        assertEquals(state.base(), snapshot(live));
        assertEquals(1, state.firstLayer());
        assertEquals(state.base(), snapshot(live));
        assertEquals(1, state.firstLayer(), "an empty layer goes on");
        assertEquals(0, live.dirtyBytes());
        assertEquals(0, blocks.storedBytes());
    }

    @Test
    void aSnapshotThatFailsLeavesTheVolumeAsItWas() {
        Volume volume = open(filled(MIB, 1), 40 * MIB);
        write(volume, 5 * MIB, filled(MIB, 2)).join();
        byte[] expected = read(volume, 0, 40 * MIB);

        segments.isFull = true;
        try (LiveVolume.PointInTime point = live.freeze()) {
            assertEquals(Fault.NO_SPACE, faultOf(() -> point.store(done -> {})));
        }
        write(volume, 6 * MIB, filled(512, 3)).join();
        Arrays.fill(expected, 6 * MIB, 6 * MIB + 512, (byte) 3);
        assertArrayEquals(expected, read(volume, 0, 40 * MIB));

        segments.isFull = false;
        assertEquals(TestDisk.of(expected).root(), snapshot(live));
        assertEquals(2, state.firstLayer());
        assertArrayEquals(expected, read(reopen(), 0, 40 * MIB));
    }

    @Test
    void snapshotsThatFailAgainAndAgainLeaveNoMoreThanSoManyLayers() {
        int attempts = WritableVolume.LAYERS_MAX + 5;
        Volume volume = openBlank(16 * MIB);
        byte[] expected = new byte[16 * MIB];
        segments.isFull = true;
        for (int n = 0; n < attempts; n++) {
            write(volume, n * 100_000, filled(BLOCK, n + 1)).join();
            Arrays.fill(expected, n * 100_000, n * 100_000 + BLOCK, (byte) (n + 1));
            assertEquals(Fault.NO_SPACE, faultOf(() -> snapshot(live)));
        }
        assertArrayEquals(expected, read(volume, 0, 16 * MIB));
        Set<Integer> layers = new HashSet<>();
        blocks.forEachStates(NUMBER, 0, (layer, chunk, states) -> layers.add(layer));
        assertEquals(WritableVolume.LAYERS_MAX + 1, layers.size());

        segments.isFull = false;
        assertEquals(TestDisk.of(expected).root(), snapshot(live));
        assertEquals(0, stateRows());
        assertArrayEquals(expected, read(reopen(), 0, 16 * MIB));
    }

    @Test
    void removesAtTheNextOpeningWhatASnapshotCouldNotRemove() {
        Volume volume = openBlank(MIB);
        write(volume, 0, filled(MIB, 2)).join();
        try (LiveVolume.PointInTime point = live.freeze()) {
            TreeRoot tree = point.store(done -> {});
            state = point.after(tree);
            blocks.isFull = true;
            point.committed(tree);
        }
        assertArrayEquals(filled(MIB, 2), read(volume, 0, MIB));
        assertEquals(MIB, blocks.storedBytes());
        blocks.isFull = false;

        assertArrayEquals(filled(MIB, 2), read(reopen(), 0, MIB));
        assertEquals(0, blocks.storedBytes());
    }

    @Test
    void goesOnWhileTheSpaceOfOldBlocksIsGivenBack() {
        Volume volume = openBlank(2 * MIB);
        write(volume, 0, filled(MIB, 2)).join();
        blocks.removalGate = new CountDownLatch(1);
        CompletableFuture<TreeRoot> snapshot = CompletableFuture.supplyAsync(() -> snapshot(live));
        blocks.removal.join();

        write(volume, MIB, filled(MIB, 3)).join();
        volume.flush().join();
        assertArrayEquals(filled(MIB, 2), read(volume, 0, MIB));
        assertArrayEquals(filled(MIB, 3), read(volume, MIB, MIB));
        assertEquals(MIB, live.dirtyBytes());
        assertFalse(snapshot.isDone());
        volume.close();
        live.close();
        StoreException refused = assertThrows(StoreException.class, () -> volumes.whileUnused(NUMBER, () -> {}));
        assertEquals(Fault.CONFLICT, refused.fault(), "its old blocks are there");
        assertTrue(refused.getMessage().endsWith(" is in use: a snapshot of it is being made"), refused.getMessage());

        blocks.removalGate.countDown();
        snapshot.join();
        volumes.whileUnused(NUMBER, () -> assertEquals(MIB, blocks.storedBytes()));
        assertArrayEquals(filled(MIB, 3), read(reopen(), MIB, MIB));
    }

    @Test
    void takesOfTheHeapWhatIsSetAsideForIt() {
        volumes.close();
        volumes = new Volumes(
                store, blocks, 16 * MIB, MIB, 3 * StatesBudget.LEAF_BYTES, BootProfiles.NONE, Clock.systemUTC());
        Volume volume = openBlank(1L << 40);
        LiveVolume otherUse = volumes.live(7, () -> new VolumeState(7, 1L << 40, DOMAIN, state.base(), 0));
        Volume other = otherUse.connect(true);
        write(volume, 0, filled(BLOCK, 1)).join();
        write(volume, 16 * MIB, filled(BLOCK, 2)).join();
        write(other, 0, filled(BLOCK, 3)).join();
        assertEquals(3 * StatesBudget.LEAF_BYTES, volumes.statesBytes());

        blocks.gate = new CountDownLatch(1);
        CompletableFuture<Void> known = write(volume, 0, filled(BLOCK, 4));
        CompletableFuture<Void> outside = write(volume, 1L << 39, filled(BLOCK, 5));
        CompletableFuture<Void> zeros = volume.zero(1L << 38, BLOCK, Zeroing.FREE, true);
        CompletableFuture<Void> kept = volume.zero(0, 1L << 40, Zeroing.KEEP, false);
        blocks.gate.countDown();
        known.join();
        zeros.join();
        StoreException refused = (StoreException) Fault.cause(assertThrows(RuntimeException.class, outside::join));
        assertEquals(Fault.NO_SPACE, refused.fault());
        assertTrue(refused.getMessage().contains("limit of " + 3 * StatesBudget.LEAF_BYTES), refused.getMessage());
        assertEquals(Fault.NO_SPACE, faultOf(kept::join));
        assertEquals(Fault.NO_SPACE, faultOf(() -> write(other, 16 * MIB, filled(BLOCK, 6)).join()));
        write(other, BLOCK, filled(BLOCK, 6)).join();
        assertArrayEquals(filled(BLOCK, 4), read(volume, 0, BLOCK));
        assertArrayEquals(filled(BLOCK, 2), read(volume, 16 * MIB, BLOCK));
        assertArrayEquals(new byte[BLOCK], read(volume, 1L << 39, BLOCK));

        snapshot(live);
        assertEquals(StatesBudget.LEAF_BYTES, volumes.statesBytes());
        write(volume, 1L << 39, filled(BLOCK, 5)).join();
        other.close();
        otherUse.close();
        volumes.whileUnused(7, () -> {});
        assertEquals(StatesBudget.LEAF_BYTES, volumes.statesBytes());
        assertArrayEquals(filled(BLOCK, 2), read(volume, 16 * MIB, BLOCK));
    }

    @Test
    void doesNotOpenAVolumeWhoseStatesDoNotFit() {
        Volume volume = openBlank(1L << 40);
        for (int leaf = 0; leaf < 4; leaf++) {
            write(volume, 16L * MIB * leaf, filled(BLOCK, 1 + leaf)).join();
        }
        volumes.close();
        volumes = new Volumes(
                store, blocks, 16 * MIB, MIB, 3 * StatesBudget.LEAF_BYTES, BootProfiles.NONE, Clock.systemUTC());

        StoreException refused =
                assertThrows(StoreException.class, () -> volumes.live(NUMBER, () -> state));
        assertEquals(Fault.NO_SPACE, refused.fault());
        assertTrue(
                refused.getMessage().startsWith("volume vol-00000000000001234 cannot be opened"), refused.getMessage());
        assertTrue(refused.getMessage().contains("limit of " + 3 * StatesBudget.LEAF_BYTES), refused.getMessage());
        assertEquals(0, volumes.statesBytes());

        assertArrayEquals(filled(BLOCK, 4), read(reopen(), 48L * MIB, BLOCK));
    }

    @Test
    void givesBackTheHeapOfWhatCouldNotBeWritten() {
        Volume volume = openBlank(1L << 40);
        blocks.isFull = true;
        assertEquals(Fault.NO_SPACE, faultOf(() -> write(volume, 0, filled(BLOCK, 1)).join()));
        assertEquals(0, volumes.statesBytes());
        blocks.isFull = false;
        write(volume, 0, filled(BLOCK, 1)).join();
        assertEquals(StatesBudget.LEAF_BYTES, volumes.statesBytes());
        volume.close();
        live.close();
        volumes.whileUnused(NUMBER, () -> {});

        assertEquals(0, volumes.statesBytes());
    }

    @Test
    void snapshotsTakeTurns() {
        Volume volume = openBlank(MIB);
        LiveVolume.PointInTime first = live.freeze();
        write(volume, 0, filled(512, 1)).join();

        CompletableFuture<LiveVolume.PointInTime> second = CompletableFuture.supplyAsync(live::freeze);
        TreeRoot blank = first.store(done -> {});
        assertFalse(second.isDone());
        first.close();

        assertTrue(blank.top().isAbsent());
        try (LiveVolume.PointInTime point = second.join()) {
            assertFalse(point.store(done -> {}).top().isAbsent());
        }
    }

    @Test
    void tellsHolesAndKeptSpaceApart() {
        Volume volume = open(filled(MIB, 1), 2 * MIB);
        volume.zero(100, 2 * BLOCK, Zeroing.FREE, false).join();
        volume.zero(4 * BLOCK, BLOCK, Zeroing.KEEP, false).join();
        volume.zero(5 * BLOCK + 1, BLOCK, Zeroing.DISCARD, false).join();
        write(volume, MIB, filled(BLOCK, 1)).join();

        assertEquals(
                List.of(
                        new Extent(BLOCK, Content.DATA),
                        new Extent(BLOCK, Content.HOLE),
                        new Extent(2 * BLOCK, Content.DATA),
                        new Extent(BLOCK, Content.ZERO),
                        new Extent(MIB - 5 * BLOCK + BLOCK, Content.DATA),
                        new Extent(MIB - BLOCK, Content.HOLE)),
                volume.extents(0, 2 * MIB).join());
        assertEquals(List.of(new Extent(10, Content.ZERO)), volume.extents(4 * BLOCK + 5, 10).join());
    }

    @Test
    void aVolumeInUseIsNotTakenAway() {
        Volume volume = openBlank(MIB);
        StoreException refused =
                assertThrows(StoreException.class, () -> volumes.whileUnused(NUMBER, () -> {}));
        assertEquals(Fault.CONFLICT, refused.fault());
        assertTrue(refused.getMessage().contains("1 client"), refused.getMessage());
        assertEquals(1, live.clients());

        live.close();
        assertEquals(Fault.CONFLICT, faultOf(() -> volumes.whileUnused(NUMBER, () -> {})));
        List<CompletableFuture<Void>> writes = new ArrayList<>();
        for (int n = 0; n < 50; n++) {
            writes.add(write(volume, n * 700, filled(700, 1)));
        }
        volume.close();
        AtomicInteger runs = new AtomicInteger();
        volumes.whileUnused(NUMBER, () -> {
            assertTrue(writes.stream().allMatch(CompletableFuture::isDone));
            blocks.removeVolume(NUMBER);
            runs.incrementAndGet();
        });

        assertEquals(1, runs.get());
        writes.forEach(CompletableFuture::join);
        assertEquals(Fault.SHUTTING_DOWN, faultOf(() -> write(volume, 0, new byte[1]).join()));
        assertEquals(Fault.NOT_FOUND, faultOf(() -> volumes.live(NUMBER, () -> {
            throw new StoreException(Fault.NOT_FOUND, "it was removed");
        })));
        assertArrayEquals(new byte[MIB], read(openBlank(MIB), 0, MIB));
    }

    @Test
    void countingClientsWaitsForNoOpening() {
        openBlank(MIB);

        try (LiveVolume slow = volumes.live(7, () -> {
            int clients = CompletableFuture.supplyAsync(() -> volumes.clients(7))
                    .orTimeout(60, TimeUnit.SECONDS)
                    .join();
            assertEquals(0, clients);
            return new VolumeState(7, MIB, DOMAIN, state.base(), 0);
        })) {
            assertEquals(0, slow.clients());
        }
    }

    @Test
    void comesAndGoesWithItsUsers() {
        openBlank(MIB).close();
        live.close();
        for (int n = 1; n <= 300; n++) {
            try (LiveVolume use = volumes.live(NUMBER, () -> state);
                    Volume client = use.connect(true)) {
                assertEquals(n - 1, client.read(0, 4).thenApply(LiveVolumeTest::takeInt).join());
                client.write(0, Unpooled.copyInt(n), false).join();
            }
        }
    }

    private static int takeInt(ByteBuf bytes) {
        try {
            return bytes.getInt(bytes.readerIndex());
        } finally {
            bytes.release();
        }
    }

    @Test
    void closingCompletesWhatIsQueued() {
        Volume volume = openBlank(16 * MIB);
        blocks.gate = new CountDownLatch(1);
        List<CompletableFuture<Void>> writes = new ArrayList<>();
        for (int n = 0; n < 40; n++) {
            writes.add(write(volume, n * 300_000, filled(300_000, n + 1)));
        }
        CompletableFuture<Void> closing = CompletableFuture.runAsync(volumes::close);
        assertTrue(writes.stream().noneMatch(CompletableFuture::isDone));
        blocks.gate.countDown();
        closing.join();

        assertTrue(writes.stream().allMatch(CompletableFuture::isDone));
        writes.forEach(CompletableFuture::join);
        ByteBuf late = Unpooled.directBuffer().writeInt(1);
        assertEquals(Fault.SHUTTING_DOWN, faultOf(() -> volume.write(0, late, false).join()));
        assertEquals(0, late.refCnt());
        assertEquals(Fault.SHUTTING_DOWN, faultOf(() -> live.freeze()));
        assertEquals(Fault.SHUTTING_DOWN, faultOf(() -> volumes.live(1, () -> state)));
        Volume again = reopen();
        for (int n = 0; n < 40; n++) {
            assertArrayEquals(filled(300_000, n + 1), read(again, n * 300_000, 300_000));
        }
    }

    @Test
    void refusesWhoMayNotWriteAndWhatLiesOutside() {
        Volume volume = openBlank(MIB + 512);
        Volume reader = live.connect(false);
        ByteBuf bytes = Unpooled.directBuffer().writeZero(BLOCK).retain(2);

        assertFalse(reader.isWritable());
        assertEquals(Fault.FORBIDDEN, faultOf(() -> reader.write(0, bytes, false).join()));
        assertEquals(Fault.FORBIDDEN, faultOf(() -> reader.zero(0, 512, Zeroing.FREE, false).join()));
        reader.flush().join();
        assertEquals(Fault.INVALID_REQUEST, faultOf(() -> volume.write(MIB + 1, bytes, false)));
        assertEquals(Fault.INVALID_REQUEST, faultOf(() -> volume.write(-1, bytes, false)));
        assertEquals(Fault.INVALID_REQUEST, faultOf(() -> volume.zero(0, MIB + 513, Zeroing.KEEP, false)));
        assertEquals(0, bytes.refCnt());
    }

    @Test
    void aVolumeThatDoesNotEndWithABlockIsWholeToItsEnd() {
        int sizeBytes = 70_000 / 512 * 512;
        Volume volume = openBlank(sizeBytes);
        write(volume, 0, filled(sizeBytes, 1)).join();
        assertArrayEquals(filled(sizeBytes, 1), read(volume, 0, sizeBytes));
        assertEquals(TestDisk.of(filled(sizeBytes, 1)).root(), snapshot(live));

        volume.zero(65_536, sizeBytes - 65_536, Zeroing.DISCARD, false).join();
        byte[] expected = Arrays.copyOf(filled(65_536, 1), sizeBytes);
        assertArrayEquals(expected, read(volume, 0, sizeBytes));
        assertEquals(TestDisk.of(expected).root(), snapshot(live));
    }

    @Test
    void severalVolumesHaveOneMoment() {
        // More than there are threads that write.
        List<LiveVolume> lives = new ArrayList<>();
        List<Volume> clients = new ArrayList<>();
        for (int n = 0; n < 40; n++) {
            VolumeState each = new VolumeState(n, MIB, DOMAIN, TreeRoot.of(MIB, Digest.ZERO), 0);
            lives.add(volumes.live(n, () -> each));
            clients.add(lives.get(n).connect(true));
        }
        AtomicBoolean isOver = new AtomicBoolean();
        CompletableFuture<Void> writing = CompletableFuture.runAsync(() -> {
            for (int n = 1; !isOver.get(); n++) {
                for (Volume client : clients) {
                    write(client, 0, ByteBuffer.allocate(BLOCK).putInt(n).array()).join();
                }
            }
        });

        for (int round = 0; round < 10; round++) {
            List<LiveVolume.PointInTime> points = volumes.freeze(
                    lives.stream().map(each -> new LiveVolume.Freezing(each, DOMAIN)).toList());
            List<Integer> shown = new ArrayList<>();
            for (LiveVolume.PointInTime point : points) {
                try (point) {
                    TreeRoot tree = point.store(done -> {});
                    shown.add(ByteBuffer.wrap(read(volumes.open(DOMAIN, tree), 0, BLOCK)).getInt());
                    point.committed(tree);
                }
            }
            assertEquals(shown.stream().sorted(Comparator.reverseOrder()).toList(), shown, "the earlier has the later");
            assertTrue(shown.get(0) - shown.get(shown.size() - 1) <= 1, shown::toString);
        }
        isOver.set(true);
        writing.join();
    }

    @Test
    void severalVolumesAreFrozenTogetherOrNotAtAll() {
        Volume volume = openBlank(MIB);
        VolumeState second = new VolumeState(NUMBER + 1, MIB, DOMAIN, TreeRoot.of(MIB, Digest.ZERO), 0);
        LiveVolume other = volumes.live(NUMBER + 1, () -> second);
        write(volume, 0, filled(BLOCK, 1)).join();

        assertEquals(Fault.INVALID_REQUEST, faultOf(() -> volumes.freeze(List.of(
                new LiveVolume.Freezing(live, DOMAIN),
                new LiveVolume.Freezing(other, DOMAIN),
                new LiveVolume.Freezing(live, DOMAIN)))));
        other.close();
        assertEquals(Fault.SHUTTING_DOWN, faultOf(() -> volumes.freeze(List.of(
                new LiveVolume.Freezing(live, DOMAIN), new LiveVolume.Freezing(other, DOMAIN)))));

        write(volume, 0, filled(BLOCK, 2)).join();
        try (LiveVolume.PointInTime point = live.freeze()) {
            assertEquals(Chunk.SIZE_BYTES, point.dirtyBytes());
        }
    }

    @Test
    void aSnapshotIntoAnotherDomainTakesTheBaseThereAndLeavesNothingOfItsOwnBehind() {
        DomainId ours = new DomainId(7);
        byte[] base = TestDisk.random(1, 20 * MIB).bytes();
        Volume volume = open(base, base.length);
        write(volume, 0, filled(Chunk.SIZE_BYTES, 7)).join();
        long chunks = storage.index().count(ItemKey.CHUNK_KIND);
        long storedBytes = storage.segments().storedBytes();

        TreeRoot tree;
        try (LiveVolume.PointInTime point = live.freeze(ours)) {
            tree = point.store(done -> {});
            state = point.after(tree);
            point.committed(tree);
        }

        System.arraycopy(filled(Chunk.SIZE_BYTES, 7), 0, base, 0, Chunk.SIZE_BYTES);
        assertEquals(ours, state.domain());
        assertArrayEquals(base, read(volumes.open(ours, tree), 0, base.length));
        assertArrayEquals(base, read(volume, 0, base.length));
        ItemKey written = ItemKey.of(Chunk.idOf(filled(Chunk.SIZE_BYTES, 7), 0));
        assertTrue(store.isReadable(ours, written));
        assertFalse(store.isReadable(DOMAIN, written));
        assertFalse(store.isReadable(DOMAIN, ItemKey.of(tree.top())));
        assertTrue(storage.index().count(ItemKey.CHUNK_KIND) > chunks + 1, "rows of the base");
        assertTrue(storage.segments().storedBytes() - storedBytes < MIB / 8, "and no data of it");
        assertArrayEquals(base, read(reopen(), 0, base.length));
        write(volume = live.connect(true), MIB, filled(Chunk.SIZE_BYTES, 8)).join();
        try (LiveVolume.PointInTime point = live.freeze()) {
            assertEquals(ours, point.after(tree).domain(), "where it lies by now");
        }
        volume.close();
    }
}
