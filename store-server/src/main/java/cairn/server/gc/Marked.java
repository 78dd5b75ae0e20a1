package cairn.server.gc;

import static cairn.Fault.CORRUPT;

import cairn.StoreException;
import cairn.server.storage.ChunkIndex;
import cairn.server.storage.ChunkIndex.Row;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.Epochs;
import cairn.server.storage.ItemKey;
import cairn.server.storage.OrdinalSet;
import cairn.tree.PageId;
import cairn.tree.Tree;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongPredicate;
import java.util.stream.IntStream;

/**
 * What lives, as one cycle has found it. First the horizon, then the roots, then what was touched since: so what
 * somebody relies on who is still writing is in it, or too young, and what nobody relies on any more whom the horizon
 * has not seen is below a root.
 */
final class Marked {
    private final ChunkStore chunks;
    private final ChunkIndex index;
    private final Epochs.Horizon horizon;
    private final Mark mark;
    private final OrdinalSet rooted;
    private final OrdinalSet touched;
    private final OrdinalSet live;
    private final Fingerprint fingerprint = new Fingerprint();

    /** @param step called for each page, and now and then */
    Marked(ChunkStore chunks, ChunkIndex index, Roots roots, Runnable step) {
        this.chunks = chunks;
        this.index = index;
        horizon = chunks.epochs().begin();
        mark = new Mark(chunks, index, step);
        roots.forEach(this::mark, (snapshot, account, domain, ids) -> {
            step.run();
            fingerprint.add(snapshot, account, domain, ids);
            ids.forEach(id -> mark.chunk(domain, id));
        });
        rooted = mark.marked().copy();
        touched = chunks.epochs().touched(horizon);
        markPages(unmarked(ordinal -> ordinal >= horizon.floorOrdinal() || touched.contains(ordinal)));
        live = mark.marked().copy();
        live.addAll(touched);
    }

    private void mark(Root root) {
        if (isGone(root)) {
            return;
        }
        fingerprint.add(root);
        try {
            mark.root(root.domain(), root.tree());
        } catch (StoreException e) {
            if (e.fault() == CORRUPT) {
                throw new StoreException(
                        CORRUPT, "of " + name(root.kind()) + " " + root.id() + " " + e.getMessage(), e);
            }
            throw e;
        }
    }

    /** Somebody may have come too late with a tree, and is about to be told so. */
    private boolean isGone(Root root) {
        return root.kind() == Root.Kind.OPEN_TREE
                && !root.tree().top().isAbsent()
                && !chunks.isReadable(root.domain(), ItemKey.of(root.tree().top()));
    }

    private static String name(Root.Kind kind) {
        return switch (kind) {
            case SNAPSHOT -> "snapshot";
            case VOLUME -> "volume";
            case PENDING_SNAPSHOT -> "the parent of snapshot";
            case OPEN_TREE -> "an open tree";
        };
    }

    Epochs.Horizon horizon() {
        return horizon;
    }

    /** What hangs from roots, and from nothing else. */
    OrdinalSet rooted() {
        return rooted;
    }

    /** What writers had found until the roots were read. */
    OrdinalSet touched() {
        return touched;
    }

    /** All that may not be condemned, but for what is too young to be in it. */
    OrdinalSet live() {
        return live;
    }

    /** Changes, in all likelihood, with the roots. */
    long fingerprint() {
        return fingerprint.value();
    }

    /**
     * Marks also what is below pages that are no root, but stay in the index: no page that does loses what is below it.
     *
     * @return all that is marked now
     */
    OrdinalSet markBelow(LongPredicate staysInIndex) {
        markPages(unmarked(staysInIndex));
        return mark.marked();
    }

    /** The rows of pages that are not marked, and for which something holds: those of higher levels first. */
    List<Row> unmarked(LongPredicate filter) {
        List<Row> rows = new ArrayList<>();
        kindsOfPages().forEach(kind -> index.forEach(kind, row -> {
            if (!mark.hasPage(row.ordinal()) && filter.test(row.ordinal())) {
                rows.add(row);
            }
        }));
        return rows;
    }

    /** Those of higher levels first. */
    static IntStream kindsOfPages() {
        return IntStream.rangeClosed(0, Tree.LEVEL_MAX).map(below -> ItemKey.CHUNK_KIND + 1 + Tree.LEVEL_MAX - below);
    }

    private void markPages(List<Row> rows) {
        for (Row row : rows) {
            mark.page(row.domain(), new PageId(row.key().kind() - 1, row.key().digest()), row.ordinal());
        }
    }
}
