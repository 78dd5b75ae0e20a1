package cairn.server.ec2;

import cairn.image.SnapshotId;
import cairn.server.account.Caller;
import cairn.server.image.AllSnapshots;
import cairn.server.image.Snapshot;
import cairn.server.image.SnapshotLock;
import cairn.server.image.SnapshotLock.Mode;
import cairn.server.image.SnapshotLock.Wanted;
import cairn.server.image.SnapshotRegistry;
import java.time.Clock;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;

/** Snapshots locked against being deleted. */
public final class SnapshotLockOperations {
    private static final String DESCRIBE = "DescribeLockedSnapshots";
    private static final String DURATION = "LockDuration";
    private static final String EXPIRATION = "ExpirationDate";
    private static final String COOL_OFF = "CoolOffPeriod";

    private final SnapshotRegistry snapshots;
    private final AskedSnapshots asked;
    private final Pages pages;
    private final Clock clock;

    public SnapshotLockOperations(AllSnapshots all, SnapshotRegistry snapshots, Pages pages, Clock clock) {
        this.snapshots = snapshots;
        this.asked = new AskedSnapshots(all, snapshots);
        this.pages = pages;
        this.clock = clock;
    }

    public void addTo(Operations operations) {
        operations.add("LockSnapshot", this::lock);
        operations.add("UnlockSnapshot", this::unlock);
        Filters<SnapshotLock> filters =
                operations.filters(DESCRIBE, Map.of("lock-state", each -> Stream.of(state(each))));
        operations.add(DESCRIBE, request -> describe(request, filters));
    }

    private Effect lock(Ec2Request request) {
        Snapshot snapshot = asked.readOwn(request);
        Wanted wanted = wanted(request.arguments());
        snapshots.requireLockable(snapshot, wanted);
        return () -> shown(snapshots.lock(request.caller(), snapshot.id(), wanted));
    }

    private static Wanted wanted(Arguments arguments) {
        Mode mode = Mode.valueOf(arguments.text("LockMode").toUpperCase(Locale.ROOT));
        if (!arguments.has(DURATION) && !arguments.has(EXPIRATION)) {
            throw Ec2Failure.missing(DURATION + '/' + EXPIRATION);
        }
        if (mode == Mode.GOVERNANCE && arguments.has(COOL_OFF)) {
            throw new Ec2Failure(
                    "InvalidParameterCombination", "The parameter CoolOffPeriod cannot be used in governance mode");
        }
        return new Wanted(
                mode,
                whole(arguments.findNumber(COOL_OFF)),
                whole(arguments.findNumber(DURATION)),
                arguments.findTime(EXPIRATION));
    }

    private static Optional<Integer> whole(OptionalLong number) {
        return number.isPresent() ? Optional.of(Math.toIntExact(number.getAsLong())) : Optional.empty();
    }

    private Effect unlock(Ec2Request request) {
        Snapshot snapshot = asked.readOwn(request);
        snapshots.requireUnlockable(snapshot);
        return () -> {
            snapshots.unlock(request.caller(), snapshot.id());
            return Answer.of().put("snapshotId", snapshot.id().value());
        };
    }

    private Effect describe(Ec2Request request, Filters<SnapshotLock> filters) {
        Caller caller = request.caller();
        List<String> named = request.arguments().texts(AskedSnapshots.SNAPSHOT_ID);
        List<SnapshotId> ids = asked.readAll(caller, named).stream().map(each -> each.id()).toList();
        var passes = filters.of(request);
        Stream<Snapshot> locked = asked.own(caller, pages.after(request))
                .filter(each -> ids.isEmpty() || ids.contains(each.id()))
                .filter(each -> each.settings().lock().filter(passes).isPresent());
        Pages.Page page = pages.page(
                request, locked, each -> each.id().value(), each -> shown(each).put("ownerId", each.owner().value()));
        return () -> Answer.of().put("snapshotSet", page.items()).put("nextToken", page.nextToken());
    }

    private Answer shown(Snapshot snapshot) {
        SnapshotLock lock = snapshot.settings().lock().orElseThrow();
        return Answer.of()
                .put("snapshotId", snapshot.id().value())
                .put("lockState", state(lock))
                .put("lockDuration", lock.durationDays())
                .put("coolOffPeriod", lock.coolOffHours())
                .put("coolOffPeriodExpiresOn", lock.coolOffEndsAt())
                .put("lockCreatedOn", lock.createdAt())
                .put("lockDurationStartTime", lock.startsAt())
                .put("lockExpiresOn", lock.expiresAt());
    }

    private String state(SnapshotLock lock) {
        return lock.state(clock.instant()).name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
