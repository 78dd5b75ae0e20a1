package cairn.server.storage;

import static cairn.Fault.INVALID_REQUEST;

import cairn.StoreException;
import cairn.Text;
import cairn.server.storage.MemoryStorage.Door;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;

/** A catalog on the heap. */
final class MemoryCatalog implements Catalog {
    private final Door door;
    private final TreeMap<byte[], Entry> entries = new TreeMap<>(Arrays::compareUnsigned);

    MemoryCatalog(Door door) {
        this.door = door;
    }

    @Override
    public synchronized Optional<Entry> find(String key) {
        door.requireOpen();
        return Optional.ofNullable(entries.get(Catalog.bytesOf(key))).map(MemoryCatalog::copyOf);
    }

    @Override
    public synchronized List<Entry> list(String prefix, String after, int entriesMax) {
        door.requireOpen();
        byte[] first = Catalog.bytesOf(prefix);
        byte[] before = Catalog.bytesOf(after);
        boolean isAfter = Arrays.compareUnsigned(before, first) >= 0;
        List<Entry> found = new ArrayList<>();
        for (Entry entry : entries.tailMap(isAfter ? before : first, !isAfter || after.isEmpty()).values()) {
            if (found.size() >= entriesMax || !entry.key().startsWith(prefix)) {
                break;
            }
            found.add(copyOf(entry));
        }
        return found;
    }

    @Override
    public synchronized void forEach(List<String> prefixes, Consumer<Entry> visitor) {
        door.requireOpen();
        for (Entry entry : entries.values()) {
            if (prefixes.stream().anyMatch(entry.key()::startsWith)) {
                visitor.accept(copyOf(entry));
            }
        }
    }

    @Override
    public synchronized void commit(List<Change> changes) {
        door.requireOpen();
        Map<String, Long> versions = new LinkedHashMap<>();
        for (Change change : changes) {
            Entry before = entries.get(Catalog.bytesOf(change.key()));
            long version = change.versionAfter(before == null ? ABSENT_VERSION : before.version());
            if (versions.put(change.key(), version) != null) {
                throw new StoreException(
                        INVALID_REQUEST, "record " + Text.shown(change.key()) + " is changed twice at once");
            }
        }
        for (Change change : changes) {
            apply(change, versions.get(change.key()));
        }
    }

    private void apply(Change change, long version) {
        byte[] key = Catalog.bytesOf(change.key());
        if (change instanceof Change.PutIfAbsent put) {
            entries.put(key, new Entry(put.key(), version, put.value().clone()));
        } else if (change instanceof Change.PutIfVersion put) {
            entries.put(key, new Entry(put.key(), version, put.value().clone()));
        } else if (change instanceof Change.Delete) {
            entries.remove(key);
        }
    }

    private static Entry copyOf(Entry entry) {
        return new Entry(entry.key(), entry.version(), entry.value().clone());
    }
}
