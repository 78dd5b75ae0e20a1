package cairn.server.gc;

import cairn.image.AccountId;
import cairn.server.storage.DomainId;
import cairn.tree.TreeRoot;
import java.util.Optional;

/**
 * A tree that something keeps.
 *
 * @param id of the snapshot or volume, for people; of an open tree its root digest
 * @param account whose it is; empty for a tree that is open
 * @param domain where its pages and chunks are found
 */
public record Root(Kind kind, String id, Optional<AccountId> account, DomainId domain, TreeRoot tree) {

    /** What keeps it. */
    public enum Kind {
        /** Completed, whatever its state: locked, archived, in the recycle bin. */
        SNAPSHOT,
        /** What a volume begins as, also one in the recycle bin. */
        VOLUME,
        /** The parent of a snapshot that is being written block by block. */
        PENDING_SNAPSHOT,
        /** Somebody is reading it, though its snapshot may be gone. */
        OPEN_TREE
    }
}
