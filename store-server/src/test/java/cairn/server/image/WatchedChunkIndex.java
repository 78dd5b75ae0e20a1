package cairn.server.image;

import cairn.server.storage.ChunkIndex;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;

/** An index that tells all that a domain has. */
final class WatchedChunkIndex implements ChunkIndex {
    private final ChunkIndex index;
    private final Map<DomainId, Set<ItemKey>> items = new HashMap<>();

    WatchedChunkIndex(ChunkIndex index) {
        this.index = index;
    }

    synchronized Set<ItemKey> itemsOf(DomainId domain) {
        return Set.copyOf(items.getOrDefault(domain, Set.of()));
    }

    @Override
    public OptionalLong find(DomainId domain, ItemKey key) {
        return index.find(domain, key);
    }

    @Override
    public synchronized void putAll(List<Row> rows) {
        index.putAll(rows);
        rows.forEach(row -> items.computeIfAbsent(row.domain(), each -> new HashSet<>()).add(row.key()));
    }

    @Override
    public long count(int kind) {
        return index.count(kind);
    }

    @Override
    public long storedBytes() {
        return index.storedBytes();
    }
}
