package cairn.server.upload;

import static cairn.Fault.CONFLICT;
import static cairn.Fault.INVALID_REQUEST;
import static cairn.Fault.NOT_FOUND;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Digest;
import cairn.Fault;
import cairn.StoreException;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkId;
import cairn.image.AccountId;
import cairn.image.Region;
import cairn.server.SetClock;
import cairn.server.account.Caller;
import cairn.server.storage.Catalog;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.ForwardingCatalog;
import cairn.server.storage.ItemKey;
import cairn.server.storage.MemoryStorage;
import cairn.server.storage.Ordinal;
import cairn.server.storage.TestDisk;
import cairn.tree.Page;
import cairn.tree.PageId;
import cairn.tree.RootDigest;
import cairn.tree.TreeRoot;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class UploadsTest {
    private static final Caller US = new Caller(new AccountId("000000000001"), new DomainId(1), false, Optional.of(Region.LOCAL));
    private static final Caller THEM = new Caller(new AccountId("000000000002"), new DomainId(2), false, Optional.of(Region.LOCAL));
    private static final Instant NOW = Instant.parse("2026-11-23T10:00:00Z");

    private final MemoryStorage storage = new MemoryStorage();
    private final ChunkStore chunks = new ChunkStore(storage.segments(), storage.index());
    private final Uploads uploads = uploadsAt(NOW);

    private Uploads uploadsAt(Instant now) {
        return new Uploads(storage.catalog(), chunks, Clock.fixed(now, ZoneOffset.UTC));
    }

    @AfterEach
    void close() {
        storage.close();
    }

    @Test
    void takesADiskAndProvesItsRoot() {
        TestDisk disk = TestDisk.random(1, 40 << 20);
        TreeRoot root = upload(US, disk);

        assertEquals(disk.put(chunks, US.domain()), root);
    }

    @Test
    void asksOnlyForWhatIsMissing() {
        TestDisk disk = TestDisk.random(2, 3 << 20);
        String id = uploads.start(US, disk.sizeBytes()).id();
        Page leaf = disk.pages(new TreeRoot[1]).get(0);
        long first = disk.chunkAt(0).isAbsent() ? leafFirst(leaf) : 0;
        putChunk(US, disk, first);

        BitSet missing = uploads.ask(US, id, List.of(leaf), (isKnown, bits) -> bits).get(0);
        assertTrue(!missing.get((int) first));
        assertEquals(TestDisk.childrenOf(leaf).size() - 1, missing.cardinality());

        upload(US, disk);
        assertTrue(uploads.ask(US, id, List.of(leaf), (isKnown, bits) -> isKnown).get(0));
        assertTrue(!uploads.ask(THEM, uploads.start(THEM, 512).id(), List.of(leaf), (isKnown, bits) -> isKnown).get(0));
    }

    @Test
    void tellsWhichPagesTheAccountHasByTheirIds() {
        TestDisk disk = TestDisk.random(2, 3 << 20);
        TestDisk other = TestDisk.random(22, 3 << 20);
        PageId leaf = disk.pages(new TreeRoot[1]).get(0).id();
        PageId otherLeaf = other.pages(new TreeRoot[1]).get(0).id();
        String id = uploads.start(US, disk.sizeBytes()).id();
        assertEquals(new BitSet(), uploads.known(US, id, List.of(leaf, otherLeaf)));

        upload(US, disk);

        assertEquals(BitSet.valueOf(new long[] {1}), uploads.known(US, id, List.of(leaf, otherLeaf)));
        assertEquals(BitSet.valueOf(new long[] {2}), uploads.known(US, id, List.of(otherLeaf, leaf)));
        String theirs = uploads.start(THEM, 512).id();
        assertEquals(new BitSet(), uploads.known(THEM, theirs, List.of(leaf)));
        assertFault(NOT_FOUND, () -> uploads.known(THEM, id, List.of(leaf)));
    }

    private static long leafFirst(Page leaf) {
        long slot = 0;
        while (leaf.isAbsent((int) slot)) {
            slot++;
        }
        return slot;
    }

    @Test
    void refusesAChunkUnderAWrongId() {
        TestDisk disk = TestDisk.random(3, 1 << 20);
        byte[] packed = TestDisk.pack(new byte[Chunk.SIZE_BYTES - 1]);
        ItemKey wrong = ItemKey.of(new ChunkId(Digest.of(new byte[] {1})));

        assertFault(INVALID_REQUEST, () -> put(US, wrong, packed));
        for (long index = 0; index < disk.chunkCount(); index++) {
            byte[] bytes = disk.packedChunk(index);
            assertFault(INVALID_REQUEST, () -> put(US, wrong, bytes));
        }
        assertTrue(!chunks.lease().contains(US.domain(), wrong));
    }

    @Test
    void refusesAChunkOfZeros() {
        byte[] zeros = new byte[Chunk.SIZE_BYTES];

        assertFault(INVALID_REQUEST, () -> put(US, ItemKey.of(new ChunkId(Digest.of(zeros))), TestDisk.pack(zeros)));
    }

    @Test
    void refusesADamagedChunk() {
        TestDisk disk = TestDisk.random(4, 1 << 20);
        long index = leafFirst(disk.pages(new TreeRoot[1]).get(0));
        byte[] packed = disk.packedChunk(index);
        packed[packed.length / 2] ^= 1;

        assertFault(INVALID_REQUEST, () -> put(US, ItemKey.of(disk.chunkAt(index)), packed));
    }

    @Test
    void refusesAPageWhoseChildrenAreNotHere() {
        Page page = TestDisk.random(5, 1 << 20).pages(new TreeRoot[1]).get(0);

        assertFault(CONFLICT, () -> put(US, ItemKey.of(page.id()), TestDisk.pack(page.toBytes())));
    }

    @Test
    void refusesAPageUnderAnotherLevel() {
        TestDisk disk = TestDisk.random(6, 1 << 20);
        upload(US, disk);
        Page page = disk.pages(new TreeRoot[1]).get(0);
        ItemKey asLevel1 = new ItemKey(2, page.id().digest());

        assertFault(INVALID_REQUEST, () -> put(US, asLevel1, TestDisk.pack(page.toBytes())));
    }

    @Test
    void refusesARootThatIsNotTheDisks() {
        TestDisk disk = TestDisk.random(7, 1 << 20);
        TreeRoot root = upload(US, disk);
        String id = uploads.start(US, disk.sizeBytes()).id();

        assertFault(INVALID_REQUEST, () -> uploads.seal(
                US, id, root.top().digest(), new RootDigest(Digest.of(new byte[] {1}))));
        Digest unknown = Digest.of(new byte[] {2});
        assertFault(INVALID_REQUEST, () -> uploads.seal(
                US, id, unknown, TreeRoot.of(disk.sizeBytes(), unknown).digest()));
        assertFault(INVALID_REQUEST, () -> {
            TreeRoot theirs = TreeRoot.of(disk.sizeBytes(), root.top().digest());
            uploads.seal(THEM, uploads.start(THEM, disk.sizeBytes()).id(), root.top().digest(), theirs.digest());
        });
    }

    @Test
    void refusesBytesBehindTheEndOfTheDisk() {
        TestDisk disk = TestDisk.random(11, 1 << 20);
        TreeRoot root = upload(US, disk);

        for (int sizeBytes : new int[] {(1 << 20) - 512, (1 << 20) - Chunk.SIZE_BYTES, 512}) {
            String id = uploads.start(US, sizeBytes).id();
            TreeRoot shorter = TreeRoot.of(sizeBytes, root.top().digest());
            byte[] behind = disk.bytes(sizeBytes, disk.sizeBytes() - sizeBytes);
            if (Arrays.equals(behind, new byte[behind.length])) {
                continue;
            }
            assertFault(INVALID_REQUEST, () -> uploads.seal(US, id, root.top().digest(), shorter.digest()));
        }
    }

    @Test
    void knowsOnlyTheCallersUploads() {
        String id = uploads.start(US, 1024).id();

        assertEquals(1024, uploads.read(US, id).sizeBytes());
        assertFault(NOT_FOUND, () -> uploads.read(THEM, id));
        assertFault(NOT_FOUND, () -> uploads.touch(THEM, id));
        assertFault(NOT_FOUND, () -> uploads.read(US, "up-0"));
        uploads.cancel(US, id);
        assertFault(NOT_FOUND, () -> uploads.read(US, id));
    }

    @Test
    void endsTheUploadThatWasUsedLongestAgoWhereThereAreTooMany() {
        String oldest = uploads.start(US, 512).id();
        Uploads later = uploadsAt(NOW.plusSeconds(1));
        String second = later.start(US, 512).id();
        for (int i = 2; i < Uploads.OPEN_MAX; i++) {
            later.start(US, 512);
        }
        uploads.start(THEM, 512);
        assertEquals(512, uploads.read(US, oldest).sizeBytes());

        later.start(US, 512);

        assertFault(NOT_FOUND, () -> uploads.read(US, oldest));
        assertEquals(512, uploads.read(US, second).sizeBytes());
    }

    @Test
    void makesRoomForManyThatBeginAtOnce() throws Exception {
        for (int i = 0; i < Uploads.OPEN_MAX; i++) {
            uploads.start(US, 512);
        }
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try {
            List<Future<String>> started = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                started.add(threads.submit(() -> uploads.start(US, 512).id()));
            }
            for (Future<String> one : started) {
                assertTrue(one.get().startsWith("up-"));
            }
        } finally {
            threads.shutdownNow();
        }
        assertTrue(uploads.unfinished().size() < Uploads.OPEN_MAX + 8);
    }

    @Test
    void holdsALeaseForEachUploadInProgress() {
        long floor = Ordinal.of(storage.segments().openSegment(), 0);
        String first = uploads.start(US, 512).id();
        String second = uploads.start(US, 512).id();
        TestDisk.random(5, 1 << 20).put(chunks, THEM.domain());

        assertEquals(2, chunks.epochs().leases());
        assertEquals(floor, chunks.epochs().begin().floorOrdinal());
        uploads.cancel(US, first);
        assertEquals(1, chunks.epochs().leases());
        storage.catalog().commit(List.of(uploads.end(US, second)));
        uploads.ended(US, second);
        assertEquals(0, chunks.epochs().leases());
        assertTrue(chunks.epochs().begin().floorOrdinal() > floor);
    }

    @Test
    void opensTheLeasesOfEarlierUploadsAgain() {
        long floor = Ordinal.of(storage.segments().openSegment(), 0);
        String id = uploads.start(US, 512).id();
        TestDisk.random(5, 1 << 20).put(chunks, THEM.domain());
        ChunkStore restarted = new ChunkStore(storage.segments(), storage.index());

        Uploads resumed = new Uploads(storage.catalog(), restarted, Clock.fixed(NOW, ZoneOffset.UTC));

        assertEquals(floor, restarted.epochs().begin().floorOrdinal());
        resumed.cancel(US, id);
        assertTrue(restarted.epochs().begin().floorOrdinal() > floor);
    }

    @Test
    void readsTheRecordOfAnUploadThatAnEarlierVersionBegan() {
        storage.catalog().commit(List.of(new Catalog.Change.PutIfAbsent(
                "upload/000000000001/up-1",
                ("{\"id\":\"up-1\",\"account\":\"000000000001\",\"sizeBytes\":512,"
                        + "\"startedAt\":\"2026-11-23T09:00:00Z\",\"leaseUntil\":\"2026-11-24T09:00:00Z\"}")
                        .getBytes(StandardCharsets.UTF_8))));

        Uploads resumed = uploadsAt(NOW);

        assertEquals(0, resumed.read(US, "up-1").floorSegment());
        assertEquals(0, chunks.epochs().begin().floorOrdinal());
    }

    @Test
    void endsUploadsWhoseTimeIsOver() {
        TestDisk disk = TestDisk.random(6, 1 << 20);
        String old = uploads.start(US, disk.sizeBytes()).id();
        Uploads later = uploadsAt(NOW.plus(Uploads.LEASE));
        String fresh = later.start(US, 512).id();

        assertEquals(1, later.removeExpired());

        assertFault(NOT_FOUND, () -> later.read(US, old));
        assertEquals(512, later.read(US, fresh).sizeBytes());
        Page leaf = disk.pages(new TreeRoot[1]).get(0);
        assertFault(NOT_FOUND, () -> later.known(US, old, List.of(leaf.id())));
        assertFault(NOT_FOUND, () -> later.ask(US, old, List.of(leaf), (isKnown, bits) -> bits));
        byte[] packed = TestDisk.pack(leaf.toBytes());
        assertFault(NOT_FOUND, () -> later.put(US, old, new PackedItem(ItemKey.of(leaf.id()), packed, 0, packed.length)));
        assertEquals(1, later.endAll());
        assertFault(NOT_FOUND, () -> later.read(US, fresh));
    }

    @Test
    void aTouchRenewsALeaseThatIsHalfOver() {
        String id = uploads.start(US, 512).id();
        Instant later = NOW.plus(Uploads.LEASE.multipliedBy(3).dividedBy(4));

        uploadsAt(later).touch(US, id);

        assertEquals(later.plus(Uploads.LEASE), uploads.read(US, id).leaseUntil());
    }

    @Test
    void looksAtTheRecordOnlyWhereTheLeaseIsHalfOver() {
        AtomicInteger looks = new AtomicInteger();
        Catalog counting = new ForwardingCatalog(storage.catalog()) {
            @Override
            public Optional<Entry> find(String key) {
                looks.incrementAndGet();
                return super.find(key);
            }
        };
        SetClock clock = new SetClock();
        Uploads counted = new Uploads(counting, chunks, clock);
        String id = counted.start(US, 512).id();
        looks.set(0);

        counted.touch(US, id);
        counted.touch(US, id);
        assertEquals(0, looks.get());
        clock.forward(Uploads.LEASE.multipliedBy(3).dividedBy(4));
        counted.touch(US, id);
        assertEquals(1, looks.get());
        counted.touch(US, id);
        assertEquals(1, looks.get());
        assertEquals(clock.instant().plus(Uploads.LEASE), counted.read(US, id).leaseUntil());
    }

    private TreeRoot upload(Caller caller, TestDisk disk) {
        String id = uploads.start(caller, disk.sizeBytes()).id();
        for (long index = 0; index < disk.chunkCount(); index++) {
            if (!disk.chunkAt(index).isAbsent()) {
                put(caller, id, ItemKey.of(disk.chunkAt(index)), disk.packedChunk(index));
            }
        }
        TreeRoot[] root = new TreeRoot[1];
        for (Page page : disk.pages(root)) {
            put(caller, id, ItemKey.of(page.id()), TestDisk.pack(page.toBytes()));
        }
        return uploads.seal(caller, id, root[0].top().digest(), root[0].digest());
    }

    private void putChunk(Caller caller, TestDisk disk, long index) {
        put(caller, ItemKey.of(disk.chunkAt(index)), disk.packedChunk(index));
    }

    private void put(Caller caller, ItemKey key, byte[] packed) {
        put(caller, uploads.start(caller, 512).id(), key, packed);
    }

    private void put(Caller caller, String id, ItemKey key, byte[] packed) {
        byte[] batch = new byte[packed.length + 20];
        System.arraycopy(packed, 0, batch, 10, packed.length);
        uploads.put(caller, id, new PackedItem(key, batch, 10, packed.length));
    }

    private static void assertFault(Fault fault, Executable call) {
        assertEquals(fault, assertThrows(StoreException.class, call).fault());
    }
}
