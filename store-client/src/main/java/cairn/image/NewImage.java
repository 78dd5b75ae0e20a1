package cairn.image;

import static cairn.Fault.INVALID_REQUEST;

import cairn.StoreException;
import cairn.Text;
import java.util.Map;
import java.util.Optional;

/** What its maker says of an image that is to be registered. */
public record NewImage(
        ImageName name,
        String description,
        Architecture architecture,
        Optional<BootMode> bootMode,
        Optional<ImageId> parent,
        Map<String, String> tags) {
    /** What EC2 allows. */
    public static final int TAGS_MAX = 50;
    public static final int TAG_KEY_CHARS_MAX = 127;
    public static final int TAG_VALUE_CHARS_MAX = 256;

    /** @throws StoreException INVALID_REQUEST for a description or tags beyond their limits */
    public NewImage {
        ImageManifest.requireDescription(description);
        tags = requireTags(tags);
    }

    /** The same of which the parent is known too. */
    public NewImage withParent(Optional<ImageId> itsParent) {
        return new NewImage(name, description, architecture, bootMode, itsParent, tags);
    }

    /** @throws StoreException INVALID_REQUEST for tags beyond their limits */
    public static Map<String, String> requireTags(Map<String, String> tags) {
        if (tags.size() > TAGS_MAX) {
            throw new StoreException(
                    INVALID_REQUEST, "there are at most " + TAGS_MAX + " tags, not " + tags.size());
        }
        tags.forEach((key, value) -> {
            if (value == null
                    || key.isEmpty()
                    || key.chars().anyMatch(Character::isISOControl)
                    || value.chars().anyMatch(Character::isISOControl)
                    || charsOf(key) > TAG_KEY_CHARS_MAX
                    || charsOf(value) > TAG_VALUE_CHARS_MAX
                    || key.startsWith("aws:")) {
                throw new StoreException(
                        INVALID_REQUEST,
                        "tag \"" + Text.shown(key) + "\": a key has 1 to " + TAG_KEY_CHARS_MAX
                                + " characters and does not begin with aws:, a value at most " + TAG_VALUE_CHARS_MAX
                                + ", neither has control characters");
            }
        });
        return Map.copyOf(tags);
    }

    /** Unicode's, as EC2 counts them. */
    private static int charsOf(String text) {
        return text.codePointCount(0, text.length());
    }

    /** An image for x86_64 of which nothing else is said. */
    public static NewImage of(ImageName name) {
        return new NewImage(name, "", Architecture.X86_64, Optional.empty(), Optional.empty(), Map.of());
    }
}
