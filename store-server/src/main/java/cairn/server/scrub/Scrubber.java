package cairn.server.scrub;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.gc.Roots;
import cairn.server.scrub.ScrubPass.Progress;
import cairn.server.scrub.ScrubRecords.KnownDamage;
import cairn.server.scrub.ScrubRecords.Run;
import cairn.server.scrub.ScrubRecords.State;
import cairn.server.storage.Catalog;
import cairn.server.storage.ChunkIndex;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.OrdinalSet;
import cairn.server.storage.SegmentStore;
import cairn.server.storage.StoredFiles;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Scrubs the store in the background, when it is time or somebody asks; knows what is damaged, and has it taken again
 * when somebody brings the same bytes. What it knows outlives the server, and a pass goes on where the last server
 * ended, or near it. Safe for threads.
 */
public final class Scrubber implements AutoCloseable {
    /** How often it is looked whether a pass is due, and at most how often all trees are looked at without one. */
    private static final Duration LOOK = Duration.ofMinutes(1);
    /** A pass that failed is tried again after this. */
    private static final Duration RETRY = Duration.ofHours(1);
    /** Damage that readers met and that has not been looked at yet; more will be met again. */
    private static final int NOTICED_MAX = 10_000;
    private static final int CLOSE_SECONDS = 30;
    private static final Logger log = LoggerFactory.getLogger(Scrubber.class);

    private final Parts parts;
    private final ScrubRecords records;
    private final Thread thread = new Thread(this::work, "scrub");
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    /** From here on: guarded by {@link #lock}. */
    private State state;
    private Optional<ScrubResult> last;
    private Damage damage = Damage.NONE;
    private final OrdinalSet noticed = new OrdinalSet();
    /** Where the damage is. */
    private OrdinalSet known = new OrdinalSet();
    private boolean isWanted;
    private boolean isClosed;
    private Instant notBefore = Instant.MIN;
    private long lookedAtNanos;
    private String failure;
    private long doneBytes;
    private long totalBytes;

    /**
     * @param throttle of the passes; closed by this
     * @param every how often; empty: only when somebody asks
     */
    public record Parts(
            SegmentStore segments,
            ChunkIndex index,
            ChunkStore chunks,
            Catalog catalog,
            Roots roots,
            ImageFacts images,
            StoredFiles files,
            Clock clock,
            Throttle throttle,
            Optional<Duration> every) {}

    /**
     * @param begunAt when the pass under way began; empty while there is none
     * @param doneBytes of this pass
     * @param totalBytes about what there is to be read
     * @param failure why the last pass did not end; null if it did
     */
    public record Status(
            Optional<Instant> begunAt,
            boolean isPaused,
            long doneBytes,
            long totalBytes,
            String failure,
            Optional<ScrubResult> last,
            Optional<Instant> nextAt) {}

    /** Has what is known to be damaged taken again from now on. */
    public Scrubber(Parts parts) {
        this.parts = parts;
        this.records = new ScrubRecords(parts.catalog);
        this.state = records.state().orElseGet(this::firstState);
        this.last = records.last();
        records.damage().ifPresent(recorded -> {
            damage = recorded.damage();
            known = OrdinalSets.decode(recorded.ordinals());
        });
        OrdinalSet setAside = parts.files.setAside();
        if (!setAside.isEmpty()) {
            // What of it anybody needs, a pass tells; until then all that is brought again is taken.
            known.addAll(setAside);
            isWanted = true;
        }
        parts.chunks.damaged(known);
        parts.chunks.onDamage(this::noticed);
        thread.setDaemon(true);
    }

    private State firstState() {
        State first = new State(parts.clock.instant(), false, Optional.empty());
        records.put(first);
        return first;
    }

    public void start() {
        thread.start();
    }

