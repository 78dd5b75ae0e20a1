package cairn.server.gc;

import java.util.function.Consumer;

/** Everything that keeps items. */
@FunctionalInterface
public interface Roots {
    /**
     * Visits all roots: those that records name as they are at one moment, later than this was called, and then, read
     * after that moment, blocks that are in no tree yet, and trees that are open. The visitors may take their time, and
     * what they throw is passed on.
     *
     * @throws cairn.StoreException CORRUPT, naming it, if a record cannot be read; then nobody knows what it keeps
     */
    void forEach(Consumer<Root> trees, PendingChunks chunks);
}
