package cairn.server.storage;

import static cairn.server.storage.VolumeBlocks.BLOCK_BYTES;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.server.storage.VolumeBlocks.Batch;
import cairn.server.storage.VolumeBlocks.Found;
import cairn.server.storage.VolumeBlocks.Layer;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What holds for any {@link VolumeBlocks}. */
abstract class VolumeBlocksContract extends StorageContract {
    private static final long VOLUME = 0x00ff_0000_0000_0001L;
    private static final Layer FIRST = new Layer(VOLUME, 0);

    VolumeBlocks blocks;

    @BeforeEach
    void blocks() {
        blocks = storage.volumeBlocks();
    }

    @Test
    void readsWhatWasCommitted() {
        put(FIRST, 7, 1);
        put(FIRST, 1L << 36, 2);

        assertEquals(1, read(FIRST, 7));
        assertEquals(2, read(FIRST, 1L << 36));
        assertEquals(0, read(FIRST, 8), "there is no block 8");
        assertEquals(0, read(new Layer(VOLUME, 1), 7), "there is no layer 1");
        assertEquals(0, read(new Layer(VOLUME + 1, 0), 7), "there is no other volume");
    }

    @Test
    void replacesABlock() {
        put(FIRST, 7, 1);
        put(FIRST, 7, 2);

        assertEquals(2, read(FIRST, 7));
    }

    @Test
    void findsWithoutWaitingWhatWasJustWritten() {
        put(FIRST, 7, 1);
        ByteBuffer into = direct();

        assertEquals(Found.YES, blocks.tryRead(FIRST, 7, into));
        assertEquals(block(1), into.flip());
        assertEquals(Found.NO, blocks.tryRead(FIRST, 8, into.clear()));
        assertEquals(0, into.position());
    }

    @Test
    void readsARunOfALayersBlocksInTheirOrder() {
        for (long index : new long[] {1L << 36, 300, 9, 8, 2, 0}) {
            put(FIRST, index, 1 + index);
        }
        put(FIRST, 300, 7);
        try (Batch batch = blocks.begin(FIRST)) {
            batch.removeBlock(8);
            batch.putStates(9, 1);
            batch.commit(false);
        }
        put(new Layer(VOLUME, 1), 3, 99);
        put(new Layer(VOLUME, 1), 0, 98);
        put(new Layer(VOLUME + 1, 0), 3, 99);

        assertEquals(List.of("0=1", "2=3", "9=10", "300=7", "68719476736=68719476737"), run(FIRST, 0, Long.MAX_VALUE));
        assertEquals(List.of("2=3", "9=10"), run(FIRST, 1, 300));
        assertEquals(List.of("9=10", "300=7"), run(FIRST, 3, 301));
        assertEquals(List.of(), run(FIRST, 10, 300));
        assertEquals(List.of(), run(FIRST, 2, 2));
        assertEquals(List.of(), run(FIRST, 9, 2));
        assertEquals(List.of(), run(new Layer(VOLUME, 2), 0, Long.MAX_VALUE));
        blocks.removeLayers(VOLUME, 1);
        assertEquals(List.of(), run(FIRST, 0, Long.MAX_VALUE));
        assertEquals(List.of("0=98", "3=99"), run(new Layer(VOLUME, 1), 0, Long.MAX_VALUE));
    }

    @Test
    void readsARunAsItIsAtOneMoment() {
        for (int index = 0; index < 100; index++) {
            put(FIRST, index, 1);
        }
        List<Long> seen = new ArrayList<>();

        blocks.readRun(FIRST, 0, 100, (index, block) -> {
            if (index == 0) {
                CompletableFuture.runAsync(() -> put(FIRST, 50, 2)).join();
            }
            seen.add(block.getLong(block.position()));
        });

        assertEquals(Collections.nCopies(100, 1L), seen);
        assertEquals(2, read(FIRST, 50));
    }

