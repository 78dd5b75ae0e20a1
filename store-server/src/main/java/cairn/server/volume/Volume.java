package cairn.server.volume;

import cairn.Fault;
import cairn.StoreException;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * A disk as one client has it open: read and, where it {@linkplain #isWritable is writable}, written in any order, many
 * requests at a time. Nothing here blocks.
 *
 * <p>What was written is seen by every read of every client that begins after the write is done. Two writes under way
 * at once that overlap leave one or the other, sector by sector.
 */
public interface Volume extends AutoCloseable {
    /** What is on a run of bytes. */
    enum Content {
        DATA,
        /** Zeros in space that is taken to be set aside. */
        ZERO,
        /** Zeros that are stored nowhere. */
        HOLE
    }

    /** A run of a volume's bytes, all of one kind. */
    record Extent(long lengthBytes, Content content) {
        public boolean isHole() {
            return content == Content.HOLE;
        }
    }

    /** How a range is made to read as zeros. */
    enum Zeroing {
        /** Its space is given back: a hole. */
        FREE,
        /** Its space stays set aside. */
        KEEP,
        /** Its space is given back as far as that is cheap: what shares a block with other bytes may stay as it is. */
        DISCARD
    }

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

    /** Whether this client may write; otherwise what follows fails with FORBIDDEN, but for {@link #flush}. */
    default boolean isWritable() {
        return false;
    }

    /**
     * Writes bytes. Takes them. Once it is done they are read by all; they survive a crash when a {@link #flush} that
     * began afterwards is done, by whichever client.
     *
     * <p>Fails with a {@link cairn.StoreException}: NO_SPACE, SHUTTING_DOWN once closed, FORBIDDEN.
     *
     * @param isDurable not done before the bytes would survive a crash
     * @throws cairn.StoreException INVALID_REQUEST if the range does not lie inside the volume; the bytes are released
     */
    default CompletableFuture<Void> write(long offset, ByteBuf bytes, boolean isDurable) {
        bytes.release();
        return CompletableFuture.failedFuture(new StoreException(Fault.FORBIDDEN, "the volume is read-only"));
    }

    /**
     * Makes a range read as zeros, however long it is, at the cost of what is there. Fails, and lasts, as
     * {@link #write}.
     *
     * @throws cairn.StoreException INVALID_REQUEST if the range does not lie inside the volume
     */
    default CompletableFuture<Void> zero(long offset, long lengthBytes, Zeroing how, boolean isDurable) {
        return CompletableFuture.failedFuture(new StoreException(Fault.FORBIDDEN, "the volume is read-only"));
    }

    /** Makes everything last that any client's writes have done before. Fails as {@link #write}. */
    default CompletableFuture<Void> flush() {
        return CompletableFuture.completedFuture(null);
    }

    /** Ends this use of the volume; what is being read still completes. */
    @Override
    void close();
}
