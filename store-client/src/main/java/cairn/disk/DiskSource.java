package cairn.disk;

import java.nio.file.Path;
import java.util.Optional;

/**
 * A disk to be read, in any order and by several threads at once, until it is closed.
 *
 * <p>Errors are a {@link cairn.StoreException} that names the file: INVALID_REQUEST for what we do not read, CORRUPT
 * for a file that contradicts its format, CONFLICT for one that changed.
 */
public interface DiskSource extends AutoCloseable {
    /** 64 TiB, which is also VHDX's own limit. */
    long SIZE_BYTES_MAX = 64L << 40;

    int SECTOR_BYTES = 512;

    /** Opens a disk whose format is told by its first bytes (by its footer for a fixed VHD), and is raw otherwise. */
    static DiskSource open(Path path) {
        return open(path, Optional.empty());
    }

    /**
     * Opens a disk.
     *
     * @param format what the file is, or empty to tell by its bytes; to be given for a raw disk that happens to begin
     *     like another format
     * @throws cairn.StoreException NOT_FOUND, FORBIDDEN, or INVALID_REQUEST for a file that holds no disk we can read;
     *     CORRUPT for a damaged one
     */
    static DiskSource open(Path path, Optional<DiskFormat> format) {
        return MappedDisk.open(DiskFile.open(path, DiskFile.SETTLE_TIME), format);
    }

    DiskFormat format();

    /** The disk's own size, not the file's: a multiple of {@link #SECTOR_BYTES}, at most {@link #SIZE_BYTES_MAX}. */
    long sizeBytes();

    /**
     * The first range at or behind {@code offset} that may hold data; empty when only zeros follow. The next range may
     * touch this one. {@code offset} may be the disk's end.
     */
    Optional<DiskRange> nextData(long offset);

    /** Reads from the disk. Where nothing is stored the bytes are zero, and the file is not touched. */
    void read(long offset, byte[] to, int toOffset, int lengthBytes);

    /**
     * Makes sure that what was read is one state of the disk: the file's size, times and identity are what they were
     * when it was opened. A change that a program made in mapped memory may show only later. Of a block device the
     * system keeps no such times: there only a change of its size or its node is noticed.
     *
     * @throws cairn.StoreException CONFLICT if the file was changed or replaced
     */
    void requireUnchanged();

    @Override
    void close();
}
