package cairn.server.image;

import cairn.image.SnapshotId;
import cairn.server.account.Access.Right;
import cairn.server.account.Caller;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

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
        Iterator<ListedSnapshot> merged = new Merged(
                notCompleted.values().iterator(),
                completed.stream(caller, after).map(ListedSnapshot::of).iterator());
        return StreamSupport.stream(
                Spliterators.spliteratorUnknownSize(merged, Spliterator.ORDERED | Spliterator.NONNULL), false);
    }

    /** Two lists in order as one; of what is in both, the completed one. */
    private static final class Merged implements Iterator<ListedSnapshot> {
        private final Iterator<ListedSnapshot> first;
        private final Iterator<ListedSnapshot> second;
        private ListedSnapshot ofFirst;
        private ListedSnapshot ofSecond;

        Merged(Iterator<ListedSnapshot> first, Iterator<ListedSnapshot> second) {
            this.first = first;
            this.second = second;
            this.ofFirst = next(first);
            this.ofSecond = next(second);
        }

        private static ListedSnapshot next(Iterator<ListedSnapshot> list) {
            return list.hasNext() ? list.next() : null;
        }

        @Override
        public boolean hasNext() {
            return ofFirst != null || ofSecond != null;
        }

        @Override
        public ListedSnapshot next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            int order = ofFirst == null ? 1 : ofSecond == null ? -1 : BY_ID.compare(ofFirst, ofSecond);
            ListedSnapshot next = order < 0 ? ofFirst : ofSecond;
            if (order <= 0) {
                ofFirst = next(first);
            }
            if (order >= 0) {
                ofSecond = next(second);
            }
            return next;
        }
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
