package cairn.server.image;

import static cairn.Fault.CONFLICT;

import cairn.StoreException;
import cairn.server.storage.Catalog.Change;
import cairn.server.storage.Catalog;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/** Changes records that others may change at the same time. */
public final class Changes {
    private static final int TRIES_MAX = 16;

    private Changes() {}

    /**
     * Changes one record on its version, and tries again where somebody else was quicker.
     *
     * @param change makes the new value
     * @return the record as it is now
     * @throws StoreException NOT_FOUND if it is gone; CONFLICT if others were quicker each time
     */
    public static Catalog.Entry change(Catalog catalog, String key, Function<Catalog.Entry, byte[]> change) {
        for (int tries = 1; ; tries++) {
            Catalog.Entry before = catalog.find(key).orElseThrow(() -> ImageRegistry.notFound("record", key));
            byte[] after = change.apply(before);
            try {
                catalog.commit(List.of(new Change.PutIfVersion(key, before.version(), after)));
                return new Catalog.Entry(key, before.version() + 1, after);
            } catch (StoreException e) {
                if (e.fault() != CONFLICT || tries == TRIES_MAX) {
                    throw e;
                }
            }
        }
    }

    /**
     * Commits changes of several records, and makes them anew where somebody else was quicker.
     *
     * @param changes reads what it changes each time; what it throws is passed on, a CONFLICT too
     * @throws StoreException CONFLICT if others were quicker each time
     */
    static void commit(Catalog catalog, Supplier<List<Change>> changes) {
        for (int tries = 1; ; tries++) {
            List<Change> all = changes.get();
            try {
                catalog.commit(all);
                return;
            } catch (StoreException e) {
                if (e.fault() != CONFLICT || tries == TRIES_MAX) {
                    throw e;
                }
            }
        }
    }

    /**
     * Removes one record as it was checked, and checks again where somebody else was quicker.
     *
     * @param check what it throws is passed on
     * @throws StoreException NOT_FOUND if it is gone; CONFLICT if others were quicker each time
     */
    static void remove(Catalog catalog, String key, Consumer<Catalog.Entry> check) {
        for (int tries = 1; ; tries++) {
            Catalog.Entry before = catalog.find(key).orElseThrow(() -> ImageRegistry.notFound("record", key));
            check.accept(before);
            try {
                catalog.commit(List.of(new Change.Delete(key, before.version())));
                return;
            } catch (StoreException e) {
                if (e.fault() != CONFLICT || tries == TRIES_MAX) {
                    throw e;
                }
            }
        }
    }
}
