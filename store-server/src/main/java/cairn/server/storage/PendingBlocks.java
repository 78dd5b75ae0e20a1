package cairn.server.storage;

import static cairn.Fault.INVALID_REQUEST;

import cairn.Digest;
import cairn.StoreException;
import cairn.chunk.ChunkId;
import java.util.List;
import java.util.function.LongConsumer;

/**
 * The blocks of snapshots that are still being written, in whatever order they come: of each which chunks it consists
 * of, and its checksum. The chunks themselves lie in the {@link ChunkStore}. A tree is made of them once the snapshot
 * is complete.
 *
 * <p>Safe for threads. Every method throws a {@link StoreException} SHUTTING_DOWN once the storage is closed.
 */
public interface PendingBlocks {
    /** What EBS addresses by an index: 512 KiB. */
    int CHUNKS_OF_BLOCK = 8;

    /**
     * A block that was written.
     *
     * @param snapshot the number of the snapshot that it belongs to
     * @param blockIndex from 0 on
     * @param chunks the block's {@link #CHUNKS_OF_BLOCK} in order, {@linkplain ChunkId#ABSENT absent} where there are
     *     zeros
     * @param checksum the SHA-256 of the whole block
     */
    record Row(long snapshot, int blockIndex, List<ChunkId> chunks, Digest checksum) {
        public Row {
            chunks = List.copyOf(chunks);
            if (blockIndex < 0 || chunks.size() != CHUNKS_OF_BLOCK) {
                throw new StoreException(INVALID_REQUEST, "block " + blockIndex + " of snapshot " + shown(snapshot)
                        + " with " + chunks.size() + " chunks, expected " + CHUNKS_OF_BLOCK);
            }
        }
    }

    /**
     * Adds rows, all or none; one replaces an earlier one of the same block, also within the list. When this returns
     * they, and all that was sealed before, survive a crash.
     *
     * @throws StoreException NO_SPACE if the disk is full; then they may be there nonetheless, all
     */
    void putAll(List<Row> rows);

    /**
     * A snapshot's rows in the order of their indices.
     *
     * @param fromBlock the first index that counts
     * @param rowsMax at most so many
     * @throws StoreException CORRUPT, naming snapshot and block, if a row is damaged
     */
    List<Row> list(long snapshot, int fromBlock, int rowsMax);

    /** Visits the numbers of all snapshots that have rows, each once. */
    void forEachSnapshot(LongConsumer visitor);

    /** Forgets all of a snapshot's rows without looking at them; harmless when repeated. */
    void remove(long snapshot);

    /** A snapshot's number for people. */
    static String shown(long snapshot) {
        return String.format("%016x", snapshot);
    }
}
