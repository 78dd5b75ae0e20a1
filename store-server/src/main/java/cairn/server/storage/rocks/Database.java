package cairn.server.storage.rocks;

import cairn.Fault;
import cairn.StoreException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.rocksdb.ColumnFamilyDescriptor;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.LiveFileMetaData;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The open RocksDB, lent to one call at a time: closing waits for calls under way and refuses later ones, so that no
 * call ever reaches freed memory.
 *
 * <p>A failed write leaves RocksDB refusing all writes until it is opened again. So the next write after a failure
 * opens it again first, once there is space for what is in the log. Acknowledged writes are in the log and come back
 * with it. Opening writes the log's rows into synced files, so that nothing rests any longer on a log that a failed or
 * killed process may not have synced.
 */
final class Database implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Database.class);
    /**
     * What a store can do without, or get back: items, which are healed or lost alone, and what is made anew of them.
     */
    private static final Set<Family> DISPENSABLE = EnumSet.of(
            Family.CHUNKS, Family.SETTLED, Family.QUICK, Family.HEALED, Family.CHUNK_INDEX, Family.PAGE_CHILDREN);
    /** What opening takes beside the rows in the log: a new log, a new manifest, tables' indexes and filters. */
    private static final long REOPEN_BYTES = 2L << 20;

    /** The native objects that calls work on. */
    record Handles(RocksDB db, Map<Family, ColumnFamilyHandle> families) {
        ColumnFamilyHandle of(Family family) {
            return families.get(family);
        }
    }

    interface Call<T> {
        T run(Handles handles) throws RocksDBException;
    }

    private final DataFolder folder;
    private final FreeSpace space;
    private final Tuning tuning;
    private final ReadWriteLock guard = new ReentrantReadWriteLock();
    /** Null while it could not be opened again. Guarded by {@link #guard}. */
    private Handles handles;
    /** Guarded by {@link #guard}. */
    private boolean isClosed;
    private volatile boolean hasFailed;
    /** Whether what failed was not for lack of space. */
    private volatile boolean isDamaged;
    /** Of files set aside. Guarded by {@link #guard}. */
    private final List<Ordinals> setAside = new ArrayList<>();

    /**
     * Files of items that have become shorter are set aside.
     *
     * @param isMissingLeftOut whether files that are not there, and are no records of the catalog or of volumes, are
     *     forgotten for good
     * @throws StoreException CONFLICT if another process, or this one, has the folder open; NOT_FOUND, naming them, if
     *     files are not there: then this process keeps the folder locked
     */
    Database(DataFolder folder, FreeSpace space, Tuning tuning, boolean isMissingLeftOut) {
        this.folder = folder;
        this.space = space;
        this.tuning = tuning;
        if (isMissingLeftOut) {
            leaveOutMissing();
        }
        this.handles = open();
        checkFiles();
    }

    private void leaveOutMissing() {
        // Otherwise RocksDB takes no changes, and closing it does not return.
        tuning.database.setParanoidChecks(false);
        handles = open();
        try {
            EnumSet<Family> lost = EnumSet.noneOf(Family.class);
            for (LiveFileMetaData file : missing(files())) {
                lost.add(Family.of(file));
                if (ItemFiles.isOfItems(file)) {
                    Ordinals ordinals = ItemFiles.ordinals(file);
                    handles.db().deleteFilesInRanges(
                            handles.of(Family.of(file)), List.of(ordinals.fromKey(), ordinals.untilKey()), true);
                }
            }
            lost.retainAll(EnumSet.of(Family.CHUNK_INDEX, Family.PAGE_CHILDREN));
            for (Family family : lost) {
                handles.db().dropColumnFamily(handles.of(family));
            }
        } catch (RocksDBException e) {
            throw Failures.of("leave out files that are missing", folder.root(), e);
        } finally {
            release();
            tuning.database.setParanoidChecks(true);
        }
    }

    private List<LiveFileMetaData> files() {
        return handles.db().getLiveFilesMetaData();
    }

    /** Of those that the database names. */
    private List<LiveFileMetaData> missing(List<LiveFileMetaData> files) {
        List<LiveFileMetaData> absent = files.stream()
                .filter(file -> !Files.exists(folder.databaseFile(file.fileName())))
                .toList();
        if (absent.isEmpty()) {
            return absent;
        }
        // Some may have been compacted, and removed, since they were listed.
        Set<String> named = files().stream().map(LiveFileMetaData::fileName).collect(Collectors.toSet());
        return absent.stream().filter(file -> named.contains(file.fileName())).toList();
    }

    /** RocksDB would find out when it reads them, and then take no writes. */
    private void checkFiles() {
        List<LiveFileMetaData> files = files();
        List<LiveFileMetaData> missing = missing(files);
        if (!missing.isEmpty()) {
            // Not closed: with open_files_async, closing would wait for ever for a file that cannot be opened.
            handles = null;
            throw notThere(missing);
        }
        try {
            for (LiveFileMetaData file : files) {
                if (ItemFiles.isOfItems(file) && !hasItsSize(file)) {
                    setAsideUnreadable();
                    release();
                    handles = open();
                    return;
                }
            }
        } catch (IOException e) {
            throw new StoreException(Fault.INTERNAL, "cannot look at " + folder.rocks() + ": " + e.getMessage(), e);
        }
    }

    private boolean hasItsSize(LiveFileMetaData file) throws IOException {
        try {
            return Files.size(folder.databaseFile(file.fileName())) == file.size();
        } catch (NoSuchFileException e) {
            // Compacted, and removed, since it was found to be there.
            return true;
        }
    }

    private StoreException notThere(List<LiveFileMetaData> files) {
        String names = files.stream()
                .map(file -> folder.databaseFile(file.fileName()) + " (" + Family.of(file).shown() + ")")
                .collect(Collectors.joining(", "));
        boolean isDispensable = files.stream().map(Family::of).allMatch(DISPENSABLE::contains);
        return new StoreException(Fault.NOT_FOUND, "missing: " + names + ". Put " + (files.size() == 1 ? "it" : "them")
                + " back, or restore a backup" + (isDispensable
                        ? "; or go on without: `cairn fsck --rebuild-index`, and then heal what it finds damaged"
                        : ""));
    }

    private Handles open() {
        List<ColumnFamilyDescriptor> descriptors = new ArrayList<>();
        for (Family family : Family.values()) {
            descriptors.add(new ColumnFamilyDescriptor(family.storedName(), tuning.of(family)));
        }
        List<ColumnFamilyHandle> opened = new ArrayList<>();
        try {
            RocksDB db = open(descriptors, opened);
            Map<Family, ColumnFamilyHandle> families = new EnumMap<>(Family.class);
            for (Family family : Family.values()) {
                families.put(family, opened.get(families.size()));
            }
            return new Handles(db, families);
        } catch (RocksDBException e) {
            throw isLocked(e) ? folder.inUse(e) : Failures.of("open " + folder.rocks(), folder.root(), e);
        }
    }

    /**
     * Some files are opened with the database, the others when they are first asked, and those that were asked longest
     * ago are closed again. Where that fails, files are opened in the background instead: one whose very end is damaged
     * then does not keep the others from being read, though RocksDB takes no writes until it is gone. Not in general,
     * for what was opened so is never closed: in a store of more files than may be open, every other file would be
     * opened anew, its filter and index read, for each single question.
     */
    private RocksDB open(List<ColumnFamilyDescriptor> descriptors, List<ColumnFamilyHandle> opened)
            throws RocksDBException {
        String path = folder.rocks().toString();
        try {
            return RocksDB.open(tuning.database, path, descriptors, opened);
        } catch (RocksDBException e) {
            if (isLocked(e)) {
                throw e;
            }
        }
        tuning.database.setOpenFilesAsync(true);
        try {
            return RocksDB.open(tuning.database, path, descriptors, opened);
        } finally {
            tuning.database.setOpenFilesAsync(false);
        }
    }

    /**
     * RocksDB has no status of its own for this; its two messages are "While lock file" and "lock hold by current
     * process".
     */
    private static boolean isLocked(RocksDBException e) {
        return e.getMessage() != null
                && (e.getMessage().startsWith("While lock file") || e.getMessage().startsWith("lock hold by"));
    }

    /** Lends the database to a call that changes nothing. @param what for the message, should it fail */
    <T> T read(Supplier<String> what, Call<T> call) {
        Lock lock = lend();
        try {
            return call.run(handles);
        } catch (RocksDBException e) {
            throw Failures.of(what.get(), folder.root(), e);
        } finally {
            lock.unlock();
        }
    }

    /**
     * As {@link #read}, but waits for nobody who opens or closes the database, and does not open it: for event loops.
     *
     * @return empty if the database cannot be had at once
     */
    <T> Optional<T> tryRead(Supplier<String> what, Call<T> call) {
        Lock lock = guard.readLock();
        if (!lock.tryLock()) {
            return Optional.empty();
        }
        try {
            if (isClosed) {
                throw closed();
            }
            return handles == null ? Optional.empty() : Optional.of(call.run(handles));
        } catch (RocksDBException e) {
            throw Failures.of(what.get(), folder.root(), e);
        } finally {
            lock.unlock();
        }
    }

    /**
     * Opens the database again after a failed write. To be called before what is to be written is decided by what is
     * read: a write that was said to have failed may be there once the database has been opened again.
     */
    void ensureUsable() {
        if (hasFailed) {
            reopen();
        }
    }

    /** Lends the database to a call that writes. After a failure it is opened again before the next one. */
    void write(Supplier<String> what, Call<?> call) {
        ensureUsable();
        Lock lock = lend();
        try {
            call.run(handles);
        } catch (RocksDBException e) {
            isDamaged |= Failures.faultOf(e.getStatus()) == Fault.CORRUPT;
            hasFailed = true;
            throw Failures.of(what.get(), folder.root(), e);
        } finally {
            lock.unlock();
        }
    }

    /**
     * As {@link #write}, for what may be done twice: where there is no space, or something is damaged, it is tried once
     * more on a database that is opened again. For what RocksDB writes out in the background may have found the disk
     * full a while ago, and the first write after that is told so though there is space again by now.
     */
    void writeRepeatable(Supplier<String> what, Call<?> call) {
        try {
            write(what, call);
        } catch (StoreException e) {
            if (e.fault() != Fault.NO_SPACE && e.fault() != Fault.CORRUPT) {
                throw e;
            }
            write(what, call);
        }
    }

    /** Locked for the caller, open, and not to be closed before the caller unlocks it. */
    private Lock lend() {
        Lock lock = guard.readLock();
        lock.lock();
        if (!isClosed && handles != null) {
            return lock;
        }
        boolean isClosed = this.isClosed;
        lock.unlock();
        if (isClosed) {
            throw closed();
        }
        reopen();
        return lend();
    }

    private void reopen() {
        guard.writeLock().lock();
        try {
            if (isClosed) {
                throw closed();
            }
            if (handles != null && !hasFailed) {
                return;
            }
            long neededBytes = REOPEN_BYTES + logBytes();
            if (space.leftBytes() < neededBytes) {
                throw new StoreException(Fault.NO_SPACE, "no space left in " + folder.root() + ": " + space.leftBytes()
                        + " bytes are free, " + neededBytes + " are needed to go on after a failed write");
            }
            if (handles != null && isDamaged) {
                setAsideUnreadable();
            }
            release();
            handles = open();
            hasFailed = false;
            isDamaged = false;
        } finally {
            guard.writeLock().unlock();
        }
    }

    /**
     * Takes files of items that cannot be opened out of the database, and keeps them in a folder of their own: as long
     * as it has one it refuses all writes, those that heal its items among them.
     */
    private void setAsideUnreadable() {
        try {
            for (ItemFile file : ItemFiles.unreadable(handles)) {
                folder.setAside(file.name());
                setAside.add(file.ordinals());
                handles.db().deleteFilesInRanges(
                        handles.of(file.family()), List.of(file.ordinals().fromKey(), file.ordinals().untilKey()), false);
                log.warn("set aside {} with {}, which cannot be opened", file.name(), file.ordinals());
            }
        } catch (RocksDBException e) {
            throw Failures.of("set aside files that cannot be opened", folder.root(), e);
        }
    }

    /** Where items lay in files that have been set aside since this was opened. */
    List<Ordinals> setAside() {
        guard.readLock().lock();
        try {
            return List.copyOf(setAside);
        } finally {
            guard.readLock().unlock();
        }
    }

    /** Forgets everything in some families, also what cannot be read. */
    void clear(Set<Family> families) {
        guard.writeLock().lock();
        try {
            if (isClosed) {
                throw closed();
            }
            for (Family family : families) {
                handles.db().dropColumnFamily(handles.of(family));
            }
            release();
            handles = open();
        } catch (RocksDBException e) {
            throw Failures.of("clear " + families, folder.root(), e);
        } finally {
            guard.writeLock().unlock();
        }
    }

    private long logBytes() {
        long bytes = 0;
        try (DirectoryStream<Path> logs = Files.newDirectoryStream(folder.rocks(), "*.log")) {
            for (Path log : logs) {
                bytes += Files.size(log);
            }
        } catch (IOException e) {
            throw new StoreException(Fault.INTERNAL, "cannot list " + folder.rocks() + ": " + e.getMessage(), e);
        }
        return bytes;
    }

    private StoreException closed() {
        return new StoreException(Fault.SHUTTING_DOWN, "the storage in " + folder.root() + " is closed");
    }

    /** Closes in the order RocksDB needs: column families, then the database. Its options are the caller's. */
    @Override
    public void close() {
        guard.writeLock().lock();
        try {
            isClosed = true;
            release();
        } finally {
            guard.writeLock().unlock();
        }
    }

    private void release() {
        if (handles != null) {
            handles.families().values().forEach(ColumnFamilyHandle::close);
            handles.db().close();
            handles = null;
        }
    }
}
