package cairn.server.volume;

import static cairn.Fault.SHUTTING_DOWN;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.storage.DomainId;
import cairn.server.storage.Lease;
import cairn.server.storage.TreeAdoption;
import cairn.tree.TreeRoot;
import java.util.concurrent.CompletionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A volume at one moment: its base, and those of its layers that were there then. */
final class VolumeSnapshot implements LiveVolume.PointInTime {
    private static final Logger log = LoggerFactory.getLogger(VolumeSnapshot.class);

    private final WritableVolume volume;
    private final VolumeView frozen;
    private final DomainId into;
    private final Runnable requireOpen;
    private final Runnable whenClosed;
    private final AtomicBoolean isClosed = new AtomicBoolean();
    /** From {@link #store} on, until this is closed. */
    private Lease lease;

    /**
     * @param into the dedup domain of the tree that is made
     * @param requireOpen throws where the volume is no longer to be worked for
     * @param whenClosed called once
     */
    VolumeSnapshot(
            WritableVolume volume, VolumeView frozen, DomainId into, Runnable requireOpen, Runnable whenClosed) {
        this.volume = volume;
        this.frozen = frozen;
        this.into = into;
        this.requireOpen = requireOpen;
        this.whenClosed = whenClosed;
    }

    @Override
    public long dirtyBytes() {
        return frozen.dirtyChunkBytes();
    }

    @Override
    public TreeRoot store(LongConsumer progress) {
        try {
            new TreeAdoption(volume.parts().store(), lease())
                    .adopt(frozen.tree(), frozen.base().domain(), into, requireOpen);
            return newWriter().write(progress);
        } catch (CompletionException e) {
            throw Fault.cause(e) instanceof StoreException failure ? failure : e;
        } catch (RejectedExecutionException e) {
            throw new StoreException(SHUTTING_DOWN, "the server is going down", e);
        }
    }

    /** Begins to rely on what is found and put. */
    private synchronized Lease lease() {
        if (lease == null) {
            lease = volume.parts().store().lease();
        }
        return lease;
    }

    SnapshotWriter newWriter() {
        VolumeParts parts = volume.parts();
        return new SnapshotWriter(parts.store(), lease(), parts.blocks(), into, parts.pages(), frozen, requireOpen);
    }

    @Override
    public VolumeState after(TreeRoot tree) {
        return new VolumeState(volume.number(), volume.sizeBytes(), into, tree, firstLayerAfter());
    }

    private int firstLayerAfter() {
        return frozen.layers().isEmpty() ? frozen.firstLayer() : frozen.newest().number() + 1;
    }

    @Override
    public void committed(TreeRoot tree) {
        try {
            volume.rebase(into, tree, firstLayerAfter()).join();
            volume.removeLayersBefore(firstLayerAfter());
        } catch (CompletionException | StoreException e) {
            // The record says it all, and the next opening makes up for what was not done here.
            if (Fault.of(e) != SHUTTING_DOWN) {
                log.warn("the space of {}'s old blocks is given back later: {}",
                        WritableVolume.nameOf(volume.number()), Fault.cause(e).getMessage());
            }
        }
    }

    @Override
    public void close() {
        if (isClosed.compareAndSet(false, true)) {
            endLease();
            whenClosed.run();
        }
    }

    private synchronized void endLease() {
        if (lease != null) {
            lease.close();
        }
    }
}
