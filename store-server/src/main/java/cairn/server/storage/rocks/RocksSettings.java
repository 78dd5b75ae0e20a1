package cairn.server.storage.rocks;

import cairn.Fault;
import cairn.StoreException;

/**
 * How much of the machine the storage may use.
 *
 * @param reserveBytes free space that uploads may not use: data is refused below it, records below half of it,
 *     rewriting below a quarter, and removals never, so that a full store can still be tidied up, and RocksDB always
 *     has room to flush and compact
 * @param smallSegmentBytesMax a segment up to this size is written through the log instead of as a file of its own
 * @param segmentCacheBytes cache for the parts of segments' block indexes that are in use (8 bytes for each item)
 * @param indexCacheBytes cache for blocks of the chunk index and the catalog
 * @param writeBufferBytes memory for rows not yet in files, for each of the large column families; up to twice as much
 *     while it is being written out
 * @param volumeCacheBytes cache for volumes' blocks, and for what finds them
 * @param volumeBufferBytes memory for volumes' blocks not yet in files; up to four times as much while they are written
 *     out
 * @param settledLevel zstd's level for chunks that are settled from now on
 * @param settledBlockBytes how many bytes of chunks are settled in one block, which is read as a whole
 * @param settledCacheBytes cache for such blocks, unpacked
 * @param openFilesMax files kept open; fewer where the process may not open so many
 */
public record RocksSettings(
        long reserveBytes,
        int smallSegmentBytesMax,
        long segmentCacheBytes,
        long indexCacheBytes,
        long writeBufferBytes,
        long volumeCacheBytes,
        long volumeBufferBytes,
        int settledLevel,
        int settledBlockBytes,
        long settledCacheBytes,
        int openFilesMax) {
    public static final RocksSettings DEFAULT = new RocksSettings(
            256L << 20, 1 << 20, 16L << 20, 32L << 20, 32L << 20, 32L << 20, 32L << 20, 6, 256 << 10, 16L << 20, 16_384);

    private static final int ZSTD_LEVEL_MAX = 22;
    private static final int SETTLED_BLOCK_BYTES_MAX = 4 << 20;

    public RocksSettings {
        if (reserveBytes < 0 || smallSegmentBytesMax < 0 || segmentCacheBytes < 0 || indexCacheBytes < 0
                || volumeCacheBytes < 0 || writeBufferBytes < 64 << 10 || volumeBufferBytes < 64 << 10
                || settledLevel < 1 || settledLevel > ZSTD_LEVEL_MAX || settledBlockBytes < 4096
                || settledBlockBytes > SETTLED_BLOCK_BYTES_MAX || settledCacheBytes < 0 || openFilesMax < 64) {
            throw new StoreException(Fault.INVALID_REQUEST, "storage settings out of range: reserve " + reserveBytes
                    + ", small segment " + smallSegmentBytesMax + ", caches " + segmentCacheBytes + ", "
                    + indexCacheBytes + ", " + volumeCacheBytes + " and " + settledCacheBytes + ", write buffers "
                    + writeBufferBytes + " and " + volumeBufferBytes + ", settled blocks " + settledBlockBytes
                    + " bytes of level " + settledLevel + ", " + openFilesMax + " files");
        }
    }

    public RocksSettings withReserveBytes(long bytes) {
        return new RocksSettings(bytes, smallSegmentBytesMax, segmentCacheBytes, indexCacheBytes, writeBufferBytes,
                volumeCacheBytes, volumeBufferBytes, settledLevel, settledBlockBytes, settledCacheBytes, openFilesMax);
    }

    public RocksSettings withSmallSegmentBytesMax(int bytes) {
        return new RocksSettings(reserveBytes, bytes, segmentCacheBytes, indexCacheBytes, writeBufferBytes,
                volumeCacheBytes, volumeBufferBytes, settledLevel, settledBlockBytes, settledCacheBytes, openFilesMax);
    }

    /** @param bytes for all families alike */
    public RocksSettings withWriteBufferBytes(long bytes) {
        return new RocksSettings(reserveBytes, smallSegmentBytesMax, segmentCacheBytes, indexCacheBytes, bytes,
                volumeCacheBytes, bytes, settledLevel, settledBlockBytes, settledCacheBytes, openFilesMax);
    }

    /** @param level from 1, the quickest, to 22 */
    public RocksSettings withSettledLevel(int level) {
        return withSettled(level, settledBlockBytes);
    }

    RocksSettings withOpenFilesMax(int files) {
        return new RocksSettings(reserveBytes, smallSegmentBytesMax, segmentCacheBytes, indexCacheBytes, writeBufferBytes,
                volumeCacheBytes, volumeBufferBytes, settledLevel, settledBlockBytes, settledCacheBytes, files);
    }

    RocksSettings withSettled(int level, int blockBytes) {
        return new RocksSettings(reserveBytes, smallSegmentBytesMax, segmentCacheBytes, indexCacheBytes, writeBufferBytes,
                volumeCacheBytes, volumeBufferBytes, level, blockBytes, settledCacheBytes, openFilesMax);
    }
}
