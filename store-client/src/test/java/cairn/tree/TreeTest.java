package cairn.tree;

import static cairn.Golden.assertGolden;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Digest;
import cairn.Fault;
import cairn.Golden;
import cairn.StoreException;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class TreeTest {
    private static final long GIB = 1L << 30;

    /** Pages in memory. */
    private static final class Pages implements PageSource {
        private final Map<PageId, Page> pages = new HashMap<>();
        private int reads;

        void put(Page page) {
            pages.put(page.id(), page);
        }

        @Override
        public Page read(PageId id) {
            reads++;
            Page page = pages.get(id);
            if (page == null) {
                throw new StoreException(Fault.NOT_FOUND, "page " + id);
            }
            return page;
        }
    }

    private final Pages pages = new Pages();

    static LongStream seeds() {
        return LongStream.range(0, 40);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void anyWayOfWritingADiskGivesTheSameRoot(long seed) {
        Random random = new Random(seed);
        long sizeBytes = randomSize(random);
        NavigableMap<Long, ChunkId> chunks = randomChunks(random, sizeBytes);
        TreeRoot built = build(sizeBytes, chunks);

        TreeRoot edited = TreeRoot.of(Math.max(512, sizeBytes / 1024 / 512 * 512), Digest.ZERO);
        List<Long> order = new ArrayList<>(chunks.keySet());
        java.util.Collections.shuffle(order, random);
        while (!order.isEmpty()) {
            NavigableMap<Long, ChunkId> some = new TreeMap<>();
            for (int n = 1 + random.nextInt(20); n > 0 && !order.isEmpty(); n--) {
                long index = order.remove(order.size() - 1);
                some.put(index, chunks.get(index));
            }
            // What is written first may be overwritten later, and what is written may be a hole again.
            NavigableMap<Long, ChunkId> wrong = new TreeMap<>(some);
            wrong.replaceAll((index, id) -> random.nextBoolean() ? ChunkId.ABSENT : randomId(random));
            TreeEditor editor = new TreeEditor(pages, pages::put);
            edited = editor.edit(editor.edit(edited, sizeBytes, wrong), sizeBytes, some);
        }
        edited = new TreeEditor(pages, pages::put).edit(edited, sizeBytes, new TreeMap<>());

        assertEquals(built, edited);
        assertEquals(built.digest(), edited.digest());
        assertEquals(chunks, chunksOf(built));
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void leavesBuiltElsewhereGiveTheSameRoot(long seed) {
        Random random = new Random(seed);
        long sizeBytes = randomSize(random);
        NavigableMap<Long, ChunkId> chunks = randomChunks(random, sizeBytes);
        TreeRoot built = build(sizeBytes, chunks);

        TreeBuilder joiner = new TreeBuilder(sizeBytes, page -> assertTrue(page.level() > 0));
        new TreeReader(built, pages).forEachLeaf((index, leaf) -> joiner.putLeaf(index, leaf.id()));

        assertEquals(built, joiner.finish());
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void diffListsExactlyWhatDiffers(long seed) {
        Random random = new Random(seed);
        long sizeBytes = randomSize(random);
        long otherBytes = random.nextInt(3) == 0 ? randomSize(random) : sizeBytes;
        NavigableMap<Long, ChunkId> chunks = randomChunks(random, sizeBytes);
        NavigableMap<Long, ChunkId> others = new TreeMap<>(chunks.headMap(Chunk.count(otherBytes)));
        for (int n = random.nextInt(10); n > 0; n--) {
            long index = random.nextLong(Chunk.count(otherBytes));
            others.put(index, randomId(random));
            others.pollFirstEntry();
        }
        NavigableMap<Long, List<ChunkId>> expected = new TreeMap<>();
        for (NavigableMap<Long, ChunkId> side : List.of(chunks, others)) {
            for (long index : side.keySet()) {
                ChunkId first = chunks.getOrDefault(index, ChunkId.ABSENT);
                ChunkId second = others.getOrDefault(index, ChunkId.ABSENT);
                if (!first.equals(second)) {
                    expected.put(index, List.of(first, second));
                }
            }
        }

        NavigableMap<Long, List<ChunkId>> found = new TreeMap<>();
        TreeDiff.visit(build(sizeBytes, chunks), build(otherBytes, others), pages, (index, first, second) -> {
            assertTrue(found.isEmpty() || found.lastKey() < index, "in order");
            found.put(index, List.of(first, second));
        });

        assertEquals(expected, found);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void aDiffInPiecesListsTheSame(long seed) {
        Random random = new Random(seed);
        long sizeBytes = randomSize(random);
        TreeRoot first = build(sizeBytes, randomChunks(random, sizeBytes));
        TreeRoot second = build(sizeBytes, randomChunks(random, sizeBytes));
        List<Long> whole = new ArrayList<>();
        TreeDiff.visit(first, second, pages, (index, one, other) -> whole.add(index));

        List<Long> pieces = new ArrayList<>();
        long[] next = {0};
        for (int rounds = 0; next[0] >= 0; rounds++) {
            assertTrue(rounds < 100_000, "it goes on");
            long from = next[0];
            next[0] = -1;
            int[] left = {6, 3};
            TreeDiff.visit(first, second, pages, from, new TreeDiff.BoundedVisitor() {
                @Override
                public boolean enter(long chunkIndex) {
                    return goesOn(0, chunkIndex);
                }

                @Override
                public boolean visit(long chunkIndex, ChunkId one, ChunkId other) {
                    return goesOn(1, chunkIndex) && pieces.add(chunkIndex);
                }

                private boolean goesOn(int what, long chunkIndex) {
                    next[0] = left[what]-- > 0 ? -1 : chunkIndex;
                    return next[0] < 0;
                }
            });
        }

        assertEquals(whole, pieces);
    }

    @Test
    void diffReadsOnlyWhatChanged() {
        Random random = new Random(5);
        NavigableMap<Long, ChunkId> chunks = new TreeMap<>();
        for (long index = 0; index < Chunk.count(20 * GIB); index += 3) {
            chunks.put(index, randomId(random));
        }
        TreeRoot first = build(20 * GIB, chunks);
        TreeRoot second = new TreeEditor(pages, pages::put)
                .edit(first, 20 * GIB, new TreeMap<>(Map.of(77_777L, randomId(random))));
        pages.reads = 0;

        TreeDiff.visit(first, second, pages, (index, before, after) -> assertEquals(77_777, index));

        assertEquals(6, pages.reads, "three levels on two sides");
    }

    @Test
    void editingWritesOnlyThePagesAboveTheChange() {
        Random random = new Random(6);
        NavigableMap<Long, ChunkId> chunks = new TreeMap<>();
        for (long index = 0; index < Chunk.count(8 * GIB); index += 5) {
            chunks.put(index, randomId(random));
        }
        TreeRoot base = build(8 * GIB, chunks);
        List<Page> written = new ArrayList<>();

        new TreeEditor(pages, written::add).edit(base, 8 * GIB, new TreeMap<>(Map.of(0L, randomId(random))));

        assertEquals(List.of(0, 1, 2), written.stream().map(Page::level).toList());
    }

    @Test
    void aDiskGrowsWithoutReadingBackWhatWasJustWritten() {
        Random random = new Random(7);
        NavigableMap<Long, ChunkId> chunks = new TreeMap<>(Map.of(3L, randomId(random)));
        TreeRoot base = build(1 << 20, chunks);
        NavigableMap<Long, ChunkId> changes = new TreeMap<>(Map.of(70_000L, randomId(random), 5L, randomId(random)));
        List<Page> written = new ArrayList<>();

        TreeRoot grown = new TreeEditor(pages, written::add).edit(base, 8 * GIB, changes);

        chunks.putAll(changes);
        assertEquals(build(8 * GIB, chunks), grown);
    }

    @Test
    void aDiskOfZerosHasNoPages() {
        TreeRoot root = build(5 * GIB, new TreeMap<>());

        assertTrue(root.top().isAbsent());
        assertTrue(pages.pages.isEmpty());
        assertNotEquals(build(6 * GIB, new TreeMap<>()).digest(), root.digest());
    }

    @ParameterizedTest
    @ValueSource(longs = {0, -512, 511, 513, (1L << 48) + 512, Long.MAX_VALUE})
    void refusesOddSizes(long sizeBytes) {
        StoreException refused = assertThrows(StoreException.class, () -> Tree.topLevel(sizeBytes));

        assertEquals(Fault.INVALID_REQUEST, refused.fault());
        assertTrue(refused.getMessage().contains(Long.toString(sizeBytes)));
    }

    @Test
    void knowsTheTopLevelOfEverySize() {
        assertEquals(0, Tree.topLevel(512));
        assertEquals(0, Tree.topLevel(16 << 20));
        assertEquals(1, Tree.topLevel((16 << 20) + 512));
        assertEquals(1, Tree.topLevel(4 * GIB));
        assertEquals(2, Tree.topLevel(4 * GIB + 512));
        assertEquals(3, Tree.topLevel(Tree.DISK_BYTES_MAX));
    }

    @Test
    void refusesEveryFlippedBitOfAPage() {
        Page page = goldenPage();
        for (int bit = 0; bit < 8 * Page.SIZE_BYTES; bit++) {
            byte[] damaged = page.toBytes();
            damaged[bit / 8] ^= (byte) (1 << bit % 8);

            PageId id;
            try {
                id = Page.decode(damaged).id();
            } catch (StoreException refused) {
                assertEquals(Fault.CORRUPT, refused.fault());
                continue;
            }
            assertNotEquals(page.id(), id, "bit " + bit);
        }
    }

    @Test
    void refusesAPageWithoutChildrenOrOfTheWrongLength() {
        byte[] page = goldenPage().toBytes();
        byte[] empty = new byte[Page.SIZE_BYTES];
        System.arraycopy(page, 0, empty, 0, 8);

        assertThrows(StoreException.class, () -> Page.decode(empty));
        assertThrows(StoreException.class, () -> Page.decode(java.util.Arrays.copyOf(page, Page.SIZE_BYTES - 1)));
        assertThrows(IllegalStateException.class, () -> new Page.Builder(0).build());
    }

    @Test
    void pagesOfDifferentLevelsHaveDifferentIds() {
        Digest child = Digest.of(new byte[] {1});

        assertNotEquals(
                new Page.Builder(0).set(3, child).build().id().digest(),
                new Page.Builder(1).set(3, child).build().id().digest());
    }

    @Test
    void pagesAndRootsAreThoseOfTheFirstVersion() {
        Page page = goldenPage();
        assertGolden("page", page.toBytes());
        assertEquals(page.id(), Page.decode(Golden.bytes("page")).id());
        assertGolden("page-id", page.id().digest().toBytes());
        assertGolden("root-digest", new TreeRoot(4 * GIB, page.id()).digest().digest().toBytes());
        assertGolden("root-digest-of-zeros", TreeRoot.of(512, Digest.ZERO).digest().digest().toBytes());
    }

    /** A page of level 1 whose child i is the SHA-256 of the byte i, but for every third, which is absent. */
    private static Page goldenPage() {
        Page.Builder page = new Page.Builder(1);
        for (int i = 0; i < Page.CHILDREN; i++) {
            page.set(i, i % 3 == 2 ? Digest.ZERO : Digest.of(new byte[] {(byte) i}));
        }
        return page.build();
    }

    private TreeRoot build(long sizeBytes, NavigableMap<Long, ChunkId> chunks) {
        TreeBuilder builder = new TreeBuilder(sizeBytes, pages::put);
        chunks.forEach(builder::putChunk);
        return builder.finish();
    }

    private NavigableMap<Long, ChunkId> chunksOf(TreeRoot root) {
        NavigableMap<Long, ChunkId> chunks = new TreeMap<>();
        TreeReader reader = new TreeReader(root, pages);
        reader.forEachChunk(chunks::put);
        chunks.forEach((index, id) -> assertEquals(id, reader.chunkAt(index)));
        return chunks;
    }

    private static long randomSize(Random random) {
        long sectors = switch (random.nextInt(5)) {
            case 0 -> 1 + random.nextInt(300);
            case 1 -> 1 + random.nextInt(40_000);
            case 2 -> 1 + random.nextInt(20_000_000);
            case 3 -> random.nextLong(1, Tree.DISK_BYTES_MAX / 512);
            default -> 128L * Page.CHILDREN << random.nextInt(20);
        };
        return 512 * sectors;
    }

    private static NavigableMap<Long, ChunkId> randomChunks(Random random, long sizeBytes) {
        NavigableMap<Long, ChunkId> chunks = new TreeMap<>();
        for (int n = random.nextInt(200); n > 0; n--) {
            long start = random.nextLong(Chunk.count(sizeBytes));
            for (long index = start; index < Math.min(start + random.nextInt(30), Chunk.count(sizeBytes)); index++) {
                chunks.put(index, randomId(random));
            }
        }
        chunks.put(Chunk.count(sizeBytes) - 1, randomId(random));
        return chunks;
    }

    private static ChunkId randomId(Random random) {
        return new ChunkId(new Digest(random.nextLong(), random.nextLong(), random.nextLong(), random.nextInt(4)));
    }
}
