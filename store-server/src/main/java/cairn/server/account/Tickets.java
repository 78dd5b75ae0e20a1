package cairn.server.account;

import static cairn.Fault.UNAUTHENTICATED;

import cairn.StoreException;
import cairn.image.AccountId;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Clock;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Gives out and checks tickets: they say which account may try to open one export over NBD until a given time. Whether
 * it still may is for {@link Access} to decide, each time that one is used.
 * <pre>
 *   offset  size  field
 *        0     8  seconds since 1970 at which it ends, big-endian
 *        8     8  the account's id, as a number
 *       16    17  the first bytes of HMAC-SHA-256(store's ticket key,
 *                 "cairn nbd ticket v2" and zero, bytes 0 to 15, export name)
 * </pre>
 * written as 44 characters of URL-safe Base64. Safe for threads.
 */
public final class Tickets {
    public static final int SECRET_BYTES = 32;

    private static final byte[] CONTEXT = "cairn nbd ticket v2\0".getBytes(StandardCharsets.US_ASCII);
    private static final int PROOF_BYTES = 17;
    private static final int SAID_BYTES = 16;
    private static final int TICKET_BYTES = SAID_BYTES + PROOF_BYTES;

    private final SecretKeySpec key;
    private final Clock clock;

    /** @param secret {@link #SECRET_BYTES} bytes that only this store knows */
    public Tickets(byte[] secret, Clock clock) {
        this.key = new SecretKeySpec(secret, "HmacSHA256");
        this.clock = clock;
    }

    public String issue(AccountId account, String exportName, Instant until) {
        byte[] ticket = ByteBuffer.allocate(TICKET_BYTES)
                .putLong(until.getEpochSecond())
                .putLong(Long.parseLong(account.value()))
                .array();
        System.arraycopy(proof(exportName, ticket), 0, ticket, SAID_BYTES, PROOF_BYTES);
        return Base64.getUrlEncoder().withoutPadding().encodeToString(ticket);
    }

    /** Whose it is. @throws StoreException UNAUTHENTICATED for a malformed, wrong or expired ticket */
    public AccountId require(String exportName, String ticket) {
        byte[] bytes;
        try {
            bytes = Base64.getUrlDecoder().decode(ticket);
        } catch (IllegalArgumentException e) {
            bytes = new byte[0];
        }
        if (bytes.length != TICKET_BYTES
                || !MessageDigest.isEqual(
                        Arrays.copyOfRange(bytes, SAID_BYTES, TICKET_BYTES),
                        Arrays.copyOf(proof(exportName, bytes), PROOF_BYTES))) {
            throw new StoreException(UNAUTHENTICATED, "the ticket for " + exportName + " is wrong");
        }
        ByteBuffer said = ByteBuffer.wrap(bytes);
        Instant until = Instant.ofEpochSecond(said.getLong());
        if (clock.instant().isAfter(until)) {
            throw new StoreException(UNAUTHENTICATED, "the ticket for " + exportName + " ended at " + until);
        }
        return new AccountId(String.format("%012d", said.getLong()));
    }

    private byte[] proof(String exportName, byte[] ticket) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(key);
            mac.update(CONTEXT);
            mac.update(ticket, 0, SAID_BYTES);
            return mac.doFinal(exportName.getBytes(StandardCharsets.UTF_8));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java platform has HmacSHA256", e);
        }
    }
}
