package cairn.server.volume;

import static cairn.Fault.CORRUPT;
import static cairn.Fault.INVALID_REQUEST;
import static cairn.Fault.NO_SPACE;

import cairn.StoreException;
import cairn.chunk.Chunk;
import cairn.server.storage.DomainId;
import cairn.server.storage.VolumeBlocks.Layer;
import cairn.tree.TreeRoot;
import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** A volume that is open, one for all who use it. Nothing here blocks that does not say so. Safe for threads. */
final class WritableVolume {
    /** Layers that snapshots which have failed may leave: every read looks into each. */
    static final int LAYERS_MAX = 32;

    private final VolumeParts parts;
    private final long number;
    private final long sizeBytes;
    private final BlockWriter writer;
    private final WriteQueue queue;
    private final LayeredReader reader;
    private final BootTouches touches;

    private WritableVolume(VolumeParts parts, VolumeState state, VolumeView view, BootTouches touches) {
        this.parts = parts;
        this.touches = touches;
        this.number = state.number();
        this.sizeBytes = state.sizeBytes();
        this.writer = new BlockWriter(parts.blocks(), parts.states(), view);
        this.queue = new WriteQueue(writer, parts.writers());
        this.reader = new LayeredReader(writer, parts.blocks(), parts.loaders());
    }

    /**
     * Finds the volume's layers. Blocks.
     *
     * @throws StoreException NO_SPACE if their states do not fit into the heap; CORRUPT, SHUTTING_DOWN
     */
    static WritableVolume open(VolumeParts parts, VolumeState state) {
        if (state.sizeBytes() < state.base().sizeBytes()) {
            throw new StoreException(CORRUPT, nameOf(state.number()) + " of " + state.sizeBytes()
                    + " bytes has a base of " + state.base().sizeBytes());
        }
        if (state.firstLayer() > 0) {
            // What became part of the base in a run that ended before it was removed.
            parts.blocks().removeLayers(state.number(), state.firstLayer());
        }
        List<DirtyLayer> layers = new ArrayList<>();
        long[] leavesTaken = new long[1];
        boolean isOpen = false;
        try {
            load(parts, state, layers, leavesTaken);
            isOpen = true;
        } catch (StoreException e) {
            throw e.fault() == NO_SPACE
                    ? new StoreException(NO_SPACE, nameOf(state.number()) + " cannot be opened: " + e.getMessage(), e)
                    : e;
        } finally {
            if (!isOpen) {
                parts.states().give(leavesTaken[0]);
            }
        }
        if (layers.isEmpty()) {
            layers.add(new DirtyLayer(new Layer(state.number(), state.firstLayer())));
        }
        BootTouches touches = new BootTouches();
        TreeVolume base = parts.tree(state.domain(), state.base(), state.sizeBytes(), touches, () -> {});
        return new WritableVolume(
                parts, state, new VolumeView(base, state.base(), state.firstLayer(), layers), touches);
    }

    private static void load(VolumeParts parts, VolumeState state, List<DirtyLayer> layers, long[] leavesTaken) {
        parts.blocks().forEachStates(state.number(), state.firstLayer(), (layer, chunk, states) -> {
            if (chunk < 0 || chunk >= Chunk.count(state.sizeBytes())) {
                throw new StoreException(CORRUPT, nameOf(state.number()) + " of " + state.sizeBytes()
                        + " bytes has states of chunk " + chunk + " in layer " + layer);
            }
            if (layers.isEmpty() || layers.get(layers.size() - 1).number() != layer) {
                layers.add(new DirtyLayer(new Layer(state.number(), layer)));
            }
            DirtyMap newest = layers.get(layers.size() - 1).states();
            if (!newest.hasLeaf(chunk / DirtyMap.LEAF_CHUNKS)) {
                parts.states().take(1);
                leavesTaken[0]++;
            }
            newest.put(chunk, states);
        });
    }

    /** Ends the volume, in its turn: takes no more changes, and gives back what it takes of the heap. */
    void endHere() {
        queue.endHere();
        parts.states().give(view().leafCount());
        view().base().release();
    }

    /** As it is known to people. */
    static String nameOf(long number) {
        return String.format("volume vol-0%016x", number);
    }

    VolumeParts parts() {
        return parts;
    }

    long number() {
        return number;
    }

    long sizeBytes() {
        return sizeBytes;
    }

    /** Where the base's pages and chunks are found now. */
    DomainId domain() {
        return view().base().domain();
    }

