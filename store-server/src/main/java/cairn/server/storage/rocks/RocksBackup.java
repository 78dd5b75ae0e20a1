package cairn.server.storage.rocks;

import static java.nio.file.StandardCopyOption.ATOMIC_MOVE;
import static java.nio.file.StandardOpenOption.CREATE_NEW;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.storage.BackedUp;
import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.rocksdb.Checkpoint;

/**
 * Copies an open database. Its files are gathered by RocksDB's {@link Checkpoint}, as links, beside the database: that
 * takes as long as writing out the rows in memory. Then the folder of links is moved to where the backup is to be, or
 * copied there where that is another file system, while writers go on.
 *
 * <p>A checkpoint reads the list of files first and copies the log afterwards. A segment that is ingested in between is
 * in neither, but the rows that refer to it are in the log; so no file of segments comes or goes meanwhile.
 */
final class RocksBackup {
    /** Between two looks at whether the copy is still wanted. */
    private static final long COPIED_AT_ONCE_BYTES = 16L << 20;

    private final DataFolder folder;
    private final FreeSpace space;
    private final Database database;
    private final RocksSegmentStore segments;

    RocksBackup(DataFolder folder, FreeSpace space, Database database, RocksSegmentStore segments) {
        this.folder = folder;
        this.space = space;
        this.database = database;
        this.segments = segments;
    }

    BackedUp into(Path target, BackedUp.Progress progress) {
        folder.makeCheckpoint();
        try {
            Path gathered = folder.checkpoint().resolve("rocks");
            database.ensureUsable();
            segments.whileNoFileChanges(() -> gather(gathered));
            Path copy = target.resolve("rocks");
            if (!move(gathered, copy)) {
                copy(gathered, copy, progress);
            }
            BackedUp backedUp = sync(copy);
            progress.update(backedUp.bytes(), backedUp.bytes());
            DataFolder.writeVersion(target);
            return backedUp;
        } catch (ClosedByInterruptException e) {
            throw new StoreException(Fault.SHUTTING_DOWN, "the backup to " + target + " was given up", e);
        } catch (IOException e) {
            throw DataFolder.failure("back up to " + target, e);
        } finally {
            folder.removeCheckpoint();
        }
    }

    private void gather(Path gathered) {
        database.read(() -> "gather the files of " + folder.rocks(), handles -> {
            long rowBytes = 0;
            for (Family family : Family.values()) {
                rowBytes += handles.db().getLongProperty(handles.of(family), "rocksdb.cur-size-all-mem-tables");
            }
            space.requireForRecords(rowBytes);
            try (Checkpoint checkpoint = Checkpoint.create(handles.db())) {
                checkpoint.createCheckpoint(gathered.toString());
            }
            return null;
        });
    }

    /** @return whether both are in one file system */
    private static boolean move(Path gathered, Path copy) throws IOException {
        try {
            Files.move(gathered, copy, ATOMIC_MOVE);
            return true;
        } catch (AtomicMoveNotSupportedException e) {
            return false;
        }
    }

    private static void copy(Path gathered, Path copy, BackedUp.Progress progress) throws IOException {
        DataFolder.makeForOwner(copy);
        List<Path> files = files(gathered);
        long bytes = 0;
        for (Path file : files) {
            bytes += Files.size(file);
        }
        long freeBytes = Files.getFileStore(copy).getUsableSpace();
        if (freeBytes < bytes) {
            throw new StoreException(Fault.NO_SPACE, "no space left in " + copy.getParent().getParent() + ": " + freeBytes
                    + " bytes are free, " + bytes + " are needed for a backup");
        }
        long doneBytes = 0;
        for (Path file : files) {
            progress.update(doneBytes, bytes);
            doneBytes += copyFile(file, copy.resolve(file.getFileName()));
            // Given back at once where the database has dropped it meanwhile.
            Files.delete(file);
        }
    }

    private static long copyFile(Path file, Path copy) throws IOException {
        try (FileChannel from = FileChannel.open(file, READ);
                FileChannel to = FileChannel.open(copy, CREATE_NEW, WRITE)) {
            long sizeBytes = from.size();
            long doneBytes = 0;
            while (doneBytes < sizeBytes) {
                long copied = from.transferTo(doneBytes, Math.min(sizeBytes - doneBytes, COPIED_AT_ONCE_BYTES), to);
                if (copied == 0) {
                    throw new IOException(file + " has become shorter than " + sizeBytes + " bytes");
                }
                doneBytes += copied;
            }
            return sizeBytes;
        }
    }

    private static BackedUp sync(Path copy) throws IOException {
        BackedUp all = new BackedUp(0, 0, 0, 0);
        for (Path file : files(copy)) {
            DataFolder.sync(file);
            all = all.plus(Files.size(file), isLinked(file));
        }
        DataFolder.sync(copy);
        return all;
    }

    private static boolean isLinked(Path file) throws IOException {
        return file.getFileSystem().supportedFileAttributeViews().contains("unix")
                && (Integer) Files.getAttribute(file, "unix:nlink") > 1;
    }

    private static List<Path> files(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.sorted().toList();
        }
    }
}
