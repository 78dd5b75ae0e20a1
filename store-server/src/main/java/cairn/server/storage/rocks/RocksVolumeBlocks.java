package cairn.server.storage.rocks;

import static cairn.Fault.CORRUPT;

import cairn.StoreException;
import cairn.server.storage.VolumeBlocks;
import java.nio.ByteBuffer;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongConsumer;
import java.util.function.Supplier;
import org.rocksdb.FlushOptions;
import org.rocksdb.KeyMayExist;
import org.rocksdb.KeyMayExist.KeyMayExistEnum;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.Slice;
import org.rocksdb.Status;
import org.rocksdb.WriteBatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Blocks of volumes as rows of {@code volume-blocks}, chunks' states as rows of {@code volume-states}; see {@link
 * Keys}. A block's row is its {@link #BLOCK_BYTES} bytes, states are 4 bytes, big-endian; states 0 have no row.
 *
 * <p><b>How layers go.</b> One range tombstone in each family takes all their rows away. It is not written where there
 * is no row, so opening a volume leaves none behind. Layers' numbers only grow, so a tombstone lies wholly below
 * whatever is live of its volume, and nothing is ever written under it again: a read of what lives passes it by, in one
 * search among the tombstones of a buffer or a file. Over 1,250 layers, each removed once the next had been written,
 * reads took no longer than where none was removed. Then whole files go at once; what remains, a few buffers' worth in
 * the newest files and at the range's ends, goes when those are merged, as does the tombstone.
 *
 * <p><b>Why writes may be repeated.</b> Rows are put as they are, whatever was there, and one thread at a time writes
 * to a volume: so a batch that was said to have failed, and may be in the log, can be written again. It comes out of
 * the log when the database is opened again; so that is done before states are read.
 */
final class RocksVolumeBlocks implements VolumeBlocks {
    private static final Logger log = LoggerFactory.getLogger(RocksVolumeBlocks.class);

    private static final List<Family> FAMILIES = List.of(Family.VOLUME_STATES, Family.VOLUME_BLOCKS);
    private static final int STATES_BYTES = Integer.BYTES;
    /** With less than this left, what is removed is given back at once: twice what the log may hold of it. */
    private static final long SCARCE_BYTES = 2 * Tuning.LOG_BYTES_MAX;
    /** What a row takes of the log and, later, of a file beside a block. */
    private static final long ROW_BYTES = 64;

    /** What a run reads of each file at once. */
    private static final long READ_AHEAD_BYTES = 256 << 10;

    private final Database database;
    private final Tuning tuning;
    private final FreeSpace space;
    /** Made once for each thread: native code reads a key where it lies, and making a direct buffer is dear. */
    private final ThreadLocal<ByteBuffer> keys =
            ThreadLocal.withInitial(() -> ByteBuffer.allocateDirect(Keys.VOLUME_ROW_BYTES));
    /** Likewise. */
    private final ThreadLocal<ByteBuffer> statesBuffers =
            ThreadLocal.withInitial(() -> ByteBuffer.allocateDirect(STATES_BYTES));

    /** Likewise. */
    private final ThreadLocal<ByteBuffer> runBuffers =
            ThreadLocal.withInitial(() -> ByteBuffer.allocateDirect(BLOCK_BYTES));

    RocksVolumeBlocks(Database database, Tuning tuning, FreeSpace space) {
        this.database = database;
        this.tuning = tuning;
        this.space = space;
    }

    @Override
    public Batch begin(Layer layer) {
        return database.read(() -> "begin a batch for " + layer, handles -> new Rows(layer));
    }

    /** The rows to change; native code keeps them. */
    private final class Rows implements Batch {
        private final Layer layer;
        private final WriteBatch rows = new WriteBatch();
        private long blockBytes;
        private long statesBytes;

        Rows(Layer layer) {
            this.layer = layer;
        }

        @Override
        public void putBlock(long blockIndex, ByteBuffer bytes) {
            VolumeBlocks.requireBlock(bytes);
            ByteBuffer key = key(layer, blockIndex);
            int end = bytes.position() + BLOCK_BYTES;
            int limit = bytes.limit();
            try {
                add(Family.VOLUME_BLOCKS, key, bytes.limit(end));
            } finally {
                bytes.limit(limit);
            }
            bytes.position(end);
            blockBytes += BLOCK_BYTES + ROW_BYTES;
        }

