package cairn.server.image;

import cairn.image.AccountId;
import cairn.image.ImageId;
import cairn.image.Region;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import cairn.server.account.Access;
import cairn.server.account.Sharing;
import cairn.server.volume.VolumeState;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * A volume as the registry has it. What it begins as stands here by its root, so that image and snapshot may go.
 *
 * @param image that it was made from, or the last that was made of it
 * @param snapshot likewise: the parent of the next one
 * @param isReadOnly nobody may write to it
 * @param isEphemeral it goes when the last client leaves
 */
public record RegisteredVolume(
        VolumeId id,
        AccountId owner,
        Region region,
        VolumeState state,
        Optional<ImageId> image,
        Optional<SnapshotId> snapshot,
        boolean isReadOnly,
        boolean isEphemeral,
        Instant createdAt,
        VolumeSettings settings,
        Map<String, String> tags)
        implements Access.Owned {
    public RegisteredVolume {
        tags = Map.copyOf(tags);
    }

    @Override
    public Sharing sharing() {
        return Sharing.NONE;
    }

    public long sizeBytes() {
        return state.sizeBytes();
    }

    /**
     * The same volume over the tree of a snapshot of it. Where root has made that for itself, the volume names what it
     * did before: the owner may not see root's.
     *
     * @param newImage of that snapshot, if one was made
     */
    RegisteredVolume over(VolumeState after, Snapshot newSnapshot, Optional<ImageId> newImage) {
        boolean isOwners = newSnapshot.owner().equals(owner);
        return new RegisteredVolume(
                id,
                owner,
                region,
                after,
                isOwners ? newImage.or(() -> image) : image,
                isOwners ? Optional.of(newSnapshot.id()) : snapshot,
                isReadOnly,
                isEphemeral,
                createdAt,
                settings,
                tags);
    }

    public RegisteredVolume with(VolumeSettings newSettings) {
        return new RegisteredVolume(
                id, owner, region, state, image, snapshot, isReadOnly, isEphemeral, createdAt, newSettings, tags);
    }

    public RegisteredVolume withTags(Map<String, String> newTags) {
        return new RegisteredVolume(
                id, owner, region, state, image, snapshot, isReadOnly, isEphemeral, createdAt, settings, newTags);
    }
}
