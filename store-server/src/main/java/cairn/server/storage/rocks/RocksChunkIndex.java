package cairn.server.storage.rocks;

import static cairn.Fault.CORRUPT;

import cairn.StoreException;
import cairn.server.storage.ChunkIndex;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.server.storage.Ordinal;
import cairn.server.storage.PageChildren;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.WriteBatch;

/** The index as rows of {@code chunk-index}, and of {@code page-children}; see {@link Keys}. */
final class RocksChunkIndex implements ChunkIndex {
    /** What a row takes of the log and, later, of a file. */
    private static final long ROW_BYTES = 128;
    private static final long READ_AHEAD_BYTES = 2L << 20;
    /** In place of a domain in the keys of counts, which come last. */
    private static final int COUNTS_DOMAIN = -1;

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
        requireOrdinal(domain, key, lengthBytes);
        return OptionalLong.of(Keys.number(ordinal));
    }

    @Override
    public synchronized void putAll(List<Row> rows, List<Children> children) {
        List<byte[]> encoded = children.stream().map(each -> each.children().encode()).toList();
        space.requireForRecords(
                rows.size() * ROW_BYTES + encoded.stream().mapToLong(each -> each.length + ROW_BYTES).sum());
        database.ensureUsable();
        SortedMap<Integer, Long> added = new TreeMap<>();
        for (Row row : rows) {
            if (find(row.domain(), row.key()).isEmpty()) {
                added.merge(row.key().kind(), 1L, Long::sum);
            }
        }
        write(() -> "add " + rows.size() + " index rows", added, (handles, batch) -> {
            for (Row row : rows) {
                batch.put(handles.of(Family.CHUNK_INDEX),
                        Keys.index(row.domain(), row.key()), Keys.number(row.ordinal()));
            }
            for (int i = 0; i < encoded.size(); i++) {
                batch.put(handles.of(Family.PAGE_CHILDREN),
                        Keys.number(children.get(i).pageOrdinal()), encoded.get(i));
            }
        });
    }

    private interface Filling {
        void fill(Database.Handles handles, WriteBatch batch) throws RocksDBException;
    }

    /**
     * The counts of rows are written in the same batch, so that they are exact after a crash too.
     *
     * @param added how many more rows there are of each kind then
     */
    private void write(Supplier<String> what, SortedMap<Integer, Long> added, Filling filling) {
        SortedMap<Integer, Long> counts = new TreeMap<>(added);
        counts.replaceAll((kind, more) -> count(kind) + more);
        database.write(what, handles -> {
            try (WriteBatch batch = new WriteBatch()) {
                filling.fill(handles, batch);
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
        byte[] stored = database.read(() -> "find the children of the page at ordinal " + Ordinal.shown(pageOrdinal),
                handles -> handles.db().get(handles.of(Family.PAGE_CHILDREN), Keys.number(pageOrdinal)));
        return Optional.ofNullable(stored).map(PageChildren::decode);
    }

    @Override
    public synchronized int removeAll(List<Row> rows, List<Long> pageOrdinals) {
        database.ensureUsable();
        Set<Row> there = new LinkedHashSet<>();
        SortedMap<Integer, Long> added = new TreeMap<>();
        for (Row row : rows) {
            OptionalLong found = find(row.domain(), row.key());
            if (found.isPresent() && found.getAsLong() == row.ordinal() && there.add(row)) {
                added.merge(row.key().kind(), -1L, Long::sum);
            }
        }
        write(() -> "remove " + there.size() + " index rows", added, (handles, batch) -> {
            for (Row row : there) {
                batch.delete(handles.of(Family.CHUNK_INDEX), Keys.index(row.domain(), row.key()));
            }
            for (long ordinal : pageOrdinals) {
                batch.delete(handles.of(Family.PAGE_CHILDREN), Keys.number(ordinal));
            }
        });
        return there.size();
    }

    /**
     * One iterator sees one moment. In each domain it goes to the kind's first row, and behind its last to the next.
     */
    @Override
    public void forEach(int kind, Consumer<Row> visitor) {
        database.read(() -> "visit the index rows of kind " + kind, handles -> {
            try (ReadOptions once = new ReadOptions().setFillCache(false).setReadaheadSize(READ_AHEAD_BYTES);
                    RocksIterator rows = handles.db().newIterator(handles.of(Family.CHUNK_INDEX), once)) {
                rows.seek(Keys.firstIndex(0, kind));
                while (rows.isValid()) {
                    byte[] key = rows.key();
                    int domain = Keys.domainOfIndex(key);
                    if (domain == COUNTS_DOMAIN) {
                        break;
                    }
                    int found = Keys.kindOfIndex(key);
                    if (found == kind) {
                        visitor.accept(row(key, rows.value()));
                        rows.next();
                    } else {
                        rows.seek(Keys.firstIndex(found < kind ? domain : domain + 1, kind));
                    }
                }
                rows.status();
            }
            return null;
        });
    }

    private static Row row(byte[] key, byte[] value) {
        if (key.length != Keys.INDEX_BYTES) {
            throw new StoreException(CORRUPT, "a key in the index has " + key.length + " bytes");
        }
        DomainId domain = new DomainId(Keys.domainOfIndex(key));
        ItemKey item = new ItemKey(Keys.kindOfIndex(key), Keys.digestOfIndex(key));
        requireOrdinal(domain, item, value.length);
        return new Row(domain, item, Keys.number(value));
    }

    private static void requireOrdinal(DomainId domain, ItemKey key, int lengthBytes) {
        if (lengthBytes != Long.BYTES) {
            throw new StoreException(
                    CORRUPT,
                    "the index row of " + key + " of domain " + domain.number() + " has " + lengthBytes + " bytes");
        }
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
        return storedBytes(Family.CHUNK_INDEX) + storedBytes(Family.PAGE_CHILDREN);
    }

    private long storedBytes(Family family) {
        long fileBytes = property(family, "rocksdb.live-sst-files-size");
        return property(family, "rocksdb.num-entries-active-mem-table") == 0
                ? fileBytes
                : fileBytes + property(family, "rocksdb.cur-size-all-mem-tables");
    }

    private long property(Family family, String name) {
        return database.read(() -> "measure the index",
                handles -> handles.db().getLongProperty(handles.of(family), name));
    }
}
