package cairn.server.storage.rocks;

import com.sun.management.UnixOperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayDeque;
import java.util.Deque;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.ColumnFamilyOptions;
import org.rocksdb.CompressionOptions;
import org.rocksdb.CompressionType;
import org.rocksdb.DBOptions;
import org.rocksdb.EnvOptions;
import org.rocksdb.IndexType;
import org.rocksdb.InfoLogLevel;
import org.rocksdb.IngestExternalFileOptions;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.ReadOptions;
import org.rocksdb.ReadTier;
import org.rocksdb.RocksObject;
import org.rocksdb.WriteOptions;

/**
 * RocksDB's options, and why they are so. They outlive the database: close it first.
 *
 * <p>{@code chunks}: two levels. Segments come in ascending order and are ingested into the lower one; what came
 * through the log is flushed before the next segment is ingested (see {@link RocksSegmentStore}), so no file's range
 * overlaps another's, and every compaction is a move by name. Values are packed already, so blocks are not compressed;
 * a block holds one value, or a few up to 4 KiB. One index entry for each chunk would come to 140 MB of memory for a
 * TiB, so the block index is partitioned and only the parts in use are cached, before any data block: our own chunk
 * cache sits above this one. No filter: we never ask for an ordinal that is not there.
 *
 * <p>{@code chunk-index}: most questions are about what is not there, so a bloom filter of 10 bits, in memory with the
 * block index (1.4 bytes a row): in a shared cache they would evict each other.
 *
 * <p>{@code volume-blocks}: written far more than read, and most of it goes by whole layers before long, so every byte
 * is to be written once for the log, once for a file, and seldom again. What a guest writes in order makes files that
 * do not overlap and are moved down by name; that is why states, which would reach across them all, have a family of
 * their own ({@code volume-states}, 24 bytes a chunk). What it writes at random is merged once 8 files are there, into
 * a level as large as they, so a merge rewrites no more than those and as much again: that bounds the free space it
 * takes, which is why it is not the universal style, whose merges take as much again as there is. Not blob files
 * either: our RocksDB computes their CRC-32C in plain code, and their garbage goes only by moving what lives. Nothing
 * is compressed: the chunks that it becomes are, once. A file's block holds one of ours, since 4 KiB is what is asked
 * for; so the block index and the filter are partitioned and only the parts in use are cached, before any block, in a
 * cache of their own that volumes share. No filter for the last level: whoever asks knows from the states that there
 * is a row. Memory is bounded by 4 buffers, one being filled and the others waiting to be written out, beyond which
 * writers wait: 128 MiB, with 8 to 16 MiB for the states.
 *
 * <p>{@code settled}: chunks of one rewritten file after another, each unpacked, so that zstd sees whole blocks of
 * neighbours. A point read unpacks such a block; the cache keeps the last ones, for whoever reads the neighbours next.
 * {@code quick}: what must not wait for that, packed as it was. A bloom filter, since whether an item lies here is what
 * is asked first. Neither is compacted unless {@link RocksSegmentStore} says so, for it has looked first whether
 * everything can be read: a compaction that meets a damaged block makes RocksDB refuse all writes.
 *
 * <p>The log: writing it out to {@link #LOG_BYTES_MAX} forces the rows of other families out that hold it, wherever
 * they are few. It is large enough that a busy volume makes no more than one such small file for every 256 MiB that it
 * writes, and small enough to be replayed quickly: 241 MB in 1.2 s on two busy cores.
 */
final class Tuning implements AutoCloseable {
    /** A log beyond this forces out the rows that hold it, which bounds what is replayed after a crash. */
    static final long LOG_BYTES_MAX = 256L << 20;
    private static final long SYNC_AHEAD_BYTES = 4L << 20;
    /** Faster than anybody writes. */
    private static final long DELAYED_BYTES_PER_SECOND = 1L << 30;
    /** Where what is rewritten is split into another file. */
    static final long REWRITTEN_FILE_BYTES = 64L << 20;
    private static final int BLOOM_BITS = 10;
    private static final double INDEX_SHARE_OF_SEGMENT_CACHE = 0.8;
    private static final double INDEX_SHARE_OF_VOLUME_CACHE = 0.5;
    private static final int VOLUME_BUFFERS = 4;
    /** Each as large as a buffer. */
    private static final int VOLUME_FILES_UNTIL_MERGED = 8;

