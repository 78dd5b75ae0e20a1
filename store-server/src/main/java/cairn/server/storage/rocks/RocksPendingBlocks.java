package cairn.server.storage.rocks;

import static cairn.Fault.CORRUPT;

import cairn.Digest;
import cairn.StoreException;
import cairn.chunk.ChunkId;
import cairn.server.storage.PendingBlocks;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.LongConsumer;
import java.util.function.Supplier;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksIterator;
import org.rocksdb.Slice;
import org.rocksdb.WriteBatch;

/**
 * Blocks of snapshots that are being written as rows of {@code pending-blocks}; see {@link Keys}.
 * <pre>
 *   value   offset  size  field
 *                0 8*32  the block's chunks in order; all zero: absent
 *              256    32  SHA-256 of the block
 * </pre>
 * A snapshot's rows go by one range tombstone, and nothing is ever written under it again: numbers are drawn at random.
 * They may be put twice, so a write that is said to have failed is tried again.
 */
final class RocksPendingBlocks implements PendingBlocks {
    private static final int CHECKSUM_AT = CHUNKS_OF_BLOCK * Digest.SIZE_BYTES;
    private static final int VALUE_BYTES = CHECKSUM_AT + Digest.SIZE_BYTES;
    /** What a row takes of the log and, later, of a file. */
    private static final long ROW_BYTES = VALUE_BYTES + 64;

    private final Database database;
    private final Tuning tuning;
    private final FreeSpace space;

    RocksPendingBlocks(Database database, Tuning tuning, FreeSpace space) {
        this.database = database;
        this.tuning = tuning;
        this.space = space;
    }

    @Override
    public void putAll(List<Row> rows) {
        space.requireForRecords(rows.size() * ROW_BYTES);
        database.writeRepeatable(() -> "put " + rows.size() + " blocks of snapshots", handles -> {
            try (WriteBatch batch = new WriteBatch()) {
                for (Row row : rows) {
                    batch.put(handles.of(Family.PENDING_BLOCKS),
                            Keys.pendingBlock(row.snapshot(), row.blockIndex()), encode(row));
                }
                handles.db().write(tuning.synced, batch);
            }
            return null;
        });
    }

    private static byte[] encode(Row row) {
        byte[] value = new byte[VALUE_BYTES];
        for (int i = 0; i < CHUNKS_OF_BLOCK; i++) {
            row.chunks().get(i).digest().write(value, i * Digest.SIZE_BYTES);
        }
        row.checksum().write(value, CHECKSUM_AT);
        return value;
    }

    @Override
    public List<Row> list(long snapshot, int fromBlock, int rowsMax) {
        return database.read(() -> "list the blocks of " + named(snapshot), handles -> {
            List<Row> found = new ArrayList<>();
            try (Slice end = new Slice(Keys.behindPending(snapshot));
                    ReadOptions once = new ReadOptions().setIterateUpperBound(end).setFillCache(false);
                    RocksIterator rows = handles.db().newIterator(handles.of(Family.PENDING_BLOCKS), once)) {
                for (rows.seek(Keys.pendingBlock(snapshot, fromBlock));
                        rows.isValid() && found.size() < rowsMax;
                        rows.next()) {
                    found.add(decode(snapshot, rows.key(), rows.value()));
                }
                rows.status();
            }
            return found;
        });
    }

    private static Row decode(long snapshot, byte[] key, byte[] value) {
        if (key.length != Keys.PENDING_BYTES || value.length != VALUE_BYTES) {
            throw new StoreException(CORRUPT, "a block of " + named(snapshot) + " has a key of " + key.length
                    + " bytes and a value of " + value.length);
        }
        List<ChunkId> chunks = new ArrayList<>(CHUNKS_OF_BLOCK);
        for (int i = 0; i < CHUNKS_OF_BLOCK; i++) {
            chunks.add(new ChunkId(Digest.read(value, i * Digest.SIZE_BYTES)));
        }
        return new Row(snapshot, Keys.indexOfPendingBlock(key), chunks, Digest.read(value, CHECKSUM_AT));
    }

    /** One search for each snapshot, behind all that the one before has. */
    @Override
    public void forEachSnapshot(LongConsumer visitor) {
        Set<Long> snapshots = new LinkedHashSet<>();
        database.read(() -> "list the snapshots that are being written", handles -> {
            try (ReadOptions once = new ReadOptions().setFillCache(false);
                    RocksIterator rows = handles.db().newIterator(handles.of(Family.PENDING_BLOCKS), once)) {
                rows.seekToFirst();
                while (rows.isValid()) {
                    long snapshot = Keys.number(rows.key());
                    snapshots.add(snapshot);
                    rows.seek(Keys.behindPending(snapshot));
                }
                rows.status();
            }
            return null;
        });
        snapshots.forEach(visitor::accept);
    }

    @Override
    public void remove(long snapshot) {
        Supplier<String> what = () -> "remove the blocks of " + named(snapshot);
        database.ensureUsable();
        if (list(snapshot, 0, 1).isEmpty()) {
            return;
        }
        database.writeRepeatable(what, handles -> {
            handles.db().deleteRange(handles.of(Family.PENDING_BLOCKS), tuning.logged,
                    Keys.pendingBlock(snapshot, 0), Keys.behindPending(snapshot));
            return null;
        });
    }

    private static String named(long snapshot) {
        return "snapshot " + PendingBlocks.shown(snapshot);
    }
}
