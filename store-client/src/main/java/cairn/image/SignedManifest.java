package cairn.image;

import static cairn.Fault.CORRUPT;

import cairn.StoreException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * An image's manifest with its store's signature. Numbers are big-endian.
 * <pre>
 *   offset  size  field
 *        0     4  magic, "CIMG"
 *        4     4  version, 1
 *        8    32  Ed25519 public key of the store that signed
 *       40    64  Ed25519 signature of the 24 bytes "cairn image manifest v1" and zero, then the manifest
 *      104     n  the manifest's canonical bytes
 * </pre>
 * Made by {@link StoreKey#sign}. Who the key belongs to is for the reader to decide.
 *
 * @see <a href="https://www.rfc-editor.org/rfc/rfc8032">RFC 8032, Ed25519</a>
 */
public final class SignedManifest {
    private static final int MAGIC = 0x43494d47;
    private static final int VERSION = 1;
    private static final int HEADER_BYTES = 8 + Ed25519.PUBLIC_BYTES + Ed25519.SIGNATURE_BYTES;

    private final ImageManifest manifest;
    private final byte[] encoded;

    private SignedManifest(ImageManifest manifest, byte[] encoded) {
        this.manifest = manifest;
        this.encoded = encoded;
    }

    static SignedManifest of(ImageManifest manifest, byte[] publicKey, byte[] signature) {
        byte[] canonical = manifest.encode();
        ByteBuffer encoded = ByteBuffer.allocate(HEADER_BYTES + canonical.length)
                .putInt(MAGIC)
                .putInt(VERSION)
                .put(publicKey)
                .put(signature)
                .put(canonical);
        return new SignedManifest(manifest, encoded.array());
    }

    /** @throws StoreException CORRUPT if any bit of it was changed, so that its own key does not prove it */
    public static SignedManifest decode(byte[] bytes) {
        if (bytes.length <= HEADER_BYTES || bytes.length > HEADER_BYTES + ImageManifest.ENCODED_BYTES_MAX) {
            throw new StoreException(CORRUPT, "a signed manifest of " + bytes.length + " bytes");
        }
        ByteBuffer in = ByteBuffer.wrap(bytes);
        if (in.getInt() != MAGIC || in.getInt() != VERSION) {
            throw new StoreException(CORRUPT, "a signed manifest begins with an unknown magic or version");
        }
        SignedManifest signed = new SignedManifest(
                ImageManifest.decode(Arrays.copyOfRange(bytes, HEADER_BYTES, bytes.length)), bytes.clone());
        if (!signed.isProven()) {
            throw new StoreException(CORRUPT, "the signature of image " + signed.manifest.id() + " is wrong");
        }
        return signed;
    }

    private boolean isProven() {
        return Ed25519.isProven(
                StoreKey.signedText(manifest),
                publicKey(),
                Arrays.copyOfRange(encoded, 8 + Ed25519.PUBLIC_BYTES, HEADER_BYTES));
    }

    public ImageManifest manifest() {
        return manifest;
    }

    /** The key that signed: 32 bytes. */
    public byte[] publicKey() {
        return Arrays.copyOfRange(encoded, 8, 8 + Ed25519.PUBLIC_BYTES);
    }

    public byte[] encode() {
        return encoded.clone();
    }
}
