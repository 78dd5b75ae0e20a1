package cairn.server.volume;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.chunk.Chunk;
import cairn.chunk.ChunkId;
import cairn.image.ImageId;
import cairn.server.SetClock;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.FailingSegmentStore;
import cairn.server.storage.ItemKey;
import cairn.server.storage.rocks.RocksStorage;
import cairn.server.storage.TestDisk;
import cairn.server.storage.WatchedSegmentStore;
import cairn.tree.TreeRoot;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Boots of disks in a real store. Nothing is timed: the store says which thread has read what. */
@Timeout(60)
class BootsTest {
    private static final DomainId DOMAIN = new DomainId(1);
    private static final ImageId IMAGE = new ImageId("ami-00000000000000001");
    private static final ImageId OTHER_IMAGE = new ImageId("ami-00000000000000002");
    private static final int MIB = 1 << 20;
    private static final int TOUCHED = 60;
    private static final String READER = "boot-reader";
    private static final String LOADER = "loader";

    @TempDir
    private Path folder;

    private final SetClock clock = new SetClock();
    private final KeptProfiles profiles = new KeptProfiles();
    private final TestDisk disk = TestDisk.random(1, 24 * MIB);
    private RocksStorage storage;
    private WatchedSegmentStore segments;
    private ChunkStore store;
    private TreeRoot root;
    private Volumes volumes;

    /** Profiles in memory; each image's are its own. */
    private static final class KeptProfiles implements BootProfiles {
        private final Map<ImageId, BootProfile> kept = new HashMap<>();
        private int finds;

        @Override
        public synchronized Optional<BootProfile> find(ImageId image) {
            finds++;
            notifyAll();
            return Optional.ofNullable(kept.get(image));
        }

        @Override
        public synchronized void add(ImageId image, BootRecording recording) {
            kept.put(image, kept.getOrDefault(image, new BootProfile(image, 0, List.of())).with(recording));
            notifyAll();
        }

        synchronized BootProfile awaitBoots(ImageId image, int boots) throws InterruptedException {
            while (!kept.containsKey(image) || kept.get(image).boots() < boots) {
                wait();
            }
            return kept.get(image);
        }

        synchronized void awaitFinds(int count) throws InterruptedException {
            while (finds < count) {
                wait();
            }
        }

        synchronized int finds() {
            return finds;
        }
    }

    @BeforeEach
    void open() throws IOException {
        storage = RocksStorage.open(folder.resolve("data"));
        segments = new WatchedSegmentStore(storage.segments());
        store = new ChunkStore(segments, storage.index());
        root = disk.put(store, DOMAIN);
        startAnew(64 * MIB);
    }

    @AfterEach
    void close() {
        volumes.close();
        storage.close();
    }

    /** With nothing cached. */
    private void startAnew(long chunkCacheBytes) {
        if (volumes != null) {
            volumes.close();
        }
        volumes = new Volumes(store, storage.volumeBlocks(), chunkCacheBytes, MIB, profiles, clock);
    }

    /** Different chunks that are present, the first of the disk and then others here and there; those of one seed. */
    private long[] boot(long seed, int count) {
        List<Long> present = new ArrayList<>();
        Set<ChunkId> seen = new HashSet<>(List.of(disk.chunkAt(0)));
        for (long n = 1; n < disk.chunkCount(); n++) {
            if (!disk.chunkAt(n).isAbsent() && seen.add(disk.chunkAt(n))) {
                present.add(n);
            }
        }
        Collections.shuffle(present, new Random(seed));
        long first = disk.chunkAt(0).isAbsent() ? present.get(count) : 0;
        present.add(0, first);
        return present.subList(0, count).stream().mapToLong(Long::longValue).toArray();
    }

    private void read(Volume volume, long... chunks) {
        for (long chunk : chunks) {
            ByteBuf bytes = take(volume.read(chunk * Chunk.SIZE_BYTES + 512, 1024));
            try {
                assertArrayEquals(
                        disk.bytes(chunk * Chunk.SIZE_BYTES + 512, 1024), ByteBufUtil.getBytes(bytes));
            } finally {
                bytes.release();
            }
        }
    }

