package cairn.server.account;

import static cairn.Fault.CONFLICT;
import static cairn.Fault.INVALID_REQUEST;

import cairn.StoreException;
import cairn.Text;
import cairn.image.AccountId;
import cairn.image.Region;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A rule that keeps what is removed for some days in the recycle bin: all of one kind that an account has in a region,
 * or what has one of some tags.
 *
 * @param id 11 letters and digits
 * @param kind what it is for; that never changes
 * @param matching tags of which what it keeps has one; empty: it keeps everything
 * @param excluded tags of which what it keeps has none; only where it keeps everything else
 * @param lock empty if it was never locked
 * @param tags of the rule itself
 */
public record RetentionRule(
        String id,
        AccountId owner,
        Region region,
        Retention.Kind kind,
        int days,
        String description,
        List<Match> matching,
        List<Match> excluded,
        Optional<Lock> lock,
        Map<String, String> tags) {
    public static final int MATCHING_MAX = 50;
    public static final int EXCLUDED_MAX = 5;
    public static final int UNLOCK_DAYS_MIN = 7;
    public static final int UNLOCK_DAYS_MAX = 30;
    public static final int TAGS_MAX = 200;

    private static final int DAYS_MAX = 365;
    private static final int VOLUME_DAYS_MAX = 7;
    private static final int DESCRIPTION_CHARS_MAX = 255;
    private static final int KEY_CHARS_MAX = 128;
    private static final int VALUE_CHARS_MAX = 256;

    /** @throws StoreException INVALID_REQUEST for what breaks a limit or does not fit together */
    public RetentionRule {
        matching = List.copyOf(matching);
        excluded = List.copyOf(excluded);
        tags = Map.copyOf(tags);
        int daysMax = kind == Retention.Kind.VOLUME ? VOLUME_DAYS_MAX : DAYS_MAX;
        if (days < 1 || days > daysMax) {
            throw invalid("a retention period of 1 to " + daysMax + " days is expected, not " + days);
        }
        if (description.length() > DESCRIPTION_CHARS_MAX || description.chars().anyMatch(c -> c < ' ')) {
            throw invalid("a description has at most " + DESCRIPTION_CHARS_MAX + " characters, and no line ends");
        }
        requireMatches(matching, MATCHING_MAX);
        requireMatches(excluded, EXCLUDED_MAX);
        if (!matching.isEmpty() && !excluded.isEmpty()) {
            throw invalid("a rule that is for some tags excludes none");
        }
        if (tags.size() > TAGS_MAX) {
            throw invalid("a rule has at most " + TAGS_MAX + " tags, not " + tags.size());
        }
        tags.forEach((key, value) -> requireTag(key, value));
    }

    private static void requireMatches(List<Match> matches, int max) {
        if (matches.size() > max || new HashSet<>(matches).size() < matches.size()) {
            throw invalid("at most " + max + " tags are expected, each once, not " + matches.size());
        }
        matches.forEach(each -> requireTag(each.key, each.value.orElse("")));
    }

    private static void requireTag(String key, String value) {
        if (key.isEmpty() || key.length() > KEY_CHARS_MAX || value.length() > VALUE_CHARS_MAX) {
            throw invalid("a tag has a key of 1 to " + KEY_CHARS_MAX + " characters and a value of at most "
                    + VALUE_CHARS_MAX + ": " + Text.shown(key));
        }
    }

    private static StoreException invalid(String why) {
        return new StoreException(INVALID_REQUEST, why);
    }

    /** A tag that things may have. @param value empty: whatever it is */
    public record Match(String key, Optional<String> value) {
        boolean isIn(Map<String, String> tags) {
            return tags.containsKey(key) && value.map(each -> each.equals(tags.get(key))).orElse(true);
        }
    }

    /**
     * Keeps a rule from being changed.
     *
     * @param unlockDays how long it still does once it has been unlocked
     * @param endsAt empty: it has not been
     */
    public record Lock(int unlockDays, Optional<Instant> endsAt) {
        /** @throws StoreException INVALID_REQUEST */
        public Lock {
            if (unlockDays < UNLOCK_DAYS_MIN || unlockDays > UNLOCK_DAYS_MAX) {
                throw invalid("an unlock delay of " + UNLOCK_DAYS_MIN + " to " + UNLOCK_DAYS_MAX
                        + " days is expected, not " + unlockDays);
            }
        }
    }

    /** What a lock does. */
    public enum LockState {
        LOCKED,
        PENDING_UNLOCK,
        UNLOCKED
    }

    /** Nothing if it was never locked. */
    public Optional<LockState> lockState(Instant now) {
        return lock.map(each -> {
            if (each.endsAt.isEmpty()) {
                return LockState.LOCKED;
            }
            return now.isBefore(each.endsAt.get()) ? LockState.PENDING_UNLOCK : LockState.UNLOCKED;
        });
    }

    /** @throws StoreException CONFLICT if it is locked, or still is */
    RetentionRule requireUnlocked(Instant now) {
        lockState(now).filter(state -> state != LockState.UNLOCKED).ifPresent(state -> {
            throw new StoreException(
                    CONFLICT,
                    "rule " + id + " is locked"
                            + lock.flatMap(Lock::endsAt)
                                    .map(end -> " until " + end)
                                    .orElse("; it has to be unlocked first"));
        });
        return this;
    }

    /** @throws StoreException CONFLICT if it is locked; INVALID_REQUEST for one that does not keep everything */
    RetentionRule locked(int unlockDays, Instant now) {
        if (lockState(now).filter(state -> state != LockState.UNLOCKED).isPresent()) {
            throw new StoreException(CONFLICT, "rule " + id + " is locked already");
        }
        return with(new Lock(unlockDays, Optional.empty()));
    }

    /** @throws StoreException CONFLICT if it is not locked */
    RetentionRule unlocked(Instant now) {
        if (!lockState(now).equals(Optional.of(LockState.LOCKED))) {
            throw new StoreException(CONFLICT, "rule " + id + " is not locked");
        }
        int unlockDays = lock.orElseThrow().unlockDays;
        return with(new Lock(unlockDays, Optional.of(now.plus(Duration.ofDays(unlockDays)))));
    }

    /** @throws StoreException INVALID_REQUEST for one that does not keep everything */
    RetentionRule with(Lock newLock) {
        if (!matching.isEmpty() || !excluded.isEmpty()) {
            throw invalid("only a rule that is for everything in its region can be locked");
        }
        return new RetentionRule(
                id, owner, region, kind, days, description, matching, excluded, Optional.of(newLock), tags);
    }

    RetentionRule withTags(Map<String, String> newTags) {
        return new RetentionRule(
                id, owner, region, kind, days, description, matching, excluded, lock, newTags);
    }

    boolean keeps(Map<String, String> tagsOfThing) {
        return matching.isEmpty()
                ? excluded.stream().noneMatch(each -> each.isIn(tagsOfThing))
                : matching.stream().anyMatch(each -> each.isIn(tagsOfThing));
    }
}
