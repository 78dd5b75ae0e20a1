package cairn.server.volume;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.chunk.Chunk;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.ForwardingSegmentStore;
import cairn.server.storage.ItemKey;
import cairn.server.storage.SegmentStore;
import cairn.server.storage.TestDisk;
import cairn.server.storage.rocks.RocksStorage;
import cairn.tree.Page;
import cairn.tree.TreeRoot;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What volumes read of a real store in a folder, and what they keep of it. All of it is counted. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class ChunkCacheTest {
    private static final DomainId DOMAIN = new DomainId(1);
    private static final int MIB = 1 << 20;
    private static final int CACHE_BYTES = 16 * MIB;
    private static final int HOT_CHUNKS = 40;

    @TempDir
    private Path folder;

    private final ExecutorService readers = Executors.newFixedThreadPool(8);
    private RocksStorage storage;
    private CountingSegments segments;
    private ChunkStore store;
    private Volumes volumes;

    /** Counts the items that were asked for one by one, and the runs. */
    private static final class CountingSegments extends ForwardingSegmentStore {
        final AtomicLong chunks = new AtomicLong();
        final AtomicLong pages = new AtomicLong();
        final AtomicLong runs = new AtomicLong();

        CountingSegments(SegmentStore inner) {
            super(inner);
        }

        @Override
        public byte[] read(long ordinal, ItemKey key) {
            (key.kind() == ItemKey.CHUNK_KIND ? chunks : pages).incrementAndGet();
            return inner.read(ordinal, key);
        }

        @Override
        public List<Item> readRun(long fromOrdinal, long untilOrdinal, long bytesMax) {
            runs.incrementAndGet();
            return inner.readRun(fromOrdinal, untilOrdinal, bytesMax);
        }
    }

    @BeforeEach
    void open() {
        storage = RocksStorage.open(folder.resolve("data"));
        segments = new CountingSegments(storage.segments());
        store = new ChunkStore(segments, storage.index());
        volumes = new Volumes(store, storage.volumeBlocks(), CACHE_BYTES, MIB);
    }

    @AfterEach
    void close() {
        readers.shutdownNow();
        volumes.close();
        assertEquals(0, volumes.chunkBytes(), "all memory is given back");
        storage.close();
    }

    @ParameterizedTest
    @ValueSource(ints = {4 << 10, 64 << 10, 1 << 20})
    void aScanOfADiskThatIsLargerThanTheCacheLeavesWhatBootsNeed(int stepBytes) {
        TestDisk hotDisk = TestDisk.random(1, 16 * MIB);
        TreeRoot hot = hotDisk.put(store, DOMAIN);
        TestDisk large = TestDisk.random(2, 48 * MIB);
        TreeRoot scanned = large.put(store, DOMAIN);
        long[] boot = new Random(3).longs(HOT_CHUNKS, 0, hotDisk.chunkCount() - 1)
                .flatMap(chunk -> LongStream.range(0, 4).map(part -> chunk * Chunk.SIZE_BYTES + part * 16_384))
                .toArray();
        for (int n = 0; n < 3; n++) {
            boot(hot, boot);
        }

        long loadsBefore = volumes.chunkLoads();
        try (Volume scan = volumes.open(DOMAIN, scanned)) {
            for (int at = 0; at < large.sizeBytes(); at += stepBytes) {
                assertArrayEquals(large.bytes(at, stepBytes), take(scan, at, stepBytes));
            }
        }
        long loadsByScan = volumes.chunkLoads() - loadsBefore;
        boot(hot, boot);
        long loadsAgain = volumes.chunkLoads() - loadsBefore - loadsByScan;

        assertTrue(loadsAgain <= HOT_CHUNKS / 4, loadsAgain + " of the boot's chunks had to be loaded again");
        long present = childrenOf(large)[0];
        assertTrue(
                loadsByScan <= present * 11 / 10, loadsByScan + " loads for " + present + " chunks that were read once");
    }

    private void boot(TreeRoot root, long[] offsets) {
        try (Volume volume = volumes.open(DOMAIN, root)) {
            for (long offset : offsets) {
                take(volume, offset, offset % Chunk.SIZE_BYTES == 0 ? 2 * Chunk.SIZE_BYTES : 4096);
            }
        }
    }

    @Test
    void aHundredColdReadersOfAnImageLoadEachChunkOnce() throws Exception {
        TestDisk disk = TestDisk.random(4, 4 * MIB);
        TreeRoot root = disk.put(store, DOMAIN);
        long[] present = childrenOf(disk);

        all(100, () -> {
            try (Volume volume = volumes.open(DOMAIN, root)) {
                for (int at = 0; at < disk.sizeBytes(); at += Chunk.SIZE_BYTES) {
                    assertArrayEquals(disk.bytes(at, Chunk.SIZE_BYTES), take(volume, at, Chunk.SIZE_BYTES));
                }
                return null;
            }
        });

        assertEquals(present[0], volumes.chunkLoads());
        assertEquals(present[1], segments.pages.get());
    }

    @Test
    void aColdChunkIsOneReadOfTheStore() {
        TestDisk disk = TestDisk.random(5, 4 * MIB);
        TreeRoot root = disk.put(store, DOMAIN);
        long[] present = childrenOf(disk);

        try (Volume volume = volumes.open(DOMAIN, root)) {
            // Backwards, so that nothing is read ahead.
            for (int at = disk.sizeBytes() - Chunk.SIZE_BYTES; at >= 0; at -= Chunk.SIZE_BYTES) {
                take(volume, at, Chunk.SIZE_BYTES);
            }
        }

        assertEquals(present[0], segments.chunks.get());
        assertEquals(present[1], segments.pages.get());
        assertEquals(0, segments.runs.get());
    }

    /** How many chunks and pages a disk has, each counted once. */
    private static long[] childrenOf(TestDisk disk) {
        List<Page> pages = disk.pages(new TreeRoot[1]);
        long chunks = pages.stream()
                .filter(page -> page.level() == 0)
                .flatMap(page -> TestDisk.childrenOf(page).stream())
                .distinct()
                .count();
        return new long[] {chunks, pages.size()};
    }

    @Test
    void aStormHoldsNoMoreMemoryThanTheCacheMay() throws Exception {
        TestDisk disk = TestDisk.random(6, 32 * MIB);
        TreeRoot root = disk.put(store, DOMAIN);

        all(64, () -> {
            Random random = new Random();
            try (Volume volume = volumes.open(DOMAIN, root)) {
                for (int n = 0; n < 100; n++) {
                    int at = random.nextInt(disk.sizeBytes() - 200_000);
                    int lengthBytes = 1 + random.nextInt(200_000);
                    assertArrayEquals(disk.bytes(at, lengthBytes), take(volume, at, lengthBytes));
                }
                return null;
            }
        });
        try (Volume volume = volumes.open(DOMAIN, root)) {
            // One more by itself: what the cache has put off while many used it at once is done by now.
            take(volume, 0, disk.sizeBytes());
            take(volume, 0, 1);
        }

        assertTrue(volumes.chunkBytes() > CACHE_BYTES / 2, () -> volumes.chunkBytes() + " bytes are held");
        assertTrue(volumes.chunkBytes() <= CACHE_BYTES, () -> volumes.chunkBytes() + " bytes are held");
    }

    /** Does something so many times, several at once. */
    private void all(int times, Callable<Void> work) throws Exception {
        List<Future<Void>> running = new ArrayList<>();
        for (int n = 0; n < times; n++) {
            running.add(readers.submit(work));
        }
        for (Future<Void> each : running) {
            each.get();
        }
    }

    private static byte[] take(Volume volume, long offset, int lengthBytes) {
        ByteBuf bytes = volume.read(offset, lengthBytes).join();
        try {
            return ByteBufUtil.getBytes(bytes);
        } finally {
            bytes.release();
        }
    }
}
