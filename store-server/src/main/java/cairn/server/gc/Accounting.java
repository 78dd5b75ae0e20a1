package cairn.server.gc;

import static cairn.Fault.CORRUPT;
import static cairn.Fault.NOT_FOUND;
import static cairn.Fault.SHUTTING_DOWN;

import cairn.StoreException;
import cairn.chunk.ChunkId;
import cairn.image.AccountId;
import cairn.server.gc.Explanation.Copy;
import cairn.server.gc.Explanation.Keeper;
import cairn.server.gc.Explanation.OfChunk;
import cairn.server.gc.Explanation.OfHolder;
import cairn.server.gc.Explanation.Sharer;
import cairn.server.gc.Holder.Tree;
import cairn.server.gc.Holders.OpenTree;
import cairn.server.gc.PageGraph.Top;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.server.storage.PendingBlocks;
import cairn.server.storage.SegmentStore.Extent;
import cairn.server.storage.Storage;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * Says what takes the space of a store: what each image, account and so on holds, what it alone holds, and why a chunk
 * is there. All of it is worked out from the trees when it is asked for, by one thread, one question after the other;
 * the answer that needs all trees is kept until anything has changed, and asked for by several at once it is worked out
 * once. Safe for threads.
 *
 * <p>Nothing is locked meanwhile: what is removed while this walks it makes it begin anew.
 */
public final class Accounting implements AutoCloseable {
    /** So many of those that share the most are told of. */
    private static final int SHARERS_MAX = 10;
    /** So many of those that keep a chunk. */
    private static final int KEEPERS_MAX = 100;
    private static final int ROWS_AT_ONCE = 1024;
    /** How often it begins anew before it says that something is missing. */
    private static final int TRIES_MAX = 5;
    private static final int CLOSE_SECONDS = 30;
    private static final Comparator<Held> MOST_FIRST = Comparator.comparingLong(Held::exclusiveStoredBytes)
            .thenComparingLong(Held::exclusiveChunks)
            .thenComparingLong(Held::dataChunks)
            .reversed();

    private final Storage storage;
    private final PageGraph graph;
    private final Holders holders;
    private final Supplier<List<DomainId>> domains;
    private final LongSupplier floorOrdinal;
    private final ExecutorService thread = Executors.newSingleThreadExecutor(task -> {
        Thread made = new Thread(task, "accounting");
        made.setDaemon(true);
        made.setPriority(Thread.MIN_PRIORITY);
        return made;
    });
    /** What has been asked for and not begun. Guarded by this. */
    private CompletableFuture<Ledger> waiting;
    private volatile boolean isClosed;
    /** Of the thread alone. */
    private Made last;

    /** A ledger, and what it was made of: while that is the same, so is the ledger. */
    private record Made(Holders.View view, List<Extent> extents, long floorOrdinal, Ledger ledger) {}

    /**
     * @param domains all that there are
     * @param floorOrdinal from which on items may be those of uploads that go on
     */
    public Accounting(
            Storage storage,
            ChunkStore chunks,
            Holders holders,
            Supplier<List<DomainId>> domains,
            LongSupplier floorOrdinal) {
        this.storage = storage;
        this.graph = new PageGraph(storage, chunks);
        this.holders = holders;
        this.domains = domains;
        this.floorOrdinal = floorOrdinal;
    }

    /** What takes the space, no earlier than now. Fails with CORRUPT if a page is missing or damaged. */
    public synchronized CompletableFuture<Ledger> ledger() {
        if (waiting == null) {
            waiting = ask(() -> {
                begin();
                return settled(this::ledger);
            });
        }
        return waiting;
    }

    /** Who asks from now on may have changed something that the one that is begun does not see. */
    private synchronized void begin() {
        waiting = null;
    }

    /**
     * Why something takes space.
     *
     * @param isIts whether the asker may ask about a holder: of one at least that is concerned
     * @param isVisible which others the asker may be told of
     * @return fails with NOT_FOUND if there is no such subject that the asker may ask about
     */
    public CompletableFuture<OfHolder> explain(
            Subject subject, Predicate<Holder> isIts, Predicate<Holder> isVisible) {
        return ask(() -> settled(view -> explained(view, subject, isIts, isVisible)));
    }

