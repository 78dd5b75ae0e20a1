package cairn.server.storage;

import cairn.tree.TreeRoot;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * The trees that somebody reads, each as often as it is read: what keeps them beside the records that name them, so
 * that a reader is not disturbed by what becomes of a record.
 *
 * <p>Whoever reads opens the tree first, and only then makes sure that its record is there: so whoever looks for what
 * is to be kept, records first and open trees afterwards, meets the one or the other. Safe for threads; nothing blocks.
 */
public final class OpenTrees {
    private final ConcurrentHashMap<Tree, Integer> readers = new ConcurrentHashMap<>();

    /** A tree, and where it is found. */
    public record Tree(DomainId domain, TreeRoot root) {}

    /** Somebody's reading of a tree. */
    public interface Reading extends AutoCloseable {
        /** Ends it; harmless when repeated. */
        @Override
        void close();
    }

    /** Opens a tree of whose record the caller knows, or makes sure next, that it is there. */
    public Reading open(DomainId domain, TreeRoot root) {
        Tree tree = new Tree(domain, root);
        begin(tree);
        AtomicBoolean isClosed = new AtomicBoolean();
        return () -> {
            if (isClosed.compareAndSet(false, true)) {
                end(tree);
            }
        };
    }

    /** As {@link #open}, for whoever calls {@link #end} just once. */
    public void begin(Tree tree) {
        readers.merge(tree, 1, Integer::sum);
    }

    /** Ends what {@link #begin} began. */
    public void end(Tree tree) {
        readers.computeIfPresent(tree, (same, count) -> count == 1 ? null : count - 1);
    }

    /**
     * Does something with the tree that a record names, while it is open.
     *
     * @param record reads the record, twice; what it throws is passed on
     * @param treeOf the tree that the record names: the same as long as there is the record
     */
    public <T, R> R reading(Supplier<T> record, Function<T, Tree> treeOf, Function<T, R> action) {
        Tree tree = treeOf.apply(record.get());
        begin(tree);
        try {
            return action.apply(record.get());
        } finally {
            end(tree);
        }
    }

    /** Visits the trees that are open, each once. */
    public void forEach(BiConsumer<DomainId, TreeRoot> visitor) {
        readers.keySet().forEach(tree -> visitor.accept(tree.domain(), tree.root()));
    }
}
