package cairn.server.image;

import cairn.image.AccountId;
import cairn.image.ImageId;
import cairn.image.ImageManifest;
import cairn.image.Region;
import cairn.image.SignedManifest;
import cairn.server.account.Access;
import cairn.server.account.Sharing;
import java.util.Map;

/**
 * An image as the registry has it.
 *
 * @param signed what never changes
 * @param tags its owner's, and nobody else's to see
 */
public record RegisteredImage(
        SignedManifest signed, Region region, Sharing sharing, ImageSettings settings, Map<String, String> tags)
        implements Access.Owned {
    public RegisteredImage {
        tags = Map.copyOf(tags);
    }

    public ImageManifest manifest() {
        return signed.manifest();
    }

    public ImageId id() {
        return signed.manifest().id();
    }

    @Override
    public AccountId owner() {
        return signed.manifest().owner();
    }

    public RegisteredImage with(Sharing newSharing) {
        return new RegisteredImage(signed, region, newSharing, settings, tags);
    }

    public RegisteredImage with(ImageSettings newSettings) {
        return new RegisteredImage(signed, region, sharing, newSettings, tags);
    }

    public RegisteredImage withTags(Map<String, String> newTags) {
        return new RegisteredImage(signed, region, sharing, settings, newTags);
    }
}