    @Test
    void movesBuffersBehindTheBlockAndLeavesTheRestAlone() {
        ByteBuffer buffer = ByteBuffer.allocateDirect(10 + 3 * BLOCK_BYTES);
        byte[] two = Items.packed(5, 2 * BLOCK_BYTES);
        buffer.position(10).put(two).position(10);

        try (Batch batch = blocks.begin(FIRST)) {
            batch.putBlock(0, buffer);
            assertEquals(10 + BLOCK_BYTES, buffer.position());
            batch.putBlock(1, buffer);
            batch.commit(false);
        }
        assertEquals(10 + 2 * BLOCK_BYTES, buffer.position());
        assertEquals(10 + 3 * BLOCK_BYTES, buffer.limit());

        ByteBuffer into = ByteBuffer.allocateDirect(buffer.capacity()).position(10);
        assertTrue(blocks.read(FIRST, 0, into));
        assertEquals(Found.YES, blocks.tryRead(FIRST, 1, into));
        assertFalse(blocks.read(FIRST, 2, into));
        assertEquals(Found.NO, blocks.tryRead(FIRST, 2, into));
        assertEquals(10 + 2 * BLOCK_BYTES, into.position());
        assertEquals(into.capacity(), into.limit());
        assertEquals(buffer.rewind(), into.rewind());
    }

    @Test
    void takesABlockFromABufferThatChangesAfterwards() {
        ByteBuffer buffer = block(1);

        try (Batch batch = blocks.begin(FIRST)) {
            batch.putBlock(7, buffer);
            buffer.clear().put(block(2)).flip();
            batch.putBlock(8, buffer);
            buffer.put(0, (byte) ~buffer.get(0));
            batch.commit(false);
        }

        assertEquals(1, read(FIRST, 7));
        assertEquals(2, read(FIRST, 8));
    }

    @Test
    void refusesBuffersThatAreNotDirectOrTooSmall() {
        try (Batch batch = blocks.begin(FIRST)) {
            ByteBuffer onHeap = ByteBuffer.allocate(BLOCK_BYTES);
            ByteBuffer tooSmall = ByteBuffer.allocateDirect(BLOCK_BYTES - 1);
            for (ByteBuffer buffer : List.of(onHeap, tooSmall)) {
                assertFault(Fault.INVALID_REQUEST, () -> batch.putBlock(0, buffer));
                assertFault(Fault.INVALID_REQUEST, () -> blocks.read(FIRST, 0, buffer));
                assertFault(Fault.INVALID_REQUEST, () -> blocks.tryRead(FIRST, 0, buffer));
            }
        }
    }

    @Test
    void refusesLayersAndIndexesThatCannotBe() {
        assertFault(Fault.INVALID_REQUEST, () -> new Layer(VOLUME, -1));
        assertFault(Fault.INVALID_REQUEST, () -> blocks.removeLayers(VOLUME, -1));
        assertFault(Fault.INVALID_REQUEST, () -> blocks.forEachStates(VOLUME, -1, (layer, chunk, states) -> {}));
        assertFault(Fault.INVALID_REQUEST, () -> blocks.read(FIRST, -1, direct()));
        assertFault(Fault.INVALID_REQUEST, () -> blocks.tryRead(FIRST, -1, direct()));
        try (Batch batch = blocks.begin(FIRST)) {
            assertFault(Fault.INVALID_REQUEST, () -> blocks.readRun(FIRST, -1, 1, (index, block) -> {}));
            assertFault(Fault.INVALID_REQUEST, () -> batch.putBlock(-1, direct()));
            assertFault(Fault.INVALID_REQUEST, () -> batch.removeBlock(-1));
            assertFault(Fault.INVALID_REQUEST, () -> batch.putStates(-1, 1));
        }
    }

    @Test
    void changesNothingBeforeTheCommit() {
        put(FIRST, 1, 1);

        try (Batch batch = blocks.begin(FIRST)) {
            batch.putBlock(0, block(2));
            batch.removeBlock(1);
            batch.putStates(0, 3);
            assertEquals(0, read(FIRST, 0));
            assertEquals(1, read(FIRST, 1));
            assertEquals(List.of(), states(VOLUME, 0));
        }

        assertEquals(0, read(FIRST, 0));
        assertEquals(1, read(FIRST, 1));
        assertEquals(List.of(), states(VOLUME, 0));
    }

