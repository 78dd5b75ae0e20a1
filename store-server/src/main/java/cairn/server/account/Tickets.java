package cairn.server.account;

import static cairn.Fault.UNAUTHENTICATED;

import cairn.StoreException;
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
 * Gives out and checks tickets: the right to open one export over NBD until a given time.
 * <pre>
 *   offset  size  field
 *        0     8  seconds since 1970 at which it ends, big-endian
 *        8    16  the first half of HMAC-SHA-256(store's ticket key,
 *                 "cairn nbd ticket v1" and zero, bytes 0 to 7, export name)
 * </pre>
 * written as 32 characters of URL-safe Base64. Safe for threads.
 */
public final class Tickets {
    public static final int SECRET_BYTES = 32;

    private static final byte[] CONTEXT = "cairn nbd ticket v1\0".getBytes(StandardCharsets.US_ASCII);
    private static final int PROOF_BYTES = 16;
    private static final int TICKET_BYTES = 8 + PROOF_BYTES;

    private final SecretKeySpec key;
    private final Clock clock;

    /** @param secret {@link #SECRET_BYTES} bytes that only this store knows */
    public Tickets(byte[] secret, Clock clock) {
        this.key = new SecretKeySpec(secret, "HmacSHA256");
        this.clock = clock;
    }

    public String issue(String exportName, Instant until) {
        byte[] ticket = Arrays.copyOf(ByteBuffer.allocate(8).putLong(until.getEpochSecond()).array(), TICKET_BYTES);
        System.arraycopy(proof(exportName, ticket), 0, ticket, 8, PROOF_BYTES);
        return Base64.getUrlEncoder().withoutPadding().encodeToString(ticket);
    }

    /** @throws StoreException UNAUTHENTICATED for a malformed, wrong or expired ticket */
    public void require(String exportName, String ticket) {
        byte[] bytes;
        try {
            bytes = Base64.getUrlDecoder().decode(ticket);
        } catch (IllegalArgumentException e) {
            bytes = new byte[0];
        }
        if (bytes.length != TICKET_BYTES
                || !MessageDigest.isEqual(
                        Arrays.copyOfRange(bytes, 8, TICKET_BYTES),
                        Arrays.copyOf(proof(exportName, bytes), PROOF_BYTES))) {
            throw new StoreException(UNAUTHENTICATED, "the ticket for " + exportName + " is wrong");
        }
        Instant until = Instant.ofEpochSecond(ByteBuffer.wrap(bytes).getLong());
        if (clock.instant().isAfter(until)) {
            throw new StoreException(UNAUTHENTICATED, "the ticket for " + exportName + " ended at " + until);
        }
    }

    private byte[] proof(String exportName, byte[] ticket) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(key);
            mac.update(CONTEXT);
            mac.update(ticket, 0, 8);
            return mac.doFinal(exportName.getBytes(StandardCharsets.UTF_8));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java platform has HmacSHA256", e);
        }
    }
}
