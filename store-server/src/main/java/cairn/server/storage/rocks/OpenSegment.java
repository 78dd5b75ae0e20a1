package cairn.server.storage.rocks;

import cairn.server.storage.ItemKey;
import cairn.server.storage.Ordinal;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.rocksdb.RocksDBException;
import org.rocksdb.SstFileWriter;

/** A segment being written: in memory while it is small, then in a file of its own. One thread at a time. */
final class OpenSegment implements AutoCloseable {
    /** A row of {@code chunks}. */
    record Row(byte[] key, byte[] packed) {}

    private final long number;
    private final Path file;
    private final int smallBytesMax;
    private final Tuning tuning;
    /** Off the heap, so that RocksDB reads from here without a copy of its own. */
    private final ByteBuffer keyBuffer;
    private final ByteBuffer valueBuffer;
    private final List<Row> small = new ArrayList<>();
    private SstFileWriter writer;
    private int slots;
    private long packedBytes;

    /** Borrows two direct buffers that hold the longest key and the longest item. */
    OpenSegment(long number, Path file, int smallBytesMax, Tuning tuning, ByteBuffer keyBuffer, ByteBuffer valueBuffer) {
        this.number = number;
        this.file = file;
        this.smallBytesMax = smallBytesMax;
        this.tuning = tuning;
        this.keyBuffer = keyBuffer;
        this.valueBuffer = valueBuffer;
    }

    long number() {
        return number;
    }

    long packedBytes() {
        return packedBytes;
    }

    boolean isFull() {
        return slots == Ordinal.SLOTS_MAX;
    }

    /** Whether all of it is in {@link #small()}, and nothing in the file. */
    boolean isSmall() {
        return writer == null;
    }

    List<Row> small() {
        return small;
    }

    Path file() {
        return file;
    }

    long append(ItemKey key, byte[] packed, int offset, int lengthBytes) throws RocksDBException {
        long ordinal = Ordinal.of(number, slots);
        byte[] chunkKey = Keys.chunk(ordinal, key);
        if (isSmall() && packedBytes + lengthBytes > smallBytesMax) {
            beginFile();
        }
        if (isSmall()) {
            small.add(new Row(chunkKey, Arrays.copyOfRange(packed, offset, offset + lengthBytes)));
        } else {
            write(chunkKey, packed, offset, lengthBytes);
        }
        slots++;
        packedBytes += lengthBytes;
        return ordinal;
    }

    private void beginFile() throws RocksDBException {
        writer = new SstFileWriter(tuning.segmentFile, tuning.table(Family.CHUNKS));
        writer.open(file.toString());
        for (Row row : small) {
            write(row.key, row.packed, 0, row.packed.length);
        }
        small.clear();
    }

    private void write(byte[] key, byte[] packed, int offset, int lengthBytes) throws RocksDBException {
        writer.put(keyBuffer.clear().put(key).flip(), valueBuffer.clear().put(packed, offset, lengthBytes).flip());
    }

    /** Completes and syncs the file. */
    void finishFile() throws RocksDBException {
        writer.finish();
    }

    /** Lets go of the file, and removes it where it has not become the database's. */
    @Override
    public void close() {
        small.clear();
        if (writer != null) {
            writer.close();
        }
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            // The next open removes it; until then it only takes space.
        }
    }
}
