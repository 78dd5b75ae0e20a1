package cairn.server.volume;

import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** A disk that can be read in any order by any number of readers. Nothing here blocks. */
public interface Volume extends AutoCloseable {
    /** A run of a volume's bytes: all data, or all zeros that are stored nowhere. */
    record Extent(long lengthBytes, boolean isHole) {}

    /** Reads of no more than this get bytes of their own. */
    int COPIED_BYTES_MAX = 16 << 10;
    /** Longer reads share whole pieces of this size with the cache, and keep them in memory until released. */
    int PIECE_BYTES = 64 << 10;

    /** What a read may hold in memory until its bytes are released. */
    static long heldBytes(long offset, long lengthBytes) {
        if (lengthBytes <= COPIED_BYTES_MAX) {
            return lengthBytes;
        }
        long pieces = (offset + lengthBytes - 1) / PIECE_BYTES - offset / PIECE_BYTES + 1;
        return pieces * PIECE_BYTES;
    }

    long sizeBytes();

    /**
     * Reads a range. Hands over its bytes, which may be shared with other readers and must not be written to. The
     * future is complete when this returns if everything was cached.
     *
     * <p>Fails with a {@link cairn.StoreException}: CORRUPT if what is stored is damaged, SHUTTING_DOWN once closed.
     *
     * @throws cairn.StoreException INVALID_REQUEST if the range does not lie inside the volume
     */
    CompletableFuture<ByteBuf> read(long offset, int lengthBytes);

    /**
     * Tells where a range holds data, in address order from {@code offset}, neighbours of one kind joined. It may end
     * before the range does, and holds at least one extent of at least one byte.
     *
     * @throws cairn.StoreException INVALID_REQUEST if the range is empty or does not lie inside the volume
     */
    CompletableFuture<List<Extent>> extents(long offset, long lengthBytes);

    /** Starts reading a range ahead of its use, as far as there is room; a hint that never fails. */
    void prefetch(long offset, long lengthBytes);

    /** Ends this use of the volume; what is being read still completes. */
    @Override
    void close();
}
