package cairn.server.upload;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.storage.Catalog;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** A catalog that makes a commit and says that it has failed, as a disk may that fails after it has written. */
final class LyingCatalog implements Catalog {
    private final Catalog catalog;
    /** Of a record that the commit changes; null: it does not lie. */
    private String prefix;

    LyingCatalog(Catalog catalog) {
        this.catalog = catalog;
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
    public Optional<Entry> find(String key) {
        return catalog.find(key);
    }

    @Override
    public List<Entry> list(String keyPrefix, String after, int entriesMax) {
        return catalog.list(keyPrefix, after, entriesMax);
    }

    @Override
    public void forEach(List<String> prefixes, Consumer<Entry> visitor) {
        catalog.forEach(prefixes, visitor);
    }

    @Override
    public synchronized void commit(List<Change> changes) {
        catalog.commit(changes);
        if (prefix != null && changes.stream().anyMatch(change -> change.key().startsWith(prefix))) {
            prefix = null;
            throw new StoreException(Fault.INTERNAL, "the disk has failed");
        }
    }
}
