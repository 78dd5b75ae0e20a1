package cairn.server.scrub;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.chunk.Chunk;
import cairn.image.AccountId;
import cairn.server.gc.Root;
import cairn.server.gc.Roots;
import cairn.server.scrub.ScrubPass.Progress;
import cairn.server.storage.ChunkIndex.Row;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.server.storage.MemoryStorage;
import cairn.server.storage.StoredFiles;
import cairn.server.storage.StoredPages;
import cairn.server.storage.TestDisk;
import cairn.tree.PageId;
import cairn.tree.RootDigest;
import cairn.tree.TreeReader;
import cairn.tree.TreeRoot;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ScrubPassTest {
    private static final DomainId OURS = new DomainId(1);
    private static final AccountId OWNER = new AccountId("000000000001");
    private static final int MIB = 1 << 20;

    private final MemoryStorage storage = new MemoryStorage();
    private final RottenSegmentStore segments = new RottenSegmentStore(storage.segments());
    private final ChunkStore chunks = new ChunkStore(segments, storage.index());
    private final List<Root> roots = new ArrayList<>();
    private final List<ImageFacts.Image> images = new ArrayList<>();
    private long bytesUsed;

    @AfterEach
    void close() {
        storage.close();
    }

    private TreeRoot put(String id, TestDisk disk) {
        TreeRoot tree = disk.put(chunks, OURS);
        roots.add(new Root(Root.Kind.SNAPSHOT, id, Optional.of(OWNER), OURS, tree));
        return tree;
    }

    private ScrubPass pass(Progress from, Findings findings) {
        Roots each = (trees, pending) -> roots.forEach(trees);
        return new ScrubPass(
                new ScrubPass.Parts(
                        segments,
                        storage.index(),
                        each,
                        (visitor, problems) -> images.forEach(visitor),
                        StoredFiles.NONE),
                from,
                findings,
                bytes -> bytesUsed += bytes);
    }

    private Damage scrub() {
        return pass(Progress.BEGIN, new Findings()).run();
    }

    private long ordinal(ItemKey key) {
        return storage.index().find(OURS, key).getAsLong();
    }

    private List<PageId> leaves(TreeRoot tree) {
        List<PageId> leaves = new ArrayList<>();
        new TreeReader(tree, new StoredPages(chunks, OURS)).forEachLeaf((index, leaf) -> leaves.add(leaf.id()));
        return leaves;
    }

    @Test
    void findsNothingWrongInASoundStore() {
        put("snap-1", TestDisk.random(1, 40 * MIB));
        ScrubPass pass = pass(Progress.BEGIN, new Findings());

        Damage damage = pass.run();

        assertEquals(Damage.NONE, damage);
        assertEquals(4, pass.pages());
        assertEquals(storage.index().count(ItemKey.CHUNK_KIND) + 4, pass.progress().items());
        assertTrue(bytesUsed >= storage.segments().storedBytes());
    }

    @Test
    void namesADamagedChunkAndWhereDisksHaveItAndGoesOnBehindIt() {
        TestDisk disk = TestDisk.random(2, 20 * MIB);
        TreeRoot tree = put("snap-1", disk);
        put("snap-2", TestDisk.of(disk.bytes(0, 8 * MIB)));
        images.add(new ImageFacts.Image(
                "ami-1",
                "first",
                OWNER.value(),
                List.of(new ImageFacts.Disk("snap-1", tree.digest(), tree.sizeBytes()))));
        long first = notAHole(disk, 10);
        long last = notAHole(disk, 300);
        segments.rotten.add(ordinal(ItemKey.of(disk.chunkAt(first))));
        segments.rotten.add(ordinal(ItemKey.of(disk.chunkAt(last))));

        Damage damage = scrub();

        assertEquals(2, damage.damagedItems());
        assertEquals(0, damage.unusedItems());
        assertEquals(List.of("snap-1", "snap-2"), damage.disks().stream().map(Damage.Disk::id).toList());
        Damage.Disk hit = damage.disks().get(0);
        assertEquals(
                List.of(range(first), range(last)), hit.ranges());
        assertEquals(List.of(new Damage.ImageName("ami-1", "first", OWNER.value())), hit.images());
        assertEquals(2 * Chunk.SIZE_BYTES, hit.damagedBytes());
        assertEquals(List.of(range(first)), damage.disks().get(1).ranges());
        assertEquals(
                List.of(new Damage.Use("snap-1", first * Chunk.SIZE_BYTES, Chunk.SIZE_BYTES),
                        new Damage.Use("snap-2", first * Chunk.SIZE_BYTES, Chunk.SIZE_BYTES)),
                damage.items().get(0).uses());
        assertEquals(List.of(), damage.problems());
    }

    private static Damage.Range range(long chunk) {
        return new Damage.Range(chunk * Chunk.SIZE_BYTES, Chunk.SIZE_BYTES);
    }

    private static long notAHole(TestDisk disk, long from) {
        long index = from;
        while (disk.chunkAt(index).isAbsent()) {
            index++;
        }
        return index;
    }

    @Test
    void joinsNeighboursAndCountsWhatLiesBelowAPageOnce() {
        TreeRoot tree = put("snap-1", TestDisk.random(3, 40 * MIB));
        for (PageId leaf : leaves(tree).subList(0, 2)) {
            segments.rotten.add(ordinal(ItemKey.of(leaf)));
        }

        Damage damage = scrub();

        assertEquals(2, damage.damagedItems());
        assertEquals(List.of(new Damage.Range(0, 32 * MIB)), damage.disks().get(0).ranges());
        assertEquals(32 * MIB, damage.disks().get(0).damagedBytes());
    }

    @Test
    void namesEveryItemOfALongStretchThatCannotBeRead() {
        TestDisk disk = TestDisk.random(4, 20 * MIB);
        TreeRoot tree = put("snap-1", disk);
        segments.extents().forEach(extent -> {
            for (long ordinal = extent.firstOrdinal(); ordinal <= extent.lastOrdinal(); ordinal++) {
                segments.rotten.add(ordinal);
            }
        });

        Damage damage = scrub();

        assertEquals(storage.index().count(ItemKey.CHUNK_KIND) + 3, damage.damagedItems());
        assertEquals(List.of(new Damage.Range(0, tree.sizeBytes())), damage.disks().get(0).ranges());
    }

    @Test
    void countsDamageThatNothingUses() {
        TestDisk.random(5, 4 * MIB).put(chunks, OURS);
        segments.rotten.add(segments.extents().get(0).firstOrdinal());

        Damage damage = scrub();

        assertEquals(1, damage.damagedItems());
        assertEquals(1, damage.unusedItems());
        assertEquals(List.of(), damage.disks());
    }

    @Test
    void namesAnItemThatTheIndexHasLost() {
        TestDisk disk = TestDisk.random(6, 4 * MIB);
        put("snap-1", disk);
        long index = notAHole(disk, 0);
        ItemKey lost = ItemKey.of(disk.chunkAt(index));
        storage.index().removeAll(List.of(new Row(OURS, lost, ordinal(lost))));

        Damage damage = scrub();

        assertEquals(1, damage.damagedItems());
        assertEquals(Damage.NOWHERE, damage.items().get(0).ordinal());
        assertEquals(lost.toString(), damage.items().get(0).item());
        assertEquals(List.of(range(index)), damage.disks().get(0).ranges());
    }

    @Test
    void findsARowThatLeadsToAnotherItem() {
        TestDisk disk = TestDisk.random(7, 4 * MIB);
        put("snap-1", disk);
        ItemKey one = ItemKey.of(disk.chunkAt(notAHole(disk, 0)));
        ItemKey other = ItemKey.of(disk.chunkAt(notAHole(disk, 30)));
        storage.index().putAll(List.of(new Row(OURS, one, ordinal(other))));

        Damage damage = scrub();

        assertEquals(1, damage.damagedItems());
        assertEquals(one.toString(), damage.items().get(0).item());
    }

    @Test
    void tellsAnImageWhoseSnapshotIsNotWhatItWasSignedWith() {
        TreeRoot tree = put("snap-1", TestDisk.random(8, 4 * MIB));
        RootDigest other = TestDisk.random(9, 4 * MIB).root().digest();
        images.add(new ImageFacts.Image(
                "ami-1", "first", OWNER.value(), List.of(new ImageFacts.Disk("snap-1", other, tree.sizeBytes()))));

        Damage damage = scrub();

        assertEquals(1, damage.problemsFound());
        assertTrue(damage.problems().get(0).contains("ami-1"), damage.problems().get(0));
    }

    @Test
    void goesOnFromWhereAnotherHasEnded() {
        TestDisk disk = TestDisk.random(10, 20 * MIB);
        put("snap-1", disk);
        segments.rotten.add(ordinal(ItemKey.of(disk.chunkAt(notAHole(disk, 10)))));
        ScrubPass cut = pass(Progress.BEGIN, new Findings());
        assertThrows(StoreException.class, () -> cut.read(() -> {
            throw new StoreException(Fault.SHUTTING_DOWN, "the server ends");
        }));
        segments.rotten.add(0L);
        Findings.State kept = cut.findings().state();

        Damage damage = pass(cut.progress(), Findings.of(kept)).run();

        assertEquals(1, damage.damagedItems());
        assertEquals(1, damage.disks().size());
        assertTrue(cut.progress().items() > 0);
    }

    @Test
    void forgetsWhatWasHealedWhileItRan() {
        TestDisk disk = TestDisk.random(11, 20 * MIB);
        put("snap-1", disk);
        segments.rotten.add(ordinal(ItemKey.of(disk.chunkAt(notAHole(disk, 10)))));

        ScrubPass pass = pass(Progress.BEGIN, new Findings());

        pass.read(segments.rotten::clear);

        assertEquals(Damage.NONE, pass.trees());
    }
}
