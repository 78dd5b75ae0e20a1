package cairn.server.gc;

import static cairn.Fault.CONFLICT;
import static cairn.Fault.CORRUPT;
import static cairn.Fault.NO_SPACE;
import static cairn.Fault.SHUTTING_DOWN;

import cairn.StoreException;
import cairn.server.gc.GcStatus.Phase;
import cairn.server.storage.Catalog;
import cairn.server.storage.Catalog.Change;
import cairn.server.storage.ChunkIndex.Row;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.Epochs;
import cairn.server.storage.ItemKey;
import cairn.server.storage.JsonRecords;
import cairn.server.storage.Ordinal;
import cairn.server.storage.OrdinalSet;
import cairn.server.storage.PageChildren;
import cairn.server.storage.SegmentStore.Extent;
import cairn.server.storage.SegmentStore.Rewriting;
import cairn.server.storage.Storage;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives space back, in cycles. One cycle:
 *
 * <ol>
 * <li>{@linkplain Marked marks} what lives;
 * <li>says that everything else that is old enough is condemned: it stays where it is, and a read of it is an alarm;
 * <li>removes from the index what was condemned by the cycle before too, and that no writer has found since, pages
 *     before what is below them;
 * <li>and then rewrites the extents that have most of it.
 * </ol>
 *
 * docs/decisions/0022 says why nothing is lost by this. One run at a time; all else is safe for threads.
 */
