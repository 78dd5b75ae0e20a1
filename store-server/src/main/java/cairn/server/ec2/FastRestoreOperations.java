package cairn.server.ec2;

import cairn.Fault;
import cairn.StoreException;
import cairn.image.SnapshotId;
import cairn.server.account.Access.Right;
import cairn.server.account.Caller;
import cairn.server.image.AllSnapshots;
import cairn.server.image.FastRestore;
import cairn.server.image.FastRestores;
import cairn.server.image.Snapshot;
import cairn.server.image.SnapshotRegistry;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** Snapshots whose volumes are to be quick from the start. */
public final class FastRestoreOperations {
    private static final String DESCRIBE = "DescribeFastSnapshotRestores";
    private static final String ZONES = "AvailabilityZone";
    private static final String IDS = "SourceSnapshotId";
    private static final String BY_USER = "Client.UserInitiated";
    private static final String BY_ITSELF = "Client.UserInitiated - Lifecycle state transition";

    private final FastRestores restores;
    private final AskedSnapshots asked;
    private final Pages pages;
    private final Clock clock;

    public FastRestoreOperations(
            AllSnapshots all, SnapshotRegistry snapshots, FastRestores restores, Pages pages, Clock clock) {
        this.restores = restores;
        this.asked = new AskedSnapshots(all, snapshots);
        this.pages = pages;
        this.clock = clock;
    }

    /** One snapshot's in one zone. */
    private record InZone(Snapshot snapshot, String zone, FastRestore restore) {
        String place() {
            return snapshot.id().value() + '/' + zone;
        }

        String state() {
            return restore.state().name().toLowerCase(Locale.ROOT);
        }

        Answer shown() {
            return Answer.of()
                    .put("snapshotId", snapshot.id().value())
                    .put("availabilityZone", zone)
                    .put("state", state())
                    .put("stateTransitionReason", restore.optimizingAt().isPresent() ? BY_ITSELF : BY_USER)
                    .put("ownerId", snapshot.owner().value())
                    .put("enablingTime", restore.enablingAt())
                    .put("optimizingTime", restore.optimizingAt())
                    .put("enabledTime", restore.enabledAt());
        }
    }

    public void addTo(Operations operations) {
        operations.add("EnableFastSnapshotRestores", request -> changing(request, this::enable));
        operations.add("DisableFastSnapshotRestores", request -> changing(request, this::disable));
        Map<String, Function<InZone, Stream<String>>> values = Map.of(
                "availability-zone", each -> Stream.of(each.zone),
                "owner-id", each -> Stream.of(each.snapshot.owner().value()),
                "snapshot-id", each -> Stream.of(each.snapshot.id().value()),
                "state", each -> Stream.of(each.state()));
        Filters<InZone> filters = operations.filters(DESCRIBE, values);
        operations.add(DESCRIBE, request -> describe(request, filters));
    }

    private interface Change {
        List<Answer> of(Caller caller, SnapshotId id, List<String> zones);
    }

    /** One by one: what cannot be done for a snapshot is told of that one. */
    private Effect changing(Ec2Request request, Change change) {
        Arguments arguments = request.arguments();
        List<String> zones = arguments.texts(ZONES).stream().distinct().toList();
        if (zones.isEmpty()) {
            throw Ec2Failure.missing(ZONES);
        }
        zones.forEach(zone -> Zones.require(request.caller().region(), zone));
        List<String> ids = arguments.texts(IDS).stream().distinct().toList();
        return () -> {
            List<Answer> successful = new ArrayList<>();
            List<Answer> unsuccessful = new ArrayList<>();
            for (String id : ids) {
                try {
                    successful.addAll(change.of(request.caller(), ResourceKind.snapshotId(id), zones));
                } catch (Ec2Failure | StoreException e) {
                    unsuccessful.add(failed(id, zones, told(e)));
                }
            }
            return Answer.of().put("successful", successful).put("unsuccessful", unsuccessful);
        };
    }

    /** What is a fault of ours is no reason that this snapshot gives. */
    private static Ec2Failure told(RuntimeException failure) {
        return switch (Fault.of(failure)) {
            case NOT_FOUND, FORBIDDEN, CONFLICT, INVALID_REQUEST -> Ec2Failure.of(failure);
            default -> {
                if (failure instanceof Ec2Failure told) {
                    yield told;
                }
                throw failure;
            }
        };
    }

    private static Answer failed(String id, List<String> zones, Ec2Failure failure) {
        return Answer.of()
                .put("snapshotId", id)
                .put("fastSnapshotRestoreStateErrorSet", zones.stream()
                        .map(zone -> Answer.of()
                                .put("availabilityZone", zone)
                                .put("error", Answer.of()
                                        .put("code", failure.code())
                                        .put("message", String.valueOf(failure.getMessage()))))
                        .toList());
    }

    private List<Answer> enable(Caller caller, SnapshotId id, List<String> zones) {
        asked.read(caller, Right.MANAGE, id.value());
        Snapshot enabled = restores.enable(caller, id, zones);
        return zones.stream()
                .map(zone -> new InZone(enabled, zone, enabled.settings().fastRestores().get(zone)).shown())
                .toList();
    }

    private List<Answer> disable(Caller caller, SnapshotId id, List<String> zones) {
        Snapshot before = asked.read(caller, Right.MANAGE, id.value());
        restores.disable(caller, id, zones);
        Instant now = clock.instant();
        return zones.stream()
                .map(zone -> Answer.of()
                        .put("snapshotId", id.value())
                        .put("availabilityZone", zone)
                        .put("state", "disabled")
                        .put("stateTransitionReason", BY_USER)
                        .put("ownerId", before.owner().value())
                        .put("enabledTime", Optional.ofNullable(before.settings().fastRestores().get(zone))
                                .flatMap(FastRestore::enabledAt))
                        .put("disablingTime", now)
                        .put("disabledTime", now))
                .toList();
    }

    private Effect describe(Ec2Request request, Filters<InZone> filters) {
        Predicate<InZone> passes = filters.of(request);
        Stream<InZone> all = asked.own(request.caller(), "")
                .flatMap(snapshot -> snapshot.settings().fastRestores().entrySet().stream()
                        .sorted(Map.Entry.comparingByKey())
                        .map(each -> new InZone(snapshot, each.getKey(), each.getValue())));
        Pages.Page page = pages.page(request, all.filter(passes), InZone::place, InZone::shown);
        return () -> Answer.of().put("fastSnapshotRestoreSet", page.items()).put("nextToken", page.nextToken());
    }
}
