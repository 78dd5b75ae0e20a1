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
 * A snapshot as lists show it, completed or not.
 *
 * @param progressPercent 100 of one that is completed
 * @param failure why it could not be made
 */
public record ListedSnapshot(
        SnapshotId id,
        AccountId owner,
        Region region,
        State state,
        Optional<VolumeId> volume,
        long sizeBytes,
        String description,
        Instant startedAt,
        int progressPercent,
        Optional<String> failure,
        Sharing sharing,
        SnapshotSettings settings,
        Map<String, String> tags)
        implements Access.Owned {
    private static final int ALL_PERCENT = 100;

    /** How far it is. */
    public enum State {
        PENDING,
        COMPLETED,
        ERROR
    }

    public static ListedSnapshot of(Snapshot snapshot) {
        return new ListedSnapshot(
                snapshot.id(),
                snapshot.owner(),
                snapshot.region(),
                State.COMPLETED,
                snapshot.volume(),
                snapshot.root().sizeBytes(),
                snapshot.description(),
                snapshot.startedAt(),
                ALL_PERCENT,
                Optional.empty(),
                snapshot.sharing(),
                snapshot.settings(),
                snapshot.tags());
    }

    public static ListedSnapshot of(SnapshotInProgress snapshot) {
        return new ListedSnapshot(
                snapshot.id(),
                snapshot.owner(),
                snapshot.region(),
                snapshot.failure().isEmpty() ? State.PENDING : State.ERROR,
                snapshot.volume(),
                snapshot.sizeBytes(),
                snapshot.description(),
                snapshot.startedAt(),
                snapshot.progressPercent(),
                snapshot.failure(),
                snapshot.sharing(),
                snapshot.settings(),
                snapshot.tags());
    }
}