    /**
     * Why a chunk is there.
     *
     * @param isVisible which holders the asker may be told of
     * @param isRoot whether the asker may know of a chunk that none of them keeps
     * @return fails with NOT_FOUND if there is none, or the asker may not know of it
     */
    public CompletableFuture<OfChunk> explain(ChunkId id, Predicate<Holder> isVisible, boolean isRoot) {
        return ask(() -> settled(view -> explained(view, id, isVisible, isRoot)));
    }

    private <T> CompletableFuture<T> ask(Supplier<T> question) {
        try {
            return CompletableFuture.supplyAsync(question, thread);
        } catch (RejectedExecutionException e) {
            return CompletableFuture.failedFuture(shuttingDown());
        }
    }

    private static StoreException shuttingDown() {
        return new StoreException(SHUTTING_DOWN, "the server is going down");
    }

    /** Answers from one view of what there is, or again from another where that has changed meanwhile. */
    private <T> T settled(Function<Holders.View, T> answer) {
        for (int tries = 1; ; tries++) {
            Holders.View view = holders.read();
            try {
                return answer.apply(view);
            } catch (StoreException e) {
                if (e.fault() != CORRUPT || tries == TRIES_MAX || view.equals(holders.read())) {
                    throw e;
                }
            }
        }
    }

    private void step() {
        if (isClosed) {
            throw shuttingDown();
        }
    }

    private Ledger ledger(Holders.View view) {
        List<Extent> extents = storage.segments().extents();
        long floor = floorOrdinal.getAsLong();
        boolean isUnchanged = last != null
                && last.floorOrdinal == floor
                && last.view.equals(view)
                && last.extents.equals(extents)
                && view.holders().stream().allMatch(each -> each.pending().isEmpty());
        if (!isUnchanged) {
            last = new Made(view, extents, floor, counted(view, new ExtentShares(extents), floor));
        }
        return last.ledger;
    }

    private Ledger counted(Holders.View view, ExtentShares extents, long floor) {
        long began = System.nanoTime();
        Map<AccountId, List<Holder>> owned = view.holders().stream().collect(Collectors.groupingBy(Holder::account));
        Shares byAccount = shares(owned.values());
        List<Ledger.Account> accounts = new ArrayList<>();
        int group = 0;
        for (Map.Entry<AccountId, List<Holder>> each : owned.entrySet()) {
            accounts.add(new Ledger.Account(
                    each.getKey(), logicalBytes(each.getValue()), byAccount.held(group++, extents)));
        }
        accounts.sort(Comparator.comparing(Ledger.Account::held, MOST_FIRST).thenComparing(each -> each.id().value()));
        long pageReads = byAccount.pageReads();
        long heldBytes = byAccount.heldBytes();
        // It goes before the other comes: both need not be held.
        byAccount = null;

        Shares byHolder = shares(view.holders().stream().map(List::of).toList());
        List<Ledger.Line> lines = new ArrayList<>();
        for (Holder holder : view.holders()) {
            lines.add(new Ledger.Line(holder, logicalBytes(List.of(holder)), byHolder.held(lines.size(), extents)));
        }
        lines.sort(Comparator.comparing(Ledger.Line::held, MOST_FIRST).thenComparing(each -> each.holder().id()));
        long keptChunks = countChunks(byHolder);
        // Only now: who reads a tree takes nothing from what comes back when its holder goes.
        byHolder.add(openTops(view), visitor -> {});
        double[] unkeptBytes = unkeptBytes(byHolder.known(), extents, floor);
        return new Ledger(
                List.copyOf(lines),
                List.copyOf(accounts),
                keptChunks,
                extents.extents().stream().mapToLong(Extent::storedBytes).sum(),
                Math.round(unkeptBytes[0]),
                Math.round(unkeptBytes[1]),
                Duration.ofNanos(System.nanoTime() - began),
                pageReads + byHolder.pageReads(),
                Math.max(heldBytes, byHolder.heldBytes()));
    }

