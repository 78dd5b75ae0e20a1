package cairn.image;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.random.RandomGenerator;
import java.util.regex.Pattern;

/** Names an instance: {@code i-} and 17 hexadecimal digits, drawn at random. */
public record InstanceId(@JsonValue String value) {
    public static final String PREFIX = "i-";

    private static final Pattern FORM = Pattern.compile("i-[0-9a-f]{17}");

    /** @throws StoreException INVALID_REQUEST for a malformed id */
    @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
    public InstanceId {
        if (!isInstanceId(value)) {
            throw new StoreException(
                    Fault.INVALID_REQUEST,
                    "\"" + Text.shown(value) + "\" is no instance id (expecting \"i-\" and 17 hexadecimal digits)");
        }
    }

    public static boolean isInstanceId(String value) {
        return FORM.matcher(value).matches();
    }

    public static InstanceId random(RandomGenerator random) {
        return new InstanceId(String.format(PREFIX + "%016x%x", random.nextLong(), random.nextInt(16)));
    }

    @Override
    public String toString() {
        return value;
    }
}
