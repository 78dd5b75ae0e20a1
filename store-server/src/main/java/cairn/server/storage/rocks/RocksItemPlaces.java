package cairn.server.storage.rocks;

import cairn.Digest;
import cairn.Fault;
import cairn.StoreException;
import cairn.server.storage.ItemKey;
import cairn.server.storage.ItemPlaces;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.OptionalLong;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteOptions;

/**
 * Places as rows of a database of their own, beside the store's, which sorts them: item kind 1, digest 32, then as the
 * value the ordinal. It is neither logged nor synced, and removed in the end, or by the next one if this was cut short.
 */
final class RocksItemPlaces implements ItemPlaces {
    private static final int KEY_BYTES = 1 + Digest.SIZE_BYTES;
    private static final int ROWS_AT_ONCE = 4096;
    private static final long BUFFER_BYTES = 32L << 20;

    private final Path folder;
    private final Path store;
    private final Options options;
    private final WriteOptions unlogged;
    private final RocksDB db;
    private final WriteBatch batch = new WriteBatch();

    /** @param folder of its own; whatever is in it goes */
    RocksItemPlaces(Path folder, Path store) {
        this.folder = folder;
        this.store = store;
        remove(folder);
        this.options = new Options().setCreateIfMissing(true).setWriteBufferSize(BUFFER_BYTES).setMaxWriteBufferNumber(2);
        this.unlogged = new WriteOptions().setDisableWAL(true);
        try {
            this.db = RocksDB.open(options, folder.toString());
        } catch (RocksDBException e) {
            unlogged.close();
            options.close();
            throw Failures.of("open " + folder, store, e);
        }
    }

    @Override
    public void put(ItemKey key, long ordinal) {
        try {
            batch.put(bytesOf(key), Keys.number(ordinal));
            if (batch.count() >= ROWS_AT_ONCE) {
                write();
            }
        } catch (RocksDBException e) {
            throw Failures.of("sort places in " + folder, store, e);
        }
    }

    private void write() throws RocksDBException {
        db.write(unlogged, batch);
        batch.clear();
    }

    @Override
    public OptionalLong find(ItemKey key) {
        try {
            if (batch.count() > 0) {
                write();
            }
            byte[] ordinal = db.get(bytesOf(key));
            return ordinal == null ? OptionalLong.empty() : OptionalLong.of(Keys.number(ordinal));
        } catch (RocksDBException e) {
            throw Failures.of("find " + key + " in " + folder, store, e);
        }
    }

    private static byte[] bytesOf(ItemKey key) {
        byte[] bytes = new byte[KEY_BYTES];
        bytes[0] = (byte) key.kind();
        key.digest().write(bytes, 1);
        return bytes;
    }

    @Override
    public void close() {
        batch.close();
        db.close();
        unlogged.close();
        options.close();
        remove(folder);
    }

    private static void remove(Path folder) {
        if (!Files.exists(folder)) {
            return;
        }
        try {
            Files.walkFileTree(folder, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                    Files.delete(file);
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult postVisitDirectory(Path each, IOException e) throws IOException {
                    Files.delete(each);
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (IOException e) {
            throw new StoreException(Fault.INTERNAL, "cannot remove " + folder + ": " + e.getMessage(), e);
        }
    }
}
