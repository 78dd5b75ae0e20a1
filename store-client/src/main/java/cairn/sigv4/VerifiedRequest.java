package cairn.sigv4;

import cairn.Text;
import java.time.Instant;

/**
 * What a good signature proves.
 *
 * @param payloadHash what was signed in the body's place, see {@link PayloadHash}; the body itself is not proven until
 *     {@link #requirePayload} has seen its hash
 * @param presigned whether the signature is in the query, so that it may have been made for somebody else to use
 */
public record VerifiedRequest(
        String accessKeyId, String region, String service, Instant signedAt, boolean presigned, String payloadHash) {

    public boolean isPayloadUnsigned() {
        return payloadHash.equals(PayloadHash.UNSIGNED);
    }

    /**
     * Compares the body that came with the one that was signed; an unsigned one may be any.
     *
     * @param actualHash the body's SHA-256, 64 lower-case hexadecimal digits
     * @throws SigV4Exception PAYLOAD_MISMATCH
     */
    public void requirePayload(String actualHash) {
        if (!isPayloadUnsigned() && !payloadHash.equals(actualHash)) {
            throw new SigV4Exception(
                    SigV4Fault.PAYLOAD_MISMATCH,
                    "the body's SHA-256 is " + Text.shown(actualHash) + ", signed was " + payloadHash);
        }
    }
}
