package cairn.server.volume;

import cairn.StoreException;
import cairn.server.storage.VolumeBlocks;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Makes a volume's changes: the only one that writes its blocks, and that changes what the volume is made of. One
 * thread at a time, the volume's {@link WriteQueue} sees to that; anyone may read {@link #view}.
 */
final class BlockWriter {
    private final VolumeBlocks blocks;
    private final StatesBudget budget;
    /**
     * Held while what is stored and what the states say may differ. Loaders wait for it, so whoever holds it waits for
     * none of them.
     */
    private final ReentrantLock publishing = new ReentrantLock();
    private volatile VolumeView view;
    private BaseHoles baseHoles;
    /**
     * Chunks of the newest layer that a commit which has failed may have changed or not: at most one batch's. Guarded
     * by {@link #publishing}.
     */
    private final Set<Long> unknown = new HashSet<>();
    /** Whether anything may be lost in a crash; what an earlier run has left, for all that is known. */
    private boolean isUnsynced = true;

    BlockWriter(VolumeBlocks blocks, StatesBudget budget, VolumeView view) {
        this.blocks = blocks;
        this.budget = budget;
        this.view = view;
        this.baseHoles = new BaseHoles(view.base());
    }

    /** What the volume is made of now. */
    VolumeView view() {
        return view;
    }

    /** Changes what the volume is made of, but not its bytes. */
    void become(VolumeView next) {
        budget.give(view.leafCount() - next.leafCount());
        publishing.lock();
        try {
            baseHoles = new BaseHoles(next.base());
            view = next;
        } finally {
            publishing.unlock();
        }
    }

    /**
     * Makes changes in their order, as many as one batch takes, and completes them. Where that fails each is made by
     * itself, so that one fails for itself alone: what frees space is not to fail for what finds none.
     *
     * @return how many of them are completed, succeeded or failed
     */
    int apply(List<QueuedChange> changes) {
        List<QueuedChange> done = new ArrayList<>(changes.size());
        QueuedChange part = null;
        int failed = 0;
        try {
            learn();
        } catch (RuntimeException | Error e) {
            changes.get(0).fail(e);
            return 1;
        }
        try (BlockBatch batch = new BlockBatch(blocks, budget, view, baseHoles)) {
            boolean isSynced = false;
            for (QueuedChange change : changes) {
                QueuedChange.Applied how = batch.isFull() ? QueuedChange.Applied.LATER : tryApply(change, batch);
                if (how == QueuedChange.Applied.LATER) {
                    break;
                }
                if (how == QueuedChange.Applied.PART) {
                    part = change;
                    break;
                }
                if (how == null) {
                    failed++;
                } else {
                    done.add(change);
                    isSynced |= change.isDurable();
                }
            }
            commit(batch, isSynced);
        } catch (RuntimeException | Error e) {
            if (part != null) {
                done.add(part);
            }
            return failed + applyAlone(done, e);
        }
        done.forEach(QueuedChange::succeed);
        return failed + done.size();
    }

    private int applyAlone(List<QueuedChange> changes, Throwable why) {
        changes.forEach(QueuedChange::undo);
        if (changes.size() == 1) {
            changes.get(0).fail(why);
            return 1;
        }
        int ended = 0;
        for (QueuedChange change : changes) {
            ended += apply(List.of(change));
        }
        return ended;
    }

    /** @return null where the change has failed by itself */
    private static QueuedChange.Applied tryApply(QueuedChange change, BlockBatch batch) {
        try {
            return change.applyTo(batch);
        } catch (RuntimeException | Error e) {
            change.fail(e);
            return null;
        }
    }

    private void commit(BlockBatch batch, boolean isSynced) {
        batch.settle();
        publishing.lock();
        try {
            boolean wasUnsynced = isUnsynced;
            isUnsynced = true;
            unknown.addAll(batch.chunks());
            if (!batch.commit(isSynced) && isSynced && wasUnsynced) {
                blocks.sync();
            }
            isUnsynced = !isSynced && (wasUnsynced || !batch.isEmpty());
            batch.publish();
            unknown.clear();
        } finally {
            publishing.unlock();
        }
    }

    /**
     * Looks what a commit that has failed has left, so that the states say what is stored. Due before anything is made
     * of them. Blocks.
     *
     * @throws StoreException NO_SPACE where that cannot be known before there is space again, or does not fit into the
     *     heap; CORRUPT, SHUTTING_DOWN
     */
    void learn() {
        publishing.lock();
        try {
            DirtyLayer newest = view.newest();
            for (Iterator<Long> chunks = unknown.iterator(); chunks.hasNext(); chunks.remove()) {
                long chunk = chunks.next();
                int states = blocks.readStates(newest.layer(), chunk);
                if (states != BlockStates.NONE && !newest.states().hasLeaf(chunk / DirtyMap.LEAF_CHUNKS)) {
                    budget.take(1);
                }
                newest.states().put(chunk, states);
            }
        } finally {
            publishing.unlock();
        }
    }

    /**
     * Looks why a reader has not found a block's row: it may have been removed, or gone into the base, since the reader
     * looked at the states. Blocks.
     *
     * @throws StoreException CORRUPT if the states still name a row, and it is not there
     */
    void requireTrueStates(long block) {
        publishing.lock();
        try {
            learn();
            ByteBuffer row = ByteBuffer.allocateDirect(BlockStates.BLOCK_BYTES);
            if (view.placeOf(block) instanceof DirtyLayer layer && !blocks.read(layer.layer(), block, row)) {
                throw layer.missing(block);
            }
        } finally {
            publishing.unlock();
        }
    }
}
