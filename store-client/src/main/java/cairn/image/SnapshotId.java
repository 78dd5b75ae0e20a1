package cairn.image;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.random.RandomGenerator;
import java.util.regex.Pattern;

/** Names a snapshot: {@code snap-} and 17 hexadecimal digits, drawn at random. */
public record SnapshotId(@JsonValue String value) {
    public static final String PREFIX = "snap-";

    private static final Pattern FORM = Pattern.compile("snap-[0-9a-f]{17}");

    /** @throws StoreException INVALID_REQUEST for a malformed id */
    @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
    public SnapshotId {
        if (!FORM.matcher(value).matches()) {
            throw new StoreException(
                    Fault.INVALID_REQUEST,
                    "\"" + Text.shown(value) + "\" is no snapshot id (expecting \"snap-\" and 17 hexadecimal digits)");
        }
    }

    public static SnapshotId random(RandomGenerator random) {
        return new SnapshotId(String.format(PREFIX + "%016x%x", random.nextLong(), random.nextInt(16)));
    }

    @Override
    public String toString() {
        return value;
    }
}
