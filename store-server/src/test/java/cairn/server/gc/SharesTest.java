package cairn.server.gc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Digest;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkId;
import cairn.server.gc.PageGraph.Top;
import cairn.server.storage.ChunkIndex;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.server.storage.Lease;
import cairn.server.storage.MemoryStorage;
import cairn.server.storage.Ordinal;
import cairn.server.storage.PageChildren;
import cairn.server.storage.SegmentStore.Extent;
import cairn.server.storage.Storage;
import cairn.server.storage.StoredPages;
import cairn.server.storage.TestDisk;
import cairn.server.storage.TreeAdoption;
import cairn.tree.Page;
import cairn.tree.TreeEditor;
import cairn.tree.TreeRoot;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SharesTest {
    private static final DomainId OURS = new DomainId(1);
    private static final DomainId THEIRS = new DomainId(2);

    private final Storage storage = new MemoryStorage();
    private final ChunkStore chunks = new ChunkStore(storage.segments(), storage.index());
    private final PageGraph graph = new PageGraph(storage, chunks);

    @AfterEach
    void close() {
        storage.close();
    }

    /** A page as the brute force knows it. */
    private record Node(int level, List<Long> children) {}

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20})
    void countsWhatOneGroupAloneHasAsSetsDo(long seed) {
        Random random = new Random(seed);
        Map<Long, Node> pages = randomPages(random);
        List<Long> chunkOrdinals = new ArrayList<>(chunksOf(pages));
        List<Extent> extents = randomExtents(random);
        List<Long> all = new ArrayList<>(new TreeSet<>(pages.keySet()));

        Shares shares = new Shares(graph, () -> {});
        List<List<Long>> tops = new ArrayList<>();
        List<List<Long>> loose = new ArrayList<>();
        for (int group = 0; group < 1 + random.nextInt(12); group++) {
            tops.add(pick(random, all, random.nextInt(4)));
            loose.add(pick(random, chunkOrdinals, random.nextInt(3)));
            List<Long> chunksOfGroup = loose.get(group);
            assertEquals(group, shares.add(
                    tops.get(group).stream()
                            .map(page -> new Top(random.nextBoolean() ? OURS : THEIRS, pages.get(page).level(), page))
                            .toList(),
                    visitor -> chunksOfGroup.forEach(visitor::accept)));
        }

        List<Set<Long>> reached = new ArrayList<>();
        Map<Long, Integer> reachedBy = new HashMap<>();
        for (int group = 0; group < tops.size(); group++) {
            Set<Long> set = new HashSet<>(loose.get(group));
            tops.get(group).forEach(page -> reach(pages, page, set));
            reached.add(set);
            set.forEach(ordinal -> reachedBy.merge(ordinal, 1, Integer::sum));
        }
        for (int group = 0; group < tops.size(); group++) {
            Set<Long> alone = new HashSet<>(reached.get(group));
            alone.removeIf(ordinal -> reachedBy.get(ordinal) > 1);
            long alonePages = alone.stream().filter(pages::containsKey).count();
            long data = loose.get(group).size()
                    + tops.get(group).stream().mapToLong(page -> references(pages, page)).sum();
            double stored = alone.stream().mapToDouble(ordinal -> bytesOf(extents, ordinal)).sum();

            Held held = shares.held(group, new ExtentShares(extents));

            assertEquals(new Held(data, alone.size() - alonePages, alonePages, Math.round(stored)), held, "group " + group);
        }
        Set<Long> known = new TreeSet<>();
        shares.known().forEach(known::add);
        assertEquals(new TreeSet<>(reachedBy.keySet()), known);
        long uniquePages = known.stream().filter(pages::containsKey).count();
        assertTrue(shares.pageReads() <= 2 * uniquePages, shares.pageReads() + " reads of " + uniquePages + " pages");
    }

    /** Pages of three levels over a few hundred chunks, with many children in common, some of them twice. */
    private Map<Long, Node> randomPages(Random random) {
        Map<Long, Node> pages = new HashMap<>();
        List<ChunkIndex.Children> children = new ArrayList<>();
        List<List<Long>> byLevel = new ArrayList<>();
        List<Long> below = new ArrayList<>();
        for (int i = 0; i < 50 + random.nextInt(400); i++) {
            below.add(ordinal(random));
        }
        Set<Long> taken = new HashSet<>(below);
        for (int level = 0; level < 3; level++) {
            List<Long> these = new ArrayList<>();
            for (int i = 0; i < 40 >> level; i++) {
                long ordinal;
                do {
                    ordinal = ordinal(random);
                } while (!taken.add(ordinal));
                long[] slots = new long[Page.CHILDREN];
                Arrays.fill(slots, PageChildren.ABSENT);
                List<Long> present = new ArrayList<>();
                for (int slot = 0; slot < Page.CHILDREN; slot++) {
                    if (random.nextInt(Page.CHILDREN) < 6 || slot == 0) {
                        slots[slot] = below.get(random.nextInt(below.size()));
                        present.add(slots[slot]);
                    }
                }
                children.add(new ChunkIndex.Children(ordinal, new PageChildren(slots)));
                pages.put(ordinal, new Node(level, present));
                these.add(ordinal);
            }
            byLevel.add(these);
            below = these;
        }
        storage.index().putAll(List.of(), children);
        return pages;
    }

    private static long ordinal(Random random) {
        return Ordinal.of(1 + random.nextInt(9), random.nextInt(300));
    }

    private static Set<Long> chunksOf(Map<Long, Node> pages) {
        Set<Long> chunks = new TreeSet<>();
        pages.values().stream().filter(page -> page.level() == 0).forEach(page -> chunks.addAll(page.children()));
        return chunks;
    }

    /** Some of one segment, some of several; what is in segment 9 lies in none. */
    private static List<Extent> randomExtents(Random random) {
        List<Extent> extents = new ArrayList<>();
        for (int segment = 1; segment < 9; ) {
            int end = Math.min(9, segment + 1 + random.nextInt(3));
            extents.add(new Extent(
                    Ordinal.of(segment, 0), Ordinal.of(end - 1, 299), 1 + random.nextInt(600), random.nextInt(1 << 20),
                    random.nextBoolean()));
            segment = end;
        }
        return extents;
    }

    private static double bytesOf(List<Extent> extents, long ordinal) {
        return extents.stream()
                .filter(each -> each.firstOrdinal() <= ordinal && ordinal <= each.lastOrdinal())
                .mapToDouble(each -> (double) each.storedBytes() / each.items())
                .sum();
    }

    private static List<Long> pick(Random random, List<Long> from, int count) {
        List<Long> picked = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            picked.add(from.get(random.nextInt(from.size())));
        }
        return picked;
    }

    private static void reach(Map<Long, Node> pages, long ordinal, Set<Long> into) {
        into.add(ordinal);
        if (pages.containsKey(ordinal)) {
            pages.get(ordinal).children().forEach(child -> reach(pages, child, into));
        }
    }

    private static long references(Map<Long, Node> pages, long ordinal) {
        return pages.containsKey(ordinal)
                ? pages.get(ordinal).children().stream().mapToLong(child -> references(pages, child)).sum()
                : 1;
    }

    @Test
    void countsWhatAnotherDomainHasAdoptedAsShared() {
        TestDisk disk = TestDisk.random(1, 40 << 20);
        TreeRoot theirs = disk.put(chunks, THEIRS);
        Lease lease = chunks.lease();
        new TreeAdoption(chunks, lease).adopt(theirs, THEIRS, OURS);
        ChunkId added = new ChunkId(Digest.of(new byte[] {1}));
        lease.putChunk(OURS, ItemKey.of(added), new byte[] {1}, 0, 1);
        TreeRoot ours = new TreeEditor(new StoredPages(chunks, OURS), page -> {
                    byte[] packed = TestDisk.pack(page.toBytes());
                    lease.putPage(OURS, page, packed, 0, packed.length);
                })
                .edit(theirs, theirs.sizeBytes(), new TreeMap<>(Map.of(0L, added)));
        chunks.seal();
        boolean wasPresent = !disk.chunkAt(0).isAbsent();

        Shares shares = new Shares(graph, () -> {});
        shares.add(List.of(graph.top(THEIRS, theirs).orElseThrow()), visitor -> {});
        shares.add(List.of(graph.top(OURS, ours).orElseThrow()), visitor -> {});
        ExtentShares extents = new ExtentShares(storage.segments().extents());

        Held first = shares.held(0, extents);
        Held second = shares.held(1, extents);
        assertEquals(1, second.exclusiveChunks());
        assertEquals(2, second.exclusivePages(), "a page of level 0, and the top page");
        assertEquals(wasPresent ? 1 : 0, first.exclusiveChunks());
        assertEquals(2, first.exclusivePages());
        assertEquals(first.dataChunks() + (wasPresent ? 0 : 1), second.dataChunks());
        assertTrue(first.dataChunks() < Chunk.count(disk.sizeBytes()));
        assertTrue(second.exclusiveStoredBytes() > 0);
    }

    @Test
    void aGroupThatComesTwiceHoldsNothingAlone() {
        TreeRoot tree = TestDisk.random(2, 3 << 20).put(chunks, OURS);
        List<Top> tops = List.of(graph.top(OURS, tree).orElseThrow());

        Shares shares = new Shares(graph, () -> {});
        shares.add(tops, visitor -> {});
        ExtentShares extents = new ExtentShares(storage.segments().extents());
        Held alone = shares.held(0, extents);
        shares.add(tops, visitor -> {});

        assertTrue(alone.exclusiveChunks() > 0 && alone.exclusivePages() == 1);
        assertEquals(
                storage.segments().extents().stream().mapToLong(Extent::storedBytes).sum(),
                alone.exclusiveStoredBytes(),
                1.0);
        for (int group = 0; group < 2; group++) {
            assertEquals(new Held(alone.dataChunks(), 0, 0, 0), shares.held(group, extents));
        }
    }
}