    @Test
    void makesChangesInTheirOrder() {
        try (Batch batch = blocks.begin(FIRST)) {
            batch.putBlock(0, block(1));
            batch.removeBlock(0);
            batch.removeBlock(1);
            batch.putBlock(1, block(2));
            batch.putStates(0, 3);
            batch.putStates(0, 4);
            batch.putStates(1, 5);
            batch.putStates(1, 0);
            batch.commit(true);
        }

        assertEquals(0, read(FIRST, 0));
        assertEquals(2, read(FIRST, 1));
        assertEquals(List.of("0/0=4"), states(VOLUME, 0));
    }

    @Test
    void removesBlocksAndIsHarmlessWhereThereIsNone() {
        put(FIRST, 0, 1);
        put(FIRST, 1, 2);

        for (int times = 0; times < 2; times++) {
            try (Batch batch = blocks.begin(FIRST)) {
                batch.removeBlock(0);
                batch.commit(false);
            }
            assertEquals(0, read(FIRST, 0));
            assertEquals(2, read(FIRST, 1));
        }
    }

    @Test
    void commitsNothingWhereNothingIsToChange() {
        try (Batch batch = blocks.begin(FIRST)) {
            batch.commit(false);
        }
        try (Batch batch = blocks.begin(FIRST)) {
            batch.commit(true);
        }
        blocks.sync();

        assertEquals(List.of(), states(VOLUME, 0));
        assertEquals(0, blocks.storedBytes());
    }

    @Test
    void visitsStatesLayerByLayerInTheOrderOfChunks() {
        for (int layer = 3; layer >= 0; layer--) {
            try (Batch batch = blocks.begin(new Layer(VOLUME, layer))) {
                for (long chunk : new long[] {1L << 32, 300, 2, 0}) {
                    batch.putStates(chunk, (int) (0xffff_0000L + chunk % 1000 + layer));
                    batch.putBlock(chunk * 16 + layer, block(chunk + layer));
                }
                batch.commit(false);
            }
        }
        try (Batch batch = blocks.begin(new Layer(VOLUME, 2))) {
            batch.putStates(300, 0);
            batch.commit(false);
        }
        putStates(new Layer(VOLUME - 1, 2), 1, 1);
        putStates(new Layer(VOLUME + 1, 2), 1, 1);

        assertEquals(List.of("2/0=-65534", "2/2=-65532", "2/4294967296=-65238", "3/0=-65533", "3/2=-65531",
                "3/300=-65233", "3/4294967296=-65237"), states(VOLUME, 2));
        assertEquals(15, states(VOLUME, 0).size());
        assertEquals(List.of(), states(VOLUME, 4));
        assertEquals(List.of("2/1=1"), states(VOLUME + 1, 0));
    }

    @Test
    void readsTheStatesOfOneChunk() {
        try (Batch batch = blocks.begin(FIRST)) {
            batch.putStates(3, 0x8000_0001);
            batch.putStates(4, 5);
            batch.putStates(4, 0);
            batch.commit(false);
        }

        assertEquals(0x8000_0001, blocks.readStates(FIRST, 3));
        assertEquals(0, blocks.readStates(FIRST, 4));
        assertEquals(0, blocks.readStates(new Layer(VOLUME, 1), 3), "there is no layer 1");
    }

    @Test
    void keepsVolumesOfAnyNumberApart() {
        long[] volumes = {0, 1, -1, Long.MIN_VALUE, Long.MAX_VALUE};
        for (int n = 0; n < volumes.length; n++) {
            put(new Layer(volumes[n], 0), 0, 10 + n);
            put(new Layer(volumes[n], Integer.MAX_VALUE), 0, 20 + n);
            putStates(new Layer(volumes[n], Integer.MAX_VALUE), n, 1);
        }

        for (int n = 0; n < volumes.length; n++) {
            assertEquals(10 + n, read(new Layer(volumes[n], 0), 0));
            assertEquals(List.of(Integer.MAX_VALUE + "/" + n + "=1"), states(volumes[n], 0));
            blocks.removeVolume(volumes[n]);
            assertEquals(0, read(new Layer(volumes[n], 0), 0));
            assertEquals(0, read(new Layer(volumes[n], Integer.MAX_VALUE), 0));
            assertEquals(List.of(), states(volumes[n], 0));
        }
    }

