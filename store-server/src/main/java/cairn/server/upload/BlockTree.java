package cairn.server.upload;

import static cairn.Fault.INVALID_REQUEST;
import static cairn.Fault.NO_SPACE;

import cairn.Digest;
import cairn.StoreException;
import cairn.chunk.ChunkId;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.ItemKey;
import cairn.server.storage.Lease;
import cairn.server.storage.PendingBlocks;
import cairn.server.storage.PendingBlocks.Row;
import cairn.server.storage.SnapshotPages;
import cairn.server.storage.StoredPages;
import cairn.server.storage.TreeAdoption;
import cairn.tree.Tree;
import cairn.tree.TreeEditor;
import cairn.tree.TreeRoot;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * Makes the tree of a snapshot from the blocks that were written, over its parent's tree. What it holds in memory is
 * bounded by what {@linkplain SnapshotPages#STEP_LEVEL one step} covers, whatever the snapshot's size. Blocks.
 */
final class BlockTree {
    private static final int ROWS_AT_ONCE = 1024;
    private static final int STEP_BLOCKS =
            Math.toIntExact(Tree.spanBytes(SnapshotPages.STEP_LEVEL) / BlockUploads.BLOCK_BYTES);

    private final ChunkStore store;
    private final PendingBlocks blocks;
    private final PendingSnapshot snapshot;
    private final Runnable requireOpen;

    /** @param requireOpen called now and then; what it throws ends this */
    BlockTree(ChunkStore store, PendingBlocks blocks, PendingSnapshot snapshot, Runnable requireOpen) {
        this.store = store;
        this.blocks = blocks;
        this.snapshot = snapshot;
        this.requireOpen = requireOpen;
    }

    /**
     * Proves that all the blocks are there that the writer has written.
     *
     * @param checksum the SHA-256 of the written blocks' own, each 32 bytes, in the order of their indices
     * @throws StoreException INVALID_REQUEST if the number or the checksum is another
     */
    void requireWritten(long blockCount, Optional<Digest> checksum) {
        MessageDigest linear = sha256();
        long[] count = {0};
        forEachRow(row -> {
            linear.update(row.checksum().toBytes());
            count[0]++;
        });
        if (count[0] != blockCount) {
            throw new StoreException(INVALID_REQUEST, "snapshot " + snapshot.id() + " has " + count[0]
                    + " changed blocks, not " + blockCount);
        }
        Digest actual = Digest.read(linear.digest(), 0);
        if (checksum.isPresent() && !checksum.get().equals(actual)) {
            throw new StoreException(INVALID_REQUEST, "the checksum over the checksums of the " + count[0]
                    + " blocks of snapshot " + snapshot.id() + " is another one than was given");
        }
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    /**
     * Makes the tree and seals it.
     *
     * @param lease held until after the commit that makes it a root
     * @throws StoreException NO_SPACE
     */
    TreeRoot make(Lease lease) {
        StoredPages stored = new StoredPages(store, snapshot.domain());
        SnapshotPages pages = new SnapshotPages(store, lease, snapshot.domain(), stored);
        Steps steps = new Steps(pages, new TreeEditor(pages, pages).edit(base(lease), snapshot.sizeBytes(), new TreeMap<>()));
        forEachRow(steps);
        steps.end();
        pages.putTop(steps.tree);
        store.seal();
        if (!steps.tree.top().isAbsent() && !lease.isReadable(snapshot.domain(), ItemKey.of(steps.tree.top()))) {
            throw new StoreException(
                    NO_SPACE, "page " + steps.tree.top() + " was lost, because the disk was full for somebody else");
        }
        return steps.tree;
    }

    private TreeRoot base(Lease lease) {
        if (snapshot.base().isEmpty()) {
            return TreeRoot.of(snapshot.sizeBytes(), Digest.ZERO);
        }
        PendingSnapshot.Base base = snapshot.base().get();
        new TreeAdoption(store, lease).adopt(base.root(), base.domain(), snapshot.domain(), requireOpen);
        return base.root();
    }

    private void forEachRow(Consumer<Row> visitor) {
        int from = 0;
        List<Row> rows;
        do {
            requireOpen.run();
            rows = blocks.list(snapshot.number(), from, ROWS_AT_ONCE);
            rows.forEach(visitor);
            from = rows.isEmpty() ? from : rows.get(rows.size() - 1).blockIndex() + 1;
        } while (rows.size() == ROWS_AT_ONCE);
    }

    /** Takes blocks in order, and changes the tree at the end of each step. */
    private final class Steps implements Consumer<Row> {
        private final SnapshotPages pages;
        private final TreeMap<Long, ChunkId> changes = new TreeMap<>();
        private TreeRoot tree;
        private int step;

        Steps(SnapshotPages pages, TreeRoot tree) {
            this.pages = pages;
            this.tree = tree;
        }

        @Override
        public void accept(Row row) {
            if (row.blockIndex() / STEP_BLOCKS != step) {
                end();
                step = row.blockIndex() / STEP_BLOCKS;
            }
            for (int i = 0; i < row.chunks().size(); i++) {
                changes.put((long) row.blockIndex() * PendingBlocks.CHUNKS_OF_BLOCK + i, row.chunks().get(i));
            }
        }

        void end() {
            if (!changes.isEmpty()) {
                tree = new TreeEditor(pages, pages).edit(tree, tree.sizeBytes(), changes);
                pages.putStep(tree, new HashSet<>(changes.values()));
                changes.clear();
            }
        }
    }
}
