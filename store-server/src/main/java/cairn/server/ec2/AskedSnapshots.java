package cairn.server.ec2;

import cairn.image.ImageId;
import cairn.image.SnapshotId;
import cairn.server.account.Access;
import cairn.server.account.Access.Right;
import cairn.server.account.Caller;
import cairn.server.account.Encryption;
import cairn.server.image.AllSnapshots;
import cairn.server.image.ListedSnapshot;
import cairn.server.image.Snapshot;
import cairn.server.image.SnapshotRegistry;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The snapshots that requests name, and how EC2 says that one cannot be had. */
final class AskedSnapshots {
    static final String SNAPSHOT_ID = "SnapshotId";

    private final AllSnapshots all;
    private final SnapshotRegistry completed;

    AskedSnapshots(AllSnapshots all, SnapshotRegistry completed) {
        this.all = all;
        this.completed = completed;
    }

    /**
     * The snapshot that a request names as its {@code SnapshotId}, completed or not.
     *
     * @throws Ec2Failure InvalidSnapshot.NotFound; UnauthorizedOperation without the right
     */
    ListedSnapshot read(Ec2Request request, Right right) {
        return all.read(
                request.caller(), right, ResourceKind.snapshotId(request.arguments().text(SNAPSHOT_ID)));
    }

    /** The caller's own, completed one. @throws Ec2Failure also IncorrectState for one that is not completed */
    Snapshot readOwn(Ec2Request request) {
        return read(request.caller(), Right.MANAGE, request.arguments().text(SNAPSHOT_ID));
    }

    /** A completed one. @throws Ec2Failure also IncorrectState for one that is not completed, or archived */
    Snapshot read(Caller caller, Right right, String text) {
        SnapshotId id = ResourceKind.snapshotId(text);
        if (all.read(caller, Right.SEE, id).state() != ListedSnapshot.State.COMPLETED) {
            throw new Ec2Failure("IncorrectState", "Snapshot " + id + " is not in the state 'completed'");
        }
        return completed.read(caller, right, id);
    }

    /**
     * Those that a list names; nothing is left out.
     *
     * @throws Ec2Failure InvalidSnapshot.NotFound with all that are not there
     */
    List<ListedSnapshot> readAll(Caller caller, List<String> texts) {
        List<SnapshotId> ids = texts.stream().distinct().map(ResourceKind::snapshotId).toList();
        List<ListedSnapshot> found = ids.stream().flatMap(id -> all.find(caller, id).stream()).toList();
        if (found.size() < ids.size()) {
            List<SnapshotId> there = found.stream().map(ListedSnapshot::id).toList();
            throw ResourceKind.SNAPSHOT.notFound(ids.stream()
                    .filter(id -> !there.contains(id))
                    .map(SnapshotId::value)
                    .toList());
        }
        return found;
    }

    /** As {@link SnapshotRegistry#encryptionFor}. */
    Encryption.Choice encryptionFor(Caller caller, Snapshot source) {
        return completed.encryptionFor(caller, source);
    }

    /** The caller's own, completed ones, in the order of their ids. */
    Stream<Snapshot> own(Caller caller, String after) {
        return completed.stream(caller, after).filter(each -> isOwn(caller, each));
    }

    static boolean isOwn(Caller caller, Access.Owned snapshot) {
        return Access.may(caller, Right.MANAGE, snapshot);
    }

    /** @throws Ec2Failure InvalidSnapshot.InUse */
    static void requireUnused(SnapshotId id, List<ImageId> users) {
        if (!users.isEmpty()) {
            throw new Ec2Failure(
                    "InvalidSnapshot.InUse",
                    "The snapshot " + id + " is currently in use by "
                            + users.stream().map(ImageId::value).collect(Collectors.joining(", ")));
        }
    }
}
