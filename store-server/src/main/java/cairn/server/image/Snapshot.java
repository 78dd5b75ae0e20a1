package cairn.server.image;

import cairn.image.AccountId;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import cairn.server.storage.DomainId;
import cairn.tree.TreeRoot;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * A disk at one moment, complete and unchangeable.
 *
 * @param domain the dedup domain in which its pages and chunks are found
 * @param parent the snapshot that it was derived from
 * @param description for people; perhaps empty
 * @param volume that it was made of; empty for one that was uploaded
 */
public record Snapshot(
        SnapshotId id,
        AccountId owner,
        DomainId domain,
        TreeRoot root,
        Optional<SnapshotId> parent,
        Instant startedAt,
        String description,
        Optional<VolumeId> volume,
        Map<String, String> tags) {
    public Snapshot {
        tags = Map.copyOf(tags);
    }
}
