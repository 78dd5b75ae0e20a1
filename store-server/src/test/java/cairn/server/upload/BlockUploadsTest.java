package cairn.server.upload;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Digest;
import cairn.Fault;
import cairn.StoreException;
import cairn.chunk.ChunkId;
import cairn.image.AccountId;
import cairn.image.Region;
import cairn.image.SnapshotId;
import cairn.server.SetClock;
import cairn.server.account.Caller;
import cairn.server.account.Encryption;
import cairn.server.account.Sharing;
import cairn.server.image.Snapshot;
import cairn.server.image.SnapshotInProgress;
import cairn.server.image.SnapshotRegistry;
import cairn.server.image.SnapshotSettings;
import cairn.server.storage.Catalog.Change;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.FailingSegmentStore;
import cairn.server.storage.ItemKey;
import cairn.server.storage.MemoryStorage;
import cairn.server.storage.PendingBlocks;
import cairn.server.storage.Storage;
import cairn.server.storage.StoredPages;
import cairn.server.storage.TestDisk;
import cairn.server.storage.rocks.RocksStorage;
import cairn.server.upload.BlockUploads.Outcome;
import cairn.tree.TreeBuilder;
import cairn.tree.TreeReader;
import cairn.tree.TreeRoot;
import java.io.ByteArrayOutputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

class BlockUploadsTest {
    private static final int BLOCK = BlockUploads.BLOCK_BYTES;
    private static final Caller US = caller("000000000001", 1);
    private static final Caller THEM = caller("000000000002", 2);
    /** 48 MiB of a GiB. */
    private static final int DISK_BLOCKS = 96;

    @TempDir
    Path folder;

    private final SetClock clock = new SetClock();
    private Storage storage;
    private FailingSegmentStore segments;
    private LyingCatalog catalog;
    private ChunkStore chunks;
    private SnapshotRegistry snapshots;
    private BlockUploads uploads;

    private static Caller caller(String account, int domain) {
        return new Caller(new AccountId(account), new DomainId(domain), false, Optional.of(Region.LOCAL));
    }

    @BeforeEach
    void open() {
        open(new MemoryStorage());
    }

    private void open(Storage opened) {
        storage = opened;
        segments = new FailingSegmentStore(storage.segments());
        chunks = new ChunkStore(segments, storage.index());
        snapshots = new SnapshotRegistry(storage.catalog());
        begin();
    }

    private void begin() {
        catalog = new LyingCatalog(storage.catalog());
        uploads = new BlockUploads(catalog, chunks, storage.pendingBlocks(), snapshots, clock);
    }

    @AfterEach
    void close() {
        uploads.close();
        storage.close();
    }

    @Test
    void makesASnapshotOfBlocksThatCameInAnyOrder() {
        TestDisk disk = disk(1);
        SnapshotId id = start(US, Optional.empty());
        List<Integer> order = indices(DISK_BLOCKS);
        Collections.shuffle(order, new Random(1));

        order.forEach(index -> put(US, id, index, block(disk, index)));
        Outcome outcome = uploads.complete(US, id, DISK_BLOCKS, Optional.of(linear(disk, indices(DISK_BLOCKS)))).join();

        assertEquals(Outcome.COMPLETED, outcome);
        assertEquals(rootOf(disk), snapshot(US, id).root());
        assertContent(US, id, disk);
        assertEquals(Optional.empty(), uploads.find(US, id));
        assertEquals(0, storage.pendingBlocks().list(PendingSnapshot.number(id), 0, 1).size());
    }

