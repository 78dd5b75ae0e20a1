package cairn.server.image;

import static cairn.Fault.CONFLICT;

import cairn.StoreException;
import cairn.image.SnapshotId;
import cairn.server.account.Access;
import cairn.server.account.Access.Right;
import cairn.server.account.Caller;
import cairn.server.storage.Catalog.Change;
import java.util.List;
import java.util.Map;
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

    /** One that is not completed. */
    private record Pending(Caller caller, PendingSnapshots home, SnapshotInProgress snapshot) implements Tagged {
        @Override
        public Map<String, String> tags() {
            return snapshot.tags();
        }

        @Override
        public Optional<Change> retagging(Map<String, String> newTags) {
            return Optional.empty();
        }

        /** Also false where others have changed them meanwhile: who reads them again can try again. */
        @Override
        public boolean retag(Map<String, String> newTags) {
            try {
                return home.tag(caller, snapshot.id(), before -> {
                    if (!before.equals(snapshot.tags())) {
                        throw new StoreException(
                                CONFLICT, "others have changed the tags of snapshot " + snapshot.id() + " meanwhile");
                    }
                    return newTags;
                });
            } catch (StoreException e) {
                if (e.fault() == CONFLICT) {
                    return false;
                }
                throw e;
            }
        }
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
        return new Pending(caller, home, snapshot);
    }

    @Override
    public Stream<TagSet> stream(Caller caller, String after) {
        return all.stream(caller, after)
                .filter(each -> Access.may(caller, Right.MANAGE, each))
                .map(each -> new TagSet(each.id().value(), each.tags()));
    }
}
