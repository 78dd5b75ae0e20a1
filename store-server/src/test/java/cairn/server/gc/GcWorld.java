package cairn.server.gc;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.chunk.ChunkCodec;
import cairn.chunk.ChunkId;
import cairn.image.AccountId;
import cairn.server.SetClock;
import cairn.server.gc.Collector.Mode;
import cairn.server.storage.ChunkIndex.Row;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.server.storage.MemoryStorage;
import cairn.server.storage.OrdinalSet;
import cairn.server.storage.Storage;
import cairn.server.storage.StoredPages;
import cairn.server.storage.TestDisk;
import cairn.tree.Page;
import cairn.tree.TreeReader;
import cairn.tree.TreeRoot;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** A store with trees that it keeps, and a collector; all of it may be opened again as after a crash. */
final class GcWorld implements AutoCloseable {
    static final DomainId OURS = new DomainId(1);
    static final DomainId THEIRS = new DomainId(2);
    static final int MIB = 1 << 20;
    private static final AccountId US = new AccountId("000000000001");

    final Storage storage;
    final SetClock clock = new SetClock();
    private final Map<String, Kept> kept = new LinkedHashMap<>();
    final List<Block> blocks = new ArrayList<>();
    final boolean isSettling;
    ChunkStore chunks;
    Collector collector;

    private record Kept(Root root, TestDisk disk) {}

    /** A block that is in no tree yet. */
    record Block(DomainId domain, List<ChunkId> chunks) {}

    GcWorld() {
        this(new MemoryStorage(), false);
    }

    GcWorld(Storage storage, boolean isSettling) {
        this.storage = storage;
        this.isSettling = isSettling;
        open();
    }

    /** Begins anew over what is stored, as a server does that is started. */
    void open() {
        open(storage);
    }

    void open(Storage over) {
        chunks = new ChunkStore(over.segments(), over.index());
        collector = new Collector(over, chunks, roots(), OrdinalSet::new, isSettling, clock);
    }

    Roots roots() {
        return (trees, pending) -> {
            List.copyOf(kept.values()).forEach(each -> trees.accept(each.root));
            List.copyOf(blocks).forEach(each -> pending.visit("snap-1", US, each.domain, each.chunks));
        };
    }

    /** Puts a disk, and keeps it under a name. */
    TreeRoot put(String name, DomainId domain, TestDisk disk) {
        TreeRoot tree = disk.put(chunks, domain);
        keep(name, domain, disk);
        return tree;
    }

    void keep(String name, DomainId domain, TestDisk disk) {
        kept.put(name, new Kept(new Root(Root.Kind.SNAPSHOT, name, Optional.of(US), domain, disk.root()), disk));
    }

    void remove(String name) {
        kept.remove(name);
    }

    /** One cycle, as in the background. */
    GcStatus.Result cycle() {
        return collector.collect(Mode.BACKGROUND, Budget.NONE);
    }

    /** As somebody asks for it. */
    GcStatus.Result collect() {
        return collector.collect(Mode.ASKED, Budget.NONE);
    }

    long chunkRows() {
        return storage.index().count(ItemKey.CHUNK_KIND);
    }

    long rows() {
        return Stream.of(0, 1, 2, 3, 4).mapToLong(storage.index()::count).sum();
    }

    long items() {
        return storage.segments().extents().stream().mapToLong(each -> each.items()).sum();
    }

    /** Reads all that is kept, bit for bit. */
    void assertAllIsThere() {
        kept.forEach((name, each) -> assertIsThere(name, each.root.domain(), each.disk));
        assertEquals(Optional.empty(), collector.status(0).alarm());
    }

    void assertIsThere(String name, DomainId domain, TestDisk disk) {
        new TreeReader(disk.root(), new StoredPages(chunks, domain)).forEachChunk((index, id) -> {
            assertEquals(disk.chunkAt(index), id, name);
            assertArrayEquals(disk.packedChunk(index), chunks.read(domain, ItemKey.of(id)), name);
        });
    }

    /** No page is in the index of a domain without what is below it, there where the page says. */
    void assertIndexIsWhole() {
        List<Row> pages = new ArrayList<>();
        Marked.kindsOfPages().forEach(kind -> storage.index().forEach(kind, pages::add));
        pages.forEach(this::assertIsWhole);
    }

    private void assertIsWhole(Row row) {
        byte[] packed = storage.segments().read(row.ordinal(), row.key());
        byte[] plain = new byte[Page.SIZE_BYTES];
        ChunkCodec.unpack(packed, 0, packed.length, plain, 0, plain.length);
        List<ItemKey> below = TestDisk.childrenOf(Page.decode(plain));
        List<Long> places = new ArrayList<>();
        storage.index().children(row.ordinal()).orElseThrow().forEach(places::add);
        assertEquals(below.size(), places.size());
        for (int n = 0; n < places.size(); n++) {
            ItemKey child = below.get(n);
            assertEquals(
                    places.get(n),
                    chunks.ordinal(row.domain(), child).orElse(-1),
                    () -> child + " of " + row.key() + " in domain " + row.domain().number());
            assertTrue(storage.segments().read(places.get(n), child).length > 0);
        }
    }

    /** What a store takes that has only ever had what is kept. */
    long freshBytes() {
        try (GcWorld fresh = new GcWorld()) {
            kept.forEach((name, each) -> fresh.put(name, each.root.domain(), each.disk));
            return fresh.storage.segments().storedBytes();
        }
    }

    @Override
    public void close() {
        collector.close();
        storage.close();
    }
}
