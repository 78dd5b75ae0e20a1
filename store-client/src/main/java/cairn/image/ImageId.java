package cairn.image;

import cairn.Digest;
import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.regex.Pattern;

/** Names an image: {@code ami-} and the first 17 hexadecimal digits of its manifest's SHA-256. */
public record ImageId(@JsonValue String value) {
    public static final String PREFIX = "ami-";

    private static final Pattern FORM = Pattern.compile("ami-[0-9a-f]{17}");

    /** @throws StoreException INVALID_REQUEST for a malformed id */
    @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
    public ImageId {
        if (!FORM.matcher(value).matches()) {
            throw new StoreException(
                    Fault.INVALID_REQUEST,
                    "\"" + Text.shown(value) + "\" is no image id (expecting \"ami-\" and 17 hexadecimal digits)");
        }
    }

    static ImageId of(byte[] manifest) {
        return new ImageId(PREFIX + Digest.of(manifest).toString().substring(0, 17));
    }

    @Override
    public String toString() {
        return value;
    }
}
