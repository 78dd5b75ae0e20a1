package cairn.server.storage;

import java.util.List;
import java.util.OptionalLong;

/** An index in which something happens when a certain item is first looked for. */
final class HookedChunkIndex implements ChunkIndex {
    private final ChunkIndex inner;
    private final ItemKey trigger;
    private Runnable hook;

    HookedChunkIndex(ChunkIndex inner, ItemKey trigger, Runnable hook) {
        this.inner = inner;
        this.trigger = trigger;
        this.hook = hook;
    }

    @Override
    public OptionalLong find(DomainId domain, ItemKey key) {
        OptionalLong found = inner.find(domain, key);
        if (key.equals(trigger) && found.isPresent() && hook != null) {
            Runnable once = hook;
            hook = null;
            once.run();
        }
        return found;
    }

    @Override
    public void putAll(List<Row> rows) {
        inner.putAll(rows);
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