        @Override
        public void removeBlock(long blockIndex) {
            remove(Family.VOLUME_BLOCKS, key(layer, blockIndex));
        }

        @Override
        public void putStates(long chunkIndex, int states) {
            ByteBuffer key = key(layer, chunkIndex);
            if (states == 0) {
                remove(Family.VOLUME_STATES, key);
            } else {
                add(Family.VOLUME_STATES, key, statesBuffers.get().clear().putInt(states).flip());
                statesBytes += ROW_BYTES;
            }
        }

        private void add(Family family, ByteBuffer key, ByteBuffer value) {
            database.read(() -> "put a row of " + layer, handles -> {
                rows.put(handles.of(family), key, value);
                return null;
            });
        }

        private void remove(Family family, ByteBuffer key) {
            database.read(() -> "remove a row of " + layer, handles -> {
                rows.delete(handles.of(family), key);
                return null;
            });
        }

        @Override
        public void commit(boolean isSynced) {
            requireSpace();
            database.writeRepeatable(() -> "write " + rows.count() + " rows of " + layer, handles -> {
                if (rows.count() > 0) {
                    handles.db().write(isSynced ? tuning.synced : tuning.logged, rows);
                } else if (isSynced) {
                    handles.db().syncWal();
                }
                return null;
            });
        }

        /** What puts no block counts as records, what only removes is let through: so a full store gets space again. */
        private void requireSpace() {
            if (blockBytes > 0) {
                space.requireForData(blockBytes + statesBytes);
            } else if (statesBytes > 0) {
                space.requireForRecords(statesBytes);
            }
        }

        @Override
        public void close() {
            rows.close();
        }
    }

    private ByteBuffer key(Layer layer, long index) {
        VolumeBlocks.requireIndex(layer, index);
        return Keys.volumeRow(layer, index, keys.get());
    }

    @Override
    public void sync() {
        database.writeRepeatable(() -> "sync what was written to volumes", handles -> {
            handles.db().syncWal();
            return null;
        });
    }

    @Override
    public boolean read(Layer layer, long blockIndex, ByteBuffer into) {
        VolumeBlocks.requireBlock(into);
        ByteBuffer key = key(layer, blockIndex);
        int position = into.position();
        int limit = into.limit();
        int lengthBytes;
        try {
            into.limit(position + BLOCK_BYTES);
            lengthBytes = database.read(() -> "read " + shown(layer, blockIndex),
                    handles -> handles.db().get(handles.of(Family.VOLUME_BLOCKS), tuning.anywhere, key, into));
        } finally {
            into.limit(limit).position(position);
        }
        if (lengthBytes == RocksDB.NOT_FOUND) {
            return false;
        }
        if (lengthBytes != BLOCK_BYTES) {
            throw new StoreException(
                    CORRUPT, shown(layer, blockIndex) + " has " + lengthBytes + " bytes, not " + BLOCK_BYTES);
        }
        into.position(position + BLOCK_BYTES);
        return true;
    }

    /**
     * Asks with RocksDB's {@code KeyMayExist}, which looks no further than the block cache and says without an
     * exception that it found no row there. It is not to be trusted further: it says of a damaged row that there is
     * none, so a plain read has to confirm that; and where a part of the index is not in the cache, it says that there
     * is a row and gives none of its bytes.
     */
    @Override
    public Found tryRead(Layer layer, long blockIndex, ByteBuffer into) {
        VolumeBlocks.requireBlock(into);
        ByteBuffer key = key(layer, blockIndex);
        int position = into.position();
        int limit = into.limit();
        Optional<KeyMayExist> asked;
        try {
            into.limit(position + BLOCK_BYTES);
            asked = database.tryRead(() -> "read " + shown(layer, blockIndex), handles ->
                    handles.db().keyMayExist(handles.of(Family.VOLUME_BLOCKS), tuning.cached, key, into));
        } finally {
            into.limit(limit).position(position);
        }
        if (asked.isEmpty()) {
            return Found.PERHAPS;
        }
        KeyMayExist found = asked.get();
        if (found.exists == KeyMayExistEnum.kNotExist) {
            return confirmAbsent(layer, blockIndex);
        }
        if (found.exists == KeyMayExistEnum.kExistsWithoutValue || found.valueLength != BLOCK_BYTES) {
            return Found.PERHAPS;
        }
        into.position(position + BLOCK_BYTES);
        return Found.YES;
    }

