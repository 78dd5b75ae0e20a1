package cairn.server.image;

import cairn.image.SnapshotId;
import cairn.server.account.Caller;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;

/** Snapshots that are not completed, wherever they come from. */
public interface PendingSnapshots {
    /** One that is not completed, if the caller may see it. */
    Optional<SnapshotInProgress> find(Caller caller, SnapshotId id);

    /** All that are not completed and that the caller may see. */
    List<SnapshotInProgress> list(Caller caller);

    /**
     * Gives one other tags, which it keeps when it is completed.
     *
     * @param change makes them of those that it has; no other change comes between
     * @return whether it is here
     */
    boolean tag(Caller caller, SnapshotId id, UnaryOperator<Map<String, String>> change);

    /**
     * Forgets one that could not be made, or gives one up that its owner may give up.
     *
     * @return whether there was such a one
     * @throws cairn.StoreException CONFLICT if it is still being made and that cannot be given up
     */
    boolean forget(Caller caller, SnapshotId id);
}
