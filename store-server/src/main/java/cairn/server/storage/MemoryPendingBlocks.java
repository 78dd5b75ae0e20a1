package cairn.server.storage;

import cairn.server.storage.MemoryStorage.Door;
import java.util.List;
import java.util.TreeMap;
import java.util.function.LongConsumer;

/** Blocks of snapshots that are being written, on the heap. */
final class MemoryPendingBlocks implements PendingBlocks {
    private final Door door;
    private final TreeMap<Long, TreeMap<Integer, Row>> snapshots = new TreeMap<>();

    MemoryPendingBlocks(Door door) {
        this.door = door;
    }

    @Override
    public synchronized void putAll(List<Row> rows) {
        door.requireOpen();
        rows.forEach(row ->
                snapshots.computeIfAbsent(row.snapshot(), ignored -> new TreeMap<>()).put(row.blockIndex(), row));
    }

    @Override
    public synchronized List<Row> list(long snapshot, int fromBlock, int rowsMax) {
        door.requireOpen();
        return snapshots.getOrDefault(snapshot, new TreeMap<>()).tailMap(fromBlock).values().stream()
                .limit(rowsMax)
                .toList();
    }

    @Override
    public void forEachSnapshot(LongConsumer visitor) {
        numbers().forEach(visitor::accept);
    }

    private synchronized List<Long> numbers() {
        door.requireOpen();
        return List.copyOf(snapshots.keySet());
    }

    @Override
    public synchronized void remove(long snapshot) {
        door.requireOpen();
        snapshots.remove(snapshot);
    }
}