    private Found confirmAbsent(Layer layer, long blockIndex) {
        byte[] key = Keys.bytesOf(key(layer, blockIndex));
        Optional<Found> found = database.tryRead(() -> "read " + shown(layer, blockIndex), handles -> {
            try {
                byte[] nothing = new byte[0];
                int lengthBytes = handles.db().get(handles.of(Family.VOLUME_BLOCKS), tuning.cached, key, nothing);
                return lengthBytes == RocksDB.NOT_FOUND ? Found.NO : Found.PERHAPS;
            } catch (RocksDBException e) {
                if (e.getStatus() != null && e.getStatus().getCode() == Status.Code.Incomplete) {
                    return Found.PERHAPS;
                }
                throw e;
            }
        });
        return found.orElse(Found.PERHAPS);
    }

    private static String shown(Layer layer, long blockIndex) {
        return "block " + blockIndex + " of " + layer;
    }

    @Override
    public void readRun(Layer layer, long fromBlock, long untilBlock, BlockVisitor visitor) {
        VolumeBlocks.requireIndex(layer, fromBlock);
        if (fromBlock >= untilBlock) {
            return;
        }
        long[] next = {fromBlock};
        database.read(() -> "read blocks from block " + next[0] + " on of " + layer, handles -> {
            try (Slice end = new Slice(Keys.bytesOf(key(layer, untilBlock)));
                    ReadOptions once = new ReadOptions()
                            .setIterateUpperBound(end)
                            .setFillCache(false)
                            .setReadaheadSize(READ_AHEAD_BYTES);
                    RocksIterator rows = handles.db().newIterator(handles.of(Family.VOLUME_BLOCKS), once)) {
                ByteBuffer key = keys.get();
                ByteBuffer block = runBuffers.get();
                for (rows.seek(key(layer, fromBlock)); rows.isValid(); rows.next()) {
                    int keyBytes = rows.key(key.clear());
                    int blockBytes = rows.value(block.clear());
                    requireRow(layer.volume(), keyBytes == Keys.VOLUME_ROW_BYTES && blockBytes == BLOCK_BYTES);
                    long index = Keys.indexOfVolumeRow(key);
                    visitor.visit(index, block);
                    next[0] = index + 1;
                }
                rows.status();
            }
            return null;
        });
    }

    @Override
    public int readStates(Layer layer, long chunkIndex) {
        byte[] key = Keys.bytesOf(key(layer, chunkIndex));
        database.ensureUsable();
        byte[] states = database.read(() -> "read the states of chunk " + chunkIndex + " of " + layer,
                handles -> handles.db().get(handles.of(Family.VOLUME_STATES), key));
        if (states == null) {
            return 0;
        }
        requireRow(layer.volume(), states.length == STATES_BYTES);
        return Keys.states(states);
    }

    @Override
    public void forEachStates(long volume, int fromLayer, StatesVisitor visitor) {
        database.ensureUsable();
        byte[] from = Keys.firstOf(new Layer(volume, fromLayer));
        database.read(() -> "list the states of volume " + VolumeBlocks.shown(volume), handles -> {
            try (Slice end = new Slice(Keys.behindVolume(volume));
                    ReadOptions once = new ReadOptions().setIterateUpperBound(end).setFillCache(false);
                    RocksIterator rows = handles.db().newIterator(handles.of(Family.VOLUME_STATES), once)) {
                for (rows.seek(from); rows.isValid(); rows.next()) {
                    byte[] key = rows.key();
                    byte[] states = rows.value();
                    requireRow(volume, key.length == Keys.VOLUME_ROW_BYTES && states.length == STATES_BYTES);
                    visitor.visit(Keys.layerOfVolumeRow(key), Keys.indexOfVolumeRow(key), Keys.states(states));
                }
                rows.status();
            }
            return null;
        });
    }

    /** A removal that was cut short has left blocks whose states are gone. */
    @Override
    public void forEachVolume(LongConsumer visitor) {
        Set<Long> volumes = new LinkedHashSet<>();
        for (Family family : FAMILIES) {
            addVolumes(family, volumes);
        }
        volumes.forEach(visitor::accept);
    }

