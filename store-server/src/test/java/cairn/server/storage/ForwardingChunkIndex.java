package cairn.server.storage;

import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;

/** An index that hands on to another what its subclass does not do itself. */
public class ForwardingChunkIndex implements ChunkIndex {
    protected final ChunkIndex inner;

    public ForwardingChunkIndex(ChunkIndex inner) {
        this.inner = inner;
    }

    @Override
    public OptionalLong find(DomainId domain, ItemKey key) {
        return inner.find(domain, key);
    }

    @Override
    public void putAll(List<Row> rows, List<Children> children) {
        inner.putAll(rows, children);
    }

    @Override
    public Optional<PageChildren> children(long pageOrdinal) {
        return inner.children(pageOrdinal);
    }

    @Override
    public int removeAll(List<Row> rows, List<Long> pageOrdinals) {
        return inner.removeAll(rows, pageOrdinals);
    }

    @Override
    public void forEach(int kind, Consumer<Row> visitor) {
        inner.forEach(kind, visitor);
    }

    @Override
    public long count(int kind) {
        return inner.count(kind);
    }

    @Override
    public long storedBytes() {
        return inner.storedBytes();
    }
}
