package cairn.server.upload;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.storage.Catalog;
import cairn.server.storage.ForwardingCatalog;
import java.util.List;

/** A catalog that makes a commit and says that it has failed, as a disk may that fails after it has written. */
final class LyingCatalog extends ForwardingCatalog {
    /** Of a record that the commit changes; null: it does not lie. */
    private String prefix;

    LyingCatalog(Catalog catalog) {
        super(catalog);
    }

    /** About the next commit. */
    void lieOnce() {
        lieOnceFor("");
    }

    /** About the next commit that changes such a record. */
    synchronized void lieOnceFor(String keyPrefix) {
        prefix = keyPrefix;
    }

    @Override
    public synchronized void commit(List<Change> changes) {
        super.commit(changes);
        if (prefix != null && changes.stream().anyMatch(change -> change.key().startsWith(prefix))) {
            prefix = null;
            throw new StoreException(Fault.INTERNAL, "the disk has failed");
        }
    }
}
