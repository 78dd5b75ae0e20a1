package cairn.server.image;

import java.time.Instant;
import java.util.Optional;

/**
 * What may change about an image, beside its tags and whom it is shared with.
 *
 * @param isDisabled it can be neither launched nor shared
 * @param description in place of the manifest's
 * @param deprecateAt from then on it is deprecated
 * @param lastLaunchedAt when an instance was last made from it
 * @param recycled it lies in the recycle bin
 */
public record ImageSettings(
        boolean isDisabled,
        Optional<String> description,
        Optional<Instant> deprecateAt,
        Optional<Instant> lastLaunchedAt,
        Optional<Recycled> recycled) {
    public static final ImageSettings NEW =
            new ImageSettings(false, Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());
}