    @Test
    void keepsWhatWasStartedWithInTheSnapshot() {
        NewBlockSnapshot wanted = new NewBlockSnapshot(
                7, Optional.empty(), "a disk", Map.of("k", "v"), Duration.ofMinutes(10),
                SnapshotSettings.of(new Encryption.Choice(true, Optional.of("key"))));
        SnapshotInProgress begun = uploads.start(US, wanted, ignored -> List.of());

        assertEquals(Optional.of(begun), uploads.find(US, begun.id()));
        assertTrue(uploads.tag(US, begun.id(), tags -> Map.of("k", tags.get("k") + "w")));
        uploads.complete(US, begun.id(), 0, Optional.empty()).join();

        Snapshot made = snapshot(US, begun.id());
        assertEquals(7L << 30, made.root().sizeBytes());
        assertTrue(made.root().top().isAbsent());
        assertEquals("a disk", made.description());
        assertEquals(Map.of("k", "vw"), made.tags());
        assertEquals(wanted.settings().withCompletedAt(begun.startedAt()), made.settings());
        assertEquals(begun.startedAt(), made.startedAt());
        assertEquals(US.account(), made.owner());
        assertEquals(Region.LOCAL, made.region());
    }

    @Test
    void goesOnWhereACommitWasMadeThatWasSaidToHaveFailed() {
        SnapshotId id = start(US, Optional.empty());
        put(US, id, 0, block(disk(1), 0));
        catalog.lieOnce();
        assertFault(Fault.INTERNAL, () -> uploads.tag(US, id, tags -> Map.of("a", "lost")));
        assertTrue(uploads.tag(US, id, tags -> Map.of("a", "b")));
        SnapshotId other = start(US, Optional.empty());
        catalog.lieOnce();
        assertFault(Fault.INTERNAL, () -> uploads.forget(US, other));
        assertTrue(uploads.forget(US, other));
        assertEquals(Optional.empty(), uploads.find(US, other));

        uploads.complete(US, id, 1, Optional.empty()).join();

        assertEquals(Map.of("a", "b"), snapshot(US, id).tags());
    }

    @Test
    void knowsAgainWhatItHasCompletedThoughItWasSaidToHaveFailed() {
        SnapshotId id = start(US, Optional.empty());
        put(US, id, 0, block(disk(1), 0));
        catalog.lieOnceFor("snapshot/");
        assertThrows(CompletionException.class, () -> uploads.complete(US, id, 1, Optional.empty()).join());

        uploads.complete(US, id, 1, Optional.empty()).join();

        assertEquals(1L << 30, snapshot(US, id).root().sizeBytes());
        assertEquals(Optional.empty(), uploads.find(US, id));
    }

    @Test
    void losesNoTagOfThoseThatAreSetAtATime() {
        SnapshotId id = start(US, Optional.empty());

        IntStream.range(0, 40).parallel().forEach(n -> uploads.tag(US, id, tags -> {
            Map<String, String> sum = new TreeMap<>(tags);
            sum.put("k" + n, "v");
            return sum;
        }));

        assertEquals(40, uploads.find(US, id).orElseThrow().tags().size());
    }

    @Test
    void keepsTheLastOfSeveralWritesOfABlock() {
        TestDisk disk = disk(2);
        TestDisk other = disk(3);
        SnapshotId id = start(US, Optional.empty());

        for (int index = 0; index < 10; index++) {
            put(US, id, index, block(other, index));
            put(US, id, index, block(other, index + 1));
            put(US, id, index, block(disk, index));
        }
        uploads.complete(US, id, 10, Optional.of(linear(disk, indices(10)))).join();

        new TreeReader(snapshot(US, id).root(), new StoredPages(chunks, US.domain())).forEachChunk((index, chunk) ->
                assertEquals(disk.chunkAt(index), chunk));
    }

    @Test
    void takesOneOfTwoWritesOfABlockAtATimeWhole() throws Exception {
        TestDisk disk = disk(4);
        SnapshotId id = start(US, Optional.empty());
        ExecutorService writers = Executors.newFixedThreadPool(8);
        try {
            List<Future<?>> written = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                byte[] block = block(disk, i % 8);
                written.add(writers.submit(() -> put(US, id, 5, block)));
            }
            for (Future<?> each : written) {
                each.get();
            }
        } finally {
            writers.shutdown();
        }

