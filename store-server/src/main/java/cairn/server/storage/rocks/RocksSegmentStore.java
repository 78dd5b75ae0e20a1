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
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;
import java.util.function.LongBinaryOperator;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.rocksdb.FlushOptions;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.WriteBatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

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
    private static final Logger log = LoggerFactory.getLogger(RocksSegmentStore.class);
    /** How many bytes are appended between two looks at the free space. */
    private static final int SPACE_CHECK_BYTES = 1 << 20;
    private static final long READ_AHEAD_BYTES = 2L << 20;
    private static final List<Family> WRITTEN_FIRST = List.of(Family.CHUNKS, Family.QUICK, Family.SETTLED);
    /** Whether an item is quick can be told without reading a block. */
    private static final List<Family> REWRITTEN_FIRST = List.of(Family.QUICK, Family.SETTLED, Family.CHUNKS);

    private final Database database;
    private final Tuning tuning;
    private final DataFolder folder;
    private final FreeSpace space;
    private final int smallSegmentBytesMax;
    private final SegmentNumbers numbers;
    private final ReadOptions point;
    private final HealedItems healed;
    private final ItemFiles files = new ItemFiles();
    private final Rewriter rewriter;
    /** Where to look first. Replaced under {@code this}, together with the next. */
    private volatile SettledRanges settled = SettledRanges.NONE;
    /** How often items have moved. */
    private volatile long moves;
    private final ByteBuffer keyBuffer = ByteBuffer.allocateDirect(Keys.CHUNK_BYTES);
    private final ByteBuffer valueBuffer = ByteBuffer.allocateDirect(ITEM_BYTES_MAX);

    /** Null where nothing was appended. This and what follows: guarded by {@code this}. */
    private OpenSegment open;
    /** Why the open segment can only be abandoned; null while all is well. */
    private StoreException failure;
    private long spaceCheckedAtBytes;
    private boolean hasUnflushedRows;
    private Unfinished unfinished;
    private boolean isClosed;

    RocksSegmentStore(
            Database database, Tuning tuning, DataFolder folder, FreeSpace space, RocksSettings settings,
            Rewriter.Steps steps) {
        this.database = database;
        this.tuning = tuning;
        this.folder = folder;
        this.space = space;
        this.smallSegmentBytesMax = settings.smallSegmentBytesMax();
        this.numbers = new SegmentNumbers(database, tuning);
        this.point = new ReadOptions();
        this.healed = new HealedItems(database, tuning);
        this.rewriter = new Rewriter(this, database, tuning, folder, space, healed, steps);
        this.unfinished = database.read(() -> "find what was being rewritten", handles -> {
            byte[] note = handles.db().get(handles.of(Family.DEFAULT), Unfinished.KEY);
            return note == null ? null : Unfinished.decode(note);
        });
        publish();
        finishRewriting();
    }

    /** What cannot be finished now, for lack of space perhaps, is taken up by the next rewriting. */
    private void finishRewriting() {
        try {
            rewriter.finish();
        } catch (StoreException e) {
            log.warn("cannot finish rewriting segments: {}", e.getMessage());
        }
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
            throw new StoreException(
                    TOO_LARGE, key + " has " + lengthBytes + " packed bytes, at most " + ITEM_BYTES_MAX);
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
                logRows(open);
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

    private void logRows(OpenSegment segment) {
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
                flush(handles);
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
            throw new StoreException(
                    failure.fault(), "the open segment can only be abandoned: " + failure.getMessage(), failure);
        }
    }

    private StoreException closed() {
        return new StoreException(SHUTTING_DOWN, "the storage in " + folder.root() + " is closed");
    }

    /**
     * Looks first where the item should be, and then everywhere: it may move meanwhile. Wherever it is moved to, it is
     * there before it goes, so who finds it at none of the places has been overtaken, and looks once more.
     */
    @Override
    public byte[] read(long ordinal, ItemKey key) {
        byte[] packed = whileNothingMoves(() -> database.read(
                () -> "read " + at(ordinal, key), handles -> find(handles, ordinal, key)), found -> found != null);
        if (packed == null) {
            throw new StoreException(CORRUPT, at(ordinal, key) + " is not there" + found(ordinal));
        }
        return packed;
    }

    private byte[] find(Database.Handles handles, long ordinal, ItemKey key) throws RocksDBException {
        if (healed.contains(ordinal)) {
            byte[] packed = healed.read(handles, ordinal, key);
            if (packed != null) {
                return packed;
            }
        }
        byte[] chunkKey = Keys.chunk(ordinal, key);
        for (Family home : settled.contains(ordinal) ? REWRITTEN_FIRST : WRITTEN_FIRST) {
            byte[] packed = handles.db().get(handles.of(home), point, chunkKey);
            if (packed != null) {
                return packed;
            }
        }
        return null;
    }

    /** Repeats a call that fails, or finds nothing, while items were moved. */
    private <T> T whileNothingMoves(Supplier<T> call, Predicate<T> isSatisfied) {
        while (true) {
            long before = moves;
            try {
                T result = call.get();
                if (isSatisfied.test(result) || before == moves) {
                    return result;
                }
            } catch (StoreException e) {
                if (e.fault() != CORRUPT || before == moves) {
                    throw e;
                }
            }
        }
    }

    private String found(long ordinal) {
        List<Item> there = readRun(ordinal, ordinal + 1, 1);
        return there.isEmpty() ? "" : ", but " + there.get(0).key() + " is";
    }

    private static String at(long ordinal, ItemKey key) {
        return key + " at ordinal " + Ordinal.shown(ordinal);
    }

    @Override
    public List<Item> readRun(long fromOrdinal, long untilOrdinal, long bytesMax) {
        return readRows(fromOrdinal, untilOrdinal, bytesMax, true).stream().map(RunReader.Row::item).toList();
    }

    /** As {@link #readRun}, with where each item lies. @param isKeptInCache whether somebody may read it again soon */
    List<RunReader.Row> readRows(long fromOrdinal, long untilOrdinal, long bytesMax, boolean isKeptInCache) {
        Supplier<String> what = () -> "read ordinals " + Ordinal.shown(fromOrdinal) + " to " + Ordinal.shown(untilOrdinal);
        return whileNothingMoves(() -> database.read(what, handles -> {
            if (fromOrdinal >= untilOrdinal) {
                return List.of();
            }
            while (true) {
                long before = moves;
                SettledRanges settled = this.settled;
                try (RunReader reader = new RunReader(
                        handles, healed, settled, homes(settled, new Ordinals(fromOrdinal, untilOrdinal - 1)),
                        fromOrdinal, untilOrdinal, Math.min(READ_AHEAD_BYTES, bytesMax), isKeptInCache)) {
                    // Else it might see one place as it was before items moved, and another as it was after that.
                    if (before == moves) {
                        return reader.read(bytesMax);
                    }
                }
            }
        }), rows -> true);
    }

    private static List<Family> homes(SettledRanges settled, Ordinals ordinals) {
        if (settled.contains(ordinals)) {
            return List.of(Family.QUICK, Family.SETTLED);
        }
        return settled.overlaps(ordinals) ? REWRITTEN_FIRST : List.of(Family.CHUNKS);
    }

    /** Files, and the rows that are not in one yet. */
    @Override
    public long storedBytes() {
        return database.read(() -> "measure the segments", handles -> {
            long bytes = healed.storedBytes(handles);
            for (Family home : WRITTEN_FIRST) {
                bytes += handles.db().getLongProperty(handles.of(home), "rocksdb.live-sst-files-size");
            }
            long rows = handles.db().getLongProperty(handles.of(Family.CHUNKS), "rocksdb.num-entries-active-mem-table");
            return rows == 0
                    ? bytes
                    : bytes + handles.db().getLongProperty(handles.of(Family.CHUNKS), "rocksdb.cur-size-all-mem-tables");
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
    public synchronized List<Extent> extents() {
        return database.read(() -> "list extents", handles -> {
            List<ItemFile> all = files.count(handles);
            List<ItemFile> counting = unfinished == null
                    ? all
                    : all.stream().filter(file -> !unfinished.isSurplus(file)).toList();
            List<Extent> extents = new ArrayList<>(ItemFiles.extents(
                    counting.stream().filter(file -> file.family() != Family.CHUNKS).toList(), true));
            extents.addAll(ItemFiles.extents(
                    counting.stream().filter(file -> file.family() == Family.CHUNKS).toList(), false));
            unwritten(handles, all).ifPresent(extents::add);
            extents.removeIf(extent -> extent.items() == 0);
            extents.sort(Comparator.comparingLong(Extent::firstOrdinal));
            addHealed(extents);
            return extents;
        });
    }

    /** The rows of {@code chunks} that are in no file yet: they lie behind all that are. */
    private static Optional<Extent> unwritten(Database.Handles handles, List<ItemFile> files) {
        long first = files.stream()
                .filter(file -> file.family() == Family.CHUNKS)
                .mapToLong(file -> file.ordinals().last() + 1)
                .max()
                .orElse(0);
        long firstOrdinal = -1;
        long lastOrdinal = -1;
        long items = 0;
        long bytes = 0;
        try (RocksIterator rows = handles.db().newIterator(handles.of(Family.CHUNKS))) {
            for (rows.seek(Keys.firstAt(first)); rows.isValid(); rows.next()) {
                lastOrdinal = Keys.number(rows.key());
                firstOrdinal = items == 0 ? lastOrdinal : firstOrdinal;
                items++;
                bytes += Keys.CHUNK_BYTES + rows.value().length;
            }
        }
        return items == 0 ? Optional.empty() : Optional.of(new Extent(firstOrdinal, lastOrdinal, items, bytes, false));
    }

    /** Adds those of which nothing is left in any file: each run of them that no extent interrupts is one. */
    private void addHealed(List<Extent> extents) {
        if (healed.isEmpty()) {
            return;
        }
        List<Extent> alone = new ArrayList<>();
        long at = 0;
        for (Extent extent : List.copyOf(extents)) {
            healed.extent(new Ordinals(at, extent.firstOrdinal() - 1)).ifPresent(alone::add);
            at = extent.lastOrdinal() + 1;
        }
        healed.extent(new Ordinals(at, Long.MAX_VALUE)).ifPresent(alone::add);
        extents.addAll(alone);
        extents.sort(Comparator.comparingLong(Extent::firstOrdinal));
    }

    @Override
    public long rewrite(List<Extent> extents, Rewriting how) {
        return rewriter.rewrite(extents, how);
    }

    @Override
    public void heal(long ordinal, ItemKey key, byte[] packed, int offset, int lengthBytes) {
        space.requireForRecords(lengthBytes);
        healed.put(ordinal, key, packed, offset, lengthBytes);
    }

    /** Has rows that are in no file yet written to one, so that none shares a file with what comes later. */
    synchronized void flushRows() {
        if (!hasUnflushedRows) {
            return;
        }
        database.write(() -> "write out small segments", handles -> {
            flush(handles);
            return null;
        });
    }

    private void flush(Database.Handles handles) throws RocksDBException {
        try (FlushOptions wait = new FlushOptions().setWaitForFlush(true)) {
            handles.db().flush(wait, handles.of(Family.CHUNKS));
        }
        hasUnflushedRows = false;
    }

    /** Lets readers know where items lie now. */
    synchronized void publish() {
        settled = database.read(() -> "list rewritten files", handles -> new SettledRanges(ItemFiles.list(handles).stream()
                .filter(file -> file.family() != Family.CHUNKS && (unfinished == null || !unfinished.isSurplus(file)))
                .toList()));
        moves++;
    }

    synchronized Unfinished unfinished() {
        return unfinished;
    }

    synchronized void setUnfinished(Unfinished next) {
        unfinished = next;
    }

    /** Whether an item can be read where it belongs, and not only because it was healed. */
    boolean isAtHome(long ordinal, ItemKey key) {
        return database.read(() -> "look for " + at(ordinal, key), handles -> {
            for (Family home : REWRITTEN_FIRST) {
                if (handles.db().get(handles.of(home), point, Keys.chunk(ordinal, key)) != null) {
                    return true;
                }
            }
            return false;
        });
    }

    /** The last ordinal before another at which an item is. */
    OptionalLong lastBefore(long ordinal) {
        return farthest(Math::max, rows -> rows.seekForPrev(Keys.firstAt(ordinal)));
    }

    /** The first ordinal from another on at which an item is. */
    OptionalLong firstFrom(long ordinal) {
        return farthest(Math::min, rows -> rows.seek(Keys.firstAt(ordinal)));
    }

    private OptionalLong farthest(LongBinaryOperator better, Consumer<RocksIterator> seek) {
        return database.read(() -> "find the ends of segments", handles -> {
            OptionalLong found = OptionalLong.empty();
            for (Family home : List.of(Family.CHUNKS, Family.QUICK, Family.SETTLED, Family.HEALED)) {
                try (RocksIterator rows = handles.db().newIterator(handles.of(home))) {
                    seek.accept(rows);
                    if (rows.isValid()) {
                        long there = Keys.number(rows.key());
                        found = OptionalLong.of(found.isEmpty() ? there : better.applyAsLong(found.getAsLong(), there));
                    } else {
                        rows.status();
                    }
                }
            }
            return found;
        });
    }

    /**
     * Runs something while no segment is sealed, moved or dropped: only then do the database's list of files, and its
     * log of a moment later, tell the same.
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
