package cairn.image;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.regex.Pattern;

/** Names an account: 12 decimal digits. */
public record AccountId(@JsonValue String value) {
    private static final Pattern FORM = Pattern.compile("[0-9]{12}");

    /** @throws StoreException INVALID_REQUEST for a malformed id */
    @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
    public AccountId {
        if (!FORM.matcher(value).matches()) {
            throw new StoreException(
                    Fault.INVALID_REQUEST, "\"" + Text.shown(value) + "\" is no account id (expecting 12 digits)");
        }
    }

    @Override
    public String toString() {
        return value;
    }
}
