package cairn.server.sim;

import cairn.server.storage.PendingBlocks;
import java.util.List;
import java.util.TreeMap;
import java.util.function.LongConsumer;

/** Blocks of snapshots that are being written, on a simulated disk. */
final class SimPendingBlocks implements PendingBlocks {
    private final SimStorage storage;

    SimPendingBlocks(SimStorage storage) {
        this.storage = storage;
    }

    @Override
    public void putAll(List<Row> rows) {
        List<Row> put = List.copyOf(rows);
        storage.write(true, state -> put.forEach(row -> state.pending
                .computeIfAbsent(row.snapshot(), absent -> new TreeMap<>())
                .put(row.blockIndex(), row)));
    }

    @Override
    public List<Row> list(long snapshot, int fromBlock, int rowsMax) {
        return storage.read(state -> state.pending.getOrDefault(snapshot, new TreeMap<>()).tailMap(fromBlock).values()
                .stream()
                .limit(rowsMax)
                .toList());
    }

    @Override
    public void forEachSnapshot(LongConsumer visitor) {
        List<Long> numbers = storage.read(state -> List.copyOf(state.pending.keySet()));
        numbers.forEach(visitor::accept);
    }

    @Override
    public void remove(long snapshot) {
        storage.write(false, state -> state.pending.remove(snapshot));
    }
}
