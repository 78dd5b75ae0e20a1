package cairn.server.image;

import cairn.image.SnapshotId;
import cairn.server.account.Access.Right;
import cairn.server.account.Caller;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/** All snapshots of a store, those that are not completed included, wherever they come from. Safe for threads. */
public final class AllSnapshots {
    private static final Comparator<ListedSnapshot> BY_ID = Comparator.comparing(each -> each.id().value());

    private final SnapshotRegistry completed;
    private final List<PendingSnapshots> pending;

    public AllSnapshots(SnapshotRegistry completed, List<PendingSnapshots> pending) {
        this.completed = completed;
        this.pending = List.copyOf(pending);
    }

    /**
     * Nothing if there is none that the caller may see. Those that are not completed are asked for first: one that is
     * completed meanwhile is in the registry then.
     */
    public Optional<ListedSnapshot> find(Caller caller, SnapshotId id) {
        return pending.stream()
                .flatMap(each -> each.find(caller, id).stream())
                .findFirst()
                .map(ListedSnapshot::of)
                .or(() -> completed.find(caller, id).map(ListedSnapshot::of));
    }

    /** @throws cairn.StoreException NOT_FOUND if there is none that the caller may see, FORBIDDEN without the right */
    public ListedSnapshot read(Caller caller, Right right, SnapshotId id) {
        ListedSnapshot snapshot =
                find(caller, id).orElseThrow(() -> ImageRegistry.notFound("snapshot", id.value()));
        if (snapshot.state() == ListedSnapshot.State.COMPLETED) {
            return ListedSnapshot.of(completed.read(caller, right, id));
        }
        ImageRegistry.require(caller, right, snapshot, id.value());
        return snapshot;
    }

    /** All that the caller may see, in the order of their ids. @param after only ids after this; may be empty */
    public Stream<ListedSnapshot> stream(Caller caller, String after) {
        Map<String, ListedSnapshot> notCompleted = new TreeMap<>();
        for (PendingSnapshots each : pending) {
            for (SnapshotInProgress snapshot : each.list(caller)) {
                if (snapshot.id().value().compareTo(after) > 0) {
                    notCompleted.put(snapshot.id().value(), ListedSnapshot.of(snapshot));
                }
            }
        }
        return Merged.of(
                notCompleted.values().stream(), completed.stream(caller, after).map(ListedSnapshot::of), BY_ID);
    }

    /**
     * Removes a snapshot, completed or not.
     *
     * @throws cairn.StoreException NOT_FOUND; FORBIDDEN; CONFLICT as {@link SnapshotRegistry#remove} says, and for one
     *     that is being made and cannot be given up
     */
    public void remove(Caller caller, SnapshotId id) {
        for (PendingSnapshots each : pending) {
            if (each.forget(caller, id)) {
                return;
            }
        }
        completed.remove(caller, id);
    }
}
