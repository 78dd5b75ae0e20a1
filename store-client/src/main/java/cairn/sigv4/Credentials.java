package cairn.sigv4;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;

/**
 * An access key: its public id, and the secret that signs. {@link #toString} leaves the secret out.
 *
 * @throws StoreException INVALID_REQUEST if the id is not 1 to 128 letters, digits, {@code _}, {@code -} or {@code .},
 *     or the secret not 1 to 256 visible ASCII characters
 */
public record Credentials(String accessKeyId, String secretAccessKey) {
    public static final int ACCESS_KEY_ID_CHARS_MAX = 128;
    public static final int SECRET_CHARS_MAX = 256;

    public Credentials {
        if (!isAccessKeyId(accessKeyId)) {
            throw new StoreException(
                    Fault.INVALID_REQUEST, "\"" + Text.shown(accessKeyId) + "\" can not be an access key id");
        }
        if (secretAccessKey.isEmpty()
                || secretAccessKey.length() > SECRET_CHARS_MAX
                || !secretAccessKey.chars().allMatch(c -> c > ' ' && c < 0x7f)) {
            throw new StoreException(
                    Fault.INVALID_REQUEST,
                    "the secret of access key " + accessKeyId + " is not 1 to " + SECRET_CHARS_MAX
                            + " visible ASCII characters");
        }
    }

    static boolean isAccessKeyId(String text) {
        return !text.isEmpty()
                && text.length() <= ACCESS_KEY_ID_CHARS_MAX
                && text.chars().allMatch(c -> Wire.isLetterOrDigit(c) || c == '_' || c == '-' || c == '.');
    }

    @Override
    public String toString() {
        return "Credentials[" + accessKeyId + "]";
    }
}
