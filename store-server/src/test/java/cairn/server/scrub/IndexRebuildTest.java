package cairn.server.scrub;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.server.storage.SegmentStore;
import cairn.server.storage.TestDisk;
import cairn.server.storage.rocks.RocksSettings;
import cairn.server.storage.rocks.RocksStorage;
import cairn.tree.TreeRoot;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IndexRebuildTest {
    private static final DomainId OURS = new DomainId(1);
    private static final DomainId THEIRS = new DomainId(2);
    private static final int MIB = 1 << 20;

    @TempDir
    Path temp;

    private final KeptDisks disks = new KeptDisks();
    private final TestDisk first = TestDisk.random(1, 20 * MIB);
    private RocksStorage storage;
    private ChunkStore chunks;
    private TreeRoot tree;

    @BeforeEach
    void store() {
        open();
        tree = disks.put(chunks, OURS, first);
        KeptDisks.settle(storage.segments(), ordinal -> true);
        disks.put(chunks, THEIRS, TestDisk.of(first.bytes(0, 8 * MIB)));
        disks.put(chunks, OURS, TestDisk.random(2, 3 * MIB));
        TestDisk.random(3, 2 * MIB).put(chunks, OURS);
        storage.catalog().commit(List.of());
    }

    @AfterEach
    void close() {
        storage.close();
    }

    private void open() {
        storage = RocksStorage.open(temp.resolve("data"), RocksSettings.DEFAULT.withReserveBytes(0));
        chunks = new ChunkStore(storage.segments(), storage.index());
    }

    private Fsck.Report rebuild() {
        return disks.fsck(storage, bytes -> {}).run(true);
    }

    private void assertWhole() {
        KeptDisks.Reading read = disks.readAll(chunks);
        assertEquals(0, read.failures());
        assertTrue(read.chunks() > 300, read.chunks() + " chunks");
        assertTrue(disks.fsck(storage, bytes -> {}).run(false).result().foundNothing());
    }

    @Test
    void aSoundStoreNeedsNone() {
        assertWhole();
    }

    @Test
    void everythingCanBeReadAgainAfterTheWholeIndexWasLost() {
        storage.indexMaking().clearIndex();
        assertEquals(0, storage.index().count(ItemKey.CHUNK_KIND));
        assertEquals(0, disks.readAll(chunks).chunks());

        Fsck.Report report = rebuild();

        assertTrue(report.result().foundNothing(), report.damage().toString());
        assertEquals(0, report.rebuilt().orElseThrow().lost());
        assertWhole();
        storage.close();
        open();
        assertWhole();
        assertFalse(Files.exists(temp.resolve("data/places")));
    }

    @Test
    void whatNoTreeHasGetsNoRow() {
        long before = storage.index().count(ItemKey.CHUNK_KIND);

        rebuild();

        assertTrue(storage.index().count(ItemKey.CHUNK_KIND) < before);
        assertTrue(chunks.isReadable(OURS, ItemKey.of(tree.top())));
        assertFalse(chunks.isReadable(THEIRS, ItemKey.of(tree.top())), "each domain has what is its own");
    }

    @Test
    void aPushFindsWhatIsThereAndAddsWhatIsNot() {
        storage.indexMaking().clearIndex();
        rebuild();
        long items = items();

        disks.putAgain(chunks);
        assertEquals(items, items(), "nothing was sent twice");
        disks.put(chunks, THEIRS, TestDisk.random(4, 5 * MIB));

        assertWhole();
    }

    private long items() {
        return storage.segments().extents().stream().mapToLong(extent -> extent.items()).sum();
    }

    @Test
    void keepsServersOutUntilItHasComeToItsEndAndCanBeDoneAgain() {
        int[] steps = {0};
        StoreException cut = assertThrows(StoreException.class, () -> disks.fsck(storage, bytes -> {
            if (++steps[0] > 2) {
                throw new StoreException(Fault.SHUTTING_DOWN, "cut short");
            }
        }).run(true));
        assertEquals(Fault.SHUTTING_DOWN, cut.fault());
        storage.close();
        open();

        StoreException e = assertThrows(StoreException.class, () -> Fsck.requireWhole(storage.notes()));
        assertEquals(Fault.CONFLICT, e.fault());
        assertThrows(StoreException.class, () -> disks.fsck(storage, bytes -> {}).run(false));

        assertTrue(rebuild().result().foundNothing());
        Fsck.requireWhole(storage.notes());
        assertWhole();
    }

    @Test
    void whatNoSegmentHasIsNamedAndHealed() {
        long index = 0;
        while (first.chunkAt(index).isAbsent()) {
            index++;
        }
        ItemKey lost = ItemKey.of(first.chunkAt(index));
        long ours = storage.index().find(OURS, lost).getAsLong();
        long theirs = storage.index().find(THEIRS, lost).getAsLong();
        storage.segments().rewrite(
                storage.segments().extents().stream()
                        .filter(extent -> extent.isSettled())
                        .toList(),
                without(ours, theirs));
        KeptDisks.settle(storage.segments(), ordinal -> ordinal != theirs);

        Fsck.Report report = rebuild();

        assertEquals(1, report.rebuilt().orElseThrow().lost());
        assertEquals(1, report.damage().damagedItems());
        assertEquals(lost.toString(), report.damage().items().get(0).item());
        assertEquals(List.of("snap-0", "snap-1"), report.damage().disks().stream().map(Damage.Disk::id).toList());

        chunks.damaged(OrdinalSets.decode(new ScrubRecords(storage.catalog()).damage().orElseThrow().ordinals()));
        disks.putAgain(chunks);
        assertWhole();
    }

    private static SegmentStore.Rewriting without(long one, long other) {
        return new SegmentStore.Rewriting() {
            @Override
            public boolean isLive(long ordinal) {
                return ordinal != one && ordinal != other;
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
            public void used(long bytes) {}
        };
    }
}
