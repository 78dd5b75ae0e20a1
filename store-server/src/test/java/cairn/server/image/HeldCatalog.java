package cairn.server.image;

import cairn.StoreException;
import cairn.server.storage.Catalog;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;

/** A catalog whose commits wait, or fail, where a test says so. */
final class HeldCatalog implements Catalog {
    private final Catalog catalog;
    private volatile CountDownLatch gate = new CountDownLatch(0);
    private volatile StoreException failure;

    HeldCatalog(Catalog catalog) {
        this.catalog = catalog;
    }

    /** Commits wait from now on. */
    void hold() {
        gate = new CountDownLatch(1);
    }

    void letGo() {
        gate.countDown();
    }

    /** Commits fail from now on. @param why null: no more */
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
    public void commit(List<Change> changes) {
        try {
            gate.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        if (failure != null) {
            throw failure;
        }
        catalog.commit(changes);
    }
}
