package cairn.server.account;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.image.AccountId;
import cairn.image.Region;
import cairn.server.SetClock;
import cairn.server.account.Retention.Kind;
import cairn.server.account.RetentionRule.LockState;
import cairn.server.account.RetentionRule.Match;
import cairn.server.account.RetentionRules.NewRule;
import cairn.server.account.RetentionRules.RuleChange;
import cairn.server.storage.DomainId;
import cairn.server.storage.MemoryStorage;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class RetentionRulesTest {
    private static final Caller US = caller("000000000001", "local");
    private static final Caller US_FAR = caller("000000000001", "far-1");
    private static final Caller THEM = caller("000000000002", "local");
    private static final RuleChange DAYS_5 =
            new RuleChange(Optional.of(5), Optional.empty(), Optional.empty(), Optional.empty());

    private final MemoryStorage storage = new MemoryStorage();
    private final SetClock clock = new SetClock();
    private final RetentionRules rules = new RetentionRules(storage.catalog(), clock);

    @AfterEach
    void close() {
        storage.close();
    }

    private static Caller caller(String account, String region) {
        return new Caller(new AccountId(account), new DomainId(2), false, Optional.of(new Region(region)));
    }

    private record Thing(AccountId owner, Region region, Sharing sharing) implements Access.Owned {
        static Thing of(Caller owner) {
            return new Thing(owner.account(), owner.region(), Sharing.NONE);
        }
    }

    private static NewRule forAll(Kind kind, int days) {
        return new NewRule(kind, days, "", List.of(), List.of(), Optional.empty(), Map.of());
    }

    private static NewRule forTags(int days, Match... matching) {
        return new NewRule(Kind.SNAPSHOT, days, "", List.of(matching), List.of(), Optional.empty(), Map.of());
    }

    private Optional<Long> days(Caller owner, Kind kind, Map<String, String> tags) {
        return rules.retentionFor(Thing.of(owner), kind, tags).map(Duration::toDays);
    }

    private static void assertFault(Fault fault, Executable call) {
        assertEquals(fault, assertThrows(StoreException.class, call).fault());
    }

    @Test
    void aRuleKeepsWhatIsOfItsKindOwnerAndRegion() {
        rules.create(US, forAll(Kind.SNAPSHOT, 30));

        assertEquals(Optional.of(30L), days(US, Kind.SNAPSHOT, Map.of()));
        assertEquals(Optional.empty(), days(US, Kind.IMAGE, Map.of()));
        assertEquals(Optional.empty(), days(US_FAR, Kind.SNAPSHOT, Map.of()));
        assertEquals(Optional.empty(), days(THEM, Kind.SNAPSHOT, Map.of()));
    }

    @Test
    void tagsSayWhatIsKeptAndTheLongestRuleCounts() {
        rules.create(US, forTags(5, new Match("env", Optional.of("prod")), new Match("keep", Optional.empty())));
        rules.create(US, forTags(9, new Match("keep", Optional.of("long"))));

        assertEquals(Optional.of(5L), days(US, Kind.SNAPSHOT, Map.of("env", "prod")));
        assertEquals(Optional.of(5L), days(US, Kind.SNAPSHOT, Map.of("keep", "")));
        assertEquals(Optional.of(9L), days(US, Kind.SNAPSHOT, Map.of("keep", "long")));
        assertEquals(Optional.empty(), days(US, Kind.SNAPSHOT, Map.of("env", "test")));
    }

    @Test
    void exclusionsLeaveOutWhatHasTheirTags() {
        rules.create(US, new NewRule(
                Kind.SNAPSHOT,
                7,
                "all but scratch",
                List.of(),
                List.of(new Match("scratch", Optional.empty())),
                Optional.empty(),
                Map.of()));

        assertEquals(Optional.of(7L), days(US, Kind.SNAPSHOT, Map.of()));
        assertEquals(Optional.empty(), days(US, Kind.SNAPSHOT, Map.of("scratch", "yes")));
    }

    @Test
    void isTheCallersOwnToReadChangeAndRemove() {
        String id = rules.create(US, forAll(Kind.SNAPSHOT, 30)).id();

        assertFault(Fault.NOT_FOUND, () -> rules.read(THEM, id));
        assertFault(Fault.NOT_FOUND, () -> rules.change(US_FAR, id, DAYS_5));
        assertFault(Fault.NOT_FOUND, () -> rules.remove(THEM, id));
        assertFault(Fault.NOT_FOUND, () -> rules.read(US, "../../secret"));
        assertEquals(5, rules.change(US, id, DAYS_5).days());
        rules.tag(US, id, Map.of("a", "b", "c", "d"), Set.of());
        rules.tag(US, id, Map.of(), Set.of("a"));
        assertEquals(Map.of("c", "d"), rules.read(US, id).tags());
        rules.remove(US, id);
        assertEquals(List.of(), rules.list(US));
    }

    @Test
    void aLockedRuleChangesOnlyWhenItsDelayIsOver() {
        String id = rules.create(US, forAll(Kind.SNAPSHOT, 30)).id();
        rules.lock(US, id, 7);

        assertFault(Fault.CONFLICT, () -> rules.change(US, id, DAYS_5));
        assertFault(Fault.CONFLICT, () -> rules.remove(US, id));
        assertFault(Fault.CONFLICT, () -> rules.lock(US, id, 8));
        rules.unlock(US, id);
        assertEquals(Optional.of(LockState.PENDING_UNLOCK), rules.read(US, id).lockState(clock.instant()));
        assertFault(Fault.CONFLICT, () -> rules.unlock(US, id));
        assertFault(Fault.CONFLICT, () -> rules.remove(US, id));
        clock.forward(Duration.ofDays(7));
        assertEquals(Optional.of(LockState.UNLOCKED), rules.read(US, id).lockState(clock.instant()));
        assertEquals(5, rules.change(US, id, DAYS_5).days());
        rules.lock(US, id, 30);
        assertFault(Fault.CONFLICT, () -> rules.remove(US, id));
    }

    @Test
    void refusesWhatBreaksALimit() {
        Match match = new Match("a", Optional.empty());
        String tagged = rules.create(US, forTags(5, match)).id();

        assertFault(Fault.INVALID_REQUEST, () -> rules.lock(US, tagged, 7));
        assertFault(Fault.INVALID_REQUEST, () -> rules.create(US, forAll(Kind.SNAPSHOT, 0)));
        assertFault(Fault.INVALID_REQUEST, () -> rules.create(US, forAll(Kind.IMAGE, 366)));
        assertFault(Fault.INVALID_REQUEST, () -> rules.create(US, forAll(Kind.VOLUME, 8)));
        assertFault(Fault.INVALID_REQUEST, () -> rules.create(US, forTags(5, match, match)));
        assertFault(Fault.INVALID_REQUEST, () -> rules.create(US, new NewRule(
                Kind.SNAPSHOT, 5, "", List.of(match), List.of(match), Optional.empty(), Map.of())));
        assertFault(Fault.INVALID_REQUEST, () -> rules.create(US, new NewRule(
                Kind.SNAPSHOT, 5, "", List.of(), List.of(), Optional.of(6), Map.of())));
        assertEquals(1, rules.list(US).size());
        for (int n = 1; n < RetentionRules.RULES_MAX; n++) {
            rules.create(US, forAll(Kind.SNAPSHOT, 1));
        }
        assertFault(Fault.NO_SPACE, () -> rules.create(US, forAll(Kind.SNAPSHOT, 1)));
        assertTrue(rules.list(THEM).isEmpty());
    }
}
