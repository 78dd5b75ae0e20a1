package cairn.server.image;

import cairn.image.AccountId;
import cairn.image.Region;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import cairn.server.account.Access;
import cairn.server.account.Sharing;
import cairn.server.storage.DomainId;
import cairn.tree.TreeRoot;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * A disk at one moment, complete and unchangeable.
 *
 * @param domain the dedup domain in which its pages and chunks are found: of a copy, that of what it is a copy of
 * @param parent the snapshot that it was derived from
 * @param description for people; perhaps empty
 * @param volume that it was made of; empty for one that was uploaded
 * @param tags its owner's, and nobody else's to see
 */
public record Snapshot(
        SnapshotId id,
        AccountId owner,
        Region region,
        DomainId domain,
        TreeRoot root,
        Optional<SnapshotId> parent,
        Instant startedAt,
        String description,
        Optional<VolumeId> volume,
        Sharing sharing,
        SnapshotSettings settings,
        Map<String, String> tags)
        implements Access.Owned {
    public Snapshot {
        tags = Map.copyOf(tags);
    }

    public Snapshot with(Sharing newSharing) {
        return new Snapshot(
                id, owner, region, domain, root, parent, startedAt, description, volume, newSharing, settings, tags);
    }

    public Snapshot with(SnapshotSettings newSettings) {
        return new Snapshot(
                id, owner, region, domain, root, parent, startedAt, description, volume, sharing, newSettings, tags);
    }

    public Snapshot withTags(Map<String, String> newTags) {
        return new Snapshot(
                id, owner, region, domain, root, parent, startedAt, description, volume, sharing, settings, newTags);
    }
}
