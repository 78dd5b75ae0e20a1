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
import cairn.server.storage.ItemKey;
import cairn.server.storage.MemoryStorage;
import cairn.server.storage.TestDisk;
import cairn.tree.TreeRoot;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TreeVolumeTest {
    private static final DomainId DOMAIN = new DomainId(1);
    private static final int MIB = 1 << 20;

    private final MemoryStorage storage = new MemoryStorage();
    private final FailingSegmentStore segments = new FailingSegmentStore(storage.segments());
    private final ChunkStore store = new ChunkStore(segments, storage.index());
    private Volumes volumes = new Volumes(store, storage.volumeBlocks(), 4 * MIB, MIB);

    @AfterEach
    void close() {
        volumes.close();
        storage.close();
    }

    @ParameterizedTest
    @ValueSource(ints = {512, 65_536, 65_536 * 3 + 512, 40 * MIB, 33 * MIB + 1024})
    void readsAnyRangeOfADisk(int sizeBytes) {
        TestDisk disk = TestDisk.random(sizeBytes, sizeBytes);
        Volume volume = volumes.open(DOMAIN, disk.put(store, DOMAIN));
        Random random = new Random(7);

        assertEquals(sizeBytes, volume.sizeBytes());
        assertArrayEquals(disk.bytes(), read(volume, 0, sizeBytes));
        for (int n = 0; n < 200; n++) {
            int offset = random.nextInt(sizeBytes);
            int lengthBytes = random.nextInt(Math.min(sizeBytes - offset, 300_000) + 1);
            assertArrayEquals(disk.bytes(offset, lengthBytes), read(volume, offset, lengthBytes));
        }
        assertArrayEquals(new byte[0], read(volume, sizeBytes, 0));
    }

    @Test
    void aTreeIsOpenUntilAllHaveClosedAndWhatWasAskedForIsRead() {
        TestDisk disk = TestDisk.random(1, MIB);
        TreeRoot root = disk.put(store, DOMAIN);
        assertEquals(0, openTrees().size());
        Volume one = volumes.open(DOMAIN, root);
        Volume other = volumes.open(DOMAIN, root);
        CompletableFuture<ByteBuf> reading = one.read(0, MIB);

        one.close();
        one.close();
        assertEquals(List.of(root), openTrees());
        other.close();
        assertArrayEquals(disk.bytes(), take(reading));

        // Waits for those who load.
        volumes.close();
        assertEquals(List.of(), openTrees());
        volumes = new Volumes(store, storage.volumeBlocks(), 4 * MIB, MIB);
    }

    private List<TreeRoot> openTrees() {
        List<TreeRoot> open = new ArrayList<>();
        volumes.openTrees((domain, tree) -> open.add(tree));
        return open;
    }

    @Test
    void answersAtOnceWhatIsCached() {
        TestDisk disk = TestDisk.random(1, MIB);
        Volume volume = volumes.open(DOMAIN, disk.put(store, DOMAIN));
        read(volume, 0, MIB);

        CompletableFuture<ByteBuf> again = volume.read(100, MIB - 100);

        assertTrue(again.isDone());
        assertArrayEquals(disk.bytes(100, MIB - 100), take(again));
    }

    @Test
    void loadsAChunkOnceForManyWhoWait() {
        TestDisk disk = TestDisk.random(2, 2 * MIB);
        TreeRoot root = disk.put(store, DOMAIN);
        List<CompletableFuture<ByteBuf>> reads = new ArrayList<>();
        for (int reader = 0; reader < 50; reader++) {
            reads.add(volumes.open(DOMAIN, root).read(0, 2 * MIB));
        }

        reads.forEach(read -> assertArrayEquals(disk.bytes(), take(read)));

        long present = disk.pages(new TreeRoot[1]).stream().mapToLong(page -> TestDisk.childrenOf(page).size()).sum();
        assertTrue(present > 10);
        assertEquals(present, volumes.chunkLoads());
    }

    @Test
    void readsWithACacheThatHoldsNearlyNothing() {
        volumes.close();
        volumes = new Volumes(store, storage.volumeBlocks(), 1, 1);
        TestDisk disk = TestDisk.random(3, 5 * MIB);
        Volume volume = volumes.open(DOMAIN, disk.put(store, DOMAIN));

        for (int n = 0; n < 20; n++) {
            assertArrayEquals(disk.bytes(), read(volume, 0, disk.sizeBytes()));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {512, 40 * MIB, 33 * MIB + 1024})
    void tellsHolesFromData(int sizeBytes) {
        TestDisk disk = TestDisk.random(sizeBytes + 1, sizeBytes);
        Volume volume = volumes.open(DOMAIN, disk.put(store, DOMAIN));
        Random random = new Random(8);

        for (int n = 0; n < 50; n++) {
            long offset = n == 0 ? 0 : random.nextInt(sizeBytes);
            long end = n == 0 ? sizeBytes : offset + 1 + random.nextInt((int) (sizeBytes - offset));
            long at = offset;
            while (at < end) {
                List<Volume.Extent> extents = volume.extents(at, end - at).join();
                assertFalse(extents.isEmpty());
                for (Volume.Extent extent : extents) {
                    assertTrue(extent.lengthBytes() > 0);
                    for (long byteAt = at; byteAt < at + extent.lengthBytes(); byteAt += Chunk.SIZE_BYTES) {
                        assertEquals(disk.isHole(byteAt), extent.isHole());
                    }
                    at += extent.lengthBytes();
                }
            }
            assertEquals(end, at);
        }
    }

    @Test
    void aHugeHoleIsOneExtentAndCostsNothing() {
        Volume volume = volumes.open(DOMAIN, TreeRoot.of(1L << 44, Digest.ZERO));

        assertEquals(List.of(new Volume.Extent((1L << 44) - 5, Volume.Content.HOLE)), volume.extents(5, (1L << 44) - 5).join());
        assertArrayEquals(new byte[100_000], read(volume, (1L << 43) + 77, 100_000));
    }

    @Test
    void failsWithoutWrongBytesWhereTheStoreIsBroken() {
        TestDisk disk = TestDisk.random(4, MIB);
        Volume volume = volumes.open(DOMAIN, disk.put(store, DOMAIN));
        segments.isUnreadable = true;

        CompletionException failure =
                assertThrows(CompletionException.class, () -> volume.read(0, MIB).join());
        assertEquals(Fault.CORRUPT, Fault.of(failure));

        segments.isUnreadable = false;
        assertArrayEquals(disk.bytes(), read(volume, 0, MIB), "a failure is not cached");
    }

    @Test
    void refusesWhatLiesOutside() {
        Volume volume = volumes.open(DOMAIN, TestDisk.random(5, 1024).put(store, DOMAIN));

        for (long[] range : new long[][] {{0, 1025}, {1024, 1}, {-1, 1}, {Long.MAX_VALUE, 1}}) {
            StoreException refused =
                    assertThrows(StoreException.class, () -> volume.read(range[0], (int) range[1]));
            assertEquals(Fault.INVALID_REQUEST, refused.fault());
            assertThrows(StoreException.class, () -> volume.extents(range[0], range[1]));
        }
        assertThrows(StoreException.class, () -> volume.extents(0, 0));
    }

    @Test
    void aDamagedChunkFailsAlone() {
        TestDisk disk = TestDisk.random(9, 2 * MIB);
        Volume volume = volumes.open(DOMAIN, disk.put(store, DOMAIN));
        long damaged = 5;
        while (disk.chunkAt(damaged).isAbsent()) {
            damaged++;
        }
        segments.damaged = ItemKey.of(disk.chunkAt(damaged));

        CompletableFuture<ByteBuf> all = volume.read(0, disk.sizeBytes());
        assertEquals(Fault.CORRUPT, Fault.of(assertThrows(CompletionException.class, all::join)));
        for (long index = 0; index < disk.chunkCount(); index++) {
            long offset = index * Chunk.SIZE_BYTES;
            if (disk.chunkAt(index).equals(disk.chunkAt(damaged))) {
                assertThrows(CompletionException.class, () -> read(volume, offset, 1));
            } else {
                assertArrayEquals(disk.bytes(offset, 512), read(volume, offset, 512));
            }
        }
    }

    @Test
    void readsAheadOfASequentialReaderOnly() {
        volumes.close();
        volumes = new Volumes(store, storage.volumeBlocks(), 64 * MIB, MIB);
        TestDisk disk = TestDisk.random(10, 32 * MIB);
        TreeRoot root = disk.put(store, DOMAIN);
        Volume random = volumes.open(DOMAIN, root);
        for (int n = 20; n > 0; n--) {
            read(random, n * MIB, 4096);
        }
        assertTrue(volumes.chunkLoads() <= 20);

        Volume sequential = volumes.open(DOMAIN, root);
        for (int at = 0; at < 8 * MIB; at += 128 << 10) {
            assertArrayEquals(disk.bytes(at, 128 << 10), read(sequential, at, 128 << 10));
        }
        // What was started before it is asked for is there, or on its way: nothing is loaded twice.
        long present = 0;
        for (long index = 0; index < 9 * MIB / Chunk.SIZE_BYTES; index++) {
            read(sequential, index * Chunk.SIZE_BYTES, 1);
            present += disk.chunkAt(index).isAbsent() ? 0 : 1;
        }
        long randomLoads = LongStream.rangeClosed(9, 20).filter(n -> !disk.isHole(n * MIB)).count();
        long aheadChunks = 2 * MIB / Chunk.SIZE_BYTES;
        assertTrue(volumes.chunkLoads() >= present + randomLoads);
        assertTrue(volumes.chunkLoads() <= present + randomLoads + aheadChunks);
    }

    @Test
    void prefetchesIntoTheCache() {
        TestDisk disk = TestDisk.random(6, 2 * MIB);
        Volume volume = volumes.open(DOMAIN, disk.put(store, DOMAIN));
        volume.prefetch(0, Long.MAX_VALUE);

        // The loads that were started are the ones that this waits for.
        assertArrayEquals(disk.bytes(), read(volume, 0, 2 * MIB));
        long loads = volumes.chunkLoads();
        read(volume, 0, 2 * MIB);

        assertEquals(loads, volumes.chunkLoads());
    }

    private static byte[] read(Volume volume, long offset, int lengthBytes) {
        return take(volume.read(offset, lengthBytes));
    }

    private static byte[] take(CompletableFuture<ByteBuf> read) {
        ByteBuf bytes = read.join();
        try {
            return ByteBufUtil.getBytes(bytes);
        } finally {
            bytes.release();
        }
    }
}
