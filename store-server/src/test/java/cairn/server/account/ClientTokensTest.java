package cairn.server.account;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import cairn.Digest;
import cairn.Fault;
import cairn.StoreException;
import cairn.image.AccountId;
import cairn.image.Region;
import cairn.server.storage.Catalog;
import cairn.server.storage.DomainId;
import cairn.server.storage.MemoryStorage;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ClientTokensTest {
    private static final Instant NOON = Instant.parse("2026-11-23T12:00:00Z");
    private static final Caller OURS = caller("000000000001", "local");
    private static final Digest SOME = Digest.of(new byte[] {1});
    private static final Digest OTHERS = Digest.of(new byte[] {2});
    private static final IllegalArgumentException MISMATCH = new IllegalArgumentException("other parameters");

    private final MemoryStorage storage = new MemoryStorage();
    private final Catalog catalog = storage.catalog();
    private final ClientTokens tokens = at(NOON);

    @AfterEach
    void close() {
        storage.close();
    }

    @Test
    void findsWhatATokenHasMade() {
        assertEquals(Optional.empty(), find(tokens, OURS, "Start", "one", SOME));

        keep(tokens, OURS, "Start", "one", SOME, "snap-1");

        assertEquals(Optional.of("snap-1"), find(tokens, OURS, "Start", "one", SOME));
        assertEquals(Optional.of("snap-1"), find(at(NOON.plus(Duration.ofHours(23))), OURS, "Start", "one", SOME));
    }

    @Test
    void saysWhereParametersDiffer() {
        keep(tokens, OURS, "Start", "one", SOME, "snap-1");

        assertSame(MISMATCH, assertThrows(
                IllegalArgumentException.class, () -> find(tokens, OURS, "Start", "one", OTHERS)));
    }

    @Test
    void keepsAccountsRegionsOperationsAndTokensApart() {
        keep(tokens, OURS, "Start", "one", SOME, "snap-1");

        assertEquals(Optional.empty(), find(tokens, caller("000000000002", "local"), "Start", "one", OTHERS));
        assertEquals(Optional.empty(), find(tokens, caller("000000000001", "far-1"), "Start", "one", OTHERS));
        assertEquals(Optional.empty(), find(tokens, OURS, "Copy", "one", OTHERS));
        assertEquals(Optional.empty(), find(tokens, OURS, "Start", "One", OTHERS));
    }

    @Test
    void takesATokenOfAnyLengthAndCharacters() {
        String odd = "/\u0000é漢".repeat(2000);

        keep(tokens, OURS, "Start", odd, SOME, "snap-1");

        assertEquals(Optional.of("snap-1"), find(tokens, OURS, "Start", odd, SOME));
    }

    @Test
    void letsOneOfTwoThatComeAtOnceMakeSomething() {
        var first = tokens.keep(OURS, "Start", "one", SOME, "snap-1");
        var second = tokens.keep(OURS, "Start", "one", SOME, "snap-2");
        catalog.commit(List.of(first));

        StoreException e = assertThrows(StoreException.class, () -> catalog.commit(List.of(second)));

        assertEquals(Fault.CONFLICT, e.fault());
        assertEquals(Optional.of("snap-1"), find(tokens, OURS, "Start", "one", SOME));
    }

    @Test
    void forgetsATokenAfterADay() {
        keep(tokens, OURS, "Start", "one", SOME, "snap-1");
        ClientTokens later = at(NOON.plus(ClientTokens.KEPT));

        assertEquals(Optional.empty(), find(later, OURS, "Start", "one", OTHERS));
        keep(later, OURS, "Start", "one", OTHERS, "snap-2");

        assertEquals(Optional.of("snap-2"), find(later, OURS, "Start", "one", OTHERS));
    }

    @Test
    void removesWhatHasExpiredAndNothingElse() {
        keep(tokens, OURS, "Start", "old", SOME, "snap-1");
        ClientTokens later = at(NOON.plus(Duration.ofHours(12)));
        keep(later, OURS, "Start", "young", SOME, "snap-2");

        assertEquals(0, later.removeExpired());
        assertEquals(1, at(NOON.plus(ClientTokens.KEPT)).removeExpired());

        assertEquals(1, catalog.list("client-token/", "", 10).size());
        assertEquals(Optional.of("snap-2"), find(later, OURS, "Start", "young", SOME));
    }

    private static Optional<String> find(ClientTokens tokens, Caller caller, String operation, String token, Digest all) {
        return tokens.find(caller, operation, token, all, () -> MISMATCH);
    }

    private void keep(ClientTokens tokens, Caller caller, String operation, String token, Digest all, String made) {
        catalog.commit(List.of(tokens.keep(caller, operation, token, all, made)));
    }

    private ClientTokens at(Instant now) {
        return new ClientTokens(catalog, Clock.fixed(now, ZoneOffset.UTC));
    }

    private static Caller caller(String account, String region) {
        return new Caller(
                new AccountId(account), new DomainId(1), false, Optional.of(new Region(region)));
    }
}
