package cairn.server.image;

import cairn.StoreException;
import cairn.server.storage.Catalog;
import cairn.server.storage.ForwardingCatalog;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** A catalog whose commits that complete a snapshot wait, or fail, where a test says so. */
final class HeldCatalog extends ForwardingCatalog {
    private boolean isHeld;
    private final Set<String> passing = new HashSet<>();
    private volatile StoreException failure;

    HeldCatalog(Catalog catalog) {
        super(catalog);
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
        super.commit(changes);
    }
}
