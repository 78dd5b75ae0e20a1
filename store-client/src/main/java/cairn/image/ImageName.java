package cairn.image;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import java.util.regex.Pattern;

/**
 * What an account calls an image: 3 to 128 of letters, digits and {@code ()[] ./-'@_}; unique in an account.
 *
 * @see <a href="https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RegisterImage.html">RegisterImage, Name</a>
 */
public record ImageName(String value) {
    private static final Pattern FORM = Pattern.compile("[A-Za-z0-9()\\[\\] ./\\-'@_]{3,128}");

    /** @throws StoreException INVALID_REQUEST for a malformed name */
    public ImageName {
        if (!FORM.matcher(value).matches()) {
            throw new StoreException(
                    Fault.INVALID_REQUEST,
                    "\"" + Text.shown(value) + "\" is no image name (3 to 128 letters, digits and ()[] ./-'@_)");
        }
    }

    @Override
    public String toString() {
        return value;
    }
}
