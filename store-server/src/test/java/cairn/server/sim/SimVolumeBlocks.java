package cairn.server.sim;

import cairn.server.sim.SimState.Layered;
import cairn.server.storage.VolumeBlocks;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.LongConsumer;

/** Blocks of volumes on a simulated disk. */
final class SimVolumeBlocks implements VolumeBlocks {
    private final SimStorage storage;

    SimVolumeBlocks(SimStorage storage) {
        this.storage = storage;
    }

    @Override
    public Batch begin(Layer layer) {
        storage.pass();
        return new Changes(layer);
    }

    private final class Changes implements Batch {
        private final Layer layer;
        private final List<Consumer<Layered>> changes = new ArrayList<>();

        Changes(Layer layer) {
            this.layer = layer;
        }

        @Override
        public void putBlock(long blockIndex, ByteBuffer bytes) {
            VolumeBlocks.requireIndex(layer, blockIndex);
            VolumeBlocks.requireBlock(bytes);
            byte[] copy = new byte[BLOCK_BYTES];
            bytes.get(copy);
            changes.add(held -> held.blocks().put(blockIndex, copy));
        }

        @Override
        public void removeBlock(long blockIndex) {
            VolumeBlocks.requireIndex(layer, blockIndex);
            changes.add(held -> held.blocks().remove(blockIndex));
        }

        @Override
        public void putStates(long chunkIndex, int states) {
            VolumeBlocks.requireIndex(layer, chunkIndex);
            changes.add(held -> {
                if (states == 0) {
                    held.states().remove(chunkIndex);
                } else {
                    held.states().put(chunkIndex, states);
                }
            });
        }

        @Override
        public void commit(boolean isSynced) {
            List<Consumer<Layered>> all = List.copyOf(changes);
            storage.write(isSynced, state -> {
                Layered held = state.layers.computeIfAbsent(layer, absent -> new Layered());
                all.forEach(change -> change.accept(held));
            });
        }

        @Override
        public void close() {
            changes.clear();
        }
    }

    @Override
    public void sync() {
        storage.write(true, state -> {});
    }

    @Override
    public boolean read(Layer layer, long blockIndex, ByteBuffer into) {
        VolumeBlocks.requireIndex(layer, blockIndex);
        VolumeBlocks.requireBlock(into);
        byte[] block = storage.read(state -> {
            Layered held = state.layers.get(layer);
            return held == null ? null : held.blocks().get(blockIndex);
        });
        if (block != null) {
            into.put(block);
        }
        return block != null;
    }

    @Override
    public Found tryRead(Layer layer, long blockIndex, ByteBuffer into) {
        return read(layer, blockIndex, into) ? Found.YES : Found.NO;
    }

    @Override
    public void readRun(Layer layer, long fromBlock, long untilBlock, BlockVisitor visitor) {
        VolumeBlocks.requireIndex(layer, fromBlock);
        TreeMap<Long, byte[]> run = storage.read(state -> {
            Layered held = state.layers.get(layer);
            return held == null || fromBlock >= untilBlock
                    ? new TreeMap<>()
                    : new TreeMap<>(held.blocks().subMap(fromBlock, untilBlock));
        });
        ByteBuffer lent = ByteBuffer.allocateDirect(BLOCK_BYTES);
        run.forEach((blockIndex, block) -> visitor.visit(blockIndex, lent.clear().put(block).flip()));
    }

    @Override
    public int readStates(Layer layer, long chunkIndex) {
        VolumeBlocks.requireIndex(layer, chunkIndex);
        return storage.read(state -> {
            Layered held = state.layers.get(layer);
            return held == null ? 0 : held.states().getOrDefault(chunkIndex, 0);
        });
    }

    private record Seen(int layer, long chunkIndex, int states) {}

    @Override
    public void forEachStates(long volume, int fromLayer, StatesVisitor visitor) {
        List<Seen> all = storage.read(state -> {
            List<Seen> seen = new ArrayList<>();
            state.layers
                    .subMap(new Layer(volume, fromLayer), true, new Layer(volume, Integer.MAX_VALUE), true)
                    .forEach((layer, held) -> held.states().forEach(
                            (chunkIndex, states) -> seen.add(new Seen(layer.number(), chunkIndex, states))));
            return seen;
        });
        all.forEach(seen -> visitor.visit(seen.layer, seen.chunkIndex, seen.states));
    }

    @Override
    public void forEachVolume(LongConsumer visitor) {
        List<Long> volumes = storage.read(state -> state.layers.entrySet().stream()
                .filter(layer -> !layer.getValue().blocks().isEmpty() || !layer.getValue().states().isEmpty())
                .map(layer -> layer.getKey().volume())
                .distinct()
                .toList());
        volumes.forEach(visitor::accept);
    }

    @Override
    public void removeLayers(long volume, int untilLayer) {
        storage.write(false, state ->
                state.layers.subMap(new Layer(volume, 0), new Layer(volume, untilLayer)).clear());
    }

    @Override
    public void removeVolume(long volume) {
        storage.write(false, state -> state.layers
                .subMap(new Layer(volume, 0), true, new Layer(volume, Integer.MAX_VALUE), true)
                .clear());
    }

    @Override
    public long storedBytes() {
        return storage.read(state -> state.layers.values().stream()
                .mapToLong(held -> (long) held.blocks().size() * BLOCK_BYTES)
                .sum());
    }
}
