package cairn.server.image;

import cairn.image.SnapshotId;
import cairn.server.account.Access;
import cairn.server.account.Access.Right;
import cairn.server.account.Caller;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The tags of snapshots, completed or not.
 *
 * @param completed those that are catalog records
 * @param pending where those that are not completed come from
 */
public record TaggedSnapshots(AllSnapshots all, TaggedResources completed, List<PendingSnapshots> pending)
        implements TaggedResources {
    public TaggedSnapshots {
        pending = List.copyOf(pending);
    }

    @Override
    public String idPrefix() {
        return SnapshotId.PREFIX;
    }

    /** Those that are not completed are asked for first: one that is completed meanwhile is a record then. */
    @Override
    public Optional<Tagged> find(Caller caller, String id) {
        SnapshotId snapshot = new SnapshotId(id);
        return pending.stream()
                .flatMap(home -> home.find(caller, snapshot).stream().map(each -> pending(caller, home, each)))
                .findFirst()
                .or(() -> completed.find(caller, id));
    }

    private static Tagged pending(Caller caller, PendingSnapshots home, SnapshotInProgress snapshot) {
        ImageRegistry.require(caller, Right.MANAGE, snapshot, snapshot.id().value());
        return new TaggedUnfinished(
                snapshot.id().value(), snapshot.tags(), change -> home.tag(caller, snapshot.id(), change));
    }

    @Override
    public Stream<TagSet> stream(Caller caller, String after) {
        return all.stream(caller, after)
                .filter(each -> Access.may(caller, Right.MANAGE, each))
                .map(each -> new TagSet(each.id().value(), each.tags()));
    }
}
