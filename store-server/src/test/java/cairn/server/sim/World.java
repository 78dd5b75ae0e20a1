package cairn.server.sim;

import cairn.StoreException;
import cairn.image.AccountId;
import cairn.image.Region;
import cairn.image.StoreKey;
import cairn.server.StoreRoots;
import cairn.server.account.AccountSettingsRegistry;
import cairn.server.account.Caller;
import cairn.server.account.Retention;
import cairn.server.gc.Collector;
import cairn.server.image.ImageCopies;
import cairn.server.image.ImageRegistry;
import cairn.server.image.SnapshotRegistry;
import cairn.server.image.VolumeRegistry;
import cairn.server.image.VolumeSnapshots;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.OrdinalSet;
import cairn.server.upload.BlockUploads;
import cairn.server.upload.Uploads;
import cairn.server.volume.Volumes;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** One run of a server on a simulated disk: the parts that keep and remove content, as the server joins them. */
final class World implements AutoCloseable {
    static final List<Caller> CALLERS = List.of(caller(1), caller(2), caller(3));
    /** What has a tag of this key goes into the recycle bin for a day. */
    static final String BIN_TAG = "bin";

    private static final int CHUNK_CACHE_BYTES = 512 << 10;
    private static final int PAGE_CACHE_BYTES = 64 << 10;

    final SimStorage storage;
    final ChunkStore chunks;
    final SnapshotRegistry completed;
    final ImageRegistry images;
    final ImageCopies copies;
    final Uploads uploads;
    final BlockUploads blockUploads;
    final Volumes openVolumes;
    final VolumeRegistry volumes;
    final VolumeSnapshots volumeSnapshots;
    final Collector collector;

    private static Caller caller(int number) {
        return new Caller(
                new AccountId(String.format("%012d", number)),
                new DomainId(number),
                false,
                Optional.of(Region.LOCAL));
    }

    World(SimStorage storage, Clock clock, boolean isSettling) {
        this.storage = storage;
        Retention retention = (resource, kind, tags) ->
                tags.containsKey(BIN_TAG) ? Optional.of(Duration.ofDays(1)) : Optional.empty();
        AccountSettingsRegistry settings = new AccountSettingsRegistry(storage.catalog());
        completed = new SnapshotRegistry(storage.catalog(), settings, retention, clock);
        images = new ImageRegistry(storage.catalog(), completed, new StoreKey(new byte[32]), clock, retention);
        copies = new ImageCopies(storage.catalog(), images, completed);
        chunks = new ChunkStore(storage.segments(), storage.index());
        uploads = new Uploads(storage.catalog(), chunks, clock);
        blockUploads = new BlockUploads(storage.catalog(), chunks, storage.pendingBlocks(), completed, clock);
        openVolumes = new Volumes(chunks, storage.volumeBlocks(), CHUNK_CACHE_BYTES, PAGE_CACHE_BYTES);
        volumes = new VolumeRegistry(storage.catalog(), images, openVolumes, storage.volumeBlocks(), clock, retention);
        volumes.removeLeftovers();
        volumeSnapshots = new VolumeSnapshots(
                storage.catalog(),
                images,
                completed,
                volumes,
                id -> CALLERS.stream()
                        .filter(each -> each.account().equals(id))
                        .findFirst()
                        .orElseThrow()
                        .domain());
        volumeSnapshots.failLeftovers();
        collector = new Collector(
                storage,
                chunks,
                new StoreRoots(storage.catalog(), storage.pendingBlocks(), chunks.openTrees()),
                OrdinalSet::new,
                isSettling,
                clock);
    }

    /** Ends it in order, or, where its disk is cut off already, lets go of its threads. */
    @Override
    public void close() {
        boolean isInOrder = storage.disk().isOpen();
        collector.close();
        volumeSnapshots.close();
        openVolumes.close();
        blockUploads.close();
        if (isInOrder) {
            try {
                chunks.seal();
            } catch (StoreException e) {
                // As after a crash, unfinished uploads send again what was lost.
            }
        }
        storage.close();
    }
}
