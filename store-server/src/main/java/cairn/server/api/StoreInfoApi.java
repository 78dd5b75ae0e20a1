package cairn.server.api;

import static cairn.Fault.FORBIDDEN;

import cairn.api.Messages.Stats;
import cairn.api.Messages.StoreInfo;
import cairn.chunk.Chunk;
import cairn.server.http.HttpCall;
import cairn.server.http.HttpReply;
import cairn.server.image.ImageRegistry;
import cairn.server.image.SnapshotRegistry;
import cairn.server.image.VolumeRegistry;
import cairn.server.storage.ItemKey;
import cairn.server.storage.Storage;
import cairn.StoreException;
import cairn.Text;
import java.util.function.LongSupplier;

/** Answers what the store is, and what it holds. */
public final class StoreInfoApi {
    private final String version;
    private final ImageRegistry images;
    private final SnapshotRegistry snapshots;
    private final VolumeRegistry volumes;
    private final Storage storage;
    private final LongSupplier chunkLoads;
    private final ScrubApi scrubs;

    /** @param chunkLoads how many chunks were read from the store for volumes */
    public StoreInfoApi(
            String version,
            ImageRegistry images,
            SnapshotRegistry snapshots,
            VolumeRegistry volumes,
            Storage storage,
            LongSupplier chunkLoads,
            ScrubApi scrubs) {
        this.version = version;
        this.images = images;
        this.snapshots = snapshots;
        this.volumes = volumes;
        this.storage = storage;
        this.chunkLoads = chunkLoads;
        this.scrubs = scrubs;
    }

    HttpReply info(HttpCall call) {
        call.requireOnly();
        return ApiDoor.json(new StoreInfo(
                version, Chunk.SIZE_BYTES, Text.hex(images.publicKey()), call.caller().account().value()));
    }

    HttpReply stats(HttpCall call) {
        call.requireOnly();
        if (!call.caller().isRoot()) {
            throw new StoreException(FORBIDDEN, "only the root account sees what the whole store holds");
        }
        int[] imageCount = {0};
        int[] snapshotCount = {0};
        long[] logicalBytes = {0};
        images.forEachImageId(id -> imageCount[0]++);
        snapshots.forEach(snapshot -> {
            snapshotCount[0]++;
            logicalBytes[0] += snapshot.root().sizeBytes();
        });
        long chunks = storage.index().count(ItemKey.CHUNK_KIND);
        long segmentBytes = storage.segments().storedBytes();
        long indexBytes = storage.index().storedBytes();
        long dirtyBytes = storage.volumeBlocks().storedBytes();
        return ApiDoor.json(new Stats(
                imageCount[0],
                snapshotCount[0],
                volumes.count(),
                logicalBytes[0],
                chunks,
                chunks * Chunk.SIZE_BYTES,
                segmentBytes + indexBytes + dirtyBytes,
                segmentBytes,
                indexBytes,
                dirtyBytes,
                storage.usableBytes(),
                chunkLoads.getAsLong(),
                scrubs.status().last()));
    }
}
