package cairn.server.storage.rocks;

import cairn.server.storage.SegmentStore;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongFunction;
import org.rocksdb.RocksDBException;
import org.rocksdb.SstFileWriter;

/**
 * Files of rewritten items, being made beside the database. All families begin another at the same item, so that what
 * lies together is given back together. One thread.
 */
final class RewrittenFiles implements AutoCloseable {
    private final Tuning tuning;
    private final LongFunction<Path> names;
    private final ByteBuffer keyBuffer = ByteBuffer.allocateDirect(Keys.CHUNK_BYTES);
    private final ByteBuffer valueBuffer = ByteBuffer.allocateDirect(SegmentStore.ITEM_BYTES_MAX);
    private final Map<Family, SstFileWriter> open = new EnumMap<>(Family.class);
    private final Map<Family, List<Path>> files = new EnumMap<>(Family.class);
    private long made;

    /** @param names where the file of a number is made */
    RewrittenFiles(Tuning tuning, LongFunction<Path> names) {
        this.tuning = tuning;
        this.names = names;
    }

    /** Adds a row behind all that were added. Only while the database is lent, so that its options are there. */
    void add(Family family, byte[] key, byte[] packed) throws RocksDBException {
        SstFileWriter writer = open.get(family);
        if (writer == null) {
            writer = begin(family);
        }
        writer.put(keyBuffer.clear().put(key).flip(), valueBuffer.clear().put(packed).flip());
        if (writtenBytes() >= Tuning.REWRITTEN_FILE_BYTES) {
            finish();
        }
    }

    private SstFileWriter begin(Family family) throws RocksDBException {
        Path file = names.apply(made++);
        files.computeIfAbsent(family, each -> new ArrayList<>()).add(file);
        SstFileWriter writer = new SstFileWriter(tuning.segmentFile, tuning.table(family));
        open.put(family, writer);
        writer.open(file.toString());
        return writer;
    }

    private long writtenBytes() throws RocksDBException {
        long bytes = 0;
        for (SstFileWriter writer : open.values()) {
            bytes += writer.fileSize();
        }
        return bytes;
    }

    /** Completes and syncs the files that are open. */
    void finish() throws RocksDBException {
        for (SstFileWriter writer : open.values()) {
            writer.finish();
            writer.close();
        }
        open.clear();
    }

    boolean isEmpty() {
        return files.isEmpty();
    }

    /** The finished files of each family. */
    Map<Family, List<Path>> files() {
        return files;
    }

    /** Removes the files, where they have not become the database's. */
    @Override
    public void close() {
        open.values().forEach(SstFileWriter::close);
        for (List<Path> each : files.values()) {
            for (Path file : each) {
                try {
                    Files.deleteIfExists(file);
                } catch (IOException e) {
                    // The next open removes it; until then it only takes space.
                }
            }
        }
    }
}
