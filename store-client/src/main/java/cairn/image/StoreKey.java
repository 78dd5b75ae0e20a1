package cairn.image;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import org.bouncycastle.crypto.params.Ed25519PrivateKeyParameters;
import org.bouncycastle.crypto.signers.Ed25519Signer;

/** The Ed25519 key with which a store signs its images. */
public final class StoreKey {
    public static final int SECRET_BYTES = Ed25519PrivateKeyParameters.KEY_SIZE;
    static final int PUBLIC_BYTES = 32;
    static final int SIGNATURE_BYTES = Ed25519PrivateKeyParameters.SIGNATURE_SIZE;

    /** Keeps these signatures from meaning anything elsewhere. */
    private static final byte[] CONTEXT = "cairn image manifest v1\0".getBytes(StandardCharsets.US_ASCII);

    private final Ed25519PrivateKeyParameters key;

    /** @param secret 32 bytes */
    public StoreKey(byte[] secret) {
        this.key = new Ed25519PrivateKeyParameters(secret);
    }

    public static StoreKey generate(SecureRandom random) {
        return new StoreKey(new Ed25519PrivateKeyParameters(random).getEncoded());
    }

    /** The 32 bytes to keep, and to keep secret. */
    public byte[] secret() {
        return key.getEncoded();
    }

    /** The 32 bytes to give to whoever checks signatures. */
    public byte[] publicKey() {
        return key.generatePublicKey().getEncoded();
    }

    public SignedManifest sign(ImageManifest manifest) {
        byte[] text = signedText(manifest);
        Ed25519Signer signer = new Ed25519Signer();
        signer.init(true, key);
        signer.update(text, 0, text.length);
        return SignedManifest.of(manifest, publicKey(), signer.generateSignature());
    }

    static byte[] signedText(ImageManifest manifest) {
        byte[] canonical = manifest.encode();
        return ByteBuffer.allocate(CONTEXT.length + canonical.length)
                .put(CONTEXT)
                .put(canonical)
                .array();
    }
}