    @Test
    void visitsEachVolumeThatSomethingIsKeptOfOnce() {
        List<Long> volumes = List.of(0L, 1L, VOLUME, Long.MAX_VALUE, Long.MIN_VALUE, -1L);
        for (long volume : volumes) {
            put(new Layer(volume, 0), 7, 1);
            put(new Layer(volume, 0), 8, 1);
            put(new Layer(volume, 3), 7, 1);
        }
        putStates(new Layer(VOLUME, 0), 0, 1);
        putStates(new Layer(77, 0), 0, 1);
        blocks.removeVolume(1);

        List<Long> visited = new ArrayList<>();
        blocks.forEachVolume(visited::add);

        assertEquals(Set.of(0L, VOLUME, 77L, Long.MAX_VALUE, Long.MIN_VALUE, -1L), Set.copyOf(visited));
        assertEquals(6, visited.size());
    }

    @Test
    void removesTheLayersBeforeOneAndNothingElse() {
        for (int layer = 0; layer < 4; layer++) {
            put(new Layer(VOLUME, layer), 5, 1 + layer);
            putStates(new Layer(VOLUME, layer), 5, 1 + layer);
        }
        put(new Layer(VOLUME - 1, 0), 5, 9);
        put(new Layer(VOLUME + 1, 0), 5, 9);

        for (int times = 0; times < 2; times++) {
            blocks.removeLayers(VOLUME, 2);

            assertEquals(0, read(FIRST, 5));
            assertEquals(0, read(new Layer(VOLUME, 1), 5));
            assertEquals(Found.NO, blocks.tryRead(new Layer(VOLUME, 1), 5, direct()));
            assertEquals(3, read(new Layer(VOLUME, 2), 5));
            assertEquals(4, read(new Layer(VOLUME, 3), 5));
            assertEquals(List.of("2/5=3", "3/5=4"), states(VOLUME, 0));
            assertEquals(9, read(new Layer(VOLUME - 1, 0), 5));
            assertEquals(9, read(new Layer(VOLUME + 1, 0), 5));
        }
        blocks.removeLayers(VOLUME, 0);
        assertEquals(2, states(VOLUME, 0).size());
    }

    @Test
    void removesAVolumeAndNothingElse() {
        for (long volume = VOLUME - 1; volume <= VOLUME + 1; volume++) {
            put(new Layer(volume, 3), 5, 7);
            putStates(new Layer(volume, 4), 5, 1);
        }

        for (int times = 0; times < 2; times++) {
            blocks.removeVolume(VOLUME);

            assertEquals(0, read(new Layer(VOLUME, 3), 5));
            assertEquals(List.of(), states(VOLUME, 0));
            assertEquals(7, read(new Layer(VOLUME - 1, 3), 5));
            assertEquals(7, read(new Layer(VOLUME + 1, 3), 5));
            assertEquals(List.of("4/5=1"), states(VOLUME + 1, 0));
        }
    }

