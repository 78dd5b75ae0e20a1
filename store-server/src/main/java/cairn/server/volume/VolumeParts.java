package cairn.server.volume;

import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.VolumeBlocks;
import cairn.tree.TreeRoot;
import java.util.concurrent.Executor;
import java.util.function.LongConsumer;

/**
 * What all volumes of a store share.
 *
 * @param loaders run what reads and may block; they wait for nobody
 * @param writers run what writes and may block; they wait for loaders
 */
record VolumeParts(
        ChunkStore store,
        VolumeBlocks blocks,
        PageCache pages,
        ChunkCache chunks,
        Hints hints,
        Boots boots,
        StatesBudget states,
        Executor loaders,
        Executor writers) {

    /** A tree as a disk of a size that is at least its own; the rest as {@link TreeVolume} has it. */
    TreeVolume tree(DomainId domain, TreeRoot root, long sizeBytes, LongConsumer touches, Runnable whenClosed) {
        return new TreeVolume(domain, root, sizeBytes, pages, chunks, hints, touches, whenClosed, store.openTrees());
    }
}
