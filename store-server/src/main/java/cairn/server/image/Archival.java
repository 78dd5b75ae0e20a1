package cairn.server.image;

import static cairn.Fault.CONFLICT;
import static cairn.Fault.INVALID_REQUEST;

import cairn.StoreException;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * In which tier a snapshot is kept: the archive is for what is hardly ever wanted, and nothing can be done with what is
 * there until it is restored. That it is kept there in fewer bytes is left to whoever packs what the store holds anew.
 *
 * @param last what was done last; it is done at once
 * @param startedAt when that was
 * @param archivedAt when it was archived last
 * @param restoreDays for how long it was restored, where it is archived again by itself after that
 */
public record Archival(Action last, Instant startedAt, Instant archivedAt, Optional<Integer> restoreDays) {
    /** The longest that a snapshot is restored for a time. */
    public static final int RESTORE_DAYS_MAX = 180;

    /** What moves a snapshot from tier to tier. */
    public enum Action {
        ARCHIVE,
        RESTORE_FOR_A_TIME,
        RESTORE
    }

    /** @throws StoreException CONFLICT for one that is archived, restored for a time or not */
    static Archival archived(Optional<Archival> before, Instant now) {
        if (before.filter(each -> each.last != Action.RESTORE).isPresent()) {
            throw new StoreException(CONFLICT, "it is archived already");
        }
        return new Archival(Action.ARCHIVE, now, now, Optional.empty());
    }

    /**
     * Restored, or restored for another time.
     *
     * @param days empty: for good
     * @throws StoreException CONFLICT for one that is not archived; INVALID_REQUEST for a time that is too long
     */
    static Archival restored(Optional<Archival> before, Optional<Integer> days, Instant now) {
        Archival archived = before.filter(each -> each.last != Action.RESTORE)
                .orElseThrow(() -> new StoreException(CONFLICT, "it is not archived"));
        days.filter(each -> each < 1 || each > RESTORE_DAYS_MAX).ifPresent(each -> {
            throw new StoreException(
                    INVALID_REQUEST, "a snapshot is restored for 1 to " + RESTORE_DAYS_MAX + " days, not " + each);
        });
        return new Archival(
                days.isPresent() ? Action.RESTORE_FOR_A_TIME : Action.RESTORE, now, archived.archivedAt, days);
    }

    /** Whether it lies in the standard tier, for a time or for good. */
    public boolean isUsable(Instant now) {
        return last == Action.RESTORE || restoreEndsAt().filter(now::isBefore).isPresent();
    }

    /** When it is archived again by itself. */
    public Optional<Instant> restoreEndsAt() {
        return last == Action.RESTORE_FOR_A_TIME
                ? restoreDays.map(days -> startedAt.plus(Duration.ofDays(days)))
                : Optional.empty();
    }

    /** What was done last, what was done by itself included. */
    public Archival at(Instant now) {
        return restoreEndsAt()
                .filter(end -> !now.isBefore(end))
                .map(end -> new Archival(Action.ARCHIVE, end, end, Optional.empty()))
                .orElse(this);
    }
}
