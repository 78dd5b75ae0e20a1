package cairn.server.account;

import static cairn.Fault.CONFLICT;
import static cairn.Fault.NOT_FOUND;
import static cairn.Fault.NO_SPACE;

import cairn.StoreException;
import cairn.Text;
import cairn.image.AccountId;
import cairn.image.Region;
import cairn.server.storage.Catalog;
import cairn.server.storage.Catalog.Change;
import cairn.server.storage.JsonRecords;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * The rules of the recycle bin: one record each, {@code retention-rule/ACCOUNT/REGION/RULE}. An account has to do with
 * its own, in the region where it asks. Safe for threads.
 */
public final class RetentionRules implements Retention {
    /** Most rules of an account in a region: as AWS has it. */
    public static final int RULES_MAX = 250;

    private static final String PREFIX = "retention-rule/";
    private static final String ID_CHARS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    private static final int ID_LENGTH = 11;
    private static final int TRIES_MAX = 16;

    private final Catalog catalog;
    private final Clock clock;
    private final SecureRandom random = new SecureRandom();

    public RetentionRules(Catalog catalog, Clock clock) {
        this.catalog = catalog;
        this.clock = clock;
    }

    /**
     * A rule that is asked for.
     *
     * @param unlockDays of a rule that is locked from the start
     */
    public record NewRule(
            Retention.Kind kind,
            int days,
            String description,
            List<RetentionRule.Match> matching,
            List<RetentionRule.Match> excluded,
            Optional<Integer> unlockDays,
            Map<String, String> tags) {}

    /** @param days empty, like all others: as it was */
    public record RuleChange(
            Optional<Integer> days,
            Optional<String> description,
            Optional<List<RetentionRule.Match>> matching,
            Optional<List<RetentionRule.Match>> excluded) {}

    public Instant now() {
        return clock.instant().truncatedTo(ChronoUnit.MILLIS);
    }

    /** @throws StoreException INVALID_REQUEST; NO_SPACE if there are {@link #RULES_MAX} already */
    public RetentionRule create(Caller caller, NewRule wanted) {
        RetentionRule rule = new RetentionRule(
                newId(),
                caller.account(),
                caller.region(),
                wanted.kind,
                wanted.days,
                wanted.description,
                wanted.matching,
                wanted.excluded,
                Optional.empty(),
                wanted.tags);
        RetentionRule made = wanted.unlockDays.map(days -> rule.locked(days, now())).orElse(rule);
        if (list(caller).size() >= RULES_MAX) {
            throw new StoreException(NO_SPACE, "there are " + RULES_MAX + " rules in " + caller.region() + " already");
        }
        catalog.commit(List.of(new Change.PutIfAbsent(key(made), JsonRecords.encode(made))));
        return made;
    }

    private String newId() {
        StringBuilder id = new StringBuilder();
        for (int i = 0; i < ID_LENGTH; i++) {
            id.append(ID_CHARS.charAt(random.nextInt(ID_CHARS.length())));
        }
        return id.toString();
    }

    /** @throws StoreException NOT_FOUND */
    public RetentionRule read(Caller caller, String id) {
        return decoded(entry(caller, id));
    }

    /** All of the caller's, in the order of their ids. */
    public List<RetentionRule> list(Caller caller) {
        return list(caller.account(), caller.region());
    }

    private List<RetentionRule> list(AccountId account, Region region) {
        // All of them: of several that are made at once a few may be too many, and what they keep is kept.
        return catalog.list(prefix(account, region), "", Integer.MAX_VALUE).stream()
                .map(RetentionRules::decoded)
                .sorted(Comparator.comparing(RetentionRule::id))
                .toList();
    }

    /** @throws StoreException NOT_FOUND; INVALID_REQUEST; CONFLICT if it is locked */
    public RetentionRule change(Caller caller, String id, RuleChange wanted) {
        return change(caller, id, rule -> new RetentionRule(
                id,
                rule.requireUnlocked(now()).owner(),
                rule.region(),
                rule.kind(),
                wanted.days.orElse(rule.days()),
                wanted.description.orElse(rule.description()),
                wanted.matching.orElse(rule.matching()),
                wanted.excluded.orElse(rule.excluded()),
                rule.lock(),
                rule.tags()));
    }

    /** @throws StoreException NOT_FOUND; INVALID_REQUEST for a rule that is for some tags; CONFLICT if it is locked */
    public RetentionRule lock(Caller caller, String id, int unlockDays) {
        return change(caller, id, rule -> rule.locked(unlockDays, now()));
    }

    /** @throws StoreException NOT_FOUND; CONFLICT if it is not locked */
    public RetentionRule unlock(Caller caller, String id) {
        return change(caller, id, rule -> rule.unlocked(now()));
    }

    /** @throws StoreException NOT_FOUND; INVALID_REQUEST for too many */
    public void tag(Caller caller, String id, Map<String, String> added, Set<String> removed) {
        change(caller, id, rule -> {
            Map<String, String> tags = new HashMap<>(rule.tags());
            tags.keySet().removeAll(removed);
            tags.putAll(added);
            return rule.withTags(tags);
        });
    }

    /** @throws StoreException NOT_FOUND; CONFLICT if it is locked */
    public void remove(Caller caller, String id) {
        Catalog.Entry entry = entry(caller, id);
        decoded(entry).requireUnlocked(now());
        catalog.commit(List.of(new Change.Delete(entry.key(), entry.version())));
    }

    private RetentionRule change(Caller caller, String id, UnaryOperator<RetentionRule> change) {
        for (int tries = 1; ; tries++) {
            Catalog.Entry before = entry(caller, id);
            RetentionRule after = change.apply(decoded(before));
            try {
                catalog.commit(List.of(
                        new Change.PutIfVersion(before.key(), before.version(), JsonRecords.encode(after))));
                return after;
            } catch (StoreException e) {
                if (e.fault() != CONFLICT || tries == TRIES_MAX) {
                    throw e;
                }
            }
        }
    }

    /** The longest of all rules that keep it. */
    @Override
    public Optional<Duration> retentionFor(Access.Owned resource, Kind kind, Map<String, String> tags) {
        return list(resource.owner(), resource.region()).stream()
                .filter(rule -> rule.kind() == kind && rule.keeps(tags))
                .map(rule -> Duration.ofDays(rule.days()))
                .max(Comparator.naturalOrder());
    }

    private Catalog.Entry entry(Caller caller, String id) {
        boolean isId = id.length() == ID_LENGTH && id.chars().allMatch(c -> ID_CHARS.indexOf(c) >= 0);
        return Optional.of(prefix(caller.account(), caller.region()) + id)
                .filter(key -> isId)
                .flatMap(catalog::find)
                .orElseThrow(() -> new StoreException(NOT_FOUND, "there is no rule " + Text.shown(id)));
    }

    private static RetentionRule decoded(Catalog.Entry entry) {
        return JsonRecords.decode(entry, RetentionRule.class);
    }

    private static String key(RetentionRule rule) {
        return prefix(rule.owner(), rule.region()) + rule.id();
    }

    private static String prefix(AccountId account, Region region) {
        return PREFIX + account + '/' + region + '/';
    }
}