    private Shares shares(Collection<List<Holder>> groups) {
        Shares shares = new Shares(graph, this::step);
        for (List<Holder> group : groups) {
            shares.add(
                    group.stream().flatMap(holder -> tops(holder.trees()).stream()).toList(),
                    visitor -> group.forEach(holder -> visitPending(holder, visitor)));
        }
        return shares;
    }

    /** A snapshot that two images name counts once. */
    private static long logicalBytes(List<Holder> holders) {
        return holders.stream()
                .flatMap(holder -> holder.trees().stream())
                .distinct()
                .mapToLong(Tree::sizeBytes)
                .sum();
    }

    private static long countChunks(Shares shares) {
        long[] count = {0};
        shares.known().forEach(ordinal -> count[0] += shares.isPage(ordinal) ? 0 : 1);
        return count[0];
    }

    private List<Top> openTops(Holders.View view) {
        List<Top> open = new ArrayList<>();
        view.openTrees().forEach(each -> graph.top(each.domain(), each.root()).ifPresent(open::add));
        return open;
    }

    /** The share of what nothing keeps, before the floor and from there on. */
    private static double[] unkeptBytes(OrdinalBits kept, ExtentShares extents, long floor) {
        long[] keptItems = new long[extents.extents().size()];
        kept.forEach(ordinal -> {
            int at = extents.indexOf(ordinal);
            if (at >= 0) {
                keptItems[at]++;
            }
        });
        double[] bytes = {0, 0};
        for (int at = 0; at < keptItems.length; at++) {
            Extent extent = extents.extents().get(at);
            double unkept = (extent.items() - keptItems[at]) * extents.bytesOfItem(at);
            bytes[extent.lastOrdinal() < floor ? 0 : 1] += unkept;
        }
        return bytes;
    }

    private Optional<Top> top(Tree tree) {
        return graph.top(tree.domain(), tree.root());
    }

    private List<Top> tops(List<Tree> trees) {
        return trees.stream().flatMap(tree -> top(tree).stream()).toList();
    }

    private void visitPending(Holder holder, LongConsumer visitor) {
        holder.pending().ifPresent(pending -> {
            int from = 0;
            List<PendingBlocks.Row> rows;
            do {
                step();
                rows = storage.pendingBlocks().list(pending.number(), from, ROWS_AT_ONCE);
                for (PendingBlocks.Row row : rows) {
                    row.chunks().stream()
                            .filter(chunk -> !chunk.isAbsent())
                            .forEach(chunk -> visitor.accept(graph.chunk(pending.domain(), chunk)));
                    from = row.blockIndex() + 1;
                }
            } while (rows.size() == ROWS_AT_ONCE);
        });
    }

    private OfHolder explained(
            Holders.View view, Subject subject, Predicate<Holder> isIts, Predicate<Holder> isVisible) {
        List<Holder> its = view.holders().stream().filter(subject::has).toList();
        if (its.stream().noneMatch(isIts) && !subject.mayHoldNothing()) {
            throw new StoreException(NOT_FOUND, "there is no " + subject.shown());
        }
        List<Tree> trees = its.stream()
                .flatMap(holder -> holder.trees().stream().filter(tree -> subject.has(holder, tree)))
                .distinct()
                .toList();
        Shares shares = new Shares(graph, this::step);
        shares.add(
                tops(trees),
                visitor -> its.stream().filter(subject::hasPendingOf).forEach(each -> visitPending(each, visitor)));
        OrdinalBits held = shares.known().copy();
        List<Tree> others = view.holders().stream()
                .flatMap(holder -> holder.trees().stream().filter(tree -> !subject.has(holder, tree)))
                .toList();
        shares.add(
                tops(others),
                visitor -> view.holders().stream()
                        .filter(each -> !subject.hasPendingOf(each))
                        .forEach(each -> visitPending(each, visitor)));
        return new OfHolder(
                its.stream().filter(isIts).toList(),
                trees.stream().mapToLong(Tree::sizeBytes).sum(),
                shares.held(0, new ExtentShares(storage.segments().extents())),
                sharers(view, subject, isVisible, held),
                trees.stream().anyMatch(tree -> view.openTrees().contains(new OpenTree(tree.domain(), tree.root()))));
    }

