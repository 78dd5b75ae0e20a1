package cairn.server.image;

import cairn.image.ImageId;
import cairn.image.ImageName;
import cairn.image.Region;
import cairn.server.account.Encryption;
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
 * @param encryption of the copy's snapshots; what is encrypted of the source's stays so
 */
public record NewCopy(
        ImageId source,
        Region sourceRegion,
        ImageName name,
        Optional<String> description,
        Map<String, String> tags,
        boolean copiesTags,
        Map<String, String> snapshotTags,
        Encryption.Choice encryption) {

    /** Of which nothing but the name is said. */
    public static NewCopy of(ImageId source, Region sourceRegion, ImageName name) {
        return new NewCopy(
                source, sourceRegion, name, Optional.empty(), Map.of(), false, Map.of(), Encryption.Choice.PLAIN);
    }

    public NewCopy with(Encryption.Choice newEncryption) {
        return new NewCopy(source, sourceRegion, name, description, tags, copiesTags, snapshotTags, newEncryption);
    }
}
