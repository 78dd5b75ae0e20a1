package cairn.image;

import cairn.StoreException;
import cairn.tree.Tree;
import java.util.Map;
import java.util.Optional;

/**
 * What its maker says of a volume that is to be made.
 *
 * @param source the id of the image or snapshot that it begins as; empty: zeros
 * @param sizeBytes at least the source's; empty: as many
 * @param isEphemeral it goes when the last client leaves
 */
public record NewVolume(
        Optional<String> source,
        Optional<Long> sizeBytes,
        boolean isReadOnly,
        boolean isEphemeral,
        Map<String, String> tags) {

    /** @throws StoreException INVALID_REQUEST for a size or tags beyond their limits */
    public NewVolume {
        sizeBytes.ifPresent(Tree::requireDiskSize);
        tags = NewImage.requireTags(tags);
    }

    /** A writable one of the size of what it begins as, that stays. */
    public static NewVolume of(String source) {
        return new NewVolume(Optional.of(source), Optional.empty(), false, false, Map.of());
    }

    /** A writable one of zeros, that stays. */
    public static NewVolume blank(long sizeBytes) {
        return new NewVolume(Optional.empty(), Optional.of(sizeBytes), false, false, Map.of());
    }
}
