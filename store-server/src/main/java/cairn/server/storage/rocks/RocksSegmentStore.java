package cairn.server.storage.rocks;

import static cairn.Fault.CORRUPT;
import static cairn.Fault.INVALID_REQUEST;
import static cairn.Fault.SHUTTING_DOWN;
import static cairn.Fault.TOO_LARGE;

import cairn.StoreException;
import cairn.server.storage.ItemKey;
import cairn.server.storage.Ordinal;
import cairn.server.storage.SegmentStore;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.rocksdb.FlushOptions;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.Slice;
import org.rocksdb.WriteBatch;

/**
 * Segments as SST files, written beside the database and moved into it when they are sealed; small ones as rows of the
 * log.
 *
 * <p><b>When a sealed segment is safe.</b> RocksDB's documentation says nothing of it; its source does (11.8.1).
 * {@code SstFileWriter::Finish} syncs the file. {@code ExternalSstFileIngestionJob::Prepare} links it into the
 * database, syncs it again ({@code FileSystem::SyncFile}) and syncs the directory ({@code FsyncWithDirOptions}).
 * {@code VersionSet::ProcessManifestWrites} appends the file to the manifest and syncs that ({@code SyncManifest})
 * before the file can be read. So a segment file is safe when {@link #seal} returns. A small segment is safe with the
 * next commit: it lies in the log before whatever relies on it, and before rows of one family are flushed to a file,
 * {@code DBImpl::FlushMemTableToOutputFile} syncs the older logs ({@code SyncClosedWals}), which hold the other
 * families' rows. So index rows never outlive their data.
 *
 * <p><b>Why nothing is compacted.</b> Ordinals only grow. If rows of small segments stayed in memory while a segment
 * file is ingested, their own file, flushed later, would reach across it, and both would be merged. So they are flushed
 * first: a small file, where small and large segments take turns, but every file's range lies behind the one before.
 */
final class RocksSegmentStore implements SegmentStore {
    /** How many bytes are appended between two looks at the free space. */
    private static final int SPACE_CHECK_BYTES = 1 << 20;
    private static final long READ_AHEAD_BYTES = 2L << 20;

    private final Database database;
    private final Tuning tuning;
    private final DataFolder folder;
    private final FreeSpace space;
    private final int smallSegmentBytesMax;
    private final SegmentNumbers numbers;
    private final ReadOptions point;
    private final ByteBuffer keyBuffer = ByteBuffer.allocateDirect(Keys.CHUNK_BYTES);
    private final ByteBuffer valueBuffer = ByteBuffer.allocateDirect(ITEM_BYTES_MAX);

    /** Null where nothing was appended. This and what follows: guarded by {@code this}. */
    private OpenSegment open;
    /** Why the open segment can only be abandoned; null while all is well. */
    private StoreException failure;
    private long spaceCheckedAtBytes;
    private boolean hasUnflushedRows;
    private boolean isClosed;

    RocksSegmentStore(Database database, Tuning tuning, DataFolder folder, FreeSpace space, RocksSettings settings) {
        this.database = database;
        this.tuning = tuning;
        this.folder = folder;
        this.space = space;
        this.smallSegmentBytesMax = settings.smallSegmentBytesMax();
        this.numbers = new SegmentNumbers(database, tuning);
        this.point = new ReadOptions();
    }

    @Override
    public synchronized long append(ItemKey key, byte[] packed, int offset, int lengthBytes) {
        requireUsable();
        requireFits(key, lengthBytes);
        try {
            requireSpace(lengthBytes);
            if (open == null) {
                long number = numbers.next();
                open = new OpenSegment(
                        number, folder.segment(number), smallSegmentBytesMax, tuning, keyBuffer, valueBuffer);
            }
            return open.append(key, packed, offset, lengthBytes);
        } catch (RocksDBException e) {
            throw failed(Failures.of("append " + key + " to segment " + open.number(), folder.root(), e));
        } catch (StoreException e) {
            throw failed(e);
        }
    }

    private void requireFits(ItemKey key, int lengthBytes) {
        if (lengthBytes > ITEM_BYTES_MAX) {
            throw new StoreException(TOO_LARGE, key + " has " + lengthBytes + " packed bytes, at most " + ITEM_BYTES_MAX);
        }
        if (lengthBytes <= 0) {
            throw new StoreException(INVALID_REQUEST, key + " has no bytes");
        }
        if (open != null && open.isFull()) {
            throw new StoreException(INVALID_REQUEST, "segment " + open.number() + " has no slot left");
        }
    }

    private void requireSpace(int lengthBytes) {
        long until = openBytes() + lengthBytes;
        if (open == null || until - spaceCheckedAtBytes > SPACE_CHECK_BYTES) {
            space.requireForData(SPACE_CHECK_BYTES);
            spaceCheckedAtBytes = open == null ? 0 : until;
        }
    }

    @Override
    public synchronized long openBytes() {
        return open == null ? 0 : open.packedBytes();
    }

    @Override
    public synchronized void seal() {
        requireUsable();
        if (open == null) {
            return;
        }
        try {
            if (open.isSmall()) {
                space.requireForData(open.packedBytes());
                log(open);
            } else {
                open.finishFile();
                ingest(open);
            }
        } catch (RocksDBException e) {
            throw failed(Failures.of("seal segment " + open.number(), folder.root(), e));
        } catch (StoreException e) {
            throw failed(e);
        }
        forget();
    }

