package cairn.server.storage.rocks;

import cairn.StoreException;
import cairn.server.storage.BackedUp;
import cairn.server.storage.Catalog;
import cairn.server.storage.ChunkIndex;
import cairn.server.storage.IndexMaking;
import cairn.server.storage.ItemPlaces;
import cairn.server.storage.Notes;
import cairn.server.storage.PendingBlocks;
import cairn.server.storage.SegmentStore;
import cairn.server.storage.Storage;
import cairn.server.storage.StoredFiles;
import cairn.server.storage.VolumeBlocks;
import java.nio.file.Path;
import java.util.EnumSet;
import org.rocksdb.RocksDB;

/** A store's storage in one data folder, in an embedded RocksDB. Reads and closing may come from any thread. */
public final class RocksStorage implements Storage {
    private final DataFolder folder;
    private final FreeSpace space;
    private final Tuning tuning;
    private final Database database;
    private final RocksSegmentStore segments;
    private final RocksChunkIndex index;
    private final RocksCatalog catalog;
    private final RocksVolumeBlocks volumeBlocks;
    private final RocksPendingBlocks pendingBlocks;
    private final FolderNotes notes;
    /** Guarded by {@code this}. */
    private boolean isClosed;

    private RocksStorage(
            DataFolder folder, FreeSpace space, Tuning tuning, Database database, RocksSegmentStore segments) {
        this.folder = folder;
        this.space = space;
        this.tuning = tuning;
        this.database = database;
        this.segments = segments;
        this.index = new RocksChunkIndex(database, tuning, space);
        this.catalog = new RocksCatalog(database, tuning, space);
        this.volumeBlocks = new RocksVolumeBlocks(database, tuning, space);
        this.pendingBlocks = new RocksPendingBlocks(database, tuning, space);
        this.notes = new FolderNotes(folder.notes(), space);
    }

    /** Opens the store in a folder, or makes one there, with {@link RocksSettings#DEFAULT}. */
    public static RocksStorage open(Path dataFolder) {
        return open(dataFolder, RocksSettings.DEFAULT);
    }

    /**
     * Opens the store in a folder, or makes one in a folder that is empty or not there yet, for its owner alone.
     *
     * @throws StoreException INVALID_REQUEST if the folder holds something else, or a store of an unknown version;
     *     CONFLICT, naming folder and process, if it is in use; CORRUPT if the database's own files are damaged;
     *     NOT_FOUND, naming them, if files of it are missing; NO_SPACE if there is no room to begin
     */
    public static RocksStorage open(Path dataFolder, RocksSettings settings) {
        return open(dataFolder, settings, step -> {}, false);
    }

    /**
     * As {@link #open(Path)}, but files of items, and of what can be made of them, that are missing are forgotten for
     * good. The index is to be made anew then.
     */
    public static RocksStorage openWithoutMissing(Path dataFolder) {
        return open(dataFolder, RocksSettings.DEFAULT, step -> {}, true);
    }

    /** As {@link #open(Path, RocksSettings)}. @param steps is told of each step in which segments are rewritten */
    static RocksStorage open(Path dataFolder, RocksSettings settings, Rewriter.Steps steps) {
        return open(dataFolder, settings, steps, false);
    }

    private static RocksStorage open(
            Path dataFolder, RocksSettings settings, Rewriter.Steps steps, boolean isMissingLeftOut) {
        DataFolder folder = DataFolder.open(dataFolder);
        FreeSpace space = new FreeSpace(folder.root(), settings.reserveBytes());
        RocksDB.loadLibrary();
        Tuning tuning = new Tuning(settings);
        Database database = null;
        try {
            database = new Database(folder, space, tuning, isMissingLeftOut);
            folder.upgrade();
            folder.writePid();
            folder.removeUnsealed();
            folder.removeCheckpoint();
            RocksSegmentStore segments = new RocksSegmentStore(database, tuning, folder, space, settings, steps);
            return new RocksStorage(folder, space, tuning, database, segments);
        } catch (RuntimeException | Error e) {
            if (database != null) {
                folder.removePid();
                database.close();
            }
            tuning.close();
            throw e;
        }
    }

    @Override
    public SegmentStore segments() {
        return segments;
    }

    @Override
    public ChunkIndex index() {
        return index;
    }

    @Override
    public Catalog catalog() {
        return catalog;
    }

    @Override
    public VolumeBlocks volumeBlocks() {
        return volumeBlocks;
    }

    @Override
    public PendingBlocks pendingBlocks() {
        return pendingBlocks;
    }

    @Override
    public Notes notes() {
        return notes;
    }

    @Override
    public long usableBytes() {
        return space.usableBytes();
    }

    @Override
    public BackedUp backup(Path target, BackedUp.Progress progress) {
        return new RocksBackup(folder, space, database, segments).into(target, progress);
    }

    /** The database's own files. */
    public StoredFiles files() {
        return new RocksFiles(database, folder);
    }

    /** How the index is made anew. */
    public IndexMaking indexMaking() {
        return new IndexMaking() {
            @Override
            public void clearIndex() {
                database.clear(EnumSet.of(Family.CHUNK_INDEX, Family.PAGE_CHILDREN));
            }

            @Override
            public ItemPlaces newPlaces() {
                return new RocksItemPlaces(folder.places(), folder.root());
            }
        };
    }

    /** Closes in the order RocksDB needs: segment being written, column families, database, then its options. */
    @Override
    public synchronized void close() {
        if (isClosed) {
            return;
        }
        isClosed = true;
        notes.close();
        segments.stop();
        folder.removePid();
        database.close();
        segments.free();
        tuning.close();
    }
}
