package cairn.image;

import org.bouncycastle.crypto.params.Ed25519PrivateKeyParameters;
import org.bouncycastle.crypto.params.Ed25519PublicKeyParameters;
import org.bouncycastle.crypto.signers.Ed25519Signer;

/**
 * How texts are signed. Alone in naming the library that can, as Java takes a quarter of a second to prove that one's
 * jar: nobody else makes it read the jar before there is something to sign or to prove.
 *
 * @see <a href="https://www.rfc-editor.org/rfc/rfc8032">RFC 8032, Ed25519</a>
 */
final class Ed25519 {
    static final int SECRET_BYTES = 32;
    static final int PUBLIC_BYTES = 32;
    static final int SIGNATURE_BYTES = 64;

    private final Ed25519PrivateKeyParameters key;

    /** @param secret of {@link #SECRET_BYTES}; any will do */
    Ed25519(byte[] secret) {
        this.key = new Ed25519PrivateKeyParameters(secret);
    }

    byte[] publicKey() {
        return key.generatePublicKey().getEncoded();
    }

    byte[] sign(byte[] text) {
        Ed25519Signer signer = new Ed25519Signer();
        signer.init(true, key);
        signer.update(text, 0, text.length);
        return signer.generateSignature();
    }

    /** Whether the owner of a key has signed a text; not if there can be no such key. */
    static boolean isProven(byte[] text, byte[] publicKey, byte[] signature) {
        Ed25519PublicKeyParameters key;
        try {
            key = new Ed25519PublicKeyParameters(publicKey);
        } catch (IllegalArgumentException notOnTheCurve) {
            return false;
        }
        Ed25519Signer verifier = new Ed25519Signer();
        verifier.init(false, key);
        verifier.update(text, 0, text.length);
        return verifier.verifySignature(signature);
    }
}
