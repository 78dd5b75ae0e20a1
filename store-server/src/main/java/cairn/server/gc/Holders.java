package cairn.server.gc;

import cairn.server.storage.DomainId;
import cairn.tree.TreeRoot;
import java.util.List;
import java.util.Set;

/** Everything that keeps trees, as people know it. */
@FunctionalInterface
public interface Holders {
    /**
     * All of it, as it is at one moment.
     *
     * @throws cairn.StoreException CORRUPT, naming it, if a record cannot be read; then nobody knows what it keeps
     */
    View read();

    /**
     * @param holders images, snapshots that no image names, volumes, and snapshots that are being written
     * @param openTrees that somebody reads just now, though what they were of may be gone
     */
    record View(List<Holder> holders, Set<OpenTree> openTrees) {
        public View {
            holders = List.copyOf(holders);
            openTrees = Set.copyOf(openTrees);
        }
    }

    /** A tree that is open, and where it is found. */
    record OpenTree(DomainId domain, TreeRoot root) {}
}