    /** Begins a pass now, unless one is under way, and takes back a {@link #pause}. */
    public void run() {
        lock.lock();
        try {
            isWanted = true;
            failure = null;
            notBefore = Instant.MIN;
            setPaused(false);
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Stops reading until {@link #resume} or {@link #run}, also by a later server. */
    public void pause() {
        lock.lock();
        try {
            setPaused(true);
        } finally {
            lock.unlock();
        }
    }

    public void resume() {
        lock.lock();
        try {
            setPaused(false);
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void setPaused(boolean isPaused) {
        if (state.isPaused() != isPaused) {
            State next = new State(state.since(), isPaused, state.run());
            records.put(next);
            state = next;
        }
    }

    public Status status() {
        lock.lock();
        try {
            Optional<Instant> begunAt = state.run().map(Run::begunAt);
            if (begunAt.isEmpty() && isWanted) {
                begunAt = Optional.of(parts.clock.instant());
            }
            return new Status(begunAt, state.isPaused(), doneBytes, totalBytes, failure, last, nextAt());
        } finally {
            lock.unlock();
        }
    }

    /** What is damaged now: what was found, less what has been healed. */
    public Damage damage() {
        OrdinalSet left = parts.chunks.damaged();
        lock.lock();
        try {
            return damage.onlyAt(left);
        } finally {
            lock.unlock();
        }
    }

    /** Told where a reader has met damage. */
    private void noticed(long ordinal) {
        lock.lock();
        try {
            if (!known.contains(ordinal) && noticed.size() < NOTICED_MAX && noticed.add(ordinal)) {
                changed.signalAll();
            }
        } finally {
            lock.unlock();
        }
    }

    private void work() {
        while (true) {
            try {
                if (!awaitWork()) {
                    return;
                }
                if (isPassDue()) {
                    pass();
                } else {
                    look();
                }
            } catch (RuntimeException e) {
                if (Fault.of(e) == Fault.SHUTTING_DOWN) {
                    return;
                }
                failed(e);
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    /** @return false once this is closed */
    private boolean awaitWork() throws InterruptedException {
        lock.lock();
        try {
            while (!isClosed && (state.isPaused() || !isPassDue() && !isLookDue())) {
                changed.await(LOOK.toMillis(), TimeUnit.MILLISECONDS);
            }
            return !isClosed;
        } finally {
            lock.unlock();
        }
    }

    private boolean isPassDue() {
        lock.lock();
        try {
            Instant now = parts.clock.instant();
            return !now.isBefore(notBefore)
                    && (isWanted || state.run().isPresent() || nextAt().filter(at -> !at.isAfter(now)).isPresent());
        } finally {
            lock.unlock();
        }
    }

    private Optional<Instant> nextAt() {
        return parts.every.map(each -> last.map(ScrubResult::endedAt).orElse(state.since()).plus(each));
    }

    /** Whether readers have met damage, or something was healed. The first is looked at soon. */
    private boolean isLookDue() {
        boolean isLongAgo = lookedAtNanos == 0 || System.nanoTime() - lookedAtNanos >= LOOK.toNanos();
        return isLongAgo && (!noticed.isEmpty() || isHealed());
    }

    private boolean isHealed() {
        return damage.damagedItems() > 0 && parts.chunks.damaged().size() < placesOf(damage);
    }

    private static long placesOf(Damage damage) {
        return damage.damagedItems()
                - damage.items().stream().filter(item -> item.ordinal() == Damage.NOWHERE).count();
    }

    private void pass() {
        ScrubPass pass = begin();
        log.info("scrub: reading {} bytes of items, from ordinal {} on", totalBytes, pass.progress().position());
        Instant begunAt = state.run().orElseThrow().begunAt();
        pass.read(() -> checkpoint(begunAt, pass));
        OrdinalSet before = parts.chunks.damaged();
        Damage found = pass.trees();
        ScrubResult result = ScrubResult.of(begunAt, parts.clock.instant(), pass, found);
        lock.lock();
        try {
            know(pass.findings().damaged(), before, found);
            State next = new State(state.since(), state.isPaused(), Optional.empty());
            records.put(next, result, new KnownDamage(OrdinalSets.encode(known), found));
            state = next;
            last = Optional.of(result);
            isWanted = false;
            failure = null;
        } finally {
            lock.unlock();
        }
        if (result.foundNothing()) {
            log.info("scrub: {} items, {} bytes, all well", result.items(), result.bytes());
        } else {
            log.warn("scrub: {} damaged items in {} disks, {} other problems; cairn scrub --damaged lists them",
                    result.damagedItems(), result.damagedDisks(), result.problemsFound());
        }
    }

    private ScrubPass begin() {
        lock.lock();
        try {
            Run run = state.run().orElseGet(
                    () -> new Run(parts.clock.instant(), Progress.BEGIN, new Findings().state()));
            State next = new State(state.since(), state.isPaused(), Optional.of(run));
            records.put(next);
            state = next;
            doneBytes = run.progress().bytes();
            totalBytes = parts.segments.storedBytes();
            return new ScrubPass(passParts(), run.progress(), Findings.of(run.findings()), this::used);
        } finally {
            lock.unlock();
        }
    }

    private ScrubPass.Parts passParts() {
        return new ScrubPass.Parts(parts.segments, parts.index, parts.roots, parts.images, parts.files);
    }

    private void checkpoint(Instant begunAt, ScrubPass pass) {
        lock.lock();
        try {
            Run run = new Run(begunAt, pass.progress(), pass.findings().state());
            State next = new State(state.since(), state.isPaused(), Optional.of(run));
            records.put(next);
            state = next;
        } finally {
            lock.unlock();
        }
    }

    /** Looks at what readers have met, and at all trees, without reading everything. */
    private void look() {
        OrdinalSet before = parts.chunks.damaged();
        OrdinalSet suspects = before.copy();
        Damage damageBefore;
        lock.lock();
        try {
            damageBefore = damage;
            suspects.addAll(noticed);
            noticed.clear();
        } finally {
            lock.unlock();
        }
        Findings findings = Findings.suspecting(suspects, damageBefore);
        ScrubPass pass = new ScrubPass(passParts(), Progress.BEGIN, findings, parts.throttle::used);
        Damage found = pass.trees();
        lock.lock();
        try {
            know(findings.damaged(), before, found);
            records.put(new KnownDamage(OrdinalSets.encode(known), found));
        } finally {
            lock.unlock();
        }
    }

    /** @param before what was known when the looking at {@code ordinals} began */
    private void know(OrdinalSet ordinals, OrdinalSet before, Damage found) {
        known = parts.chunks.damaged(ordinals, before);
        damage = found;
        lookedAtNanos = System.nanoTime();
    }

    private void failed(RuntimeException e) {
        log.warn("a scrub has not come to its end, and is tried again: {}", e.toString());
        lock.lock();
        try {
            failure = e instanceof StoreException ? e.getMessage() : e.toString();
            notBefore = parts.clock.instant().plus(RETRY);
            lookedAtNanos = System.nanoTime();
            isWanted = false;
        } finally {
            lock.unlock();
        }
    }

    /** Waits for the budget, and while this is paused. */
    private void used(long bytes) {
        lock.lock();
        try {
            doneBytes += bytes;
            while (state.isPaused() && !isClosed) {
                changed.awaitUninterruptibly();
            }
            requireOpen();
        } finally {
            lock.unlock();
        }
        parts.throttle.used(bytes);
    }

    private void requireOpen() {
        if (isClosed) {
            throw new StoreException(Fault.SHUTTING_DOWN, "the scrub goes on when the server is started again");
        }
    }

    /** Ends what is under way; the next server goes on with it. */
    @Override
    public void close() {
        lock.lock();
        try {
            isClosed = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        parts.throttle.close();
        try {
            thread.join(TimeUnit.SECONDS.toMillis(CLOSE_SECONDS));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