    /** Unlike a join, this ends when the test's time does. */
    private static ByteBuf take(CompletableFuture<ByteBuf> read) {
        try {
            return read.get();
        } catch (InterruptedException | ExecutionException e) {
            throw new AssertionError(e);
        }
    }

    private List<ItemKey> keys(long... chunks) {
        return Arrays.stream(chunks).mapToObj(n -> ItemKey.of(disk.chunkAt(n))).toList();
    }

    private void record(ImageId image, long... chunks) {
        profiles.add(image, BootRecording.of(
                Instant.EPOCH, BootOrder.of(chunks), BootOrder.empty(), BootOrder.empty()));
    }

    @Test
    void aBootIsRecordedWhenItsClientLeaves() throws Exception {
        long[] touched = boot(1, TOUCHED);
        Volume volume = volumes.open(DOMAIN, root, new BootedImage(IMAGE, true));
        long hole = 0;
        while (!disk.chunkAt(hole).isAbsent()) {
            hole++;
        }

        read(volume, touched);
        read(volume, hole, touched[3], touched[0]);
        volume.prefetch(0, 8 * MIB);
        volume.close();

        BootProfile profile = profiles.awaitBoots(IMAGE, 1);
        assertEquals(BootOrder.of(touched), profile.order(), "each chunk once, no hole, no hint");
        assertEquals(clock.instant(), profile.recordings().get(0).startedAt());
        assertEquals(0, profile.recordings().get(0).namedChunks());
    }

    @Test
    void aBootOfAnothersImageIsNotRecorded() throws Exception {
        Volume others = volumes.open(DOMAIN, root, new BootedImage(IMAGE, false));
        read(others, boot(1, TOUCHED));
        others.close();
        long[] touched = boot(2, TOUCHED);
        Volume own = volumes.open(DOMAIN, root, new BootedImage(IMAGE, true));
        read(own, touched);
        own.close();

        BootProfile profile = profiles.awaitBoots(IMAGE, 1);
        assertEquals(1, profile.boots());
        assertEquals(BootOrder.of(touched), profile.order(), "its owner's alone");
    }

    @Test
    void theNextBootFindsEverythingLoadedBeforeItAsks() throws Exception {
        long[] touched = boot(2, TOUCHED);
        Volume first = volumes.open(DOMAIN, root, new BootedImage(IMAGE, true));
        read(first, touched);
        first.close();
        profiles.awaitBoots(IMAGE, 1);
        startAnew(64 * MIB);

        Volume second = volumes.open(DOMAIN, root, new BootedImage(IMAGE, true));
        segments.awaitChunks(READER, keys(touched));
        int demanded = segments.chunksReadBy(LOADER).size();
        read(second, touched);
        second.close();

        assertEquals(demanded, segments.chunksReadBy(LOADER).size(), "no read had to load anything");
        assertEquals(TOUCHED, volumes.chunkLoads());
        BootRecording recorded = profiles.awaitBoots(IMAGE, 2).recordings().get(1);
        assertEquals(TOUCHED, recorded.namedChunks());
        assertEquals(TOUCHED, recorded.namedTouched());
        assertEquals(TOUCHED, recorded.aheadChunks());
        assertEquals(TOUCHED, recorded.aheadTouched());
    }

    @Test
    void saysHowMuchWasForeseen() throws Exception {
        long[] expected = boot(3, TOUCHED);
        record(IMAGE, expected);
        long[] touched = Arrays.copyOf(expected, TOUCHED / 2 + 20);
        List<Long> named = Arrays.stream(expected).boxed().toList();
        long[] others = Arrays.stream(boot(4, 200)).filter(n -> !named.contains(n)).limit(20).toArray();
        System.arraycopy(others, 0, touched, TOUCHED / 2, 20);

        Volume volume = volumes.open(DOMAIN, root, new BootedImage(IMAGE, true));
        segments.awaitChunks(READER, keys(expected));
        read(volume, touched);
        volume.close();

        BootRecording recorded = profiles.awaitBoots(IMAGE, 2).recordings().get(1);
        assertEquals(TOUCHED, recorded.namedChunks());
        assertEquals(TOUCHED / 2, recorded.namedTouched());
        assertEquals(TOUCHED / 2 + 20, recorded.touched().size());
        assertEquals(TOUCHED / 2, recorded.aheadTouched());
    }

