package cairn.server.storage;

import cairn.server.storage.MemoryStorage.Door;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.LongConsumer;

/** Blocks of volumes on the heap. */
final class MemoryVolumeBlocks implements VolumeBlocks {
    private static final Comparator<Layer> BY_VOLUME_AND_NUMBER =
            Comparator.comparingLong(Layer::volume).thenComparingInt(Layer::number);

    /** What a layer holds. */
    private record Content(TreeMap<Long, byte[]> blocks, TreeMap<Long, Integer> states) {
        Content() {
            this(new TreeMap<>(), new TreeMap<>());
        }
    }

    private final Door door;
    /** Guarded by {@code this}. */
    private final TreeMap<Layer, Content> layers = new TreeMap<>(BY_VOLUME_AND_NUMBER);

    MemoryVolumeBlocks(Door door) {
        this.door = door;
    }

    @Override
    public Batch begin(Layer layer) {
        door.requireOpen();
        return new Changes(layer);
    }

    private final class Changes implements Batch {
        private final Layer layer;
        private final List<Consumer<Content>> changes = new ArrayList<>();

        Changes(Layer layer) {
            this.layer = layer;
        }

        @Override
        public void putBlock(long blockIndex, ByteBuffer bytes) {
            VolumeBlocks.requireIndex(layer, blockIndex);
            VolumeBlocks.requireBlock(bytes);
            byte[] copy = new byte[BLOCK_BYTES];
            bytes.get(copy);
            add(content -> content.blocks.put(blockIndex, copy));
        }

        @Override
        public void removeBlock(long blockIndex) {
            VolumeBlocks.requireIndex(layer, blockIndex);
            add(content -> content.blocks.remove(blockIndex));
        }

        @Override
        public void putStates(long chunkIndex, int states) {
            VolumeBlocks.requireIndex(layer, chunkIndex);
            add(content -> {
                if (states == 0) {
                    content.states.remove(chunkIndex);
                } else {
                    content.states.put(chunkIndex, states);
                }
            });
        }

        private void add(Consumer<Content> change) {
            door.requireOpen();
            changes.add(change);
        }

        @Override
        public void commit(boolean isSynced) {
            door.requireOpen();
            synchronized (MemoryVolumeBlocks.this) {
                Content content = layers.computeIfAbsent(layer, absent -> new Content());
                changes.forEach(change -> change.accept(content));
            }
        }

        @Override
        public void close() {
            changes.clear();
        }
    }

    @Override
    public void sync() {
        door.requireOpen();
    }

    @Override
    public boolean read(Layer layer, long blockIndex, ByteBuffer into) {
        door.requireOpen();
        VolumeBlocks.requireIndex(layer, blockIndex);
        VolumeBlocks.requireBlock(into);
        byte[] block = block(layer, blockIndex);
        if (block != null) {
            into.put(block);
        }
        return block != null;
    }

    /** Null where there is none. */
    private synchronized byte[] block(Layer layer, long blockIndex) {
        Content content = layers.get(layer);
        return content == null ? null : content.blocks.get(blockIndex);
    }

    @Override
    public Found tryRead(Layer layer, long blockIndex, ByteBuffer into) {
        return read(layer, blockIndex, into) ? Found.YES : Found.NO;
    }

    @Override
    public void readRun(Layer layer, long fromBlock, long untilBlock, BlockVisitor visitor) {
        door.requireOpen();
        VolumeBlocks.requireIndex(layer, fromBlock);
        ByteBuffer lent = ByteBuffer.allocateDirect(BLOCK_BYTES);
        run(layer, fromBlock, untilBlock)
                .forEach((blockIndex, block) -> visitor.visit(blockIndex, lent.clear().put(block).flip()));
    }

    /** A copy; blocks themselves never change. */
    private synchronized Map<Long, byte[]> run(Layer layer, long fromBlock, long untilBlock) {
        Content content = layers.get(layer);
        return content == null || fromBlock >= untilBlock
                ? Map.of()
                : new TreeMap<>(content.blocks.subMap(fromBlock, untilBlock));
    }

    @Override
    public synchronized int readStates(Layer layer, long chunkIndex) {
        door.requireOpen();
        VolumeBlocks.requireIndex(layer, chunkIndex);
        Content content = layers.get(layer);
        return content == null ? 0 : content.states.getOrDefault(chunkIndex, 0);
    }

    @Override
    public synchronized void forEachStates(long volume, int fromLayer, StatesVisitor visitor) {
        door.requireOpen();
        layers.subMap(new Layer(volume, fromLayer), true, new Layer(volume, Integer.MAX_VALUE), true)
                .forEach((layer, content) -> content.states.forEach(
                        (chunkIndex, states) -> visitor.visit(layer.number(), chunkIndex, states)));
    }

    @Override
    public synchronized void forEachVolume(LongConsumer visitor) {
        door.requireOpen();
        layers.entrySet().stream()
                .filter(layer -> !layer.getValue().blocks.isEmpty() || !layer.getValue().states.isEmpty())
                .mapToLong(layer -> layer.getKey().volume())
                .distinct()
                .forEach(visitor);
    }

    @Override
    public synchronized void removeLayers(long volume, int untilLayer) {
        door.requireOpen();
        layers.subMap(new Layer(volume, 0), new Layer(volume, untilLayer)).clear();
    }

    @Override
    public synchronized void removeVolume(long volume) {
        door.requireOpen();
        layers.subMap(new Layer(volume, 0), true, new Layer(volume, Integer.MAX_VALUE), true).clear();
    }

    @Override
    public synchronized long storedBytes() {
        door.requireOpen();
        return layers.values().stream()
                .mapToLong(content -> (long) content.blocks.size() * BLOCK_BYTES)
                .sum();
    }
}
