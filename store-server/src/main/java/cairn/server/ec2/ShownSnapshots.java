package cairn.server.ec2;

import cairn.image.VolumeId;
import cairn.server.account.Caller;
import cairn.server.image.Archival;
import cairn.server.image.ListedSnapshot;
import cairn.server.image.SnapshotSettings;
import java.time.Clock;
import java.time.Instant;
import java.util.Locale;
import java.util.Optional;

/** Snapshots as answers show them. */
final class ShownSnapshots {
    static final String DEFAULT_KEY = "alias/aws/ebs";
    static final String STANDARD = "standard";
    static final String ARCHIVE = "archive";

    /** What EC2 names where a snapshot was made of no volume. */
    private static final String NO_VOLUME = "vol-ffffffff";
    private static final long GIB = 1L << 30;

    private final Clock clock;

    ShownSnapshots(Clock clock) {
        this.clock = clock;
    }

    /** All of it; its tags, and the label of its key, to its owner alone. */
    Answer shown(Caller caller, ListedSnapshot snapshot) {
        SnapshotSettings settings = snapshot.settings();
        Answer answer = Answer.of()
                .put("snapshotId", snapshot.id().value())
                .put("volumeId", volume(snapshot.volume()))
                .put("status", state(snapshot))
                .put("statusMessage", snapshot.failure())
                .put("startTime", snapshot.startedAt())
                .put("completionTime", settings.completedAt())
                .put("progress", progress(snapshot))
                .put("ownerId", snapshot.owner().value())
                .put("volumeSize", gib(snapshot.sizeBytes()))
                .put("description", snapshot.description())
                .put("encrypted", settings.isEncrypted())
                .put("kmsKeyId", key(settings.isEncrypted(), settings.keyId())
                        .filter(label -> AskedSnapshots.isOwn(caller, snapshot)))
                .put("sseType", sseType(settings.isEncrypted(), settings.keyId()))
                .put("storageTier", tier(snapshot))
                .put("restoreExpiryTime", restoreEndsAt(settings))
                .put("transferType", STANDARD);
        if (snapshot.state() == ListedSnapshot.State.COMPLETED) {
            answer.put("fullSnapshotSizeInBytes", snapshot.sizeBytes());
        }
        return AskedSnapshots.isOwn(caller, snapshot) ? answer.put("tagSet", Tags.shown(snapshot.tags())) : answer;
    }

    static String volume(Optional<VolumeId> volume) {
        return volume.map(VolumeId::value).orElse(NO_VOLUME);
    }

    static String state(ListedSnapshot snapshot) {
        return snapshot.state().name().toLowerCase(Locale.ROOT);
    }

    static String progress(ListedSnapshot snapshot) {
        return snapshot.progressPercent() + "%";
    }

    /** Rounded up. */
    static long gib(long sizeBytes) {
        return (sizeBytes + GIB - 1) / GIB;
    }

    /** Nothing of what is not encrypted. */
    static Optional<String> key(boolean isEncrypted, Optional<String> keyId) {
        return isEncrypted ? Optional.of(keyId.orElse(DEFAULT_KEY)) : Optional.empty();
    }

    static Optional<String> sseType(boolean isEncrypted, Optional<String> keyId) {
        return isEncrypted ? Optional.of(keyId.isPresent() ? "sse-kms" : "sse-ebs") : Optional.empty();
    }

    String tier(ListedSnapshot snapshot) {
        return tier(snapshot.settings());
    }

    String tier(SnapshotSettings settings) {
        return settings.isUsable(clock.instant()) ? STANDARD : ARCHIVE;
    }

    /** When what is restored for a time is archived again. */
    Optional<Instant> restoreEndsAt(SnapshotSettings settings) {
        return settings.archival().map(each -> each.at(clock.instant())).flatMap(Archival::restoreEndsAt);
    }
}
