package cairn.server.scrub;

import cairn.server.storage.Catalog;
import cairn.server.storage.Catalog.Change;
import cairn.server.storage.JsonRecords;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * What is kept of scrubs: three records of the catalog, JSON objects, described in docs/formats.md. For one thread at a
 * time.
 */
final class ScrubRecords {
    private static final String STATE = "scrub/state";
    private static final String LAST = "scrub/last";
    private static final String DAMAGE = "scrub/damage";

    private final Catalog catalog;

    /**
     * @param since the first server that scrubs was started
     * @param run the pass that is under way
     */
    record State(Instant since, boolean isPaused, Optional<Run> run) {}

    /** A pass that is under way, to go on from. */
    record Run(Instant begunAt, ScrubPass.Progress progress, Findings.State findings) {}

    /** @param ordinals as {@link OrdinalSets} writes them */
    record KnownDamage(byte[] ordinals, Damage damage) {}

    ScrubRecords(Catalog catalog) {
        this.catalog = catalog;
    }

    Optional<State> state() {
        return catalog.find(STATE).map(entry -> JsonRecords.decode(entry, State.class));
    }

    Optional<ScrubResult> last() {
        return catalog.find(LAST).map(entry -> JsonRecords.decode(entry, ScrubResult.class));
    }

    Optional<KnownDamage> damage() {
        return catalog.find(DAMAGE).map(entry -> JsonRecords.decode(entry, KnownDamage.class));
    }

    void put(State state) {
        catalog.commit(List.of(put(STATE, state)));
    }

    void put(KnownDamage damage) {
        catalog.commit(List.of(put(DAMAGE, damage)));
    }

    /** Ends a pass. */
    void put(State state, ScrubResult result, KnownDamage damage) {
        catalog.commit(List.of(put(STATE, state), put(LAST, result), put(DAMAGE, damage)));
    }

    private Change put(String key, Record value) {
        byte[] bytes = JsonRecords.encode(value);
        return catalog.find(key)
                .<Change>map(entry -> new Change.PutIfVersion(key, entry.version(), bytes))
                .orElseGet(() -> new Change.PutIfAbsent(key, bytes));
    }
}
