package cairn.server.image;

import cairn.image.ImageId;
import cairn.image.ImageName;
import cairn.image.Region;
import java.util.Map;
import java.util.Optional;

/**
 * What somebody says of a copy of an image that is to be made.
 *
 * @param sourceRegion where the source lies
 * @param description empty: the source's
 * @param tags of the copy
 * @param copiesTags the source's tags too, where it is the caller's own
 * @param snapshotTags of each snapshot that the copy gets
 * @param isEncrypted the copy's snapshots are, though the source's are not; where those are, it changes nothing
 * @param keyId the label of the key; empty: that of the source's snapshot
 */
public record NewCopy(
        ImageId source,
        Region sourceRegion,
        ImageName name,
        Optional<String> description,
        Map<String, String> tags,
        boolean copiesTags,
        Map<String, String> snapshotTags,
        boolean isEncrypted,
        Optional<String> keyId) {

    /** Of which nothing but the name is said. */
    public static NewCopy of(ImageId source, Region sourceRegion, ImageName name) {
        return new NewCopy(
                source, sourceRegion, name, Optional.empty(), Map.of(), false, Map.of(), false, Optional.empty());
    }
}
