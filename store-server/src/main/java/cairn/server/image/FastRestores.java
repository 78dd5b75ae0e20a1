package cairn.server.image;

import cairn.Fault;
import cairn.StoreException;
import cairn.chunk.Chunk;
import cairn.image.SnapshotId;
import cairn.server.account.Access.Right;
import cairn.server.account.Caller;
import cairn.server.storage.OpenTrees;
import cairn.server.volume.BootOrder;
import cairn.server.volume.BootProfile;
import cairn.server.volume.BootProfiles;
import cairn.server.volume.Volume;
import cairn.server.volume.Volumes;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has volumes of chosen snapshots quick from the start: reads what boots of an image of the snapshot have wanted into
 * the chunk cache, in the background, one snapshot after the other, and again when the server starts. Where no boot was
 * recorded there is nothing to read. Safe for threads.
 */
public final class FastRestores implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(FastRestores.class);
    /** The largest part of the cache that one snapshot may fill. */
    private static final int CACHE_SHARE = 4;
    private static final int CLOSE_SECONDS = 30;

    private final SnapshotRegistry snapshots;
    private final BootProfiles profiles;
    private final Volumes volumes;
    private final int chunksMax;
    /** Which wait to be read. */
    private final Set<SnapshotId> waiting = new HashSet<>();
    private volatile boolean isClosing;
    private final ExecutorService reader = Executors.newSingleThreadExecutor(task -> {
        Thread thread = new Thread(task, "fast-restore");
        thread.setDaemon(true);
        return thread;
    });

    public FastRestores(
            SnapshotRegistry snapshots, BootProfiles profiles, Volumes volumes, long chunkCacheBytes) {
        this.snapshots = snapshots;
        this.profiles = profiles;
        this.volumes = volumes;
        this.chunksMax = Math.toIntExact(chunkCacheBytes / CACHE_SHARE / Chunk.SIZE_BYTES);
    }

    /** Reads anew what was enabled when an earlier server ended. */
    public void resume() {
        snapshots.forEach(snapshot -> {
            if (!snapshot.settings().fastRestores().isEmpty()) {
                readSoon(snapshot.id());
            }
        });
    }

    /** @throws StoreException NOT_FOUND; FORBIDDEN; CONFLICT for one that is archived */
    public Snapshot enable(Caller caller, SnapshotId id, List<String> zones) {
        snapshots.read(caller, Right.LAUNCH, id);
        Snapshot enabled = snapshots.change(caller, id, snapshot -> {
            SnapshotSettings settings = snapshot.settings();
            for (String zone : zones) {
                if (!settings.fastRestores().containsKey(zone)) {
                    settings = settings.withFastRestore(zone, Optional.of(FastRestore.begun(snapshots.now())));
                }
            }
            return snapshot.with(settings);
        });
        readSoon(id);
        return enabled;
    }

    /** @throws StoreException NOT_FOUND; FORBIDDEN */
    public Snapshot disable(Caller caller, SnapshotId id, List<String> zones) {
        return snapshots.change(caller, id, snapshot -> {
            SnapshotSettings settings = snapshot.settings();
            for (String zone : zones) {
                settings = settings.withFastRestore(zone, Optional.empty());
            }
            return snapshot.with(settings);
        });
    }

    private synchronized void readSoon(SnapshotId id) {
        if (!waiting.add(id)) {
            return;
        }
        try {
            reader.execute(() -> readNow(id));
        } catch (RejectedExecutionException e) {
            // The server is going down; the next one reads it.
            waiting.remove(id);
        }
    }

    private void readNow(SnapshotId id) {
        synchronized (this) {
            waiting.remove(id);
        }
        try {
            Snapshot snapshot = changeStates(id, each -> each.reading(snapshots.now()));
            long chunks = read(snapshot);
            changeStates(id, each -> each.done(snapshots.now()));
            log.info("read {} chunks of snapshot {} ahead, which its boots want", chunks, id);
        } catch (RuntimeException e) {
            if (!isClosing && Fault.of(e) != Fault.NOT_FOUND) {
                log.warn("snapshot {} could not be read ahead: {}", id, e.toString());
            }
        }
    }

    /** Of those zones where it is not done yet. */
    private Snapshot changeStates(SnapshotId id, UnaryOperator<FastRestore> change) {
        return snapshots.changeRecord(id, snapshot -> {
            SnapshotSettings settings = snapshot.settings();
            for (Map.Entry<String, FastRestore> each : snapshot.settings().fastRestores().entrySet()) {
                if (each.getValue().state() != FastRestore.State.ENABLED) {
                    settings = settings.withFastRestore(
                            each.getKey(), Optional.of(change.apply(each.getValue())));
                }
            }
            return snapshot.with(settings);
        });
    }

    private long read(Snapshot snapshot) {
        Optional<BootOrder> order = snapshots.imagesOf(snapshot.id()).stream()
                .flatMap(image -> profiles.find(image).stream())
                .findFirst()
                .map(BootProfile::order);
        if (order.isEmpty()) {
            return 0;
        }
        int count = Math.min(order.get().size(), chunksMax);
        try (Volume volume = volumes.opening(
                () -> snapshots.readKept(snapshot.id()),
                kept -> new OpenTrees.Tree(kept.domain(), kept.root()),
                kept -> volumes.open(kept.domain(), kept.root()))) {
            for (int place = 0; place < count; place++) {
                read(volume, order.get().at(place) * Chunk.SIZE_BYTES);
            }
        }
        return count;
    }

    private void read(Volume volume, long offset) {
        if (isClosing) {
            throw new StoreException(Fault.SHUTTING_DOWN, "the server is going down");
        }
        // A profile may be that of an ancestor, whose disk was longer.
        if (offset < volume.sizeBytes()) {
            int lengthBytes = (int) Math.min(Chunk.SIZE_BYTES, volume.sizeBytes() - offset);
            volume.read(offset, lengthBytes).join().release();
        }
    }

    @Override
    public void close() {
        isClosing = true;
        reader.shutdownNow();
        try {
            if (!reader.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS)) {
                log.warn("a snapshot is still being read ahead");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
