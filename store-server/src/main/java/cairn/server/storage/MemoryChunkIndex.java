package cairn.server.storage;

import cairn.server.storage.MemoryStorage.Door;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/** An index on the heap. */
final class MemoryChunkIndex implements ChunkIndex {
    private record Place(DomainId domain, ItemKey key) {}

    private final Door door;
    private final Map<Place, Long> ordinals = new HashMap<>();

    MemoryChunkIndex(Door door) {
        this.door = door;
    }

    @Override
    public synchronized OptionalLong find(DomainId domain, ItemKey key) {
        door.requireOpen();
        Long ordinal = ordinals.get(new Place(domain, key));
        return ordinal == null ? OptionalLong.empty() : OptionalLong.of(ordinal);
    }

    @Override
    public synchronized void putAll(List<Row> rows) {
        door.requireOpen();
        rows.forEach(row -> ordinals.put(new Place(row.domain(), row.key()), row.ordinal()));
    }

    @Override
    public synchronized long count(int kind) {
        door.requireOpen();
        return ordinals.keySet().stream().filter(place -> place.key().kind() == kind).count();
    }

    /** What the rows alone would take. */
    @Override
    public synchronized long storedBytes() {
        door.requireOpen();
        return 45L * ordinals.size();
    }
}
