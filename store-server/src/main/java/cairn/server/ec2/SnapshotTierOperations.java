package cairn.server.ec2;

import cairn.server.account.Caller;
import cairn.server.image.AllSnapshots;
import cairn.server.image.Archival;
import cairn.server.image.ImageRegistry;
import cairn.server.image.ListedSnapshot;
import cairn.server.image.Snapshot;
import cairn.server.image.SnapshotRegistry;
import java.time.Clock;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** Snapshots moved into the archive and out of it. */
public final class SnapshotTierOperations {
    private static final String DESCRIBE = "DescribeSnapshotTierStatus";
    private static final String DAYS = "TemporaryRestoreDays";
    private static final String PERMANENT = "PermanentRestore";
    private static final int ALL_PERCENT = 100;

    private final SnapshotRegistry snapshots;
    private final ImageRegistry images;
    private final AskedSnapshots asked;
    private final ShownSnapshots shown;
    private final Pages pages;
    private final Clock clock;

    public SnapshotTierOperations(
            AllSnapshots all, SnapshotRegistry snapshots, ImageRegistry images, Pages pages, Clock clock) {
        this.snapshots = snapshots;
        this.images = images;
        this.asked = new AskedSnapshots(all, snapshots);
        this.shown = new ShownSnapshots(clock);
        this.pages = pages;
        this.clock = clock;
    }

    public void addTo(Operations operations) {
        operations.add("ModifySnapshotTier", this::archive);
        operations.add("RestoreSnapshotTier", this::restore);
        Map<String, Function<Snapshot, Stream<String>>> values = Map.of(
                "last-tiering-operation", each -> archival(each).map(SnapshotTierOperations::status).stream(),
                "snapshot-id", each -> Stream.of(each.id().value()),
                "volume-id", each -> Stream.of(ShownSnapshots.volume(each.volume())));
        Filters<Snapshot> filters = operations.filters(DESCRIBE, values, Snapshot::tags);
        operations.add(DESCRIBE, request -> describe(request, filters));
    }

    private Effect archive(Ec2Request request) {
        Snapshot snapshot = asked.readOwn(request);
        if (!request.arguments().has("StorageTier")) {
            throw Ec2Failure.missing("StorageTier");
        }
        AskedSnapshots.requireUnused(
                snapshot.id(),
                snapshots.imagesOf(snapshot.id()).stream()
                        .filter(id -> images.find(request.caller(), id)
                                .filter(image -> !image.settings().isDisabled())
                                .isPresent())
                        .toList());
        snapshots.requireArchivable(snapshot);
        return () -> {
            Snapshot archived = snapshots.archive(request.caller(), snapshot.id());
            return Answer.of()
                    .put("snapshotId", archived.id().value())
                    .put("tieringStartTime", archival(archived).orElseThrow().startedAt());
        };
    }

    private Effect restore(Ec2Request request) {
        Snapshot snapshot = asked.readOwn(request);
        Arguments arguments = request.arguments();
        boolean isPermanent = arguments.flag(PERMANENT, false);
        if (isPermanent && arguments.has(DAYS)) {
            throw new Ec2Failure(
                    "InvalidParameterCombination",
                    "The parameter " + DAYS + " cannot be used with the parameter " + PERMANENT);
        }
        Optional<Integer> days =
                isPermanent ? Optional.empty() : Optional.of(Math.toIntExact(arguments.number(DAYS)));
        snapshots.requireRestorable(snapshot, days);
        return () -> {
            Snapshot restored = snapshots.restore(request.caller(), snapshot.id(), days);
            return Answer.of()
                    .put("snapshotId", restored.id().value())
                    .put("restoreStartTime", archival(restored).orElseThrow().startedAt())
                    .put("restoreDuration", days)
                    .put("isPermanentRestore", isPermanent);
        };
    }

    private Effect describe(Ec2Request request, Filters<Snapshot> filters) {
        Caller caller = request.caller();
        Predicate<Snapshot> passes = filters.of(request);
        Pages.Page page = pages.page(
                request,
                asked.own(caller, pages.after(request)).filter(passes),
                each -> each.id().value(),
                this::shown);
        return () -> Answer.of().put("snapshotTierStatusSet", page.items()).put("nextToken", page.nextToken());
    }

    private Answer shown(Snapshot snapshot) {
        Answer answer = Answer.of()
                .put("snapshotId", snapshot.id().value())
                .put("volumeId", ShownSnapshots.volume(snapshot.volume()))
                .put("status", ShownSnapshots.state(ListedSnapshot.of(snapshot)))
                .put("ownerId", snapshot.owner().value())
                .put("tagSet", Tags.shown(snapshot.tags()))
                .put("storageTier", shown.tier(snapshot.settings()));
        archival(snapshot).ifPresent(each -> answer
                .put("lastTieringStartTime", each.startedAt())
                .put("lastTieringProgress", ALL_PERCENT)
                .put("lastTieringOperationStatus", status(each))
                .put("archivalCompleteTime", each.archivedAt())
                .put("restoreExpiryTime", each.restoreEndsAt()));
        return answer;
    }

    private Optional<Archival> archival(Snapshot snapshot) {
        return snapshot.settings().archival().map(each -> each.at(clock.instant()));
    }

    private static String status(Archival archival) {
        return switch (archival.last()) {
            case ARCHIVE -> "archival-completed";
            case RESTORE_FOR_A_TIME -> "temporary-restore-completed";
            case RESTORE -> "permanent-restore-completed";
        };
    }
}
