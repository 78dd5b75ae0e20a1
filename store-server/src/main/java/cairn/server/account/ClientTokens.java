package cairn.server.account;

import cairn.Digest;
import cairn.server.storage.Catalog;
import cairn.server.storage.Catalog.Change;
import cairn.server.storage.JsonRecords;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Remembers which resource a request with a client token has made, so that the same request, sent again because its
 * answer was lost, makes no second one. One record each, {@code client-token/ACCOUNT/REGION/OPERATION/} and the
 * SHA-256 of the token, made by the commit that makes the resource. Safe for threads.
 *
 * <p>An operation first asks {@link #find}; where there is nothing it makes its resource and commits it together with
 * {@link #keep}. Where two requests with one token do so at once, the later commit fails with CONFLICT, and its
 * operation asks {@link #find} again.
 */
public final class ClientTokens {
    /** How long a token is remembered. */
    public static final Duration KEPT = Duration.ofHours(24);

    private static final String PREFIX = "client-token/";
    private static final int ENTRIES_AT_ONCE = 1000;

    private final Catalog catalog;
    private final Clock clock;

    private record TokenRecord(String parameters, String resource, String expiresAt) {
        boolean isOver(Instant now) {
            return !now.isBefore(Instant.parse(expiresAt));
        }
    }

    public ClientTokens(Catalog catalog, Clock clock) {
        this.catalog = catalog;
        this.clock = clock;
    }

    /**
     * What was made before with this token, by this account, in this region, by this operation.
     *
     * @param parameters of everything else that the request says
     * @param mismatch the door's own word for a token that came with other parameters before
     */
    public Optional<String> find(
            Caller caller,
            String operation,
            String token,
            Digest parameters,
            Supplier<? extends RuntimeException> mismatch) {
        return catalog.find(key(caller, operation, token))
                .map(ClientTokens::decode)
                .filter(kept -> !kept.isOver(clock.instant()))
                .map(kept -> {
                    if (!kept.parameters.equals(parameters.toString())) {
                        throw mismatch.get();
                    }
                    return kept.resource;
                });
    }

    /**
     * The change that remembers a token, to be committed with what the operation makes.
     *
     * @param resource an id, or whatever else the operation finds its answer by
     */
    public Change keep(Caller caller, String operation, String token, Digest parameters, String resource) {
        String key = key(caller, operation, token);
        Instant now = clock.instant().truncatedTo(ChronoUnit.MILLIS);
        byte[] value = JsonRecords.encode(
                new TokenRecord(parameters.toString(), resource, now.plus(KEPT).toString()));
        return catalog.find(key)
                .filter(entry -> decode(entry).isOver(now))
                .<Change>map(entry -> new Change.PutIfVersion(key, entry.version(), value))
                .orElseGet(() -> new Change.PutIfAbsent(key, value));
    }

    /** Removes what has expired. @return how many records */
    public int removeExpired() {
        Instant now = clock.instant();
        int removed = 0;
        String last = "";
        List<Catalog.Entry> some;
        do {
            some = catalog.list(PREFIX, last, ENTRIES_AT_ONCE);
            List<Change> expired = some.stream()
                    .filter(entry -> decode(entry).isOver(now))
                    .<Change>map(entry -> new Change.Delete(entry.key(), entry.version()))
                    .toList();
            if (!expired.isEmpty()) {
                catalog.commit(expired);
                removed += expired.size();
            }
            last = some.isEmpty() ? last : some.get(some.size() - 1).key();
        } while (!some.isEmpty());
        return removed;
    }

    private static TokenRecord decode(Catalog.Entry entry) {
        return JsonRecords.decode(entry, TokenRecord.class);
    }

    /** The token's digest: whatever a client has thought of becomes a key of known length. */
    private static String key(Caller caller, String operation, String token) {
        return PREFIX + caller.account() + '/' + caller.region() + '/' + operation + '/'
                + Digest.of(token.getBytes(StandardCharsets.UTF_8));
    }
}
