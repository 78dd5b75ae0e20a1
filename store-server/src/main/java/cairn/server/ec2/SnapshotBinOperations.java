package cairn.server.ec2;

import cairn.Fault;
import cairn.StoreException;
import cairn.image.SnapshotId;
import cairn.server.account.Caller;
import cairn.server.image.ListedSnapshot;
import cairn.server.image.Recycled;
import cairn.server.image.Snapshot;
import cairn.server.image.SnapshotRegistry;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Snapshots in the recycle bin. */
public final class SnapshotBinOperations {
    private final SnapshotRegistry snapshots;
    private final Pages pages;

    public SnapshotBinOperations(SnapshotRegistry snapshots, Pages pages) {
        this.snapshots = snapshots;
        this.pages = pages;
    }

    public void addTo(Operations operations) {
        operations.add("ListSnapshotsInRecycleBin", this::list);
        operations.add("RestoreSnapshotFromRecycleBin", this::restore);
    }

    private Effect list(Ec2Request request) {
        Caller caller = request.caller();
        List<SnapshotId> ids = request.arguments().texts(AskedSnapshots.SNAPSHOT_ID).stream()
                .map(ResourceKind::snapshotId)
                .toList();
        List<String> missing = ids.stream()
                .filter(id -> findRecycled(caller, id).isEmpty())
                .map(SnapshotId::value)
                .toList();
        if (!missing.isEmpty()) {
            throw ResourceKind.SNAPSHOT.notFound(missing);
        }
        Stream<Snapshot> recycled = snapshots.recycled(caller, pages.after(request))
                .filter(each -> ids.isEmpty() || ids.contains(each.id()));
        Pages.Page page =
                pages.page(request, recycled, each -> each.id().value(), SnapshotBinOperations::shown);
        return () -> Answer.of().put("snapshotSet", page.items()).put("nextToken", page.nextToken());
    }

    private Optional<Snapshot> findRecycled(Caller caller, SnapshotId id) {
        try {
            return Optional.of(snapshots.readRecycled(caller, id));
        } catch (StoreException e) {
            if (e.fault() == Fault.NOT_FOUND) {
                return Optional.empty();
            }
            throw e;
        }
    }

    private static Answer shown(Snapshot snapshot) {
        Recycled recycled = snapshot.settings().recycled().orElseThrow();
        return Answer.of()
                .put("snapshotId", snapshot.id().value())
                .put("recycleBinEnterTime", recycled.enteredAt())
                .put("recycleBinExitTime", recycled.exitsAt())
                .put("description", snapshot.description())
                .put("volumeId", ShownSnapshots.volume(snapshot.volume()));
    }

    private Effect restore(Ec2Request request) {
        SnapshotId id = ResourceKind.snapshotId(request.arguments().text(AskedSnapshots.SNAPSHOT_ID));
        snapshots.readRecycled(request.caller(), id);
        return () -> {
            Snapshot snapshot = snapshots.takeBack(request.caller(), id);
            boolean isEncrypted = snapshot.settings().isEncrypted();
            ListedSnapshot listed = ListedSnapshot.of(snapshot);
            return Answer.of()
                    .put("snapshotId", id.value())
                    .put("description", snapshot.description())
                    .put("encrypted", isEncrypted)
                    .put("ownerId", snapshot.owner().value())
                    .put("progress", ShownSnapshots.progress(listed))
                    .put("startTime", snapshot.startedAt())
                    .put("status", ShownSnapshots.state(listed))
                    .put("volumeId", ShownSnapshots.volume(snapshot.volume()))
                    .put("volumeSize", ShownSnapshots.gib(snapshot.root().sizeBytes()))
                    .put("sseType", ShownSnapshots.sseType(isEncrypted, snapshot.settings().keyId()));
        };
    }
}
