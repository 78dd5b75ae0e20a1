package cairn.image;

import cairn.StoreException;
import java.util.Map;
import java.util.Optional;

/**
 * What its maker says of an image that is to be made of a volume.
 *
 * @param architecture empty: that of the image that the volume was made from
 * @param bootMode likewise
 */
public record DerivedImage(
        ImageName name,
        String description,
        Optional<Architecture> architecture,
        Optional<BootMode> bootMode,
        Map<String, String> tags) {

    /** @throws StoreException INVALID_REQUEST for a description or tags beyond their limits */
    public DerivedImage {
        ImageManifest.requireDescription(description);
        tags = NewImage.requireTags(tags);
    }

    /** An image of which nothing but the name is said. */
    public static DerivedImage of(ImageName name) {
        return new DerivedImage(name, "", Optional.empty(), Optional.empty(), Map.of());
    }
}
