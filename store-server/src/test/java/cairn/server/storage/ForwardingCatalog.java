package cairn.server.storage;

import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** A catalog that hands on to another what its subclass does not do itself. */
public class ForwardingCatalog implements Catalog {
    protected final Catalog inner;

    public ForwardingCatalog(Catalog inner) {
        this.inner = inner;
    }

    @Override
    public Optional<Entry> find(String key) {
        return inner.find(key);
    }

    @Override
    public List<Entry> list(String prefix, String after, int entriesMax) {
        return inner.list(prefix, after, entriesMax);
    }

    @Override
    public void forEach(List<String> prefixes, Consumer<Entry> visitor) {
        inner.forEach(prefixes, visitor);
    }

    @Override
    public void commit(List<Change> changes) {
        inner.commit(changes);
    }
}