    private final Deque<RocksObject> owned = new ArrayDeque<>();

    final DBOptions database;
    final ColumnFamilyOptions numbers;
    final ColumnFamilyOptions chunks;
    final ColumnFamilyOptions index;
    final ColumnFamilyOptions catalog;
    final ColumnFamilyOptions volumes;
    final ColumnFamilyOptions states;
    final ColumnFamilyOptions pending;
    final ColumnFamilyOptions settled;
    final ColumnFamilyOptions quick;
    final ColumnFamilyOptions healed;
    final ColumnFamilyOptions children;
    final EnvOptions segmentFile;
    private final Options segmentTable;
    private final Options settledTable;
    private final Options quickTable;
    final IngestExternalFileOptions ingest;
    final WriteOptions logged;
    final WriteOptions synced;
    final ReadOptions anywhere;
    final ReadOptions cached;

    Tuning(RocksSettings settings) {
        LRUCache segmentCache = own(new LRUCache(settings.segmentCacheBytes(), 2, false, INDEX_SHARE_OF_SEGMENT_CACHE));
        LRUCache indexCache = own(new LRUCache(settings.indexCacheBytes(), 2));
        LRUCache volumeCache = own(new LRUCache(settings.volumeCacheBytes(), 2, false, INDEX_SHARE_OF_VOLUME_CACHE));
        LRUCache settledCache = own(new LRUCache(settings.settledCacheBytes(), 2));
        BloomFilter bloom = own(new BloomFilter(BLOOM_BITS, false));

        database = own(new DBOptions()
                .setCreateIfMissing(true)
                .setCreateMissingColumnFamilies(true)
                .setMaxTotalWalSize(LOG_BYTES_MAX)
                .setMaxOpenFiles(openFiles(settings))
                .setSkipStatsUpdateOnDbOpen(true)
                // Space set aside ahead of the log would be missing in a small or nearly full file system.
                .setAllowFAllocate(false)
                .setMaxBackgroundJobs(2)
                .setBytesPerSync(SYNC_AHEAD_BYTES)
                // A log is synced before the rows of one family are written out: not all of it at that moment.
                .setWalBytesPerSync(SYNC_AHEAD_BYTES)
                // Writers wait when all buffers are full; before that RocksDB would slow them down to 16 MB/s, which on
                // a busy machine, where buffers are written out late, is how fast they would stay.
                .setDelayedWriteRate(DELAYED_BYTES_PER_SECOND)
                .setInfoLogLevel(InfoLogLevel.WARN_LEVEL)
                .setStatsDumpPeriodSec(0)
                .setStatsPersistPeriodSec(0)
                .setMaxLogFileSize(1 << 20)
                .setKeepLogFileNum(3));
        numbers = own(new ColumnFamilyOptions().setWriteBufferSize(64 << 10));
        chunks = own(new ColumnFamilyOptions()
                .setNumLevels(2)
                .setLevel0FileNumCompactionTrigger(1)
                .setWriteBufferSize(settings.writeBufferBytes())
                .setMaxWriteBufferNumber(2)
                // So that the memory in use tells, near enough, what small segments take.
                .setArenaBlockSize(64 << 10)
                .setCompressionType(CompressionType.NO_COMPRESSION)
                .setTtl(0)
                .setPeriodicCompactionSeconds(0)
                .setTableFormatConfig(new BlockBasedTableConfig()
                        .setBlockSize(4096)
                        .setBlockCache(segmentCache)
                        .setIndexType(IndexType.kTwoLevelIndexSearch)
                        .setMetadataBlockSize(4096)
                        .setIndexBlockRestartInterval(16)
                        .setCacheIndexAndFilterBlocks(false)
                        .setCacheIndexAndFilterBlocksWithHighPriority(true)));
        index = own(new ColumnFamilyOptions()
                .setWriteBufferSize(settings.writeBufferBytes())
                .setMaxWriteBufferNumber(2)
                // Digests do not compress.
                .setCompressionType(CompressionType.NO_COMPRESSION)
                .setTableFormatConfig(new BlockBasedTableConfig()
                        .setBlockCache(indexCache)
                        .setFilterPolicy(bloom)
                        .setCacheIndexAndFilterBlocks(false)));
        catalog = own(new ColumnFamilyOptions()
                .setWriteBufferSize(Math.min(8L << 20, settings.writeBufferBytes()))
                .setMaxWriteBufferNumber(2)
                .setCompressionType(CompressionType.LZ4_COMPRESSION)
                .setTableFormatConfig(new BlockBasedTableConfig()
                        .setBlockCache(indexCache)
                        .setFilterPolicy(bloom)
                        .setCacheIndexAndFilterBlocks(false)));
        volumes = own(new ColumnFamilyOptions()
                .setWriteBufferSize(settings.volumeBufferBytes())
                .setMaxWriteBufferNumber(VOLUME_BUFFERS)
                .setLevel0FileNumCompactionTrigger(VOLUME_FILES_UNTIL_MERGED)
                .setMaxBytesForLevelBase(VOLUME_FILES_UNTIL_MERGED * settings.volumeBufferBytes())
                .setTargetFileSizeBase(settings.volumeBufferBytes())
                .setCompressionType(CompressionType.NO_COMPRESSION)
                .setOptimizeFiltersForHits(true)
                .setTtl(0)
                .setPeriodicCompactionSeconds(0)
                .setTableFormatConfig(new BlockBasedTableConfig()
                        .setBlockSize(4096)
                        .setBlockCache(volumeCache)
                        .setFilterPolicy(bloom)
                        .setIndexType(IndexType.kTwoLevelIndexSearch)
                        .setPartitionFilters(true)
                        .setMetadataBlockSize(4096)
                        .setCacheIndexAndFilterBlocks(false)
                        .setCacheIndexAndFilterBlocksWithHighPriority(true)));
        states = own(new ColumnFamilyOptions()
                .setWriteBufferSize(Math.min(8L << 20, settings.volumeBufferBytes()))
                .setMaxWriteBufferNumber(2)
                .setCompressionType(CompressionType.LZ4_COMPRESSION)
                .setTableFormatConfig(new BlockBasedTableConfig().setBlockCache(volumeCache)));
        // Read once, in order, when a snapshot is completed; digests do not compress.
        pending = own(new ColumnFamilyOptions()
                .setWriteBufferSize(Math.min(8L << 20, settings.writeBufferBytes()))
                .setMaxWriteBufferNumber(2)
                .setCompressionType(CompressionType.NO_COMPRESSION)
                .setTableFormatConfig(new BlockBasedTableConfig().setBlockCache(indexCache)));
        settled = own(new ColumnFamilyOptions()
                .setNumLevels(2)
                .setDisableAutoCompactions(true)
                .setWriteBufferSize(settings.writeBufferBytes())
                .setTargetFileSizeBase(REWRITTEN_FILE_BYTES)
                .setCompressionType(CompressionType.ZSTD_COMPRESSION)
                .setCompressionOptions(own(new CompressionOptions().setLevel(settings.settledLevel())))
                .setTtl(0)
                .setPeriodicCompactionSeconds(0)
                .setTableFormatConfig(new BlockBasedTableConfig()
                        .setBlockSize(settings.settledBlockBytes())
                        .setBlockCache(settledCache)
                        .setCacheIndexAndFilterBlocks(false)));
        quick = own(new ColumnFamilyOptions()
                .setNumLevels(2)
                .setDisableAutoCompactions(true)
                .setWriteBufferSize(settings.writeBufferBytes())
                .setTargetFileSizeBase(REWRITTEN_FILE_BYTES)
                .setCompressionType(CompressionType.NO_COMPRESSION)
                .setTtl(0)
                .setPeriodicCompactionSeconds(0)
                .setTableFormatConfig(new BlockBasedTableConfig()
                        .setBlockSize(4096)
                        .setBlockCache(segmentCache)
                        .setFilterPolicy(bloom)
                        .setCacheIndexAndFilterBlocks(false)));
        healed = own(new ColumnFamilyOptions()
                .setWriteBufferSize(Math.min(8L << 20, settings.writeBufferBytes()))
                .setMaxWriteBufferNumber(2)
                .setCompressionType(CompressionType.NO_COMPRESSION)
                .setTableFormatConfig(new BlockBasedTableConfig().setBlockCache(segmentCache)));
        // Ordinals that follow each other differ by the same small number.
        children = own(new ColumnFamilyOptions()
                .setWriteBufferSize(Math.min(8L << 20, settings.writeBufferBytes()))
                .setMaxWriteBufferNumber(2)
                .setCompressionType(CompressionType.LZ4_COMPRESSION)
                .setTableFormatConfig(new BlockBasedTableConfig()
                        .setBlockCache(indexCache)
                        .setFilterPolicy(bloom)
                        .setCacheIndexAndFilterBlocks(false)));
        // Written out as it grows, so that sealing does not wait for a whole segment.
        segmentFile = own(new EnvOptions().setBytesPerSync(SYNC_AHEAD_BYTES).setAllowFallocate(false));
        segmentTable = own(new Options(database, chunks));
        settledTable = own(new Options(database, settled));
        quickTable = own(new Options(database, quick));
        // No sequence number and no flush: either would mean that a segment's ordinals are not all new, so fail
        // instead.
        ingest = own(new IngestExternalFileOptions()
                .setMoveFiles(true)
                .setSnapshotConsistency(false)
                .setAllowGlobalSeqNo(false)
                .setAllowBlockingFlush(false));
        logged = own(new WriteOptions());
        synced = own(new WriteOptions().setSync(true));
        anywhere = own(new ReadOptions());
        cached = own(new ReadOptions().setReadTier(ReadTier.BLOCK_CACHE_TIER));
    }