    private List<Sharer> sharers(
            Holders.View view, Subject subject, Predicate<Holder> isVisible, OrdinalBits held) {
        References references = new References(graph, this::step, held::contains);
        List<Sharer> sharers = new ArrayList<>();
        for (Holder holder : view.holders()) {
            if (!isVisible.test(holder)) {
                continue;
            }
            long shared = holder.trees().stream()
                    .filter(tree -> !subject.has(holder, tree))
                    .flatMap(tree -> top(tree).stream())
                    .mapToLong(references::count)
                    .sum();
            if (shared > 0) {
                sharers.add(new Sharer(holder, shared));
            }
        }
        sharers.sort(Comparator.comparingLong(Sharer::sharedChunks)
                .reversed()
                .thenComparing(each -> each.holder().id()));
        return List.copyOf(sharers.subList(0, Math.min(SHARERS_MAX, sharers.size())));
    }

    private OfChunk explained(Holders.View view, ChunkId id, Predicate<Holder> isVisible, boolean isRoot) {
        Set<Long> ordinals = new TreeSet<>();
        domains.get().forEach(domain -> storage.index().find(domain, ItemKey.of(id)).ifPresent(ordinals::add));
        References references = new References(graph, this::step, ordinals::contains);
        List<Keeper> keepers = new ArrayList<>();
        int[] keeperCount = {0};
        for (Holder holder : view.holders()) {
            if (isVisible.test(holder)) {
                keepers(holder, ordinals, references).forEach(keeper -> {
                    keeperCount[0]++;
                    if (keepers.size() < KEEPERS_MAX) {
                        keepers.add(keeper.get());
                    }
                });
            }
        }
        if (keepers.isEmpty() && (!isRoot || ordinals.isEmpty())) {
            throw new StoreException(NOT_FOUND, "there is no chunk " + id);
        }
        return new OfChunk(
                isRoot ? copies(view, ordinals, keeperCount[0]) : List.of(),
                List.copyOf(keepers),
                keeperCount[0],
                isRoot && openTops(view).stream().anyMatch(top -> references.count(top) > 0));
    }

    /** Those of a holder's trees that have a chunk; where in them is only looked for if it is wanted. */
    private List<Supplier<Keeper>> keepers(Holder holder, Set<Long> ordinals, References references) {
        List<Supplier<Keeper>> keepers = new ArrayList<>();
        for (Tree tree : holder.trees()) {
            top(tree).filter(top -> references.count(top) > 0).ifPresent(top -> keepers.add(() -> {
                References.Path path = references.first(top);
                return new Keeper(
                        holder,
                        tree.id(),
                        path.pageOrdinals().stream().map(graph::id).toList(),
                        path.chunkIndex(),
                        references.count(top));
            }));
        }
        long[] pending = {0};
        visitPending(holder, ordinal -> pending[0] += ordinals.contains(ordinal) ? 1 : 0);
        if (pending[0] > 0) {
            keepers.add(() -> new Keeper(holder, holder.id(), List.of(), 0, pending[0]));
        }
        return keepers;
    }

    /** For whom may see all that keeps them. */
    private List<Copy> copies(Holders.View view, Set<Long> ordinals, int keeperCount) {
        ExtentShares extents = new ExtentShares(storage.segments().extents());
        List<Copy> copies = new ArrayList<>();
        for (long ordinal : ordinals) {
            boolean isKept = ordinals.size() == 1 ? keeperCount > 0 : isKept(view, ordinal);
            copies.add(new Copy(ordinal, extents.find(ordinal), isKept));
        }
        return copies;
    }

    private boolean isKept(Holders.View view, long ordinal) {
        References references = new References(graph, this::step, each -> each == ordinal);
        return view.holders().stream()
                .anyMatch(holder -> !keepers(holder, Set.of(ordinal), references).isEmpty());
    }

    @Override
    public void close() {
        isClosed = true;
        thread.shutdown();
        try {
            thread.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
