package cairn.server.storage;

import cairn.server.storage.MemoryStorage.Door;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;

/** An index on the heap. */
final class MemoryChunkIndex implements ChunkIndex {
    private record Place(DomainId domain, ItemKey key) {}

    private final Door door;
    private final Map<Place, Long> ordinals = new HashMap<>();
    private final Map<Long, PageChildren> children = new HashMap<>();

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
    public synchronized void putAll(List<Row> rows, List<Children> added) {
        door.requireOpen();
        added.forEach(each -> children.put(each.pageOrdinal(), each.children()));
        rows.forEach(row -> ordinals.put(new Place(row.domain(), row.key()), row.ordinal()));
    }

    @Override
    public synchronized Optional<PageChildren> children(long pageOrdinal) {
        door.requireOpen();
        return Optional.ofNullable(children.get(pageOrdinal));
    }

    @Override
    public synchronized int removeAll(List<Row> rows, List<Long> pageOrdinals) {
        door.requireOpen();
        int removed = 0;
        for (Row row : rows) {
            removed += ordinals.remove(new Place(row.domain(), row.key()), row.ordinal()) ? 1 : 0;
        }
        pageOrdinals.forEach(children::remove);
        return removed;
    }

    @Override
    public synchronized void forEach(int kind, Consumer<Row> visitor) {
        door.requireOpen();
        ordinals.forEach((place, ordinal) -> {
            if (place.key().kind() == kind) {
                visitor.accept(new Row(place.domain(), place.key(), ordinal));
            }
        });
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