    ColumnFamilyOptions of(Family family) {
        return switch (family) {
            case DEFAULT -> numbers;
            case CHUNKS -> chunks;
            case CHUNK_INDEX -> index;
            case CATALOG -> catalog;
            case VOLUME_BLOCKS -> volumes;
            case VOLUME_STATES -> states;
            case PENDING_BLOCKS -> pending;
            case SETTLED -> settled;
            case QUICK -> quick;
            case HEALED -> healed;
            case PAGE_CHILDREN -> children;
        };
    }

    /** For a file of items that is made beside the database. */
    Options table(Family family) {
        return switch (family) {
            case CHUNKS -> segmentTable;
            case SETTLED -> settledTable;
            case QUICK -> quickTable;
            default -> throw new IllegalArgumentException("no items lie in " + family);
        };
    }

    /** Half of what the process may open is left to connections and disks. */
    private static int openFiles(RocksSettings settings) {
        return ManagementFactory.getOperatingSystemMXBean() instanceof UnixOperatingSystemMXBean unix
                ? (int) Math.max(64, Math.min(settings.openFilesMax(), unix.getMaxFileDescriptorCount() / 2))
                : settings.openFilesMax();
    }

    private <T extends RocksObject> T own(T object) {
        owned.push(object);
        return object;
    }

    /** Closes in reverse: what refers to a cache or a filter before the cache and the filter. */
    @Override
    public void close() {
        owned.forEach(RocksObject::close);
        owned.clear();
    }
}
