package cairn.server.image;

import cairn.image.AccountId;
import cairn.image.ImageId;
import cairn.image.ImageManifest;
import cairn.image.SignedManifest;
import java.util.List;
import java.util.Map;

/**
 * An image as the registry has it.
 *
 * @param signed what never changes
 * @param isPublic everyone may see it and boot from it
 * @param sharedWith the accounts that may too
 */
public record RegisteredImage(
        SignedManifest signed, boolean isPublic, List<AccountId> sharedWith, Map<String, String> tags) {
    public RegisteredImage {
        sharedWith = List.copyOf(sharedWith);
        tags = Map.copyOf(tags);
    }

    public ImageManifest manifest() {
        return signed.manifest();
    }

    public ImageId id() {
        return signed.manifest().id();
    }
}
