package cairn.sigv4;

import cairn.Digest;

/** What is signed in a body's place: the SHA-256 of the body in lower-case hexadecimal, or a word instead. */
public final class PayloadHash {
    /** The body is not signed; TLS, or a digest inside the request, has to guard it. */
    public static final String UNSIGNED = "UNSIGNED-PAYLOAD";
    /** The hash of no bytes. */
    public static final String EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    /** Begins the words by which a body announces that its chunks carry signatures or trailers of their own. */
    static final String STREAMING_PREFIX = "STREAMING-";

    private PayloadHash() {}

    public static String of(byte[] body) {
        return Digest.of(body).toString();
    }

    static boolean isHash(String text) {
        return text.length() == 2 * Digest.SIZE_BYTES
                && text.chars().allMatch(c -> c >= '0' && c <= '9' || c >= 'a' && c <= 'f');
    }
}
