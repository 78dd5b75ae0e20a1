package cairn.server.sim;

import cairn.server.sim.SimState.Place;
import cairn.server.storage.ChunkIndex;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.server.storage.PageChildren;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;

/** An index on a simulated disk. */
final class SimIndex implements ChunkIndex {
    private final SimStorage storage;

    SimIndex(SimStorage storage) {
        this.storage = storage;
    }

    @Override
    public OptionalLong find(DomainId domain, ItemKey key) {
        Long ordinal = storage.read(state -> state.rows.get(new Place(domain, key)));
        return ordinal == null ? OptionalLong.empty() : OptionalLong.of(ordinal);
    }

    @Override
    public void putAll(List<Row> rows, List<Children> children) {
        List<Row> put = List.copyOf(rows);
        List<Children> said = List.copyOf(children);
        storage.write(false, state -> {
            said.forEach(each -> state.children.put(each.pageOrdinal(), each.children()));
            put.forEach(row -> state.rows.put(new Place(row.domain(), row.key()), row.ordinal()));
        });
    }

    @Override
    public Optional<PageChildren> children(long pageOrdinal) {
        return storage.read(state -> Optional.ofNullable(state.children.get(pageOrdinal)));
    }

    @Override
    public int removeAll(List<Row> rows, List<Long> pageOrdinals) {
        List<Row> gone = List.copyOf(rows);
        List<Long> pages = List.copyOf(pageOrdinals);
        storage.pass();
        int removed;
        synchronized (storage.disk()) {
            removed = (int) storage.disk().<Long>read(state ->
                    gone.stream().filter(row -> isThere(state, row)).count()).longValue();
            storage.writeNow(false, state -> {
                gone.forEach(row -> state.rows.remove(new Place(row.domain(), row.key()), row.ordinal()));
                pages.forEach(state.children::remove);
            });
        }
        storage.pass();
        return removed;
    }

    private static boolean isThere(SimState state, Row row) {
        Long ordinal = state.rows.get(new Place(row.domain(), row.key()));
        return ordinal != null && ordinal == row.ordinal();
    }

    @Override
    public void forEach(int kind, Consumer<Row> visitor) {
        List<Row> rows = storage.read(state -> {
            List<Row> found = new ArrayList<>();
            state.rows.forEach((place, ordinal) -> {
                if (place.key().kind() == kind) {
                    found.add(new Row(place.domain(), place.key(), ordinal));
                }
            });
            return found;
        });
        rows.forEach(visitor);
    }

    @Override
    public long count(int kind) {
        return storage.read(state ->
                state.rows.keySet().stream().filter(place -> place.key().kind() == kind).count());
    }

    @Override
    public long storedBytes() {
        return storage.read(state -> 45L * state.rows.size());
    }
}
