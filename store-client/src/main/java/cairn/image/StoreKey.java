package cairn.image;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;

/** The Ed25519 key with which a store signs its images. */
public final class StoreKey {
    public static final int SECRET_BYTES = Ed25519.SECRET_BYTES;

    /** Keeps these signatures from meaning anything elsewhere. */
    private static final byte[] CONTEXT = "cairn image manifest v1\0".getBytes(StandardCharsets.US_ASCII);

    private final byte[] secret;

    /** @param secret 32 bytes */
    public StoreKey(byte[] secret) {
        if (secret.length != SECRET_BYTES) {
            throw new IllegalArgumentException("a key of " + secret.length + " bytes");
        }
        this.secret = secret.clone();
    }

    public static StoreKey generate(SecureRandom random) {
        byte[] secret = new byte[SECRET_BYTES];
        random.nextBytes(secret);
        return new StoreKey(secret);
    }

    /** The 32 bytes to keep, and to keep secret. */
    public byte[] secret() {
        return secret.clone();
    }

    /** The 32 bytes to give to whoever checks signatures. */
    public byte[] publicKey() {
        return new Ed25519(secret).publicKey();
    }

    public SignedManifest sign(ImageManifest manifest) {
        Ed25519 key = new Ed25519(secret);
        return SignedManifest.of(manifest, key.publicKey(), key.sign(signedText(manifest)));
    }

    static byte[] signedText(ImageManifest manifest) {
        byte[] canonical = manifest.encode();
        return ByteBuffer.allocate(CONTEXT.length + canonical.length)
                .put(CONTEXT)
                .put(canonical)
                .array();
    }
}
