package cairn.server.upload;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Digest;
import cairn.Fault;
import cairn.StoreException;
import cairn.chunk.ChunkId;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.server.storage.MemoryStorage;
import cairn.server.storage.PendingBlocks;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.function.LongConsumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class BlockCommitterTest {
    private static final DomainId OURS = new DomainId(1);

    private final MemoryStorage storage = new MemoryStorage();
    private final ChunkStore chunks = new ChunkStore(storage.segments(), storage.index());
    private final HeldBlocks blocks = new HeldBlocks(storage.pendingBlocks());
    private final BlockCommitter committer = new BlockCommitter(chunks, blocks);

    @AfterEach
    void close() {
        blocks.mayGo.countDown();
        committer.close();
        storage.close();
    }

    @Test
    void writesAllBlocksThatWaitTogether() throws Exception {
        List<CompletableFuture<Void>> done = new ArrayList<>();
        done.add(committer.commit(OURS, row(0, ChunkId.ABSENT)));
        blocks.isBusy.await();
        for (int index = 1; index < 64; index++) {
            done.add(committer.commit(OURS, row(index, ChunkId.ABSENT)));
        }
        assertFalse(done.get(1).isDone());

        blocks.mayGo.countDown();
        done.forEach(CompletableFuture::join);

        assertEquals(List.of(1, 63), blocks.groups);
        assertEquals(64, storage.pendingBlocks().list(1, 0, 100).size());
    }

    @Test
    void keepsWhatWaitsWhenItIsClosed() throws Exception {
        CompletableFuture<Void> first = committer.commit(OURS, row(0, ChunkId.ABSENT));
        blocks.isBusy.await();
        CompletableFuture<Void> second = committer.commit(OURS, row(1, ChunkId.ABSENT));
        blocks.mayGo.countDown();

        committer.close();

        assertTrue(first.isDone() && second.isDone());
        assertEquals(2, storage.pendingBlocks().list(1, 0, 10).size());
        StoreException e = assertThrows(StoreException.class, () -> committer.commit(OURS, row(2, ChunkId.ABSENT)));
        assertEquals(Fault.SHUTTING_DOWN, e.fault());
    }

    @Test
    void failsABlockOfWhichAChunkWasLostAndKeepsTheOthers() throws Exception {
        ChunkId kept = new ChunkId(Digest.of(new byte[] {1}));
        ChunkId lost = new ChunkId(Digest.of(new byte[] {2}));
        chunks.lease().putChunk(OURS, ItemKey.of(kept), new byte[] {1}, 0, 1);
        committer.commit(OURS, row(0, kept));
        blocks.isBusy.await();
        CompletableFuture<Void> without = committer.commit(OURS, row(1, lost));
        CompletableFuture<Void> whole = committer.commit(OURS, row(2, kept));
        blocks.mayGo.countDown();

        whole.join();

        CompletionException e = assertThrows(CompletionException.class, without::join);
        assertEquals(Fault.UNAVAILABLE, Fault.of(e));
        assertEquals(List.of(row(0, kept), row(2, kept)), storage.pendingBlocks().list(1, 0, 10));
    }

    @Test
    void letsSoManyWaitAndNoMore() throws Exception {
        committer.commit(OURS, row(0, ChunkId.ABSENT));
        blocks.isBusy.await();
        for (int i = 0; i < BlockCommitter.WAITING_MAX; i++) {
            committer.commit(OURS, row(i, ChunkId.ABSENT));
        }

        StoreException e = assertThrows(StoreException.class, () -> committer.commit(OURS, row(1, ChunkId.ABSENT)));

        assertEquals(Fault.UNAVAILABLE, e.fault());
    }

    private static PendingBlocks.Row row(int index, ChunkId chunk) {
        return new PendingBlocks.Row(1, index, Collections.nCopies(PendingBlocks.CHUNKS_OF_BLOCK, chunk), Digest.ZERO);
    }

    /** Holds up the first batch until it is let go. */
    private static final class HeldBlocks implements PendingBlocks {
        private final PendingBlocks inner;
        private final List<Integer> groups = Collections.synchronizedList(new ArrayList<>());
        private final CountDownLatch isBusy = new CountDownLatch(1);
        private final CountDownLatch mayGo = new CountDownLatch(1);

        HeldBlocks(PendingBlocks inner) {
            this.inner = inner;
        }

        @Override
        public void putAll(List<Row> rows) {
            groups.add(rows.size());
            isBusy.countDown();
            try {
                mayGo.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
            inner.putAll(rows);
        }

        @Override
        public List<Row> list(long snapshot, int fromBlock, int rowsMax) {
            return inner.list(snapshot, fromBlock, rowsMax);
        }

        @Override
        public void forEachSnapshot(LongConsumer visitor) {
            inner.forEachSnapshot(visitor);
        }

        @Override
        public void remove(long snapshot) {
            inner.remove(snapshot);
        }
    }
}
