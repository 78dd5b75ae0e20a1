package cairn.server.account;

import cairn.Fault;
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
 * Gives out words that say something to this store alone, and proves that they are its own: page tokens, block tokens.
 * <pre>
 *   offset  size  field
 *        0     8  seconds since 1970 at which it ends, big-endian
 *        8     n  what it says
 *      8+n    16  the first half of HMAC-SHA-256(key, context in UTF-8, zero, bytes 0 to 8+n)
 * </pre>
 * in Base64. What it says can be read by whoever holds it. Safe for threads.
 */
public final class SignedTokens {
    private static final int PROOF_BYTES = 16;
    private static final int TOKEN_CHARS_MAX = 1024;

    private final SecretKeySpec key;
    private final Clock clock;

    /** @param secret that only this store knows; whoever makes other words from it uses other contexts */
    public SignedTokens(byte[] secret, Clock clock) {
        this.key = new SecretKeySpec(secret.clone(), "HmacSHA256");
        this.clock = clock;
    }

    /** @param context what the token is good for and whose it is: it opens with the same one alone */
    public String issue(String context, byte[] content, Instant until) {
        byte[] said = ByteBuffer.allocate(Long.BYTES + content.length).putLong(until.getEpochSecond()).put(content).array();
        byte[] token = Arrays.copyOf(said, said.length + PROOF_BYTES);
        System.arraycopy(proof(context, said), 0, token, said.length, PROOF_BYTES);
        return Base64.getEncoder().encodeToString(token);
    }

    /** What a token says. @throws StoreException INVALID_REQUEST if it is not ours, not for this, or has expired */
    public byte[] open(String context, String token) {
        byte[] bytes = decode(token);
        byte[] said = Arrays.copyOf(bytes, bytes.length - PROOF_BYTES);
        byte[] proof = Arrays.copyOfRange(bytes, said.length, bytes.length);
        if (!MessageDigest.isEqual(proof, proof(context, said))) {
            throw new StoreException(Fault.INVALID_REQUEST, "the token is none that was given out for this");
        }
        Instant until = Instant.ofEpochSecond(ByteBuffer.wrap(said).getLong());
        if (!clock.instant().isBefore(until)) {
            throw new StoreException(Fault.INVALID_REQUEST, "the token expired at " + until);
        }
        return Arrays.copyOfRange(said, Long.BYTES, said.length);
    }

    private static byte[] decode(String token) {
        if (token.length() <= TOKEN_CHARS_MAX) {
            try {
                byte[] bytes = Base64.getDecoder().decode(token);
                if (bytes.length >= Long.BYTES + PROOF_BYTES) {
                    return bytes;
                }
            } catch (IllegalArgumentException e) {
                // Told below, like one that is too short.
            }
        }
        throw new StoreException(Fault.INVALID_REQUEST, "the token is malformed");
    }

    private byte[] proof(String context, byte[] said) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(key);
            mac.update(context.getBytes(StandardCharsets.UTF_8));
            mac.update((byte) 0);
            return Arrays.copyOf(mac.doFinal(said), PROOF_BYTES);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every JDK has HMAC-SHA-256", e);
        }
    }
}