    @Test
    void aHundredBootsAtOnceHaveOneReaderAndFourRecorders() throws Exception {
        long[] touched = boot(5, TOUCHED);
        record(IMAGE, touched);
        CountDownLatch go = holdBack(READER);
        List<Volume> storm = new ArrayList<>();
        for (int n = 0; n < 100; n++) {
            storm.add(volumes.open(DOMAIN, root, new BootedImage(IMAGE, true)));
        }

        go.countDown();
        segments.awaitChunks(READER, keys(touched));
        for (Volume each : storm) {
            read(each, touched);
            each.close();
        }
        profiles.awaitBoots(IMAGE, 1 + Boots.RECORDED_OF_IMAGE_MAX);
        volumes.close();

        assertEquals(1, profiles.finds(), "one reader has asked for the profile");
        assertEquals(TOUCHED, volumes.chunkLoads());
        assertEquals(1 + Boots.RECORDED_OF_IMAGE_MAX, profiles.find(IMAGE).orElseThrow().boots());
    }

    /** Has threads of this name wait before they read anything. */
    private CountDownLatch holdBack(String threadPrefix) {
        CountDownLatch go = new CountDownLatch(1);
        segments.beforeRead = () -> {
            if (Thread.currentThread().getName().startsWith(threadPrefix)) {
                try {
                    go.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
        };
        return go;
    }

    @Test
    void readsAreAnsweredWhileTheReaderIsStuck() {
        long[] touched = boot(6, TOUCHED);
        record(IMAGE, touched);
        CountDownLatch go = holdBack(READER);
        long[] others = boot(7, TOUCHED);
        Volume plain = volumes.open(DOMAIN, root);
        read(plain, others);

        List<Volume> booting = new ArrayList<>();
        for (int n = 0; n < 20; n++) {
            ImageId image = new ImageId(String.format("ami-%017d", n));
            record(image, touched);
            booting.add(volumes.open(DOMAIN, root, new BootedImage(image, true)));
        }
        // What is being loaded already is waited for; nothing else waits with it.
        read(plain, Arrays.stream(boot(8, 200)).filter(n -> !contains(touched, n)).toArray());

        assertEquals(List.of(), segments.chunksReadBy(READER));
        go.countDown();
        booting.forEach(Volume::close);
    }

    @Test
    void theReaderWaitsWhileALoadIsPendingThatSomebodyWaitsFor() throws Exception {
        long[] touched = boot(9, TOUCHED);
        record(IMAGE, touched);
        long other = Arrays.stream(boot(10, 200))
                .filter(n -> Arrays.stream(touched).noneMatch(t -> t == n))
                .findFirst()
                .orElseThrow();
        Volume plain = volumes.open(DOMAIN, root);
        read(plain, touched[0]);
        CountDownLatch go = holdBack(LOADER);
        CompletableFuture<ByteBuf> demanded = plain.read(other * Chunk.SIZE_BYTES, 512);

        Volume booting = volumes.open(DOMAIN, root, new BootedImage(IMAGE, true));
        profiles.awaitFinds(1);
        Thread reader = thread(READER);
        while (reader.getState() != Thread.State.WAITING) {
            Thread.onSpinWait();
        }
        assertEquals(List.of(), segments.chunksReadBy(READER));

        go.countDown();
        take(demanded).release();
        segments.awaitChunks(READER, keys(Arrays.copyOfRange(touched, 1, TOUCHED)));
        booting.close();
    }

    private static Thread thread(String name) {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(each -> each.getName().startsWith(name))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void aReaderLoadsNoMoreThanItsShareOfTheCache() throws Exception {
        startAnew(4 * MIB);
        long[] touched = boot(11, TOUCHED);
        record(IMAGE, touched);

        Volume volume = volumes.open(DOMAIN, root, new BootedImage(IMAGE, true));
        int share = 4 * MIB / Boots.CACHE_SHARE / Chunk.SIZE_BYTES;
        segments.awaitChunks(READER, keys(Arrays.copyOf(touched, share)));
        volumes.close();

        assertEquals(share, volumes.chunkLoads());
        volume.close();
    }

    @Test
    void aReaderEndsWhenAllBootsHaveLeft() throws Exception {
        long[] touched = boot(12, TOUCHED);
        record(IMAGE, touched);
        CountDownLatch go = holdBack(READER);
        Volume one = volumes.open(DOMAIN, root, new BootedImage(IMAGE, true));
        Volume two = volumes.open(DOMAIN, root, new BootedImage(IMAGE, true));
        profiles.awaitFinds(1);
        one.close();
        two.close();

        go.countDown();
        volumes.close();

        assertTrue(volumes.chunkLoads() <= BootReader.GROUP_CHUNKS, volumes.chunkLoads() + " chunks");
        startAnew(64 * MIB);
        Volume next = volumes.open(DOMAIN, root, new BootedImage(IMAGE, true));
        segments.awaitChunks(READER, keys(touched));
        next.close();
    }

    @Test
    void aSmallerDiskWithHolesTakesWhatItHasOfAnInheritedProfile() throws Exception {
        TestDisk child = TestDisk.random(77, 5 * MIB);
        TreeRoot childRoot = child.put(store, DOMAIN);
        long[] touched = boot(13, 200);
        record(IMAGE, touched);
        Set<ItemKey> there = Arrays.stream(touched)
                .filter(n -> n < child.chunkCount() && !child.chunkAt(n).isAbsent())
                .mapToObj(n -> ItemKey.of(child.chunkAt(n)))
                .collect(Collectors.toSet());
        assertTrue(there.size() > 5 && there.size() < 80, there.size() + " chunks");

        Volume volume = volumes.open(DOMAIN, childRoot, new BootedImage(IMAGE, true));
        segments.awaitChunks(READER, there);
        volumes.close();

        assertEquals(there.size(), volumes.chunkLoads());
        volume.close();
    }

    @Test
    void whatIsNoBootIsNotKept() throws Exception {
        Volume glance = volumes.open(DOMAIN, root, new BootedImage(IMAGE, true));
        read(glance, boot(14, 5));
        glance.close();
        Volume copy = volumes.open(DOMAIN, root, new BootedImage(IMAGE, true));
        for (long n = 0; n < disk.chunkCount(); n++) {
            read(copy, n);
        }
        copy.close();
        Volume boot = volumes.open(DOMAIN, root, new BootedImage(OTHER_IMAGE, true));
        read(boot, boot(15, TOUCHED));
        boot.close();

        profiles.awaitBoots(OTHER_IMAGE, 1);

        // One thread keeps them, in the order in which they ended.
        assertEquals(Optional.empty(), profiles.find(IMAGE));
    }

    @Test
    void aBootIsOverAfterAWhileThoughTheMachineRuns() throws Exception {
        long[] touched = boot(16, TOUCHED);
        Volume volume = volumes.open(DOMAIN, root, new BootedImage(IMAGE, true));
        read(volume, touched);
        clock.forward(Duration.ofMillis(Boots.BOOT_MILLIS));

        read(volume, Arrays.stream(boot(17, 200)).filter(n -> !contains(touched, n)).findFirst().orElseThrow());

        assertEquals(BootOrder.of(touched), profiles.awaitBoots(IMAGE, 1).order());
        volume.close();
    }

    private static boolean contains(long[] all, long one) {
        return Arrays.stream(all).anyMatch(n -> n == one);
    }

    @Test
    void keepsWhatWasRecordedBeforeItCloses() {
        Volume volume = volumes.open(DOMAIN, root, new BootedImage(IMAGE, true));
        long[] touched = boot(18, TOUCHED);
        read(volume, touched);
        volume.close();

        volumes.close();

        assertEquals(BootOrder.of(touched), profiles.find(IMAGE).orElseThrow().order());
    }

    @Test
    void aBootFromAWritableVolumeIsOneOfItsImage() throws Exception {
        long[] touched = boot(30, TOUCHED);
        VolumeState state = new VolumeState(7, 2L * disk.sizeBytes(), DOMAIN, root, 0);
        try (LiveVolume live = volumes.live(7, () -> state)) {
            Volume machine = live.connect(true, Optional.of(new BootedImage(IMAGE, true)));
            Volume other = live.connect(true, Optional.of(new BootedImage(IMAGE, true)));
            read(machine, touched);
            // What was written since is read from no image.
            long mine = Arrays.stream(boot(31, 200)).filter(n -> !contains(touched, n)).findFirst().orElseThrow();
            machine.write(mine * Chunk.SIZE_BYTES, Unpooled.buffer(4096).writeZero(4095).writeByte(1), false).get();
            take(machine.read(mine * Chunk.SIZE_BYTES, 4096)).release();
            other.close();
            machine.close();
        }
        assertEquals(BootOrder.of(touched), profiles.awaitBoots(IMAGE, 1).order());
        startAnew(64 * MIB);

        try (LiveVolume live = volumes.live(8, () -> new VolumeState(8, disk.sizeBytes(), DOMAIN, root, 0))) {
            Volume machine = live.connect(true, Optional.of(new BootedImage(IMAGE, true)));
            segments.awaitChunks(READER, keys(touched));
            int demanded = segments.chunksReadBy(LOADER).size();
            read(machine, touched);
            machine.close();
            assertEquals(demanded, segments.chunksReadBy(LOADER).size(), "no read had to load anything");
        }
    }

    @Test
    void aDamagedChunkDisturbsNoOther() throws Exception {
        long[] touched = boot(19, TOUCHED);
        record(IMAGE, touched);
        ItemKey damaged = ItemKey.of(disk.chunkAt(touched[10]));
        FailingSegmentStore failing =
                new FailingSegmentStore(storage.segments());
        failing.damaged = damaged;
        segments = new WatchedSegmentStore(failing);
        store = new ChunkStore(segments, storage.index());
        startAnew(64 * MIB);

        Volume volume = volumes.open(DOMAIN, root, new BootedImage(IMAGE, true));
        segments.awaitChunks(
                READER, keys(touched).stream().filter(key -> !key.equals(damaged)).toList());
        for (long chunk : touched) {
            if (chunk != touched[10]) {
                read(volume, chunk);
            }
        }
        volume.close();

        assertEquals(TOUCHED - 1, volumes.chunkLoads());
    }

    @Test
    void readsAheadWhereTheCacheIsFullOfWhatWasReadOnce() throws Exception {
        // Of noise alone: a chunk of text may be on both disks.
        byte[] noise = new byte[40 * MIB];
        new Random(99).nextBytes(noise);
        TestDisk scanned = TestDisk.of(noise);
        TreeRoot scannedRoot = scanned.put(store, DOMAIN);
        startAnew(8 * MIB);
        Volume scan = volumes.open(DOMAIN, scannedRoot);
        for (int at = 0; at < scanned.sizeBytes(); at += MIB) {
            take(scan.read(at, MIB)).release();
        }
        long[] touched = boot(20, 30);
        record(IMAGE, touched);

        Volume volume = volumes.open(DOMAIN, root, new BootedImage(IMAGE, true));
        segments.awaitChunks(READER, keys(touched));
        int before = segments.chunksReadBy(LOADER).size();
        read(volume, touched);
        volume.close();

        int again = segments.chunksReadBy(LOADER).size() - before;
        assertTrue(again <= 3, again + " chunks of 30 did not stay until they were asked for");
    }
}
