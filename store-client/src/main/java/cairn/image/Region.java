package cairn.image;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import java.util.List;
import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.regex.Pattern;

/** Keeps what an account has apart: what lies in one region is neither named nor found in another. */
public record Region(@JsonValue String name) {
    private static final Pattern FORM = Pattern.compile("[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?");

    /** Where nobody has chosen another. */
    public static final Region LOCAL = new Region("local");

    /** @throws StoreException INVALID_REQUEST for a malformed name */
    @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
    public Region {
        if (!FORM.matcher(name).matches()) {
            throw new StoreException(
                    Fault.INVALID_REQUEST,
                    "\"" + Text.shown(name) + "\" is no region (expecting 1 to 32 lower-case letters, digits and -)");
        }
    }

    /** Where volumes and instances lie: a region's name and a letter, as AWS names them. */
    public List<String> zones() {
        return List.of(name + 'a', name + 'b', name + 'c');
    }

    @Override
    public String toString() {
        return name;
    }
}
