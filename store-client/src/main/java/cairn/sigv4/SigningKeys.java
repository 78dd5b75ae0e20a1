package cairn.sigv4;

import static java.nio.charset.StandardCharsets.US_ASCII;

import cairn.Text;
import java.security.GeneralSecurityException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Makes signatures, and remembers the keys that are derived from a secret for one day, region and service. Safe for
 * threads.
 */
final class SigningKeys {
    static final String ALGORITHM = "AWS4-HMAC-SHA256";

    private static final String HMAC = "HmacSHA256";
    private static final int REMEMBERED_MAX = 1024;
    private static final ThreadLocal<Mac> MAC = ThreadLocal.withInitial(SigningKeys::mac);

    /** The secret is part of it, so a key that gets another secret is another key at once. */
    private record Origin(String secret, String date, String region, String service) {}

    private final Map<Origin, SecretKeySpec> remembered = new ConcurrentHashMap<>();

    /** The signature of a request: 64 lower-case hexadecimal digits. */
    String signature(Credentials credentials, CredentialScope scope, AmzDate date, CanonicalRequest request) {
        String toSign = ALGORITHM + '\n' + date.text() + '\n' + scope.withoutKey() + '\n' + request.digest();
        return Text.hex(hmac(key(credentials, scope), toSign));
    }

    private SecretKeySpec key(Credentials credentials, CredentialScope scope) {
        Origin origin = new Origin(credentials.secretAccessKey(), scope.date(), scope.region(), scope.service());
        SecretKeySpec known = remembered.get(origin);
        if (known != null) {
            return known;
        }
        SecretKeySpec derived = derive(origin);
        if (remembered.size() >= REMEMBERED_MAX) {
            // Peers name any region they like; forgetting everything is cheap, and takes old days along.
            remembered.clear();
        }
        remembered.put(origin, derived);
        return derived;
    }

    private static SecretKeySpec derive(Origin origin) {
        SecretKeySpec secret = new SecretKeySpec(("AWS4" + origin.secret).getBytes(US_ASCII), HMAC);
        SecretKeySpec ofDate = new SecretKeySpec(hmac(secret, origin.date), HMAC);
        SecretKeySpec ofRegion = new SecretKeySpec(hmac(ofDate, origin.region), HMAC);
        SecretKeySpec ofService = new SecretKeySpec(hmac(ofRegion, origin.service), HMAC);
        return new SecretKeySpec(hmac(ofService, "aws4_request"), HMAC);
    }

    /** @param text ASCII */
    private static byte[] hmac(SecretKeySpec key, String text) {
        try {
            Mac mac = MAC.get();
            mac.init(key);
            return mac.doFinal(text.getBytes(US_ASCII));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("HMAC takes keys of any length", e);
        }
    }

    private static Mac mac() {
        try {
            return Mac.getInstance(HMAC);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java platform has HMAC-SHA-256", e);
        }
    }
}
