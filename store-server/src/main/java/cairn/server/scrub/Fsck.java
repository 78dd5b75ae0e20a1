package cairn.server.scrub;

import static cairn.Fault.CONFLICT;
import static cairn.Fault.CORRUPT;

import cairn.StoreException;
import cairn.server.gc.Roots;
import cairn.server.scrub.ScrubPass.Progress;
import cairn.server.scrub.ScrubRecords.KnownDamage;
import cairn.server.scrub.ScrubRecords.State;
import cairn.server.storage.IndexMaking;
import cairn.server.storage.ItemKey;
import cairn.server.storage.Notes;
import cairn.server.storage.Storage;
import cairn.server.storage.StoredFiles;
import cairn.tree.Tree;
import java.time.Clock;
import java.time.Instant;
import java.util.Optional;
import java.util.function.LongConsumer;

/**
 * Proves a store that nobody else uses: all that a {@linkplain ScrubPass scrub} looks at, and the
 * index's own counts; perhaps it makes the index anew first. What it finds is kept, so that the next server has it
 * healed.
 */
public final class Fsck {
    /** Of the collector: what it has condemned may be in an index that is made anew. Lost, it costs a cycle. */
    private static final String COLLECTOR_NOTE = "gc";

    private final Parts parts;
    private final LongConsumer progress;

    public record Parts(
            Storage storage, Roots roots, ImageFacts images, StoredFiles files, IndexMaking making, Clock clock) {}

    /** What making the index anew came to. @param lost items that trees have and segments have not */
    public record Rebuilt(long items, long rows, long lost) {}

    public record Report(Optional<Rebuilt> rebuilt, ScrubResult result, Damage damage) {}

    /** @param progress told how many bytes were read since it was last told */
    public Fsck(Parts parts, LongConsumer progress) {
        this.parts = parts;
        this.progress = progress;
    }

    /** @throws StoreException CONFLICT if somebody was making an index anew and has not come to the end */
    public static void requireWhole(Notes notes) {
        if (IndexRebuild.isUnfinished(notes)) {
            throw new StoreException(
                    CONFLICT,
                    "the index was being made anew and is not whole; run cairn fsck --rebuild-index to its end");
        }
    }

    /** @throws StoreException CONFLICT as {@link #requireWhole}, unless it is to be made anew now */
    public Report run(boolean isIndexMadeAnew) {
        Instant begunAt = parts.clock.instant();
        Optional<Rebuilt> rebuilt = isIndexMadeAnew ? Optional.of(rebuild()) : Optional.empty();
        requireWhole(parts.storage.notes());
        ScrubPass pass = new ScrubPass(
                new ScrubPass.Parts(
                        parts.storage.segments(),
                        parts.storage.index(),
                        parts.roots,
                        parts.images,
                        parts.files),
                Progress.BEGIN,
                new Findings(),
                progress);
        requireCounted(pass.findings());
        Damage damage = pass.run();
        ScrubResult result = ScrubResult.of(begunAt, parts.clock.instant(), pass, damage);
        keep(result, pass, damage);
        return new Report(rebuilt, result, damage);
    }

    private Rebuilt rebuild() {
        Storage storage = parts.storage;
        storage.notes().remove(COLLECTOR_NOTE);
        IndexRebuild.Result result = new IndexRebuild(
                        new IndexRebuild.Parts(
                                storage.segments(),
                                storage.index(),
                                storage.catalog(),
                                storage.notes(),
                                parts.roots,
                                parts.making),
                        progress)
                .run();
        return new Rebuilt(result.items(), result.rows(), result.lost());
    }

    private void requireCounted(Findings findings) {
        for (int kind = ItemKey.CHUNK_KIND; kind <= 1 + Tree.LEVEL_MAX; kind++) {
            long[] rows = {0};
            try {
                parts.storage.index().forEach(kind, row -> rows[0]++);
                long counted = parts.storage.index().count(kind);
                if (counted != rows[0]) {
                    findings.problem("the index says that it has " + counted + " rows of kind " + kind + ", and has "
                            + rows[0] + "; make it anew by cairn fsck --rebuild-index");
                }
            } catch (StoreException e) {
                if (e.fault() != CORRUPT) {
                    throw e;
                }
                findings.problem(ScrubPass.INDEX_UNREADABLE + e.getMessage());
            }
        }
    }

    /** Where not even that can be written, it is said all the same. */
    private void keep(ScrubResult result, ScrubPass pass, Damage damage) {
        ScrubRecords records = new ScrubRecords(parts.storage.catalog());
        try {
            State state = records.state().orElseGet(() -> new State(parts.clock.instant(), false, Optional.empty()));
            records.put(
                    new State(state.since(), state.isPaused(), Optional.empty()),
                    result,
                    new KnownDamage(OrdinalSets.encode(pass.findings().damaged()), damage));
        } catch (StoreException e) {
            if (damage.foundNothing()) {
                throw e;
            }
        }
    }
}
