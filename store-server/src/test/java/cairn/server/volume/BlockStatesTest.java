package cairn.server.volume;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class BlockStatesTest {
    @Test
    void everyBlockHasOneOfFourStates() {
        for (long block = 160; block < 176; block++) {
            int mask = BlockStates.maskOf(block);
            assertEquals(10, BlockStates.chunkOf(block));
            for (int before : new int[] {0, -1, 0x12345678, BlockStates.ALL}) {
                int row = BlockStates.withRow(before, mask);
                int hole = BlockStates.withHoles(before, mask);
                int kept = BlockStates.withKeptZeros(before, mask);
                int none = BlockStates.without(before, mask);

                assertEquals(mask, BlockStates.rows(row) & mask);
                assertEquals(mask, BlockStates.holes(hole) & mask);
                assertEquals(0, (BlockStates.rows(kept) | BlockStates.holes(kept)) & mask);
                assertEquals(mask, BlockStates.known(kept) & BlockStates.known(row) & BlockStates.known(hole) & mask);
                assertEquals(0, BlockStates.known(none) & mask);
                for (int after : new int[] {row, hole, kept, none}) {
                    assertEquals(none, BlockStates.without(after, mask), "the others stay");
                }
            }
        }
    }

    @Test
    void aMaskHasTheBlocksOfARangeThatLieInAChunk() {
        assertEquals(BlockStates.ALL, BlockStates.maskOf(3, 0, 1000));
        assertEquals(0b1100, BlockStates.maskOf(3, 50, 52));
        assertEquals(0b1, BlockStates.maskOf(3, 0, 49));
        assertEquals(1 << 15, BlockStates.maskOf(3, 63, 64));
        assertEquals(0, BlockStates.maskOf(3, 64, 70));
        assertEquals(0, BlockStates.maskOf(3, 0, 48));
    }

    @Test
    void aMapKeepsTheStatesOfChunksAllOverALargeDisk() {
        Random random = new Random(1);
        DirtyMap map = new DirtyMap();
        Map<Long, Integer> expected = new HashMap<>();
        TreeSet<Long> leaves = new TreeSet<>();
        for (int n = 0; n < 20_000; n++) {
            long chunk = (random.nextLong() >>> 32) / (1 << random.nextInt(20));
            int states = random.nextInt(4) == 0 ? 0 : random.nextInt();
            map.put(chunk, states);
            if (states != 0) {
                leaves.add(chunk / DirtyMap.LEAF_CHUNKS);
            }
            expected.put(chunk, states);
        }

        expected.forEach((chunk, states) -> assertEquals(states, map.get(chunk)));
        assertEquals(expected.values().stream().filter(states -> states != 0).count(), map.chunkCount());
        assertEquals(
                expected.values().stream().mapToLong(states -> Integer.bitCount(BlockStates.rows(states))).sum(),
                map.rowCount());
        assertArrayEquals(leaves.stream().mapToLong(Long::longValue).toArray(), map.leafIndices());
    }
}
