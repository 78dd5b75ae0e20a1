package cairn.server.image;

import static cairn.Fault.CONFLICT;
import static cairn.Fault.INVALID_REQUEST;

import cairn.StoreException;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * Keeps a snapshot from being deleted until a moment, whoever asks. In governance mode it can be taken off and changed;
 * in compliance mode only while it cools off, and after that it can only be made longer.
 *
 * @param coolOffHours in compliance mode alone, from {@link #createdAt} on
 * @param startsAt from when the duration counts
 */
public record SnapshotLock(
        Mode mode,
        int durationDays,
        Optional<Integer> coolOffHours,
        Instant createdAt,
        Instant startsAt,
        Instant expiresAt) {
    public static final int COOL_OFF_HOURS_MAX = 72;
    /** A hundred years. */
    public static final int DURATION_DAYS_MAX = 36_500;

    /** Who may take it off. */
    public enum Mode {
        GOVERNANCE,
        COMPLIANCE
    }

    /** What may be done about it. */
    public enum State {
        COMPLIANCE_COOLOFF,
        GOVERNANCE,
        COMPLIANCE,
        EXPIRED
    }

    /**
     * A lock that is asked for.
     *
     * @param durationDays this, or {@link #expiresAt}
     */
    public record Wanted(
            Mode mode, Optional<Integer> coolOffHours, Optional<Integer> durationDays, Optional<Instant> expiresAt) {
        /** @throws StoreException INVALID_REQUEST for what does not fit together or breaks a limit */
        public Wanted {
            if (durationDays.isPresent() == expiresAt.isPresent()) {
                throw new StoreException(
                        INVALID_REQUEST, "a lock has either a duration or a date on which it expires, and not both");
            }
            if (coolOffHours.isPresent() && mode == Mode.GOVERNANCE) {
                throw new StoreException(INVALID_REQUEST, "a lock in governance mode has no cooling-off period");
            }
            requireIn("a cooling-off period", "hours", coolOffHours, COOL_OFF_HOURS_MAX);
            requireIn("a lock", "days", durationDays, DURATION_DAYS_MAX);
        }

        private static void requireIn(String what, String unit, Optional<Integer> value, int max) {
            value.filter(each -> each < 1 || each > max).ifPresent(each -> {
                throw new StoreException(
                        INVALID_REQUEST, what + " lasts 1 to " + max + ' ' + unit + ", not " + each);
            });
        }
    }

    /**
     * The lock that comes of what is asked for.
     *
     * @param before the snapshot's lock until now
     * @throws StoreException CONFLICT for what may not be changed any more; INVALID_REQUEST for a date that is too near
     *     or too far
     */
    static SnapshotLock of(Optional<SnapshotLock> before, Wanted wanted, Instant now) {
        Optional<SnapshotLock> inForce = before.filter(each -> each.isInForce(now));
        // The same lock, for another time, unless its mode changes.
        Optional<SnapshotLock> kept = inForce.filter(each -> each.mode == wanted.mode);
        Instant startsAt = kept.map(SnapshotLock::startsAt).orElse(now);
        SnapshotLock lock = new SnapshotLock(
                wanted.mode,
                wanted.durationDays.orElseGet(() -> daysUntil(startsAt, wanted.expiresAt.orElseThrow(), now)),
                wanted.coolOffHours,
                kept.map(SnapshotLock::createdAt).orElse(now),
                startsAt,
                wanted.expiresAt.orElseGet(() -> startsAt.plus(Duration.ofDays(wanted.durationDays.orElseThrow()))));
        Optional<SnapshotLock> fixed = inForce.filter(each -> each.state(now) == State.COMPLIANCE);
        fixed.ifPresent(each -> each.requireLonger(lock, wanted));
        return fixed.isPresent() ? lock.withCoolOff(fixed.get().coolOffHours) : lock;
    }

    private SnapshotLock withCoolOff(Optional<Integer> hours) {
        return new SnapshotLock(mode, durationDays, hours, createdAt, startsAt, expiresAt);
    }

    private static int daysUntil(Instant startsAt, Instant expiresAt, Instant now) {
        boolean isInBounds = !expiresAt.isBefore(now.plus(Duration.ofDays(1)))
                && !expiresAt.isAfter(startsAt.plus(Duration.ofDays(DURATION_DAYS_MAX)));
        if (!isInBounds) {
            throw new StoreException(
                    INVALID_REQUEST,
                    "a lock expires in 1 to " + DURATION_DAYS_MAX + " days from now, not on " + expiresAt);
        }
        return Math.toIntExact(Duration.between(startsAt, expiresAt).plusDays(1).minusMillis(1).toDays());
    }

    /** @throws StoreException CONFLICT if it is not longer, of another mode, or cools off */
    private void requireLonger(SnapshotLock next, Wanted wanted) {
        if (next.mode != mode || wanted.coolOffHours.isPresent() || !next.expiresAt.isAfter(expiresAt)) {
            throw new StoreException(
                    CONFLICT,
                    "it is locked in compliance mode until " + expiresAt
                            + " and does not cool off any more: the lock can only be made longer");
        }
    }

    /** @throws StoreException CONFLICT if nobody can take it off */
    void requireRemovable(Instant now) {
        if (state(now) == State.COMPLIANCE) {
            throw new StoreException(
                    CONFLICT, "it is locked in compliance mode until " + expiresAt + " and does not cool off any more");
        }
    }

    public Optional<Instant> coolOffEndsAt() {
        return coolOffHours.map(hours -> createdAt.plus(Duration.ofHours(hours)));
    }

    public boolean isInForce(Instant now) {
        return now.isBefore(expiresAt);
    }

    public State state(Instant now) {
        if (!isInForce(now)) {
            return State.EXPIRED;
        }
        if (mode == Mode.GOVERNANCE) {
            return State.GOVERNANCE;
        }
        return coolOffEndsAt().filter(now::isBefore).isPresent() ? State.COMPLIANCE_COOLOFF : State.COMPLIANCE;
    }
}
