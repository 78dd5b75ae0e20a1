package cairn.server.storage;

import static cairn.Fault.INVALID_REQUEST;

import cairn.StoreException;
import java.nio.ByteBuffer;
import java.util.function.LongConsumer;

/**
 * The blocks of volumes that no tree holds yet, in layers: whatever is written to a volume goes to its newest layer,
 * and a snapshot ends a layer and begins the next, so that older ones never change.
 *
 * <p>A block is {@link #BLOCK_BYTES} of a volume. Beside the blocks a layer keeps, for each chunk that it changes, the
 * chunk's <i>states</i>: what of it the layer holds. Their meaning is their writer's; here they are 32 bits that change
 * together with the blocks, and that can all be found without reading a block.
 *
 * <p>Batches are kept in the order in which they were committed: a crash loses none that was synced, by itself, by a
 * later one, by {@link #sync} or by a later {@linkplain Catalog#commit commit}; and of the others it loses the last
 * ones, never one in the middle, never a part of one. Any number of threads may read; one at a time writes to a volume.
 * Every method throws a {@link cairn.StoreException} SHUTTING_DOWN once the storage is closed, and NO_SPACE where a
 * write finds the disk full. A batch whose commit fails may have been made nonetheless, whole; what is read may show
 * that only after a later write, but {@link #readStates} and {@link #forEachStates} show at once what stays.
 */
public interface VolumeBlocks {
    int BLOCK_BYTES = 4096;

    /**
     * Some of a volume's blocks.
     *
     * @param volume the volume's number
     * @param number from 0 on, growing by one with each snapshot
     */
    record Layer(long volume, int number) {
        public Layer {
            if (number < 0) {
                throw new StoreException(INVALID_REQUEST, "volume " + shown(volume) + " has no layer " + number);
            }
        }

        /** For people, as in "layer 3 of volume 00000000000000ff". */
        @Override
        public String toString() {
            return "layer " + number + " of volume " + shown(volume);
        }
    }

    /** A set of changes to one layer, made whole or not at all. Not for several threads. */
    interface Batch extends AutoCloseable {
        /**
         * Puts a block in place of one that may be there.
         *
         * @param bytes direct, borrowed; its next {@link #BLOCK_BYTES} bytes are copied, its position moves behind them
         */
        void putBlock(long blockIndex, ByteBuffer bytes);

        /** Removes a block, whose space comes back sooner or later; harmless where there is none. */
        void removeBlock(long blockIndex);

        /** Says what the layer holds of a chunk. @param states 0 for nothing */
        void putStates(long chunkIndex, int states);

        /** Makes the changes. @param isSynced and whatever was committed before survives a crash when this returns */
        void commit(boolean isSynced);

        /** Frees the batch, committed or not. */
        @Override
        void close();
    }

    /** What a read that does not wait has found. */
    enum Found {
        YES,
        NO,
        /** It may be on the disk: {@link #read} knows. */
        PERHAPS
    }

    /** Sees what a layer holds of a chunk. */
    @FunctionalInterface
    interface StatesVisitor {
        void visit(int layer, long chunkIndex, int states);
    }

    /** Sees a block that a layer has. */
    @FunctionalInterface
    interface BlockVisitor {
        /** @param block direct, lent for this call: its next {@link #BLOCK_BYTES} bytes */
        void visit(long blockIndex, ByteBuffer block);
    }

    Batch begin(Layer layer);

    /** Everything that was committed before survives a crash when this returns. */
    void sync();

    /**
     * Reads a block.
     *
     * @param into direct; gets {@link #BLOCK_BYTES} bytes, and its position moves behind them
     * @return whether there is one; otherwise {@code into} is as it was
     * @throws cairn.StoreException CORRUPT, naming volume, layer and block, if it is damaged
     */
    boolean read(Layer layer, long blockIndex, ByteBuffer into);

    /** Reads a block if that takes no wait for the disk; else as {@link #read}. */
    Found tryRead(Layer layer, long blockIndex, ByteBuffer into);

    /**
     * Visits a layer's blocks from one to before another in their order, as they are at one moment: much quicker than
     * to read them one by one, and without pushing out of memory what others read again. The visitor asks nothing of
     * this store meanwhile.
     *
     * @throws cairn.StoreException CORRUPT, naming volume, layer and where, if one is damaged; those before it were
     *     visited
     */
    void readRun(Layer layer, long fromBlock, long untilBlock, BlockVisitor visitor);

    /**
     * What a layer holds of a chunk; 0 for nothing.
     *
     * @throws cairn.StoreException also NO_SPACE, if a write has failed and what it has left cannot be known before
     *     there is space again
     */
    int readStates(Layer layer, long chunkIndex);

    /**
     * Visits the states of all chunks of a volume's layers from one on, layer by layer, chunks in their order.
     *
     * @throws cairn.StoreException also NO_SPACE, as {@link #readStates}
     */
    void forEachStates(long volume, int fromLayer, StatesVisitor visitor);

    /** Visits the numbers of all volumes that something is kept of, each once. */
    void forEachVolume(LongConsumer visitor);

    /** Forgets a volume's layers before one, without looking at what they hold; harmless when repeated. */
    void removeLayers(long volume, int untilLayer);

    /** Forgets all of a volume, likewise. */
    void removeVolume(long volume);

    /** Bytes on disk, and of what is not there yet; of what was removed too, until its space has come back. */
    long storedBytes();

    /** A volume's number for people: the digits of its id behind the first. */
    static String shown(long volume) {
        return String.format("%016x", volume);
    }

    /** @throws StoreException INVALID_REQUEST if a buffer cannot hold a block, or is none that native code can reach */
    static void requireBlock(ByteBuffer bytes) {
        if (!bytes.isDirect() || bytes.remaining() < BLOCK_BYTES) {
            throw new StoreException(INVALID_REQUEST, "a block needs " + BLOCK_BYTES + " bytes of a direct buffer, not "
                    + bytes.remaining() + " of a " + (bytes.isDirect() ? "direct" : "heap") + " buffer");
        }
    }

    /** @throws StoreException INVALID_REQUEST for an index that no block and no chunk has */
    static void requireIndex(Layer layer, long index) {
        if (index < 0) {
            throw new StoreException(INVALID_REQUEST, layer + " has nothing at index " + index);
        }
    }
}
