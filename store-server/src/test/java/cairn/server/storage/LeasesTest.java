package cairn.server.storage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Digest;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkId;
import cairn.tree.Page;
import cairn.tree.TreeBuilder;
import cairn.tree.TreeReader;
import cairn.tree.TreeRoot;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.LongPredicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Many who write, copy, read and remove, and a collector that removes what nobody keeps as fast as it can. */
class LeasesTest {
    private static final DomainId[] DOMAINS = {new DomainId(1), new DomainId(2)};
    private static final int WRITERS = 6;
    private static final int ROUNDS = 1500;
    /** So few chunks that writers always meet each other's, and what was just removed. */
    private static final int CHUNKS = 300;
    private static final int ROOTS_KEPT = 4;
    private static final int DISK_CHUNKS = 5 * Page.CHILDREN;

    private final Storage storage = new MemoryStorage();
    private final ChunkStore store = new ChunkStore(storage.segments(), storage.index());
    private final Epochs epochs = store.epochs();
    /** As the catalog would have them. */
    private final Map<Integer, OpenTrees.Tree> roots = new ConcurrentHashMap<>();
    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private final AtomicLong collected = new AtomicLong();

    @AfterEach
    void close() {
        storage.close();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void nothingThatARootRefersToIsEverMissing(long seed) throws Exception {
        run(seed, true);

        if (failure.get() != null) {
            throw new AssertionError("seed " + seed, failure.get());
        }
        assertTrue(collected.get() > 1000, collected + " items were removed");
        roots.clear();
        Cycles cycles = new Cycles(true);
        for (int i = 0; i < 4; i++) {
            cycles.run();
        }
        assertEquals(0, storage.index().count(0) + storage.index().count(1) + storage.index().count(2), "all is gone");
        assertEquals(0, storage.segments().storedBytes());
    }

    @Test
    void somethingIsMissedWhereLeasesCountForNothing() throws Exception {
        for (long seed = 1; seed <= 10 && failure.get() == null; seed++) {
            run(seed, false);
        }

        assertTrue(failure.get() != null, "the test finds nothing");
    }

    private void run(long seed, boolean areLeasesHeld) throws Exception {
        AtomicBoolean isOver = new AtomicBoolean();
        ExecutorService threads = Executors.newFixedThreadPool(WRITERS + 1);
        try {
            Future<?> collector = threads.submit(() -> {
                Cycles cycles = new Cycles(areLeasesHeld);
                while (!isOver.get()) {
                    guarded(cycles::run);
                }
            });
            List<Future<?>> writers = new ArrayList<>();
            for (int i = 0; i < WRITERS; i++) {
                Writer writer = new Writer(i, new Random(seed * 1000 + i));
                writers.add(threads.submit(() -> {
                    for (int round = 0; round < ROUNDS && failure.get() == null; round++) {
                        guarded(writer::round);
                    }
                }));
            }
            for (Future<?> writer : writers) {
                writer.get();
            }
            isOver.set(true);
            collector.get();
        } finally {
            threads.shutdownNow();
        }
    }

    private void guarded(Runnable work) {
        try {
            work.run();
        } catch (RuntimeException | Error e) {
            failure.compareAndSet(null, e);
        }
    }

    /** Begins, marks, dooms and removes, as the collector does. */
    private final class Cycles {
        private final boolean areLeasesHeld;
        private OrdinalSet live;
        private long floorOrdinal;

        Cycles(boolean areLeasesHeld) {
            this.areLeasesHeld = areLeasesHeld;
        }

        void run() {
            Epochs.Horizon horizon = epochs.begin();
            if (!areLeasesHeld) {
                horizon = new Epochs.Horizon(Long.MAX_VALUE, Ordinal.of(storage.segments().openSegment(), 0));
            }
            OrdinalSet marked = new OrdinalSet();
            List.copyOf(roots.values()).forEach(tree -> mark(tree, marked));
            store.openTrees().forEach((domain, root) -> mark(new OpenTrees.Tree(domain, root), marked));
            long youngOrdinal = live == null ? 0 : floorOrdinal;
            Map<Long, Integer> kinds = new HashMap<>();
            for (int kind = 0; kind <= 2; kind++) {
                int each = kind;
                storage.index().forEach(kind, row -> kinds.put(row.ordinal(), each));
            }
            if (areLeasesHeld) {
                kinds.forEach((ordinal, kind) -> {
                    if (ordinal >= youngOrdinal) {
                        mark(ordinal, kind, marked);
                    }
                });
            }
            OrdinalSet touched = epochs.touched(horizon);
            touched.forEach(ordinal -> mark(ordinal, kinds.getOrDefault(ordinal, 0), marked));
            doom(horizon, touched, marked, kinds);
            floorOrdinal = horizon.floorOrdinal();
            live = marked;
            remove();
        }

        private void mark(OpenTrees.Tree tree, OrdinalSet marked) {
            if (!tree.root().top().isAbsent()) {
                store.ordinal(tree.domain(), ItemKey.of(tree.root().top()))
                        .ifPresent(top -> mark(top, tree.root().top().level() + 1, marked));
            }
        }

        private void mark(long ordinal, int kind, OrdinalSet marked) {
            if (marked.add(ordinal) && kind > 0) {
                storage.index().children(ordinal).ifPresent(all -> all.forEach(child -> mark(child, kind - 1, marked)));
            }
        }

        private void doom(Epochs.Horizon horizon, OrdinalSet touched, OrdinalSet marked, Map<Long, Integer> kinds) {
            OrdinalSet before = live;
            long floorBefore = floorOrdinal;
            epochs.doom(horizon, touched, since -> {
                since.forEach(ordinal -> mark(ordinal, kinds.getOrDefault(ordinal, 0), marked));
                epochs.condemned(
                        ordinal -> ordinal < horizon.floorOrdinal() && !marked.contains(ordinal),
                        alarm -> failure.compareAndSet(null, new AssertionError("alarm: " + alarm)));
                LongPredicate wasCondemned =
                        ordinal -> before != null && ordinal < floorBefore && !before.contains(ordinal);
                return ordinal -> wasCondemned.test(ordinal) && !marked.contains(ordinal);
            });
        }

        private void remove() {
            for (int kind = 2; kind >= 0; kind--) {
                List<ChunkIndex.Row> rows = new ArrayList<>();
                storage.index().forEach(kind, row -> {
                    if (epochs.isDoomed(row.ordinal())) {
                        rows.add(row);
                    }
                });
                rows.sort(Comparator.comparingLong(ChunkIndex.Row::ordinal));
                collected.addAndGet(store.removeDoomed(rows, () -> {}));
            }
            storage.segments().rewrite(storage.segments().extents(), new SegmentStore.Rewriting() {
                @Override
                public boolean isLive(long ordinal) {
                    return !epochs.isDoomed(ordinal);
                }

                @Override
                public boolean isQuick(long ordinal) {
                    return false;
                }

                @Override
                public boolean isSettling() {
                    return false;
                }

                @Override
                public void used(long bytes) {}
            });
            epochs.undoom();
        }
    }

    /** Puts disks, changes them, copies them into the other domain, reads and removes them, one after the other. */
    private final class Writer {
        private final int number;
        private final Random random;
        private int made;

        Writer(int number, Random random) {
            this.number = number;
            this.random = random;
        }

        void round() {
            Integer some = roots.keySet().stream().skip(random.nextInt(roots.size() + 1)).findFirst().orElse(null);
            switch (random.nextInt(6)) {
                case 0, 1 -> push();
                case 2 -> {
                    if (some != null) {
                        adopt(some);
                    }
                }
                default -> {
                    if (some != null) {
                        read(some);
                        if (roots.size() > ROOTS_KEPT) {
                            roots.remove(some);
                        }
                    }
                }
            }
        }

        private void commit(DomainId domain, TreeRoot root) {
            roots.put(number * 1_000_000 + made++, new OpenTrees.Tree(domain, root));
        }

        private void push() {
            DomainId domain = DOMAINS[random.nextInt(DOMAINS.length)];
            try (Lease lease = store.lease()) {
                List<Page> pages = new ArrayList<>();
                TreeBuilder builder = new TreeBuilder((long) DISK_CHUNKS * Chunk.SIZE_BYTES, pages::add);
                Map<Long, ChunkId> chunks = new HashMap<>();
                for (int leaf = 0; leaf < DISK_CHUNKS / Page.CHILDREN; leaf++) {
                    // Few leaves that are unlike, so that whole pages meet too.
                    int form = random.nextInt(60);
                    for (int slot = 0; slot < 3; slot++) {
                        chunks.put((long) leaf * Page.CHILDREN + slot, id((form * 7 + slot * 3) % CHUNKS));
                    }
                }
                chunks.keySet().stream().sorted().forEach(at -> builder.putChunk(at, chunks.get(at)));
                TreeRoot root = builder.finish();
                chunks.values().forEach(id -> {
                    if (!lease.contains(domain, ItemKey.of(id))) {
                        byte[] packed = packed(id);
                        lease.putChunk(domain, ItemKey.of(id), packed, 0, packed.length);
                    }
                });
                if (random.nextInt(4) == 0) {
                    store.seal();
                }
                if (random.nextInt(6) == 0) {
                    return;
                }
                for (Page page : pages) {
                    byte[] packed = TestDisk.pack(page.toBytes());
                    Optional<ItemKey> missing = lease.putPage(domain, page, packed, 0, packed.length);
                    assertEquals(Optional.empty(), missing, "a child that this writer has found or put");
                }
                store.seal();
                assertTrue(lease.isReadable(domain, ItemKey.of(root.top())));
                commit(domain, root);
            }
        }

        private void adopt(int some) {
            DomainId into = DOMAINS[random.nextInt(DOMAINS.length)];
            try (Lease lease = store.lease()) {
                reading(some, tree -> {
                    new TreeAdoption(store, lease).adopt(tree.root(), tree.domain(), into);
                    commit(into, tree.root());
                });
            }
        }

        private void read(int some) {
            reading(some, tree -> new TreeReader(tree.root(), new StoredPages(store, tree.domain()))
                    .forEachChunk((index, id) ->
                            assertArrayEquals(packed(id), store.read(tree.domain(), ItemKey.of(id)))));
        }

        private void reading(int some, Consumer<OpenTrees.Tree> action) {
            try {
                store.openTrees().reading(() -> record(some), tree -> tree, tree -> {
                    action.accept(tree);
                    return tree;
                });
            } catch (NoSuchElementException e) {
                // Another writer has removed it just now.
            }
        }

        private OpenTrees.Tree record(int some) {
            return Optional.ofNullable(roots.get(some)).orElseThrow();
        }
    }

    private static ChunkId id(int number) {
        return new ChunkId(Digest.of(new byte[] {(byte) number}));
    }

    private static byte[] packed(ChunkId id) {
        return id.digest().toBytes();
    }
}
