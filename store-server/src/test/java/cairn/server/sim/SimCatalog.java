package cairn.server.sim;

import static cairn.Fault.INVALID_REQUEST;

import cairn.StoreException;
import cairn.server.sim.SimDisk.Outcome;
import cairn.server.storage.Catalog;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/** A catalog on a simulated disk. */
final class SimCatalog implements Catalog {
    private final SimStorage storage;

    SimCatalog(SimStorage storage) {
        this.storage = storage;
    }

    @Override
    public Optional<Entry> find(String key) {
        byte[] bytes = Catalog.bytesOf(key);
        return storage.read(state -> Optional.ofNullable(state.records.get(bytes)));
    }

    @Override
    public List<Entry> list(String prefix, String after, int entriesMax) {
        byte[] first = Catalog.bytesOf(prefix);
        byte[] before = Catalog.bytesOf(after);
        boolean isAfter = Arrays.compareUnsigned(before, first) >= 0;
        return storage.read(state -> {
            List<Entry> found = new ArrayList<>();
            for (Entry entry : state.records.tailMap(isAfter ? before : first, !isAfter || after.isEmpty()).values()) {
                if (found.size() >= entriesMax || !entry.key().startsWith(prefix)) {
                    break;
                }
                found.add(entry);
            }
            return found;
        });
    }

    @Override
    public void forEach(List<String> prefixes, Consumer<Entry> visitor) {
        List<Entry> entries = storage.read(state -> state.records.values().stream()
                .filter(entry -> prefixes.stream().anyMatch(entry.key()::startsWith))
                .toList());
        entries.forEach(visitor);
    }

    @Override
    public void commit(List<Change> changes) {
        List<Change> all = List.copyOf(changes);
        storage.pass();
        Outcome outcome = storage.disk().outcome();
        if (outcome == Outcome.REFUSED) {
            throw SimDisk.full();
        }
        synchronized (storage.disk()) {
            List<Entry> after = storage.disk().read(state -> prepare(state, all));
            storage.writeNow(true, state -> apply(state, all, after));
        }
        if (outcome == Outcome.FAILED_BUT_MADE) {
            throw SimDisk.full();
        }
        storage.pass();
    }

    /** What each change comes to; null where the record goes, or stays as it is. */
    private static List<Entry> prepare(SimState state, List<Change> changes) {
        Set<String> keys = new HashSet<>();
        List<Entry> after = new ArrayList<>();
        for (Change change : changes) {
            Entry before = state.records.get(Catalog.bytesOf(change.key()));
            long version = change.versionAfter(before == null ? ABSENT_VERSION : before.version());
            if (!keys.add(change.key())) {
                throw new StoreException(INVALID_REQUEST, change.key() + " is changed twice at once");
            }
            after.add(
                    change instanceof Change.PutIfAbsent put
                            ? new Entry(put.key(), version, put.value())
                            : change instanceof Change.PutIfVersion put
                                    ? new Entry(put.key(), version, put.value())
                                    : null);
        }
        return after;
    }

    private static void apply(SimState state, List<Change> changes, List<Entry> after) {
        for (int i = 0; i < changes.size(); i++) {
            byte[] key = Catalog.bytesOf(changes.get(i).key());
            if (after.get(i) != null) {
                state.records.put(key, after.get(i));
            } else if (changes.get(i) instanceof Change.Delete) {
                state.records.remove(key);
            }
        }
    }
}