    @Test
    void saysHowMuchIsStored() {
        try (Batch batch = blocks.begin(FIRST)) {
            for (int n = 0; n < 500; n++) {
                batch.putBlock(n, block(n));
            }
            batch.commit(false);
        }

        assertTrue(blocks.storedBytes() >= 500L * BLOCK_BYTES, blocks.storedBytes() + " bytes");
        assertTrue(blocks.storedBytes() < 600L * BLOCK_BYTES, blocks.storedBytes() + " bytes");
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void anyBatchesLeaveWhatTheyAddUpTo(long seed) {
        Random random = new Random(seed);
        Map<Integer, Map<Long, Long>> expected = new HashMap<>();
        int firstLayer = 0;
        int layer = 0;
        for (int n = 0; n < 300; n++) {
            if (random.nextInt(20) == 0) {
                layer++;
            }
            if (random.nextInt(30) == 0) {
                firstLayer = firstLayer + random.nextInt(layer - firstLayer + 1);
                blocks.removeLayers(VOLUME, firstLayer);
                int until = firstLayer;
                expected.keySet().removeIf(number -> number < until);
            }
            Map<Long, Long> content = expected.computeIfAbsent(layer, absent -> new HashMap<>());
            try (Batch batch = blocks.begin(new Layer(VOLUME, layer))) {
                for (int change = random.nextInt(12); change >= 0; change--) {
                    long index = random.nextInt(64);
                    if (random.nextInt(3) == 0) {
                        batch.removeBlock(index);
                        content.remove(index);
                    } else {
                        long item = 1 + random.nextInt(1000);
                        batch.putBlock(index, block(item));
                        content.put(index, item);
                    }
                }
                batch.commit(random.nextInt(10) == 0);
            }
        }

        for (int number = 0; number <= layer; number++) {
            Map<Long, Long> content = expected.getOrDefault(number, Map.of());
            assertEquals(
                    new TreeMap<>(content).toString(),
                    "{" + String.join(", ", run(new Layer(VOLUME, number), 0, 64)) + "}");
            for (long index = 0; index < 64; index++) {
                long item = content.getOrDefault(index, 0L);
                assertEquals(item, read(new Layer(VOLUME, number), index), "layer " + number + ", block " + index);
            }
        }
    }

    @Test
    void showsReadersABlockBeforeOrAfterABatchButNothingElse() {
        put(FIRST, 0, 1);
        put(FIRST, 1, 1);
        CompletableFuture<Void> writer = CompletableFuture.runAsync(() -> {
            for (int n = 0; n < 2000; n++) {
                try (Batch batch = blocks.begin(FIRST)) {
                    batch.putBlock(0, block(1 + n % 2));
                    batch.putBlock(1, block(1 + n % 2));
                    batch.commit(false);
                }
            }
        });

        List<CompletableFuture<Void>> readers = IntStream.range(0, 2)
                .mapToObj(reader -> CompletableFuture.runAsync(() -> {
                    while (!writer.isDone()) {
                        assertNotEquals(0, read(FIRST, reader));
                    }
                }))
                .toList();

        writer.join();
        readers.forEach(CompletableFuture::join);
        assertEquals(2, read(FIRST, 0));
    }

    private void put(Layer layer, long blockIndex, long item) {
        try (Batch batch = blocks.begin(layer)) {
            batch.putBlock(blockIndex, block(item));
            batch.commit(false);
        }
    }

    private void putStates(Layer layer, long chunkIndex, int states) {
        try (Batch batch = blocks.begin(layer)) {
            batch.putStates(chunkIndex, states);
            batch.commit(false);
        }
    }

    /** The block's item, whose bytes it has; 0 if there is none. */
    private long read(Layer layer, long blockIndex) {
        ByteBuffer into = direct();
        if (!blocks.read(layer, blockIndex, into)) {
            assertEquals(0, into.position());
            return 0;
        }
        long item = into.getLong(0);
        assertEquals(block(item), into.flip());
        return item;
    }

    /** Each as {@code block=item}, with the item's bytes. */
    private List<String> run(Layer layer, long fromBlock, long untilBlock) {
        List<String> found = new ArrayList<>();
        blocks.readRun(layer, fromBlock, untilBlock, (index, block) -> {
            assertTrue(block.isDirect());
            long item = block.getLong(block.position());
            assertEquals(block(item), block);
            found.add(index + "=" + item);
        });
        return found;
    }

    /** Each as {@code layer/chunk=states}. */
    private List<String> states(long volume, int fromLayer) {
        List<String> found = new ArrayList<>();
        blocks.forEachStates(volume, fromLayer, (layer, chunk, states) ->
                found.add(layer + "/" + chunk + "=" + states));
        return found;
    }

    /** A block that begins with its item's number. */
    private static ByteBuffer block(long item) {
        return direct().put(Items.packed(item, BLOCK_BYTES)).putLong(0, item).flip();
    }

    private static ByteBuffer direct() {
        return ByteBuffer.allocateDirect(BLOCK_BYTES);
    }
}
