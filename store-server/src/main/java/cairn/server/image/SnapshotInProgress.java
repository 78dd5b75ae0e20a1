package cairn.server.image;

import cairn.image.AccountId;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * A snapshot of a volume that is being made, waits for an earlier one of the same volume, or could not be made.
 *
 * @param startedAt the moment that it will show; while it waits, when it was asked for
 * @param changedBytes of the chunks that have to be looked at; 0 while it waits
 * @param progressPercent of them that have been
 * @param failure why it could not be made
 */
public record SnapshotInProgress(
        SnapshotId id,
        AccountId owner,
        VolumeId volume,
        long sizeBytes,
        String description,
        Map<String, String> tags,
        Instant startedAt,
        long changedBytes,
        int progressPercent,
        Optional<String> failure) {}