public final class Collector implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Collector.class);
    /** What the last cycle has left, for the next one. */
    private static final String NOTE = "gc";
    /** There while collection is paused. */
    private static final String PAUSE_NOTE = "gc-pause";
    private static final String KEY = "gc";
    /** Rows that are collected before they are removed: some 100 MiB of the heap. */
    private static final int ROWS_MAX = 500_000;

    private final Storage storage;
    private final ChunkStore chunks;
    private final Epochs epochs;
    private final Roots roots;
    private final Supplier<OrdinalSet> quick;
    private final boolean isSettling;
    private final Clock clock;
    private final SecureRandom random = new SecureRandom();
    private final Alarms alarms;
    private final Pace pace;
    /** Held by whoever marks. */
    private final ReentrantLock running = new ReentrantLock();

    /** Empty before the first cycle, and where the last one's note is lost. */
    private volatile Optional<GcState> state;
    private volatile Optional<GcProgress> progress = Optional.empty();
    private volatile Optional<GcStatus.Result> last = Optional.empty();
    private volatile Bytes bytes = new Bytes(0, 0);

    /** Who wants garbage collected. */
    public enum Mode {
        /** Nobody in particular: one cycle, and only what is worth it. */
        BACKGROUND(1, 20),
        /** Somebody who waits for it: what is dead now is gone afterwards. */
        ASKED(2, 5);

        private final int cycles;
        private final int sharePercent;

        Mode(int cycles, int sharePercent) {
            this.cycles = cycles;
            this.sharePercent = sharePercent;
        }
    }

    /**
     * What the catalog has of the collector.
     *
     * @param token of the state that is valid; a note of another one is of another time
     * @param knowsChildren whether every page has its children written down
     */
    private record GcRecord(long token, boolean knowsChildren) {}

    private record Bytes(long condemned, long held) {}

    /** Ends a scan that has found enough. */
    private static final class Enough extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Enough() {
            super(null, null, false, false);
        }
    }

    /**
     * @param quick the chunks that are to stay quick to read by themselves
     * @param isSettling whether what has been there for a while is packed as small as may be
     */
    public Collector(
            Storage storage,
            ChunkStore chunks,
            Roots roots,
            Supplier<OrdinalSet> quick,
            boolean isSettling,
            Clock clock) {
        this.storage = storage;
        this.chunks = chunks;
        this.epochs = chunks.epochs();
        this.roots = roots;
        this.quick = quick;
        this.isSettling = isSettling;
        this.clock = clock;
        this.alarms = new Alarms(storage.catalog(), clock);
        this.pace = new Pace(alarms::requireNone);
        this.state = readState();
        pace.pause(storage.notes().find(PAUSE_NOTE).isPresent());
        if (record().isEmpty() && hasNoPages()) {
            // Every page of a new store comes with its children.
            commit(new GcRecord(0, true));
        }
    }

    private Optional<GcState> readState() {
        Optional<GcRecord> record = record();
        return storage.notes()
                .find(NOTE)
                .flatMap(GcState::decode)
                .filter(read -> record.isPresent() && record.get().token == read.token());
    }

    private Optional<GcRecord> record() {
        return storage.catalog().find(KEY).map(entry -> JsonRecords.decode(entry, GcRecord.class));
    }

    private boolean hasNoPages() {
        return Marked.kindsOfPages().noneMatch(kind -> storage.index().count(kind) > 0);
    }

    private void commit(GcRecord record) {
        Catalog catalog = storage.catalog();
        byte[] value = JsonRecords.encode(record);
        Optional<Catalog.Entry> before = catalog.find(KEY);
        catalog.commit(List.of(
                before.isPresent()
                        ? new Change.PutIfVersion(KEY, before.get().version(), value)
                        : new Change.PutIfAbsent(KEY, value)));
    }

    /** Whether a cycle in the background has anything to do. */
    boolean isDue() {
        if (state.isEmpty()) {
            return !hasNoPages() || storage.segments().storedBytes() > 0;
        }
        GcState before = state.get();
        return !before.isSpent()
                || before.isRewriting()
                || before.openSegment() != storage.segments().openSegment()
                || before.rootsFingerprint() != fingerprint();
    }

    private long fingerprint() {
        Fingerprint fingerprint = new Fingerprint();
        roots.forEach(fingerprint::add, fingerprint::add);
        return fingerprint.value();
    }

    /**
     * Collects garbage. Returns when it is done, or cannot go on.
     *
     * @throws StoreException CONFLICT while an alarm stands; CORRUPT if something that lives cannot be read, so that
     *     nobody knows what hangs from it: then nothing was removed; SHUTTING_DOWN
     */
    public GcStatus.Result collect(Mode mode, Budget budget) {
        running.lock();
        GcProgress now = new GcProgress(clock);
        progress = Optional.of(now);
        try {
            pace.begin(budget);
            pace.step();
            run(mode, now);
            last = Optional.of(now.result(Optional.empty()));
            return last.get();
        } catch (RuntimeException e) {
            last = Optional.of(now.result(Optional.of(String.valueOf(e.getMessage()))));
            throw e;
        } finally {
            progress = Optional.empty();
            running.unlock();
        }
    }

    private void run(Mode mode, GcProgress now) {
        finishRewriting(mode, now);
        completeChildren();
        long settledUntil = state.map(GcState::floorOrdinal).orElse(0L);
        for (int cycle = 0; cycle < mode.cycles; cycle++) {
            settledUntil = mode == Mode.BACKGROUND ? state.map(GcState::floorOrdinal).orElse(0L) : Long.MAX_VALUE;
            cycle(mode, now, settledUntil);
            if (bytes.condemned == 0) {
                break;
            }
        }
        settle(now, Math.min(settledUntil, state.orElseThrow().floorOrdinal()));
    }

    /** What a server that ended has left to be rewritten: nothing has come to refer to it since. */
    private void finishRewriting(Mode mode, GcProgress now) {
        state.filter(GcState::isRewriting).ifPresent(before -> rewrite(mode, now, before.dead(), 0));
    }

    private void completeChildren() {
        if (!record().map(GcRecord::knowsChildren).orElse(false)) {
            chunks.completeChildren(pace::step);
            commit(new GcRecord(record().map(GcRecord::token).orElse(0L), true));
        }
    }

    private void cycle(Mode mode, GcProgress now, long settledUntil) {
        now.marking();
        long openSegment = storage.segments().openSegment();
        Marked marked = mark(now);
        now.enter(Phase.REMOVING, 0);
        List<Row> pages = marked.unmarked(ordinal -> true);
        Dead dead = dead(marked);
        List<Extent> extents = storage.segments().extents();
        OrdinalSet live = doom(marked, dead, pages);
        Dead removed;
        try {
            removed = remove(dead, pages, extents, now);
        } finally {
            epochs.undoom();
        }
        bytes = measure(marked, live, removed, extents);
        leave(new GcState(
                random.nextLong(),
                marked.horizon().floorOrdinal(),
                live,
                marked.fingerprint(),
                openSegment,
                bytes.condemned == 0 && bytes.held == 0,
                true,
                removed));
        rewrite(mode, now, removed, Math.min(settledUntil, marked.horizon().floorOrdinal()));
    }

    private Marked mark(GcProgress now) {
        return new Marked(chunks, storage.index(), roots, () -> {
            now.page();
            pace.step();
        });
    }

    /** What was condemned before, is not marked now, and is not below a page that stays. */
    private Dead dead(Marked marked) {
        if (state.isEmpty()) {
            return Dead.none();
        }
        GcState before = state.get();
        OrdinalSet kept = before.live().copy();
        kept.addAll(marked.live());
        Dead dead = new Dead(Math.min(before.floorOrdinal(), marked.horizon().floorOrdinal()), kept);
        // Also where what is remembered of the cycle before is older than what writers have made of it since.
        kept.addAll(marked.markBelow(ordinal -> !dead.has(ordinal)));
        return dead;
    }

    /**
     * Decides what is removed, and says what is condemned. What writers have found since all was marked is neither, nor
     * is what lies below it.
     *
     * @param pages that are not marked
     * @return what is not condemned, but for what is too young
     */
    private OrdinalSet doom(Marked marked, Dead dead, List<Row> pages) {
        long floor = marked.horizon().floorOrdinal();
        OrdinalSet live = marked.live().copy();
        Map<Long, Integer> kinds = new HashMap<>();
        pages.forEach(row -> kinds.put(row.ordinal(), row.key().kind()));
        epochs.doom(marked.horizon(), marked.touched(), since -> {
            // Pages that are not among these are marked, or too young: their children were found when they were put.
            since.forEach(ordinal -> keep(ordinal, kinds.getOrDefault(ordinal, ItemKey.CHUNK_KIND), dead, live));
            dead.kept().addAll(epochs.resurrected());
            epochs.condemned(ordinal -> ordinal < floor && !live.contains(ordinal), alarms::raise);
            Dead decided = dead.copy();
            return decided::has;
        });
        return live;
    }

    private void keep(long ordinal, int kind, Dead dead, OrdinalSet live) {
        boolean isNew = live.add(ordinal);
        isNew |= dead.kept().add(ordinal);
        if (isNew && kind != ItemKey.CHUNK_KIND) {
            PageChildren children = storage.index().children(ordinal).orElseThrow(() -> new StoreException(
                    CORRUPT,
                    "the page at " + Ordinal.shown(ordinal) + " is wanted, and nobody knows what is below it"));
            children.forEach(child -> keep(child, kind - 1, dead, live));
        }
    }

    /**
     * Removes the rows of what is dead.
     *
     * @return what no row names any more
     */
    private Dead remove(Dead dead, List<Row> pages, List<Extent> extents, GcProgress now) {
        Dead before = state.map(GcState::dead).orElseGet(Dead::none);
        if (!hasMore(dead, before, extents)) {
            return before;
        }
        List<Row> deadPages = pages.stream()
                .filter(row -> dead.has(row.ordinal()))
                .sorted(Comparator.comparingInt((Row row) -> -row.key().kind()).thenComparingLong(Row::ordinal))
                .toList();
        now.removed(chunks.removeDoomed(deadPages, pace::step));
        List<Row> rows;
        do {
            rows = doomedChunks();
            now.removed(chunks.removeDoomed(rows, pace::step));
        } while (rows.size() == ROWS_MAX);
        dead.kept().addAll(epochs.resurrected());
        return dead;
    }

    /** Whether anything has died that was not dead when rows were removed last. */
    private static boolean hasMore(Dead dead, Dead before, List<Extent> extents) {
        OrdinalSet more = before.kept().copy();
        more.removeAll(dead.kept());
        long[] counts = Dead.countIn(more, extents);
        long[] all = dead.countIn(extents);
        for (int i = 0; i < counts.length; i++) {
            if (all[i] > 0 && (counts[i] > 0 || extents.get(i).lastOrdinal() >= before.untilOrdinal())) {
                return true;
            }
        }
        return false;
    }

    /** At most {@link #ROWS_MAX} of them. */
    private List<Row> doomedChunks() {
        List<Row> rows = new ArrayList<>();
        try {
            storage.index().forEach(ItemKey.CHUNK_KIND, row -> {
                pace.step();
                if (epochs.isDoomed(row.ordinal())) {
                    rows.add(row);
                    if (rows.size() == ROWS_MAX) {
                        throw new Enough();
                    }
                }
            });
        } catch (Enough e) {
            log.debug("{} rows are removed before more are looked for", ROWS_MAX);
        }
        return rows;
    }

    private static Bytes measure(Marked marked, OrdinalSet live, Dead removed, List<Extent> extents) {
        long[] rooted = Dead.countIn(marked.rooted(), extents);
        long[] kept = Dead.countIn(live, extents);
        long[] gone = removed.countIn(extents);
        long condemnedBytes = 0;
        long heldBytes = 0;
        for (int i = 0; i < rooted.length; i++) {
            Extent extent = extents.get(i);
            boolean isYoung = extent.lastOrdinal() >= marked.horizon().floorOrdinal();
            heldBytes += Plan.bytesOf(Math.max(0, (isYoung ? extent.items() : kept[i]) - rooted[i]), extent);
            condemnedBytes += isYoung ? 0 : Plan.bytesOf(Math.max(0, extent.items() - kept[i] - gone[i]), extent);
        }
        return new Bytes(condemnedBytes, heldBytes);
    }

    /** From here on no row names what is dead, whatever happens. */
    private void leave(GcState now) {
        state = Optional.of(now);
        try {
            commit(new GcRecord(now.token(), true));
        } catch (StoreException e) {
            if (e.fault() != NO_SPACE) {
                throw e;
            }
            storage.catalog().commit(List.of());
        }
        remember(now);
    }

    private void remember(GcState now) {
        try {
            storage.notes().put(NOTE, now.encode());
        } catch (StoreException e) {
            if (e.fault() != NO_SPACE) {
                throw e;
            }
            log.warn("what garbage there is will be found anew after the next start: {}", e.getMessage());
        }
    }

    /** @param settledUntil below this ordinal what is rewritten is packed smaller at the same time */
    private void rewrite(Mode mode, GcProgress now, Dead dead, long settledUntil) {
        Plan plan = Plan.reclaiming(
                storage.segments().extents(), dead, mode.sharePercent, isSettling ? settledUntil : 0);
        rewrite(Phase.REWRITING, plan, dead, now);
        state = state.map(each -> each.rewritten(!now.hasFailures()));
        state.ifPresent(this::remember);
    }

    /** Packs smaller what is older than an ordinal. */
    private void settle(GcProgress now, long untilOrdinal) {
        if (isSettling) {
            Dead dead = state.map(GcState::dead).orElseGet(Dead::none);
            rewrite(Phase.SETTLING, Plan.settling(storage.segments().extents(), untilOrdinal), dead, now);
        }
    }

    private void rewrite(Phase phase, Plan plan, Dead dead, GcProgress now) {
        if (plan.groups().isEmpty()) {
            return;
        }
        now.enter(phase, plan.storedBytes());
        OrdinalSet quickOnes = quick();
        for (Plan.Group group : plan.groups()) {
            pace.step();
            try {
                now.rewritten(group, storage.segments().rewrite(group.extents(), how(group, dead, quickOnes)));
            } catch (StoreException e) {
                if (e.fault() == SHUTTING_DOWN || e.fault() == CONFLICT) {
                    throw e;
                }
                log.warn("{} cannot be rewritten, and stays as it is: {}", shown(group), e.getMessage());
                now.failed(group, shown(group) + ": " + e.getMessage());
            }
        }
    }

    private static String shown(Plan.Group group) {
        Extent first = group.extents().get(0);
        Extent last = group.extents().get(group.extents().size() - 1);
        return "what lies at " + Ordinal.shown(first.firstOrdinal()) + " to " + Ordinal.shown(last.lastOrdinal());
    }

    private Rewriting how(Plan.Group group, Dead dead, OrdinalSet quickOnes) {
        return new Rewriting() {
            @Override
            public boolean isLive(long ordinal) {
                return !dead.has(ordinal);
            }

            @Override
            public boolean isQuick(long ordinal) {
                return quickOnes.contains(ordinal);
            }

            @Override
            public boolean isSettling() {
                return group.isSettling();
            }

            @Override
            public void used(long usedBytes) {
                pace.used(usedBytes);
            }
        };
    }

    /** They are wanted for speed alone. */
    private OrdinalSet quick() {
        if (!isSettling) {
            return new OrdinalSet();
        }
        try {
            return quick.get();
        } catch (StoreException e) {
            if (e.fault() != CORRUPT) {
                throw e;
            }
            log.warn("it is not known which chunks boots read: {}", e.getMessage());
            return new OrdinalSet();
        }
    }

    /**
     * Finds out what would come back if somebody asked for it now, and changes nothing.
     *
     * @throws StoreException CONFLICT while garbage is being collected; CORRUPT as {@link #collect}
     */
    public DryRun dryRun() {
        if (!running.tryLock()) {
            throw new StoreException(CONFLICT, "garbage is being collected; `cairn gc` waits until that is done");
        }
        try {
            Marked marked = new Marked(chunks, storage.index(), roots, pace::requireOpen);
            List<Extent> extents = storage.segments().extents();
            Dead all = new Dead(marked.horizon().floorOrdinal(), marked.live());
            Plan plan = Plan.reclaiming(extents, all, Mode.ASKED.sharePercent, 0);
            int[] dropped = {0};
            int[] rewritten = {0};
            plan.groups().forEach(group -> {
                boolean isWhole = group.givenBackBytes() == group.storedBytes();
                (isWhole ? dropped : rewritten)[0] += group.extents().size();
            });
            long heldBytes = measure(marked, marked.live(), Dead.none(), extents).held;
            return new DryRun(plan.givenBackBytes(), dropped[0], rewritten[0], plan.leftBytes(), heldBytes);
        } finally {
            running.unlock();
        }
    }

    /** Makes what is being collected wait, and what is begun; also after the next start. */
    public void pause() {
        storage.notes().put(PAUSE_NOTE, new byte[0]);
        pace.pause(true);
    }

    /** Goes on. */
    public void resume() {
        storage.notes().remove(PAUSE_NOTE);
        pace.pause(false);
    }

    /** @throws StoreException CONFLICT while an alarm stands */
    void requireNoAlarm() {
        alarms.requireNone();
    }

    /** What is being collected is no longer held up by a budget. */
    void hurry() {
        pace.hurry();
    }

    /**
     * Lets deletion begin again, from nothing: what was condemned is forgotten.
     *
     * @throws StoreException CONFLICT while what was being collected is still ending
     */
    public void clearAlarm() {
        if (!running.tryLock()) {
            throw new StoreException(CONFLICT, "what was being collected is still ending; try again");
        }
        try {
            state = Optional.empty();
            storage.notes().remove(NOTE);
            epochs.condemned(ordinal -> false, alarms::raise);
            alarms.clear();
        } finally {
            running.unlock();
        }
    }

    public GcStatus status(long runs) {
        Bytes now = bytes;
        return new GcStatus(
                runs,
                pace.isPaused(),
                progress.map(GcProgress::seen),
                last,
                now.condemned,
                now.held,
                epochs.leases(),
                alarms.current());
    }

    /** What is being done ends within a moment; returns when it has. */
    @Override
    public void close() {
        pace.end();
        running.lock();
        running.unlock();
    }
}
