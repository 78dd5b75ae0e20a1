package cairn.server.storage.rocks;

import cairn.server.storage.ItemKey;
import cairn.server.storage.SegmentStore.Extent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.WriteBatch;

/**
 * Items that count in place of those at their ordinals, which are damaged or lost. Few, or none: their keys are in
 * memory.
 */
final class HealedItems {
    private final Database database;
    private final Tuning tuning;
    private final ConcurrentSkipListMap<Long, ItemKey> keys = new ConcurrentSkipListMap<>();

    HealedItems(Database database, Tuning tuning) {
        this.database = database;
        this.tuning = tuning;
        database.read(() -> "list healed items", handles -> {
            try (RocksIterator rows = handles.db().newIterator(handles.of(Family.HEALED))) {
                for (rows.seekToFirst(); rows.isValid(); rows.next()) {
                    keys.put(Keys.number(rows.key()), Keys.item(rows.key(), new byte[0]).key());
                }
                rows.status();
            }
            return null;
        });
    }

    void put(long ordinal, ItemKey key, byte[] packed, int offset, int lengthBytes) {
        byte[] value = Arrays.copyOfRange(packed, offset, offset + lengthBytes);
        database.writeRepeatable(() -> "heal " + key, handles -> {
            handles.db().put(handles.of(Family.HEALED), tuning.logged, Keys.chunk(ordinal, key), value);
            return null;
        });
        keys.put(ordinal, key);
    }

    boolean isEmpty() {
        return keys.isEmpty();
    }

    boolean contains(long ordinal) {
        return !keys.isEmpty() && keys.containsKey(ordinal);
    }

    /** The first from an ordinal on; null if there is none. */
    Long next(long fromOrdinal) {
        return keys.isEmpty() ? null : keys.ceilingKey(fromOrdinal);
    }

    /** Those that lie in a run, which must not be used once they may have changed. */
    NavigableMap<Long, ItemKey> in(Ordinals ordinals) {
        return keys.subMap(ordinals.first(), true, ordinals.last(), true);
    }

    /** Null if it is not healed, or no longer, for it was rewritten. */
    byte[] read(Database.Handles handles, long ordinal, ItemKey key) throws RocksDBException {
        return handles.db().get(handles.of(Family.HEALED), Keys.chunk(ordinal, key));
    }

    ItemKey key(long ordinal) {
        return keys.get(ordinal);
    }

    /** Removes them, for they are not needed any more. */
    void remove(List<Long> ordinals) {
        if (ordinals.isEmpty()) {
            return;
        }
        database.write(() -> "remove " + ordinals.size() + " healed items", handles -> {
            try (WriteBatch batch = new WriteBatch()) {
                for (long ordinal : ordinals) {
                    ItemKey key = keys.get(ordinal);
                    if (key != null) {
                        batch.delete(handles.of(Family.HEALED), Keys.chunk(ordinal, key));
                    }
                }
                handles.db().write(tuning.logged, batch);
            }
            return null;
        });
        ordinals.forEach(keys::remove);
    }

    /** Bytes on disk, and of rows not in a file yet. */
    long storedBytes(Database.Handles handles) throws RocksDBException {
        return keys.isEmpty()
                ? 0
                : handles.db().getLongProperty(handles.of(Family.HEALED), "rocksdb.live-sst-files-size")
                        + handles.db().getLongProperty(handles.of(Family.HEALED), "rocksdb.cur-size-all-mem-tables");
    }

    /** What of them lies in a run, as an extent of its own. */
    Optional<Extent> extent(Ordinals ordinals) {
        if (ordinals.first() > ordinals.last()) {
            return Optional.empty();
        }
        NavigableMap<Long, ItemKey> found = in(ordinals);
        return found.isEmpty()
                ? Optional.empty()
                : Optional.of(new Extent(found.firstKey(), found.lastKey(), found.size(), 0, false));
    }

    List<Long> listIn(Ordinals ordinals) {
        return new ArrayList<>(in(ordinals).keySet());
    }
}
