package cairn.server.upload;

import static cairn.Fault.SHUTTING_DOWN;
import static cairn.Fault.UNAVAILABLE;

import cairn.StoreException;
import cairn.chunk.ChunkId;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.server.storage.PendingBlocks;
import cairn.server.storage.PendingBlocks.Row;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Makes written blocks safe, all that wait at once: it seals their chunks, then writes their rows in one synced batch,
 * then tells whoever waits. So a block that was answered survives a crash, and the more connections write, the fewer
 * syncs each block costs. Safe for threads; has one of its own.
 */
final class BlockCommitter implements AutoCloseable {
    /** Blocks that may wait: one for each connection that there may be. What each holds is its row, 300 bytes. */
    static final int WAITING_MAX = 8192;

    private final ChunkStore chunks;
    private final PendingBlocks blocks;
    private final Thread thread;
    /** Guarded by {@code this}. */
    private List<Waiting> waiting = new ArrayList<>();
    /** Guarded by {@code this}. */
    private boolean isClosing;

    /** A block whose chunks were put. */
    private record Waiting(DomainId domain, Row row, CompletableFuture<Void> done) {}

    BlockCommitter(ChunkStore chunks, PendingBlocks blocks) {
        this.chunks = chunks;
        this.blocks = blocks;
        this.thread = new Thread(this::run, "block-committer");
        thread.setDaemon(true);
        thread.start();
    }

    /**
     * Keeps a block whose chunks were put before. Of two rows of one block that which came later stays.
     *
     * @return done once it survives a crash; fails with UNAVAILABLE if a chunk of it was lost meanwhile, because the
     *     disk was full for somebody, or with NO_SPACE: then the block may be written again
     * @throws StoreException UNAVAILABLE if too many are waiting, SHUTTING_DOWN
     */
    synchronized CompletableFuture<Void> commit(DomainId domain, Row row) {
        if (isClosing) {
            throw new StoreException(SHUTTING_DOWN, "the server is going down");
        }
        if (waiting.size() >= WAITING_MAX) {
            throw new StoreException(UNAVAILABLE, waiting.size() + " blocks are waiting to be synced, no more may");
        }
        CompletableFuture<Void> done = new CompletableFuture<>();
        waiting.add(new Waiting(domain, row, done));
        notifyAll();
        return done;
    }

    private void run() {
        for (List<Waiting> group = next(); !group.isEmpty(); group = next()) {
            try {
                commit(group);
            } catch (RuntimeException | Error e) {
                group.forEach(each -> each.done.completeExceptionally(e));
            }
        }
    }

    /** All that wait, as soon as anybody does; none when this is closed. */
    private synchronized List<Waiting> next() {
        try {
            while (waiting.isEmpty() && !isClosing) {
                wait();
            }
        } catch (InterruptedException e) {
            // Nobody interrupts it but who ends the whole process.
            isClosing = true;
        }
        List<Waiting> group = waiting;
        waiting = new ArrayList<>();
        return group;
    }

    private void commit(List<Waiting> group) {
        chunks.seal();
        List<Waiting> whole = new ArrayList<>();
        for (Waiting each : group) {
            if (isWhole(each)) {
                whole.add(each);
            } else {
                each.done.completeExceptionally(new StoreException(UNAVAILABLE, "block " + each.row.blockIndex()
                        + " was lost because the disk was full for somebody; write it again"));
            }
        }
        blocks.putAll(whole.stream().map(Waiting::row).toList());
        whole.forEach(each -> each.done.complete(null));
    }

    private boolean isWhole(Waiting block) {
        for (ChunkId chunk : block.row.chunks()) {
            if (!chunk.isAbsent() && !chunks.isReadable(block.domain, ItemKey.of(chunk))) {
                return false;
            }
        }
        return true;
    }

    /** Keeps what waits, and ends. */
    @Override
    public void close() {
        synchronized (this) {
            isClosing = true;
            notifyAll();
        }
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