    WriteQueue queue() {
        return queue;
    }

    VolumeView view() {
        return writer.view();
    }

    /** Begins what may be a boot, by a machine that closes it when it leaves. */
    Boot boot(BootedImage image) {
        return touches.begin(() -> {
            VolumeView view = view();
            return parts.boots().begin(image, view.base().domain(), view.tree());
        });
    }

    CompletableFuture<ByteBuf> read(long offset, int lengthBytes) {
        requireInside(offset, lengthBytes);
        return reader.read(offset, lengthBytes);
    }

    CompletableFuture<List<Volume.Extent>> extents(long offset, long lengthBytes) {
        requireInside(offset, lengthBytes);
        VolumeView view = writer.view();
        return view.base().extents(offset, lengthBytes)
                .thenApply(below -> LayeredExtents.over(view, offset, below));
    }

    void prefetch(long offset, long lengthBytes) {
        writer.view().base().prefetch(offset, lengthBytes);
    }

    /** Takes the bytes. */
    CompletableFuture<Void> write(long offset, ByteBuf bytes, boolean isDurable) {
        try {
            requireInside(offset, bytes.readableBytes());
        } catch (StoreException e) {
            bytes.release();
            throw e;
        }
        if (!bytes.isReadable()) {
            bytes.release();
            return CompletableFuture.completedFuture(null);
        }
        return queue.add(new QueuedWrite(offset, bytes, isDurable));
    }

    CompletableFuture<Void> zero(long offset, long lengthBytes, Volume.Zeroing how, boolean isDurable) {
        requireInside(offset, lengthBytes);
        return lengthBytes == 0
                ? CompletableFuture.completedFuture(null)
                : queue.add(new QueuedZero(offset, lengthBytes, how, isDurable));
    }

    CompletableFuture<Void> flush() {
        return queue.add(new QueuedChange.Flush());
    }

    /**
     * Where so many snapshots have failed that {@link #LAYERS_MAX} is reached, stores what they would have, as another
     * failure is not to leave one more layer. Only while no other snapshot is made. Blocks.
     *
     * @throws StoreException as {@link LiveVolume.PointInTime#store}, if that fails
     */
    void storeSurplus(DomainId into) {
        VolumeView now = view();
        if (now.layers().size() > LAYERS_MAX) {
            VolumeView older = new VolumeView(now.base(), now.tree(), now.firstLayer(), now.older());
            try (VolumeSnapshot earlier = new VolumeSnapshot(this, older, into, queue::requireOpen, () -> {})) {
                earlier.store(done -> {});
            }
        }
    }

    /**
     * Knows what is stored, so that {@link #beginLayer} cannot fail. Only while the queue is held. Blocks.
     *
     * @throws StoreException NO_SPACE, CORRUPT, SHUTTING_DOWN
     */
    void learn() {
        writer.learn();
    }

    /**
     * Begins a layer, so that those before it change no more. Only while no other snapshot is made, and the queue is
     * held.
     *
     * @return the volume without the new layer
     */
    VolumeView beginLayer() {
        VolumeView next = writer.view().withNewLayer();
        writer.become(next);
        return new VolumeView(next.base(), next.tree(), next.firstLayer(), next.older());
    }

    /** Goes on over a new base, which is what the layers before one made of the old one. */
    CompletableFuture<Void> rebase(DomainId domain, TreeRoot tree, int firstLayer) {
        return queue.addTurn(() -> {
            VolumeView before = writer.view();
            writer.become(before.over(parts.tree(domain, tree, sizeBytes, touches, () -> {}), tree, firstLayer));
            before.base().release();
        });
    }

    /**
     * Gives back the space of layers that are part of the base by now. Blocks, for a second where they are large, but
     * holds up nobody else: whoever still looks for their rows finds them gone, and looks at the new base.
     *
     * @throws StoreException NO_SPACE, SHUTTING_DOWN; then the next snapshot or opening does it
     */
    void removeLayersBefore(int firstLayer) {
        parts.blocks().removeLayers(number, firstLayer);
    }

    private void requireInside(long offset, long lengthBytes) {
        if (offset < 0 || lengthBytes < 0 || lengthBytes > sizeBytes - offset) {
            throw new StoreException(
                    INVALID_REQUEST,
                    lengthBytes + " bytes at " + offset + " do not lie inside a volume of " + sizeBytes + " bytes");
        }
    }
}
