package cairn.server.image;

import cairn.server.storage.ChunkIndex;
import cairn.server.storage.DomainId;
import cairn.server.storage.ForwardingChunkIndex;
import cairn.server.storage.ItemKey;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** An index that tells all that a domain has. */
final class WatchedChunkIndex extends ForwardingChunkIndex {
    private final Map<DomainId, Set<ItemKey>> items = new HashMap<>();

    WatchedChunkIndex(ChunkIndex index) {
        super(index);
    }

    synchronized Set<ItemKey> itemsOf(DomainId domain) {
        return Set.copyOf(items.getOrDefault(domain, Set.of()));
    }

    @Override
    public synchronized void putAll(List<Row> rows, List<Children> children) {
        inner.putAll(rows, children);
        rows.forEach(row -> items.computeIfAbsent(row.domain(), each -> new HashSet<>()).add(row.key()));
    }
}