        uploads.complete(US, id, 1, Optional.empty()).join();

        TreeReader made = new TreeReader(snapshot(US, id).root(), new StoredPages(chunks, US.domain()));
        List<Integer> equal = IntStream.range(0, 8)
                .filter(n -> IntStream.range(0, 8).allMatch(i -> made.chunkAt(5 * 8 + i).equals(disk.chunkAt(n * 8 + i))))
                .boxed()
                .toList();
        assertFalse(equal.isEmpty(), "the block is none of those that were written");
    }

    @Test
    void takesManyWritersAtATime() throws Exception {
        uploads.close();
        storage.close();
        open(RocksStorage.open(folder.resolve("data")));
        TestDisk disk = disk(5);
        SnapshotId id = start(US, Optional.empty());
        ExecutorService writers = Executors.newFixedThreadPool(64);
        try {
            List<Future<CompletableFuture<Void>>> written = new ArrayList<>();
            for (int index = 0; index < DISK_BLOCKS; index++) {
                int at = index;
                written.add(writers.submit(() -> write(US, id, at, block(disk, at))));
            }
            for (Future<CompletableFuture<Void>> each : written) {
                each.get().join();
            }
        } finally {
            writers.shutdown();
        }

        uploads.complete(US, id, DISK_BLOCKS, Optional.of(linear(disk, indices(DISK_BLOCKS)))).join();

        assertEquals(rootOf(disk), snapshot(US, id).root());
        assertContent(US, id, disk);
        assertEquals(DISK_BLOCKS * 8L - holes(disk), storage.index().count(ItemKey.CHUNK_KIND));
    }

    private static long holes(TestDisk disk) {
        return IntStream.range(0, DISK_BLOCKS * 8).filter(i -> disk.chunkAt(i).isAbsent()).count();
    }

    @Test
    void storesNothingForZeros() {
        SnapshotId id = start(US, Optional.empty());

        put(US, id, 7, new byte[BLOCK]);
        put(US, id, 2047, new byte[BLOCK]);
        uploads.complete(US, id, 2, Optional.empty()).join();

        assertTrue(snapshot(US, id).root().top().isAbsent());
        assertEquals(0, storage.segments().storedBytes());
    }

    @Test
    void goesOnAfterARestart() {
        uploads.close();
        storage.close();
        open(RocksStorage.open(folder.resolve("data")));
        TestDisk disk = disk(6);
        SnapshotId id = start(US, Optional.empty());
        for (int index = 0; index < DISK_BLOCKS / 2; index++) {
            put(US, id, index, block(disk, index));
        }

        uploads.close();
        storage.close();
        open(RocksStorage.open(folder.resolve("data")));

        for (int index = DISK_BLOCKS / 2; index < DISK_BLOCKS; index++) {
            put(US, id, index, block(disk, index));
        }
        uploads.complete(US, id, DISK_BLOCKS, Optional.of(linear(disk, indices(DISK_BLOCKS)))).join();
        assertEquals(rootOf(disk), snapshot(US, id).root());
        assertContent(US, id, disk);
    }

    @Test
    void completesAfterARestartWhatWasBeingCompleted() {
        TestDisk disk = disk(7);
        SnapshotId id = start(US, Optional.empty());
        put(US, id, 0, block(disk, 0));
        uploads.close();
        var entry = storage.catalog().find("block-upload/" + id).orElseThrow();
        storage.catalog().commit(List.of(new Change.PutIfVersion(
                entry.key(), entry.version(), PendingRecords.encode(PendingRecords.decode(entry).completing(true)))));

        begin();

        assertEquals(Outcome.COMPLETED, uploads.complete(US, id, 1, Optional.empty()).join());
        assertEquals(disk.chunkAt(7),
                new TreeReader(snapshot(US, id).root(), new StoredPages(chunks, US.domain())).chunkAt(7));
        assertFault(Fault.CONFLICT, () -> put(US, id, 1, block(disk, 1)));
    }

    @Test
    void forgetsBlocksWhoseSnapshotIsGone() {
        PendingBlocks blocks = storage.pendingBlocks();
        SnapshotId id = start(US, Optional.empty());
        put(US, id, 0, block(disk(8), 0));
        uploads.close();
        var entry = storage.catalog().find("block-upload/" + id).orElseThrow();
        storage.catalog().commit(List.of(new Change.Delete(entry.key(), entry.version())));

        begin();

        assertEquals(List.of(), blocks.list(PendingSnapshot.number(id), 0, 10));
    }

    @Test
    void buildsUponAParent() {
        TestDisk disk = disk(9);
        TestDisk changed = disk(10);
        SnapshotId parent = written(US, disk);
        SnapshotId child = start(US, Optional.of(parent));
        long chunksBefore = storage.index().count(ItemKey.CHUNK_KIND);

        put(US, child, 3, block(changed, 3));
        put(US, child, 40, new byte[BLOCK]);
        put(US, child, 1000, block(disk, 1));
        uploads.complete(US, child, 3, Optional.empty()).join();

        assertEquals(Optional.of(parent), snapshot(US, child).parent());
        TreeReader made = new TreeReader(snapshot(US, child).root(), new StoredPages(chunks, US.domain()));
        for (int chunk = 0; chunk < 1001 * 8; chunk++) {
            int index = chunk / 8;
            var expected = index == 3 ? changed.chunkAt(chunk)
                    : index == 1000 ? disk.chunkAt(8 + chunk % 8)
                    : index == 40 || index >= DISK_BLOCKS ? ChunkId.ABSENT
                    : disk.chunkAt(chunk);
            assertEquals(expected, made.chunkAt(chunk), "chunk " + chunk);
        }
        assertTrue(storage.index().count(ItemKey.CHUNK_KIND) <= chunksBefore + 8);
    }

    @Test
    void holdsALeaseUntilABlockIsSafeAndUntilASnapshotIsThere() {
        TestDisk disk = disk(9);
        SnapshotId id = start(US, Optional.empty());
        long floor = chunks.epochs().begin().floorOrdinal();

        put(US, id, 1, block(disk, 1));
        uploads.complete(US, id, 1, Optional.empty()).join();
        snapshot(US, id);

        assertEquals(0, chunks.epochs().leases());
        assertTrue(chunks.epochs().begin().floorOrdinal() > floor);
    }

    @Test
    void refusesAParentThatIsRemovedMeanwhile() {
        SnapshotId parent = written(US, disk(9));

        assertFault(Fault.NOT_FOUND, () -> uploads.start(
                US,
                new NewBlockSnapshot(1, Optional.of(parent), "", Map.of(), NewBlockSnapshot.TIMEOUT_DEFAULT, SnapshotSettings.NEW),
                ignored -> {
                    snapshots.remove(US, parent);
                    return List.of();
                }));
        assertEquals(List.of(), uploads.list(US));
    }

    @Test
    void growsAParentWithoutTouchingItsPages() {
        SnapshotId parent = written(US, disk(11));
        SnapshotId child = uploads.start(US, new NewBlockSnapshot(5000, Optional.of(parent), "", Map.of(),
                NewBlockSnapshot.TIMEOUT_DEFAULT, SnapshotSettings.NEW), ignored -> List.of()).id();

        uploads.complete(US, child, 0, Optional.empty()).join();

        assertEquals(5000L << 30, snapshot(US, child).root().sizeBytes());
        assertContent(US, child, disk(11));
    }

    @Test
    void adoptsAParentThatAnotherAccountShares() {
        TestDisk disk = disk(12);
        SnapshotId theirs = written(THEM, disk);
        assertFault(Fault.NOT_FOUND, () -> start(US, Optional.of(theirs)));
        snapshots.change(THEM, theirs, each -> each.with(new Sharing(true, Set.of())));
        long storedBytes = storage.segments().storedBytes();

        SnapshotId ours = start(US, Optional.of(theirs));
        uploads.complete(US, ours, 0, Optional.empty()).join();

        assertEquals(US.domain(), snapshot(US, ours).domain());
        assertEquals(snapshot(THEM, theirs).root(), snapshot(US, ours).root());
        assertContent(US, ours, disk);
        assertEquals(storedBytes, storage.segments().storedBytes());
    }

    @Test
    void refusesWhatDoesNotAddUpAndStaysAsItWas() {
        TestDisk disk = disk(13);
        SnapshotId id = start(US, Optional.empty());
        put(US, id, 1, block(disk, 1));
        put(US, id, 2, block(disk, 2));

        assertFault(Fault.INVALID_REQUEST, () -> uploads.complete(US, id, 1, Optional.empty()).join());
        assertFault(Fault.INVALID_REQUEST, () -> uploads.complete(US, id, 3, Optional.empty()).join());
        assertFault(Fault.INVALID_REQUEST,
                () -> uploads.complete(US, id, 2, Optional.of(linear(disk, List.of(2, 1)))).join());
        put(US, id, 3, block(disk, 3));

        assertEquals(Outcome.COMPLETED,
                uploads.complete(US, id, 3, Optional.of(linear(disk, List.of(1, 2, 3)))).join());
        assertEquals(Outcome.COMPLETED, uploads.complete(US, id, 3, Optional.empty()).join());
    }

    @Test
    void refusesOddBlocks() {
        TestDisk disk = disk(14);
        SnapshotId id = start(US, Optional.empty());
        byte[] block = block(disk, 1);

        assertFault(Fault.INVALID_REQUEST, () -> put(US, id, 2048, block));
        assertFault(Fault.INVALID_REQUEST, () -> put(US, id, -1, block));
        assertFault(Fault.INVALID_REQUEST, () -> put(US, id, 0, Arrays.copyOf(block, BLOCK - 1)));
        assertFault(Fault.INVALID_REQUEST,
                () -> uploads.putBlock(US, id, 0, block, Digest.of(new byte[1]), Optional.empty()));
        assertEquals(Outcome.COMPLETED, uploads.complete(US, id, 0, Optional.empty()).join());
        assertFault(Fault.CONFLICT, () -> put(US, id, 0, block));
    }

    @Test
    void refusesAParentThatIsLarger() {
        SnapshotId parent = uploads.start(US, new NewBlockSnapshot(2, Optional.empty(), "", Map.of(),
                NewBlockSnapshot.TIMEOUT_DEFAULT, SnapshotSettings.NEW), ignored -> List.of()).id();
        assertFault(Fault.NOT_FOUND, () -> start(US, Optional.of(parent)));
        uploads.complete(US, parent, 0, Optional.empty()).join();

        assertFault(Fault.INVALID_REQUEST, () -> start(US, Optional.of(parent)));
    }

    @Test
    void tellsNobodyElse() {
        SnapshotId id = start(US, Optional.empty());
        byte[] block = block(disk(15), 0);

        assertEquals(Optional.empty(), uploads.find(THEM, id));
        assertEquals(List.of(), uploads.list(THEM));
        assertEquals(1, uploads.list(US).size());
        assertFalse(uploads.forget(THEM, id));
        assertFalse(uploads.tag(THEM, id, tags -> Map.of()));
        assertFault(Fault.NOT_FOUND, () -> put(THEM, id, 0, block));
        assertFault(Fault.NOT_FOUND, () -> uploads.complete(THEM, id, 0, Optional.empty()).join());
        assertFault(Fault.NOT_FOUND, () -> put(US.in(new Region("far-1")), id, 0, block));
    }

    @Test
    void endsOneThatNobodyWritesTo() {
        SnapshotId id = start(US, Optional.empty());
        put(US, id, 0, block(disk(16), 0));
        clock.forward(Duration.ofMinutes(59));
        put(US, id, 1, block(disk(16), 1));
        clock.forward(Duration.ofMinutes(59));
        uploads.sweep();
        assertEquals(Optional.empty(), uploads.find(US, id).orElseThrow().failure());

        clock.forward(Duration.ofMinutes(1));

        assertTrue(uploads.find(US, id).orElseThrow().failure().isPresent());
        assertFault(Fault.CONFLICT, () -> put(US, id, 2, block(disk(16), 2)));
        assertEquals(Outcome.FAILED, uploads.complete(US, id, 2, Optional.empty()).join());
        assertEquals(List.of(), storage.pendingBlocks().list(PendingSnapshot.number(id), 0, 10));
        uploads.close();
        begin();
        assertTrue(uploads.find(US, id).orElseThrow().failure().isPresent());
        clock.forward(BlockUploads.FAILED_KEPT.plusSeconds(1));
        uploads.sweep();
        assertEquals(List.of(), uploads.list(US));
    }

    @Test
    void tellsOfSoManyThatFailedOfAnAccount() {
        for (int i = 0; i < BlockUploads.PENDING_MAX; i++) {
            start(US, Optional.empty());
        }
        clock.forward(NewBlockSnapshot.TIMEOUT_DEFAULT);
        uploads.sweep();
        SnapshotId later = start(US, Optional.empty());
        SnapshotId theirs = start(THEM, Optional.empty());
        clock.forward(NewBlockSnapshot.TIMEOUT_DEFAULT);

        uploads.sweep();

        assertEquals(BlockUploads.PENDING_MAX, uploads.list(US).size());
        assertTrue(uploads.find(US, later).orElseThrow().failure().isPresent());
        assertTrue(uploads.find(THEM, theirs).orElseThrow().failure().isPresent());
        assertEquals(BlockUploads.PENDING_MAX + 1, storage.catalog().list("block-upload/", "", 1000).size());
    }

    @Test
    void keepsItsBlocksWhereTheServerFailsToCompleteIt() {
        TestDisk disk = disk(20);
        SnapshotId id = start(US, Optional.empty());
        put(US, id, 0, block(disk, 0));

        segments.isFailing = true;
        assertFault(Fault.INTERNAL, () -> uploads.complete(US, id, 1, Optional.empty()).join());
        segments.isFailing = false;

        assertEquals(Optional.empty(), uploads.find(US, id).orElseThrow().failure());
        put(US, id, 1, block(disk, 1));
        assertEquals(Outcome.COMPLETED, uploads.complete(US, id, 2, Optional.empty()).join());
    }

    @Test
    void isGivenUpByItsOwner() {
        SnapshotId id = start(US, Optional.empty());
        put(US, id, 0, block(disk(17), 0));

        assertTrue(uploads.forget(US, id));

        assertFalse(uploads.forget(US, id));
        assertEquals(Optional.empty(), uploads.find(US, id));
        assertFault(Fault.NOT_FOUND, () -> put(US, id, 1, block(disk(17), 1)));
        assertEquals(List.of(), storage.pendingBlocks().list(PendingSnapshot.number(id), 0, 10));
    }

    @Test
    void letsAnAccountWriteSoManyAtATime() {
        List<SnapshotId> ids = IntStream.range(0, BlockUploads.PENDING_MAX)
                .mapToObj(i -> start(US, Optional.empty()))
                .toList();

        assertFault(Fault.CONFLICT, () -> start(US, Optional.empty()));
        start(THEM, Optional.empty());
        uploads.complete(US, ids.get(0), 0, Optional.empty()).join();
        start(US, Optional.empty());
    }

    @Test
    void answersABlockOnlyWhereItIsSafe() {
        TestDisk disk = disk(18);
        SnapshotId id = start(US, Optional.empty());
        put(US, id, 0, block(disk, 0));

        segments.isFull = true;
        assertThrows(RuntimeException.class, () -> put(US, id, 1, block(disk, 1)));
        segments.isFull = false;

        assertFault(Fault.INVALID_REQUEST, () -> uploads.complete(US, id, 2, Optional.empty()).join());
        put(US, id, 1, block(disk, 1));
        assertEquals(Outcome.COMPLETED, uploads.complete(US, id, 2, Optional.empty()).join());
    }

    @Test
    void changesNothingElseWhereItIsNotBegun() {
        var taken = new Change.PutIfAbsent("taken", new byte[1]);
        storage.catalog().commit(List.of(taken));

        assertFault(Fault.CONFLICT, () -> uploads.start(US, wanted(Optional.empty()), ignored -> List.of(taken)));

        assertEquals(List.of(), uploads.list(US));
        assertEquals(List.of(), storage.catalog().list("block-upload/", "", 10));
    }

    private SnapshotId written(Caller caller, TestDisk disk) {
        SnapshotId id = start(caller, Optional.empty());
        indices(DISK_BLOCKS).forEach(index -> put(caller, id, index, block(disk, index)));
        uploads.complete(caller, id, DISK_BLOCKS, Optional.empty()).join();
        return id;
    }

    private SnapshotId start(Caller caller, Optional<SnapshotId> parent) {
        return uploads.start(caller, wanted(parent), ignored -> List.of()).id();
    }

    private static NewBlockSnapshot wanted(Optional<SnapshotId> parent) {
        return new NewBlockSnapshot(
                1, parent, "", Map.of(), NewBlockSnapshot.TIMEOUT_DEFAULT, SnapshotSettings.NEW);
    }

    private void put(Caller caller, SnapshotId id, int index, byte[] block) {
        write(caller, id, index, block).join();
    }

    private CompletableFuture<Void> write(Caller caller, SnapshotId id, int index, byte[] block) {
        return uploads.putBlock(caller, id, index, block, Digest.of(block), Optional.empty());
    }

    private Snapshot snapshot(Caller caller, SnapshotId id) {
        return snapshots.find(caller, id).orElseThrow();
    }

    private static TestDisk disk(long seed) {
        return TestDisk.random(seed, DISK_BLOCKS * BLOCK);
    }

    private static byte[] block(TestDisk disk, int index) {
        return disk.bytes((long) index * BLOCK, BLOCK);
    }

    private static List<Integer> indices(int count) {
        return new ArrayList<>(IntStream.range(0, count).boxed().toList());
    }

    private static Digest linear(TestDisk disk, List<Integer> order) {
        ByteArrayOutputStream digests = new ByteArrayOutputStream();
        order.forEach(index -> digests.writeBytes(Digest.of(block(disk, index)).toBytes()));
        return Digest.of(digests.toByteArray());
    }

    /** Of a disk of one GiB that begins with this one, as every other part of Cairn would build it. */
    private static TreeRoot rootOf(TestDisk disk) {
        TreeBuilder builder = new TreeBuilder(1L << 30, page -> {});
        for (long chunk = 0; chunk < disk.chunkCount(); chunk++) {
            builder.putChunk(chunk, disk.chunkAt(chunk));
        }
        return builder.finish();
    }

    private void assertContent(Caller caller, SnapshotId id, TestDisk disk) {
        TreeMap<Long, ChunkId> found = new TreeMap<>();
        new TreeReader(snapshot(caller, id).root(), new StoredPages(chunks, caller.domain())).forEachChunk((index, chunk) -> {
            found.put(index, chunk);
            chunks.read(caller.domain(), ItemKey.of(chunk));
        });
        for (long chunk = 0; chunk < disk.chunkCount(); chunk++) {
            assertEquals(disk.chunkAt(chunk), found.getOrDefault(chunk, ChunkId.ABSENT), "chunk " + chunk);
        }
    }

    private static void assertFault(Fault fault, Executable call) {
        Throwable failure = assertThrows(RuntimeException.class, call);
        Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
        assertEquals(fault, Fault.of(cause), () -> String.valueOf(cause));
        assertTrue(cause instanceof StoreException, () -> String.valueOf(cause));
    }
}
