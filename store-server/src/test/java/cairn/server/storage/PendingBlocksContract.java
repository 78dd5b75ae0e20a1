package cairn.server.storage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import cairn.Digest;
import cairn.Fault;
import cairn.StoreException;
import cairn.chunk.ChunkId;
import cairn.server.storage.PendingBlocks.Row;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What holds for any {@link PendingBlocks}. */
abstract class PendingBlocksContract extends StorageContract {
    private static final long OURS = 0x7000_0000_0000_0001L;
    /** Behind ours in the order of unsigned numbers. */
    private static final long THEIRS = 0xf000_0000_0000_0001L;

    PendingBlocks blocks;

    @BeforeEach
    void blocks() {
        blocks = storage.pendingBlocks();
    }

    @Test
    void listsRowsInTheOrderOfTheirIndicesWhateverTheOrderTheyCameIn() {
        List<Row> rows = new ArrayList<>(IntStream.range(0, 500).mapToObj(n -> row(OURS, 3 * n, n)).toList());
        List<Row> expected = List.copyOf(rows);
        Collections.shuffle(rows, new Random(1));

        blocks.putAll(rows.subList(0, 200));
        blocks.putAll(rows.subList(200, 500));

        assertEquals(expected, blocks.list(OURS, 0, 1000));
        assertEquals(expected.subList(0, 7), blocks.list(OURS, 0, 7));
        assertEquals(expected.subList(100, 110), blocks.list(OURS, 3 * 100, 10));
        assertEquals(expected.subList(101, 102), blocks.list(OURS, 3 * 100 + 1, 1));
        assertEquals(List.of(), blocks.list(OURS, 3 * 499 + 1, 10));
    }

    @Test
    void keepsTheLastRowOfABlock() {
        blocks.putAll(List.of(row(OURS, 5, 1), row(OURS, 5, 2)));
        assertEquals(List.of(row(OURS, 5, 2)), blocks.list(OURS, 0, 10));

        blocks.putAll(List.of(row(OURS, 5, 3)));
        assertEquals(List.of(row(OURS, 5, 3)), blocks.list(OURS, 0, 10));
    }

    @Test
    void keepsSnapshotsApart() {
        blocks.putAll(List.of(row(THEIRS, 0, 1), row(OURS, Integer.MAX_VALUE, 2)));

        assertEquals(List.of(row(OURS, Integer.MAX_VALUE, 2)), blocks.list(OURS, 0, 10));
        assertEquals(List.of(row(THEIRS, 0, 1)), blocks.list(THEIRS, 0, 10));
        assertEquals(List.of(), blocks.list(OURS + 1, 0, 10));
    }

    @Test
    void removesASnapshotWhole() {
        blocks.putAll(List.of(row(OURS, 0, 1), row(OURS, Integer.MAX_VALUE, 2), row(OURS + 1, 0, 3), row(THEIRS, 0, 4)));

        blocks.remove(OURS);
        blocks.remove(OURS);
        blocks.remove(THEIRS + 1);

        assertEquals(List.of(), blocks.list(OURS, 0, 10));
        assertEquals(List.of(row(OURS + 1, 0, 3)), blocks.list(OURS + 1, 0, 10));
        assertEquals(List.of(row(THEIRS, 0, 4)), blocks.list(THEIRS, 0, 10));
    }

    @Test
    void tellsWhichSnapshotsHaveRows() {
        blocks.putAll(List.of(row(OURS, 1, 1), row(OURS, 2, 2), row(THEIRS, 0, 3), row(OURS + 1, 9, 4)));
        blocks.remove(OURS + 1);

        List<Long> numbers = new ArrayList<>();
        blocks.forEachSnapshot(numbers::add);

        Collections.sort(numbers);
        assertEquals(List.of(THEIRS, OURS), numbers);
    }

    @Test
    void refusesABlockOfAnotherSize() {
        List<ChunkId> seven = Collections.nCopies(7, ChunkId.ABSENT);

        assertEquals(Fault.INVALID_REQUEST,
                assertThrows(StoreException.class, () -> new Row(OURS, 0, seven, Digest.ZERO)).fault());
        assertEquals(Fault.INVALID_REQUEST,
                assertThrows(StoreException.class, () -> row(OURS, -1, 1)).fault());
    }

    private static Row row(long snapshot, int blockIndex, int content) {
        List<ChunkId> chunks = new ArrayList<>();
        for (int i = 0; i < PendingBlocks.CHUNKS_OF_BLOCK; i++) {
            chunks.add(i == content % 8 ? ChunkId.ABSENT : new ChunkId(Digest.of(new byte[] {(byte) i, (byte) content})));
        }
        return new Row(snapshot, blockIndex, chunks, Digest.of(new byte[] {(byte) content}));
    }
}
