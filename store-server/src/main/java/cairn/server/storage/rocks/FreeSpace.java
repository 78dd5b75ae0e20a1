package cairn.server.storage.rocks;

import cairn.Fault;
import cairn.StoreException;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Watches the space left in the data folder, so that we refuse before RocksDB fails: out of space in its log or
 * manifest, it takes no more writes until it is opened again.
 */
final class FreeSpace {
    private final Path folder;
    private final FileStore disk;
    private final long reserveBytes;

    FreeSpace(Path folder, long reserveBytes) {
        this.folder = folder;
        this.reserveBytes = reserveBytes;
        try {
            this.disk = Files.getFileStore(folder);
        } catch (IOException e) {
            throw new StoreException(
                    Fault.INTERNAL, "cannot tell the space left in " + folder + ": " + e.getMessage(), e);
        }
    }

    /** Bytes that data may still take. */
    long usableBytes() {
        return Math.max(0, leftBytes() - reserveBytes);
    }

    /** @throws StoreException NO_SPACE if data would reach into the reserve */
    void requireForData(long bytes) {
        require(bytes, reserveBytes);
    }

    /** @throws StoreException NO_SPACE if rows and records would reach into the second half of the reserve */
    void requireForRecords(long bytes) {
        require(bytes, reserveBytes / 2);
    }

    /** @throws StoreException NO_SPACE if what is rewritten would reach into the last quarter of the reserve */
    void requireForRewriting(long bytes) {
        require(bytes, reserveBytes / 4);
    }

    long leftBytes() {
        try {
            return disk.getUsableSpace();
        } catch (IOException e) {
            throw new StoreException(
                    Fault.INTERNAL, "cannot tell the space left in " + folder + ": " + e.getMessage(), e);
        }
    }

    private void require(long bytes, long keptBytes) {
        long left = leftBytes();
        if (left - keptBytes < bytes) {
            throw new StoreException(Fault.NO_SPACE, "no space left in " + folder + ": " + left + " bytes are free, "
                    + keptBytes + " of them held in reserve, " + bytes + " are needed");
        }
    }
}
