package cairn.server;

import static cairn.Fault.CORRUPT;
import static cairn.Fault.SHUTTING_DOWN;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.gc.PendingChunks;
import cairn.server.gc.Root;
import cairn.server.gc.Roots;
import cairn.server.image.RegisteredVolume;
import cairn.server.image.Snapshot;
import cairn.server.image.SnapshotRegistry;
import cairn.server.image.VolumeRegistry;
import cairn.server.storage.Catalog;
import cairn.server.storage.OpenTrees;
import cairn.server.storage.PendingBlocks;
import cairn.server.upload.BlockUploads;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What keeps items in this store: every snapshot and volume that has a record, every snapshot that is being written,
 * and whatever tree is open.
 *
 * <p>Records are read first, at one moment. What a record named before that moment and another one has taken over
 * since, its writer holds by a lease; blocks, and trees that are open, are read afterwards, so that nothing that is
 * handed from one to the other is missed in between.
 */
public final class StoreRoots implements Roots {
    private static final List<String> PREFIXES =
            List.of(SnapshotRegistry.PREFIX, VolumeRegistry.VOLUME_PREFIX, BlockUploads.PREFIX);
    private static final int ROWS_AT_ONCE = 1024;

    private final Catalog catalog;
    private final PendingBlocks blocks;
    private final OpenTrees openTrees;

    public StoreRoots(Catalog catalog, PendingBlocks blocks, OpenTrees openTrees) {
        this.catalog = catalog;
        this.blocks = blocks;
        this.openTrees = openTrees;
    }

    @Override
    public void forEach(Consumer<Root> trees, PendingChunks chunks) {
        List<Root> recorded = new ArrayList<>();
        List<BlockUploads.Kept> pending = new ArrayList<>();
        catalog.forEach(PREFIXES, entry -> decode(entry, recorded, pending));
        recorded.forEach(trees);
        pending.forEach(each -> visitRows(each, chunks));
        List<Root> open = new ArrayList<>();
        openTrees.forEach((domain, tree) ->
                open.add(new Root(Root.Kind.OPEN_TREE, tree.digest().toString(), Optional.empty(), domain, tree)));
        open.forEach(trees);
    }

    private static void decode(Catalog.Entry entry, List<Root> roots, List<BlockUploads.Kept> pending) {
        try {
            if (entry.key().startsWith(SnapshotRegistry.PREFIX)) {
                roots.add(root(SnapshotRegistry.decode(entry)));
            } else if (entry.key().startsWith(VolumeRegistry.VOLUME_PREFIX)) {
                roots.add(root(VolumeRegistry.decode(entry)));
            } else {
                BlockUploads.kept(entry).ifPresent(each -> {
                    pending.add(each);
                    each.base().ifPresent(base -> roots.add(root(each, base)));
                });
            }
        } catch (RuntimeException e) {
            if (Fault.of(e) == SHUTTING_DOWN) {
                throw e;
            }
            throw new StoreException(
                    CORRUPT,
                    "record " + entry.key() + " cannot be read, so nobody knows what it keeps: " + e.getMessage(), e);
        }
    }

    private static Root root(Snapshot snapshot) {
        return new Root(
                Root.Kind.SNAPSHOT,
                snapshot.id().value(),
                Optional.of(snapshot.owner()),
                snapshot.domain(),
                snapshot.root());
    }

    private static Root root(RegisteredVolume volume) {
        return new Root(
                Root.Kind.VOLUME,
                volume.id().value(),
                Optional.of(volume.owner()),
                volume.state().domain(),
                volume.state().base());
    }

    private static Root root(BlockUploads.Kept pending, BlockUploads.KeptTree base) {
        return new Root(
                Root.Kind.PENDING_SNAPSHOT,
                pending.id().value(),
                Optional.of(pending.owner()),
                base.domain(),
                base.root());
    }

    /** What is written from now on its writer holds by a lease. */
    private void visitRows(BlockUploads.Kept pending, PendingChunks chunks) {
        int from = 0;
        List<PendingBlocks.Row> rows;
        do {
            rows = blocks.list(pending.number(), from, ROWS_AT_ONCE);
            for (PendingBlocks.Row row : rows) {
                chunks.visit(pending.id().value(), pending.owner(), pending.domain(), row.chunks());
                from = row.blockIndex() + 1;
            }
        } while (rows.size() == ROWS_AT_ONCE);
    }
}
