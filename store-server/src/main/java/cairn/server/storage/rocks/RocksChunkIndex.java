package cairn.server.storage.rocks;

import static cairn.Fault.CORRUPT;

import cairn.StoreException;
import cairn.server.storage.ChunkIndex;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.server.storage.PageChildren;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;
import java.util.SortedMap;
import java.util.TreeMap;
import org.rocksdb.RocksDB;
import org.rocksdb.WriteBatch;

/** The index as rows of {@code chunk-index}; see {@link Keys}. */
final class RocksChunkIndex implements ChunkIndex {
    /** What a row takes of the log and, later, of a file. */
    private static final long ROW_BYTES = 128;

    private final Database database;
    private final Tuning tuning;
    private final FreeSpace space;

    RocksChunkIndex(Database database, Tuning tuning, FreeSpace space) {
        this.database = database;
        this.tuning = tuning;
        this.space = space;
    }

    @Override
    public OptionalLong find(DomainId domain, ItemKey key) {
        byte[] ordinal = new byte[Long.BYTES];
        int lengthBytes = database.read(() -> "find " + key + " of domain " + domain.number(),
                handles -> handles.db().get(handles.of(Family.CHUNK_INDEX), Keys.index(domain, key), ordinal));
        if (lengthBytes == RocksDB.NOT_FOUND) {
            return OptionalLong.empty();
        }
        if (lengthBytes != Long.BYTES) {
            throw new StoreException(CORRUPT,
                    "the index row of " + key + " of domain " + domain.number() + " has " + lengthBytes + " bytes");
        }
        return OptionalLong.of(Keys.number(ordinal));
    }

    /** The counts of rows are written in the same batch, so that they are exact after a crash too. */
    @Override
    public synchronized void putAll(List<Row> rows, List<Children> children) {
        space.requireForRecords(rows.size() * ROW_BYTES);
        database.ensureUsable();
        SortedMap<Integer, Long> counts = new TreeMap<>();
        for (Row row : rows) {
            if (find(row.domain(), row.key()).isEmpty()) {
                counts.merge(row.key().kind(), 1L, Long::sum);
            }
        }
        counts.replaceAll((kind, added) -> count(kind) + added);
        database.write(() -> "add " + rows.size() + " index rows", handles -> {
            try (WriteBatch batch = new WriteBatch()) {
                for (Row row : rows) {
                    batch.put(handles.of(Family.CHUNK_INDEX),
                            Keys.index(row.domain(), row.key()), Keys.number(row.ordinal()));
                }
                for (Map.Entry<Integer, Long> count : counts.entrySet()) {
                    batch.put(handles.of(Family.CHUNK_INDEX),
                            Keys.indexCount(count.getKey()), Keys.number(count.getValue()));
                }
                handles.db().write(tuning.logged, batch);
            }
            return null;
        });
    }

    @Override
    public Optional<PageChildren> children(long pageOrdinal) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int removeAll(List<Row> rows) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void removeChildren(List<Long> pageOrdinals) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void forEach(int kind, Consumer<Row> visitor) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long count(int kind) {
        byte[] count = database.read(() -> "count index rows of kind " + kind,
                handles -> handles.db().get(handles.of(Family.CHUNK_INDEX), Keys.indexCount(kind)));
        return count == null ? 0 : Keys.number(count);
    }

    /** Files, and the rows that are not in one yet. */
    @Override
    public long storedBytes() {
        long fileBytes = property("rocksdb.live-sst-files-size");
        return property("rocksdb.num-entries-active-mem-table") == 0
                ? fileBytes
                : fileBytes + property("rocksdb.cur-size-all-mem-tables");
    }

    private long property(String name) {
        return database.read(() -> "measure the index",
                handles -> handles.db().getLongProperty(handles.of(Family.CHUNK_INDEX), name));
    }
}
