package cairn.server.image;

import cairn.image.AccountId;
import cairn.image.Region;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import cairn.server.account.Access;
import cairn.server.account.Sharing;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * A snapshot that is not completed: it is being written or made, waits for an earlier one of the same volume, or could
 * not be made.
 *
 * @param volume that it is made of; empty for one that is uploaded
 * @param settings as they will be once it is completed
 * @param startedAt the moment that it will show; while it waits, when it was asked for
 * @param changedBytes of the chunks that have to be looked at; 0 while it waits
 * @param progressPercent of them that have been
 * @param failure why it could not be made
 */
public record SnapshotInProgress(
        SnapshotId id,
        AccountId owner,
        Region region,
        Optional<VolumeId> volume,
        Optional<SnapshotId> parent,
        long sizeBytes,
        String description,
        Map<String, String> tags,
        SnapshotSettings settings,
        Instant startedAt,
        long changedBytes,
        int progressPercent,
        Optional<String> failure)
        implements Access.Owned {

    public SnapshotInProgress {
        tags = Map.copyOf(tags);
    }

    SnapshotInProgress withTags(Map<String, String> newTags) {
        return new SnapshotInProgress(
                id, owner, region, volume, parent, sizeBytes, description, newTags, settings, startedAt, changedBytes,
                progressPercent, failure);
    }

    SnapshotInProgress failed(String why) {
        return new SnapshotInProgress(
                id, owner, region, volume, parent, sizeBytes, description, tags, settings, startedAt, changedBytes,
                progressPercent, Optional.of(why));
    }

    @Override
    public Sharing sharing() {
        return Sharing.NONE;
    }
}