    private void log(OpenSegment segment) {
        hasUnflushedRows = true;
        database.write(() -> "seal segment " + segment.number(), handles -> {
            try (WriteBatch batch = new WriteBatch()) {
                for (OpenSegment.Row row : segment.small()) {
                    batch.put(handles.of(Family.CHUNKS), row.key(), row.packed());
                }
                handles.db().write(tuning.logged, batch);
            }
            return null;
        });
    }

    private void ingest(OpenSegment segment) {
        database.write(() -> "seal segment " + segment.number(), handles -> {
            if (hasUnflushedRows) {
                try (FlushOptions wait = new FlushOptions().setWaitForFlush(true)) {
                    handles.db().flush(wait, handles.of(Family.CHUNKS));
                }
                hasUnflushedRows = false;
            }
            handles.db().ingestExternalFile(
                    handles.of(Family.CHUNKS), List.of(segment.file().toString()), tuning.ingest);
            return null;
        });
    }

    @Override
    public synchronized void abandon() {
        if (isClosed) {
            throw closed();
        }
        forget();
    }

    private void forget() {
        failure = null;
        spaceCheckedAtBytes = 0;
        if (open != null) {
            OpenSegment done = open;
            open = null;
            done.close();
        }
    }

    private StoreException failed(StoreException e) {
        failure = e;
        return e;
    }

    private void requireUsable() {
        if (isClosed) {
            throw closed();
        }
        if (failure != null) {
            throw new StoreException(failure.fault(), "the open segment can only be abandoned: " + failure.getMessage(), failure);
        }
    }

    private StoreException closed() {
        return new StoreException(SHUTTING_DOWN, "the storage in " + folder.root() + " is closed");
    }

    @Override
    public byte[] read(long ordinal, ItemKey key) {
        byte[] packed = database.read(() -> "read " + at(ordinal, key),
                handles -> handles.db().get(handles.of(Family.CHUNKS), point, Keys.chunk(ordinal, key)));
        if (packed == null) {
            throw new StoreException(CORRUPT, at(ordinal, key) + " is not there: " + found(ordinal));
        }
        return packed;
    }

    private String found(long ordinal) {
        List<Item> there = readRun(ordinal, ordinal + 1, 1);
        return there.isEmpty() ? "nothing is" : there.get(0).key() + " is";
    }

    private static String at(long ordinal, ItemKey key) {
        return key + " at ordinal " + Ordinal.shown(ordinal);
    }

    @Override
    public List<Item> readRun(long fromOrdinal, long untilOrdinal, long bytesMax) {
        return database.read(() -> "read ordinals " + Ordinal.shown(fromOrdinal) + " to " + Ordinal.shown(untilOrdinal), handles -> {
            List<Item> run = new ArrayList<>();
            if (fromOrdinal >= untilOrdinal) {
                return run;
            }
            try (Slice until = new Slice(Keys.number(untilOrdinal));
                    ReadOptions ahead = new ReadOptions()
                            .setIterateUpperBound(until)
                            .setReadaheadSize(Math.min(READ_AHEAD_BYTES, bytesMax));
                    RocksIterator rows = handles.db().newIterator(handles.of(Family.CHUNKS), ahead)) {
                long bytes = 0;
                for (rows.seek(Keys.firstAt(fromOrdinal)); bytes < bytesMax && rows.isValid(); rows.next()) {
                    Item item = Keys.item(rows.key(), rows.value());
                    run.add(item);
                    bytes += item.packed().length;
                }
                if (run.isEmpty()) {
                    rows.status();
                }
            }
            return run;
        });
    }

    /** Files, and the rows that are not in one yet. */
    @Override
    public long storedBytes() {
        return database.read(() -> "measure the segments", handles -> {
            long fileBytes = handles.db().getLongProperty(handles.of(Family.CHUNKS), "rocksdb.live-sst-files-size");
            long rows = handles.db().getLongProperty(handles.of(Family.CHUNKS), "rocksdb.num-entries-active-mem-table");
            return rows == 0
                    ? fileBytes
                    : fileBytes + handles.db().getLongProperty(handles.of(Family.CHUNKS), "rocksdb.cur-size-all-mem-tables");
        });
    }

    @Override
    public synchronized long openSegment() {
        if (isClosed) {
            throw closed();
        }
        return open == null ? numbers.upcoming() : open.number();
    }

    @Override
    public List<Extent> extents() {
        throw new UnsupportedOperationException();
    }

    @Override
    public long rewrite(List<Extent> extents, Rewriting how) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void heal(long ordinal, ItemKey key, byte[] packed, int offset, int lengthBytes) {
        throw new UnsupportedOperationException();
    }

    /**
     * Runs something while no segment is sealed, moved or dropped: only then do the database's list of files, and its log
     * of a moment later, tell the same.
     */
    synchronized void whileNoFileChanges(Runnable action) {
        action.run();
    }

    /** Abandons the open segment and refuses to begin another. */
    synchronized void stop() {
        isClosed = true;
        forget();
    }

    /** Frees what reads use. Only once the database is closed, so that none is under way. */
    void free() {
        point.close();
    }
}
