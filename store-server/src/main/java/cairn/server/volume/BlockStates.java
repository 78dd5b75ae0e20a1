package cairn.server.volume;

import cairn.chunk.Chunk;
import cairn.server.storage.VolumeBlocks;

/**
 * What one layer holds of a chunk, as 32 bits: two for each of its 16 blocks. Block {@code i} has bit {@code i} of the
 * low half, D, and of the high half, Z.
 * <pre>
 *   D  Z
 *   0  0  nothing: look further down
 *   1  0  the layer has the block's row
 *   0  1  a hole
 *   1  1  zeros whose space is taken to be set aside
 * </pre>
 */
final class BlockStates {
    /** What a layer holds of most chunks: nothing. */
    static final int NONE = 0;

    static final int BLOCK_BYTES = VolumeBlocks.BLOCK_BYTES;
    /** How many blocks a chunk has. */
    static final int BLOCKS = Chunk.SIZE_BYTES / BLOCK_BYTES;
    /** All blocks of a chunk, as a mask. */
    static final int ALL = (1 << BLOCKS) - 1;

    private BlockStates() {}

    /** The chunk that a block is in. */
    static long chunkOf(long block) {
        return block / BLOCKS;
    }

    /** A block's bit in a mask of its chunk's blocks. */
    static int maskOf(long block) {
        return 1 << (int) (block % BLOCKS);
    }

    /** The mask of those blocks of a chunk that lie from one block to before another. */
    static int maskOf(long chunk, long fromBlock, long untilBlock) {
        long first = Math.max(0, fromBlock - chunk * BLOCKS);
        long end = Math.min(BLOCKS, untilBlock - chunk * BLOCKS);
        return first >= end ? 0 : (1 << end) - (1 << first);
    }

    /** The blocks of which the layer says anything. */
    static int known(int states) {
        return (states | states >>> BLOCKS) & ALL;
    }

    /** The blocks that have a row. */
    static int rows(int states) {
        return states & ~(states >>> BLOCKS) & ALL;
    }

    /** The blocks that are holes. */
    static int holes(int states) {
        return ~states & states >>> BLOCKS & ALL;
    }

    static int withRow(int states, int mask) {
        return states & ~(mask << BLOCKS) | mask;
    }

    static int withHoles(int states, int mask) {
        return states & ~mask | mask << BLOCKS;
    }

    static int withKeptZeros(int states, int mask) {
        return states | mask | mask << BLOCKS;
    }

    static int without(int states, int mask) {
        return states & ~mask & ~(mask << BLOCKS);
    }
}