    /** One search for each volume, behind all that the one before has. */
    private void addVolumes(Family family, Set<Long> volumes) {
        database.read(() -> "list the volumes that something is kept of", handles -> {
            try (ReadOptions once = new ReadOptions().setFillCache(false);
                    RocksIterator rows = handles.db().newIterator(handles.of(family), once)) {
                rows.seekToFirst();
                while (rows.isValid()) {
                    long volume = Keys.number(rows.key());
                    volumes.add(volume);
                    rows.seek(Keys.behindVolume(volume));
                }
                rows.status();
            }
            return null;
        });
    }

    private static void requireRow(long volume, boolean isWhole) {
        if (!isWhole) {
            throw new StoreException(
                    CORRUPT, "volume " + VolumeBlocks.shown(volume) + " has a row of an unknown length");
        }
    }

    @Override
    public void removeLayers(long volume, int untilLayer) {
        remove(() -> "remove the layers before " + untilLayer + " of volume " + VolumeBlocks.shown(volume),
                Keys.firstOf(new Layer(volume, 0)), Keys.firstOf(new Layer(volume, untilLayer)));
    }

    @Override
    public void removeVolume(long volume) {
        remove(() -> "remove volume " + VolumeBlocks.shown(volume),
                Keys.firstOf(new Layer(volume, 0)), Keys.behindVolume(volume));
    }

    /**
     * Files go only behind tombstones that are synced: a file may hold what removed a row of another, which must not
     * come back.
     */
    private void remove(Supplier<String> what, byte[] from, byte[] until) {
        database.ensureUsable();
        if (isEmpty(Family.VOLUME_STATES, what, from, until) && isEmpty(Family.VOLUME_BLOCKS, what, from, until)) {
            return;
        }
        database.writeRepeatable(what, handles -> {
            try (WriteBatch tombstones = new WriteBatch()) {
                for (Family family : FAMILIES) {
                    tombstones.deleteRange(handles.of(family), from, until);
                }
                handles.db().write(tuning.synced, tombstones);
            }
            for (Family family : FAMILIES) {
                handles.db().deleteFilesInRanges(handles.of(family), List.of(from, until), false);
            }
            return null;
        });
        if (space.usableBytes() < SCARCE_BYTES) {
            giveBackNow(what, from, until);
        }
    }

    /**
     * Has everything written out, so that the log goes, and the removed rows left out of the files that hold them. It
     * takes what it writes of the reserve, and blocks for seconds: for when whoever removes something needs the space.
     * The rows are removed already, so where this fails their space only comes later.
     */
    private void giveBackNow(Supplier<String> what, byte[] from, byte[] until) {
        try {
            database.write(what, handles -> {
                try (FlushOptions waiting = new FlushOptions()) {
                    handles.db().flush(waiting, List.copyOf(handles.families().values()));
                }
                for (Family family : FAMILIES) {
                    handles.db().compactRange(handles.of(family), from, until);
                }
                return null;
            });
        } catch (StoreException e) {
            log.warn("their space comes back later: {}", e.getMessage());
        }
    }

    private boolean isEmpty(Family family, Supplier<String> what, byte[] from, byte[] until) {
        return database.read(what, handles -> {
            try (Slice end = new Slice(until);
                    ReadOptions once = new ReadOptions().setIterateUpperBound(end).setFillCache(false);
                    RocksIterator rows = handles.db().newIterator(handles.of(family), once)) {
                rows.seek(from);
                if (rows.isValid()) {
                    return false;
                }
                rows.status();
                return true;
            }
        });
    }

    /** Files, and the rows that are not in one yet. */
    @Override
    public long storedBytes() {
        return FAMILIES.stream().mapToLong(this::storedBytes).sum();
    }

    private long storedBytes(Family family) {
        return database.read(() -> "measure the volumes' blocks", handles -> {
            long fileBytes = handles.db().getLongProperty(handles.of(family), "rocksdb.live-sst-files-size");
            long rows = handles.db().getLongProperty(handles.of(family), "rocksdb.num-entries-active-mem-table");
            return rows == 0
                    ? fileBytes
                    : fileBytes + handles.db().getLongProperty(handles.of(family), "rocksdb.cur-size-all-mem-tables");
        });
    }
}
