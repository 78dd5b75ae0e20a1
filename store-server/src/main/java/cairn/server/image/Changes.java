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
    /** Of what nobody waits for, and nobody can ask for again. */
    private static final int PATIENT_TRIES_MAX = 10_000;

    private Changes() {}

    /** What is there once the changes have been committed. */
    public record Prepared<T>(T result, List<Change> changes) {}

    /**
     * Changes one record on its version, and tries again where somebody else was quicker.
     *
     * @param change makes the new value
     * @return the record as it is now
     * @throws StoreException NOT_FOUND if it is gone; CONFLICT if others were quicker each time
     */
    public static Catalog.Entry change(Catalog catalog, String key, Function<Catalog.Entry, byte[]> change) {
        return make(catalog, () -> {
            Catalog.Entry before = read(catalog, key);
            byte[] after = change.apply(before);
            return new Prepared<>(
                    new Catalog.Entry(key, before.version() + 1, after),
                    List.of(new Change.PutIfVersion(key, before.version(), after)));
        });
    }

    /**
     * Commits changes of several records, and makes them anew where somebody else was quicker.
     *
     * @param changes reads what it changes each time; what it throws is passed on, a CONFLICT too
     * @throws StoreException CONFLICT if others were quicker each time
     */
    public static void commit(Catalog catalog, Supplier<List<Change>> changes) {
        make(catalog, () -> {
            List<Change> all = changes.get();
            return new Prepared<>(all, all);
        });
    }

    /** As {@link #commit}, and does not give up though somebody changes the same records all the time. */
    static void commitPatiently(Catalog catalog, Supplier<List<Change>> changes) {
        make(catalog, PATIENT_TRIES_MAX, () -> {
            List<Change> all = changes.get();
            return new Prepared<>(all, all);
        });
    }

    /** As {@link #commit}. @return what was prepared at last */
    public static <T> T make(Catalog catalog, Supplier<Prepared<T>> preparing) {
        return make(catalog, TRIES_MAX, preparing);
    }

    private static <T> T make(Catalog catalog, int triesMax, Supplier<Prepared<T>> preparing) {
        for (int tries = 1; tries <= triesMax; tries++) {
            Prepared<T> prepared = preparing.get();
            try {
                catalog.commit(prepared.changes);
                return prepared.result;
            } catch (StoreException e) {
                // Which record it was, and how often that has changed, may be nothing for who asks.
                if (e.fault() != CONFLICT) {
                    throw e;
                }
            }
        }
        throw new StoreException(CONFLICT, "others change the same things at this moment; try again");
    }

    /**
     * Removes one record as it was checked, and checks again where somebody else was quicker.
     *
     * @param check what it throws is passed on
     * @throws StoreException NOT_FOUND if it is gone; CONFLICT if others were quicker each time
     */
    static void remove(Catalog catalog, String key, Consumer<Catalog.Entry> check) {
        commit(catalog, () -> {
            Catalog.Entry before = read(catalog, key);
            check.accept(before);
            return List.of(new Change.Delete(key, before.version()));
        });
    }

    private static Catalog.Entry read(Catalog catalog, String key) {
        return catalog.find(key).orElseThrow(() -> ImageRegistry.notFound("record", key));
    }
}
