package cairn.server.storage;

import java.util.OptionalLong;

/** An index in which something happens when a certain item is first looked for. */
final class HookedChunkIndex extends ForwardingChunkIndex {
    private final ItemKey trigger;
    private Runnable hook;

    HookedChunkIndex(ChunkIndex inner, ItemKey trigger, Runnable hook) {
        super(inner);
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
}
