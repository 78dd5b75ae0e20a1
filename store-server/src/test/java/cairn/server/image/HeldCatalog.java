package cairn.server.image;

import cairn.StoreException;
import cairn.server.storage.Catalog;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/** A catalog whose commits that complete a snapshot wait, or fail, where a test says so. */
final class HeldCatalog implements Catalog {
    private final Catalog catalog;
    private boolean isHeld;
    private final Set<String> passing = new HashSet<>();
    private volatile StoreException failure;

    HeldCatalog(Catalog catalog) {
        this.catalog = catalog;
    }

    /** Such commits wait from now on. */
    synchronized void hold() {
        isHeld = true;
    }

    synchronized void letGo() {
        isHeld = false;
        notifyAll();
    }

    /** Those that change a record wait no more. */
    synchronized void letGo(String key) {
        passing.add(key);
        notifyAll();
    }

    private synchronized void await(List<Change> changes) throws InterruptedException {
        while (isHeld && changes.stream().noneMatch(change -> passing.contains(change.key()))) {
            wait();
        }
    }

    /** They fail from now on. @param why null: no more */
    void fail(StoreException why) {
        failure = why;
    }

    @Override
    public Optional<Entry> find(String key) {
        return catalog.find(key);
    }

    @Override
    public List<Entry> list(String prefix, String after, int entriesMax) {
        return catalog.list(prefix, after, entriesMax);
    }

    @Override
    public void forEach(List<String> prefixes, Consumer<Entry> visitor) {
        catalog.forEach(prefixes, visitor);
    }

    @Override
    public void commit(List<Change> changes) {
        if (changes.stream().anyMatch(change -> change.key().startsWith("snapshot/"))) {
            try {
                await(changes);
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
            if (failure != null) {
                throw failure;
            }
        }
        catalog.commit(changes);
    }
}
