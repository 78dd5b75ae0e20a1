package cairn.server.storage;

import static cairn.Fault.CORRUPT;
import static cairn.Fault.NO_SPACE;

import cairn.StoreException;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.function.LongConsumer;

/** Blocks of volumes on a disk that can be full, or have lost or damaged a block; and that can be made to wait. */
public final class FailingVolumeBlocks implements VolumeBlocks {
    public volatile boolean isFull;
    /** Whether no sync succeeds, though what is written is. */
    public volatile boolean isUnsyncable;
    /** A block that can not be read, in any layer; -1 for none. */
    public volatile long damaged = -1;
    /** A block that is not there though it was put; -1 for none. */
    public volatile long lost = -1;
    /** Whether no block is in memory. */
    public volatile boolean isCold;
    /** Until it is open commits wait; null for none. */
    public volatile CountDownLatch gate;
    /** Until it is open blocks that are put wait; null for none. */
    public volatile CountDownLatch putGate;
    /** Done when a block has come to its gate. */
    public final CompletableFuture<Void> put = new CompletableFuture<>();
    /** Until it is open removals of layers wait; null for none. */
    public volatile CountDownLatch removalGate;
    /** Done when a removal of layers has come to its gate. */
    public final CompletableFuture<Void> removal = new CompletableFuture<>();
    /** How many batches were committed, and how many of them, and of syncs, were synced. */
    public volatile int commits;
    public volatile int syncs;
    private final VolumeBlocks inner;

    public FailingVolumeBlocks(VolumeBlocks inner) {
        this.inner = inner;
    }

    @Override
    public Batch begin(Layer layer) {
        Batch batch = inner.begin(layer);
        return new Batch() {
            @Override
            public void putBlock(long blockIndex, ByteBuffer bytes) {
                if (putGate != null) {
                    put.complete(null);
                    pass(putGate);
                }
                batch.putBlock(blockIndex, bytes);
            }

            @Override
            public void removeBlock(long blockIndex) {
                batch.removeBlock(blockIndex);
            }

            @Override
            public void putStates(long chunkIndex, int states) {
                batch.putStates(chunkIndex, states);
            }

            @Override
            public void commit(boolean isSynced) {
                pass(gate);
                requireSpace();
                batch.commit(isSynced);
                if (isSynced) {
                    countSync();
                }
                synchronized (FailingVolumeBlocks.this) {
                    commits++;
                }
            }

            @Override
            public void close() {
                batch.close();
            }
        };
    }

    private static void pass(CountDownLatch closed) {
        if (closed != null) {
            try {
                closed.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
    }

    private void requireSpace() {
        if (isFull) {
            throw new StoreException(NO_SPACE, "the test's disk is full");
        }
    }

    private synchronized void countSync() {
        if (isUnsyncable) {
            throw new StoreException(NO_SPACE, "the test's disk can not be synced");
        }
        syncs++;
    }

    @Override
    public void sync() {
        countSync();
        inner.sync();
    }

    @Override
    public boolean read(Layer layer, long blockIndex, ByteBuffer into) {
        if (blockIndex == damaged) {
            throw new StoreException(CORRUPT, "block " + blockIndex + " of " + layer + " is damaged");
        }
        return blockIndex != lost && inner.read(layer, blockIndex, into);
    }

    @Override
    public Found tryRead(Layer layer, long blockIndex, ByteBuffer into) {
        if (isCold || blockIndex == damaged) {
            return Found.PERHAPS;
        }
        return blockIndex == lost ? Found.NO : inner.tryRead(layer, blockIndex, into);
    }

    @Override
    public void readRun(Layer layer, long fromBlock, long untilBlock, BlockVisitor visitor) {
        inner.readRun(layer, fromBlock, untilBlock, (blockIndex, block) -> {
            if (blockIndex == damaged) {
                throw new StoreException(CORRUPT, "block " + blockIndex + " of " + layer + " is damaged");
            }
            if (blockIndex != lost) {
                visitor.visit(blockIndex, block);
            }
        });
    }

    @Override
    public int readStates(Layer layer, long chunkIndex) {
        return inner.readStates(layer, chunkIndex);
    }

    @Override
    public void forEachStates(long volume, int fromLayer, StatesVisitor visitor) {
        inner.forEachStates(volume, fromLayer, visitor);
    }

    @Override
    public void forEachVolume(LongConsumer visitor) {
        inner.forEachVolume(visitor);
    }

    @Override
    public void removeLayers(long volume, int untilLayer) {
        if (removalGate != null) {
            removal.complete(null);
            pass(removalGate);
        }
        requireSpace();
        inner.removeLayers(volume, untilLayer);
    }

    @Override
    public void removeVolume(long volume) {
        inner.removeVolume(volume);
    }

    @Override
    public long storedBytes() {
        return inner.storedBytes();
    }
}
