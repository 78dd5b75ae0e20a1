package cairn.server.image;

import cairn.image.AccountId;
import cairn.image.Architecture;
import cairn.image.BootMode;
import cairn.image.ImageId;
import cairn.image.ImageName;
import cairn.image.Region;
import cairn.image.SnapshotId;
import cairn.server.account.Access;
import cairn.server.account.Sharing;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * An image that has its id and its name, and whose disks are still being made snapshots of; or that could not be made.
 *
 * @param disks in the order that the maker chose
 * @param createdAt as it will stand in the manifest
 * @param settings as they will be
 * @param failure why it could not be made; then its name is free again
 */
public record ImageInProgress(
        ImageId id,
        AccountId owner,
        Region region,
        ImageName name,
        String description,
        Architecture architecture,
        Optional<BootMode> bootMode,
        String rootDevice,
        List<Disk> disks,
        Optional<ImageId> parent,
        Instant createdAt,
        ImageSettings settings,
        Map<String, String> tags,
        Optional<String> failure)
        implements Access.Owned {

    /** @param snapshot that is there, or is being made */
    public record Disk(String device, SnapshotId snapshot, long sizeBytes) {}

    public ImageInProgress {
        disks = List.copyOf(disks);
        tags = Map.copyOf(tags);
    }

    @Override
    public Sharing sharing() {
        return Sharing.NONE;
    }

    ImageInProgress withTags(Map<String, String> newTags) {
        return new ImageInProgress(
                id, owner, region, name, description, architecture, bootMode, rootDevice, disks, parent, createdAt,
                settings, newTags, failure);
    }

    ImageInProgress failed(String why) {
        return new ImageInProgress(
                id, owner, region, name, description, architecture, bootMode, rootDevice, disks, parent, createdAt,
                settings, tags, Optional.of(why));
    }
}
