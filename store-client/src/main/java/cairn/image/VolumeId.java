package cairn.image;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.random.RandomGenerator;
import java.util.regex.Pattern;

/**
 * Names a volume: {@code vol-0} and 16 hexadecimal digits, drawn at random: 64 bits, by which its blocks are kept, so
 * that no two volumes ever share any.
 */
public record VolumeId(@JsonValue String value) {
    public static final String PREFIX = "vol-";

    private static final Pattern FORM = Pattern.compile("vol-0[0-9a-f]{16}");
    private static final int DIGITS_AT = 5;

    /** @throws StoreException INVALID_REQUEST for a malformed id */
    @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
    public VolumeId {
        if (!isVolumeId(value)) {
            throw new StoreException(
                    Fault.INVALID_REQUEST,
                    "\"" + Text.shown(value) + "\" is no volume id (expecting \"vol-0\" and 16 hexadecimal digits)");
        }
    }

    public static boolean isVolumeId(String value) {
        return FORM.matcher(value).matches();
    }

    public static VolumeId random(RandomGenerator random) {
        return of(random.nextLong());
    }

    /** The volume of these 64 bits. */
    public static VolumeId of(long number) {
        return new VolumeId(String.format("vol-0%016x", number));
    }

    /** The 64 bits after the first digit. */
    public long number() {
        return Long.parseUnsignedLong(value.substring(DIGITS_AT), 16);
    }

    @Override
    public String toString() {
        return value;
    }
}
