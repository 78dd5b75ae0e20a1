package cairn.image;

import cairn.Digest;
import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.random.RandomGenerator;
import java.util.regex.Pattern;

/**
 * Names an image: {@code ami-} and 17 hexadecimal digits, the first of its manifest's SHA-256; or drawn at random,
 * where the id was wanted before there was a manifest, which then says so.
 */
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

    public static ImageId random(RandomGenerator random) {
        return new ImageId(String.format(PREFIX + "%016x%x", random.nextLong(), random.nextInt(16)));
    }

    static ImageId of(byte[] manifest) {
        return new ImageId(PREFIX + Digest.of(manifest).toString().substring(0, 17));
    }

    @Override
    public String toString() {
        return value;
    }
}
