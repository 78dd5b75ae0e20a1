package cairn.server.storage.rocks;

import static cairn.Fault.CORRUPT;
import static cairn.Fault.INVALID_REQUEST;
import static java.nio.charset.StandardCharsets.UTF_8;

import cairn.StoreException;
import cairn.Text;
import cairn.server.storage.Catalog;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.WriteBatch;

/**
 * Records as rows of {@code catalog}.
 * <pre>
 *   key     the record's key in UTF-8
 *   value   offset  size  field
 *                0     8  version, from 1 on, big-endian
 *                8        the record's value
 * </pre>
 */
final class RocksCatalog implements Catalog {
    private static final int VERSION_BYTES = Long.BYTES;

    private final Database database;
    private final Tuning tuning;
    private final FreeSpace space;

    RocksCatalog(Database database, Tuning tuning, FreeSpace space) {
        this.database = database;
        this.tuning = tuning;
        this.space = space;
    }

    @Override
    public Optional<Entry> find(String key) {
        byte[] stored = stored(key);
        return stored == null ? Optional.empty() : Optional.of(entry(key, stored));
    }

    private byte[] stored(String key) {
        byte[] bytes = Catalog.bytesOf(key);
        return database.read(() -> "find record " + Text.shown(key),
                handles -> handles.db().get(handles.of(Family.CATALOG), bytes));
    }

    @Override
    public List<Entry> list(String prefix, String after, int entriesMax) {
        byte[] first = Catalog.bytesOf(prefix);
        byte[] before = Catalog.bytesOf(after);
        boolean isAfter = !after.isEmpty() && Arrays.compareUnsigned(before, first) >= 0;
        return database.read(() -> "list records " + Text.shown(prefix), handles -> {
            List<Entry> found = new ArrayList<>();
            try (RocksIterator rows = handles.db().newIterator(handles.of(Family.CATALOG))) {
                rows.seek(isAfter ? before : first);
                if (isAfter && rows.isValid() && Arrays.equals(rows.key(), before)) {
                    rows.next();
                }
                for (; found.size() < entriesMax && rows.isValid() && beginsWith(rows.key(), first); rows.next()) {
                    found.add(entry(new String(rows.key(), UTF_8), rows.value()));
                }
                rows.status();
            }
            return found;
        });
    }

    @Override
    public void forEach(List<String> prefixes, Consumer<Entry> visitor) {
        List<byte[]> inOrder = prefixes.stream().map(Catalog::bytesOf).sorted(Arrays::compareUnsigned).toList();
        database.read(() -> "list records", handles -> {
            // One iterator sees one moment.
            try (RocksIterator rows = handles.db().newIterator(handles.of(Family.CATALOG))) {
                for (byte[] prefix : inOrder) {
                    for (rows.seek(prefix); rows.isValid() && beginsWith(rows.key(), prefix); rows.next()) {
                        visitor.accept(entry(new String(rows.key(), UTF_8), rows.value()));
                    }
                    rows.status();
                }
            }
            return null;
        });
    }

    private static boolean beginsWith(byte[] key, byte[] prefix) {
        return key.length >= prefix.length && Arrays.equals(key, 0, prefix.length, prefix, 0, prefix.length);
    }

    /** One commit at a time, so that no condition changes between its check and the write. */
    @Override
    public synchronized void commit(List<Change> changes) {
        requireSpaceFor(changes);
        database.ensureUsable();
        Map<String, Long> versions = new HashMap<>();
        for (Change change : changes) {
            byte[] before = stored(change.key());
            long version = change.versionAfter(before == null ? ABSENT_VERSION : entry(change.key(), before).version());
            if (versions.put(change.key(), version) != null) {
                throw new StoreException(
                        INVALID_REQUEST, "record " + Text.shown(change.key()) + " is changed twice at once");
            }
        }
        // The same batch again changes nothing, and no other can come between.
        database.writeRepeatable(() -> "commit " + changes.size() + " changes", handles -> {
            try (WriteBatch batch = new WriteBatch()) {
                for (Change change : changes) {
                    add(batch, handles.of(Family.CATALOG), change, versions.get(change.key()));
                }
                if (batch.count() == 0) {
                    handles.db().syncWal();
                } else {
                    handles.db().write(tuning.synced, batch);
                }
            }
            return null;
        });
    }

    /** What only removes is let through: it is how a full store gets space again. */
    private void requireSpaceFor(List<Change> changes) {
        long bytes = 0;
        for (Change change : changes) {
            byte[] value = valueOf(change);
            bytes += value == null ? 0 : VERSION_BYTES + value.length + KEY_BYTES_MAX;
        }
        if (bytes > 0) {
            space.requireForRecords(bytes);
        }
    }

    private static void add(WriteBatch batch, ColumnFamilyHandle family, Change change, long version)
            throws RocksDBException {
        byte[] key = Catalog.bytesOf(change.key());
        byte[] value = valueOf(change);
        if (change instanceof Change.Delete) {
            batch.delete(family, key);
        } else if (value != null) {
            byte[] stored = Arrays.copyOf(Keys.number(version), VERSION_BYTES + value.length);
            System.arraycopy(value, 0, stored, VERSION_BYTES, value.length);
            batch.put(family, key, stored);
        }
    }

    /** Null where the change removes, or only requires. */
    private static byte[] valueOf(Change change) {
        if (change instanceof Change.PutIfAbsent put) {
            return put.value();
        }
        return change instanceof Change.PutIfVersion put ? put.value() : null;
    }

    private static Entry entry(String key, byte[] stored) {
        if (stored.length < VERSION_BYTES || Keys.number(stored) <= ABSENT_VERSION) {
            throw new StoreException(CORRUPT, "record " + Text.shown(key) + " has no version");
        }
        return new Entry(key, Keys.number(stored), Arrays.copyOfRange(stored, VERSION_BYTES, stored.length));
    }
}
