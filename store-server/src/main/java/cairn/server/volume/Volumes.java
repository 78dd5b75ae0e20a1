package cairn.server.volume;

import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.OpenTrees;
import cairn.server.storage.VolumeBlocks;
import cairn.tree.TreeRoot;
import java.time.Clock;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.function.Supplier;

/** Opens volumes, read-only and writable ones; owns the caches they share and the threads that read for them. */
public final class Volumes implements AutoCloseable {
    private static final int LOADERS_MIN = 4;
    /** How many volumes are written to at once; each holds one batch in memory. Many wait for one sync together. */
    private static final int WRITERS = 16;
    private static final int CLOSE_SECONDS = 10;
    /** How far ahead of a sequential reader chunks are loaded, where the cache is large enough for it. */
    private static final long READ_AHEAD_BYTES = 2L << 20;
    private static final int READ_AHEADS_IN_CACHE = 16;
    /** The share of the heap that writable volumes may take, as a divisor. */
    private static final int STATES_OF_HEAP = 4;

    private final ExecutorService loaders;
    private final ExecutorService writers;
    private final VolumeParts parts;
    private final LiveVolumes live;

    /** Without boot profiles. */
    public Volumes(ChunkStore store, VolumeBlocks blocks, long chunkCacheBytes, long pageCacheBytes) {
        this(store, blocks, chunkCacheBytes, pageCacheBytes, BootProfiles.NONE, Clock.systemUTC());
    }

    /**
     * @param blocks where writable volumes keep what is in no tree yet
     * @param chunkCacheBytes direct memory for unpacked chunks
     * @param pageCacheBytes heap for pages
     * @param profiles of the images that are booted
     * @param clock by which boots are recorded
     */
    public Volumes(
            ChunkStore store,
            VolumeBlocks blocks,
            long chunkCacheBytes,
            long pageCacheBytes,
            BootProfiles profiles,
            Clock clock) {
        this(
                store,
                blocks,
                chunkCacheBytes,
                pageCacheBytes,
                Runtime.getRuntime().maxMemory() / STATES_OF_HEAP,
                profiles,
                clock);
    }

    /** @param statesBytesMax heap for what writable volumes in use hold of which chunk, all of them together */
    Volumes(
            ChunkStore store,
            VolumeBlocks blocks,
            long chunkCacheBytes,
            long pageCacheBytes,
            long statesBytesMax,
            BootProfiles profiles,
            Clock clock) {
        this.loaders = threads("loader-", Math.max(LOADERS_MIN, 2 * Runtime.getRuntime().availableProcessors()));
        this.writers = threads("writer-", WRITERS);
        DemandLoads demand = new DemandLoads(loaders);
        PageCache pages = new PageCache(store, pageCacheBytes, demand);
        ChunkCache chunks = new ChunkCache(store, chunkCacheBytes, demand);
        this.parts = new VolumeParts(
                store,
                blocks,
                pages,
                chunks,
                new Hints(Math.min(READ_AHEAD_BYTES, chunkCacheBytes / READ_AHEADS_IN_CACHE)),
                new Boots(profiles, clock, pages, chunks, demand, chunkCacheBytes, store.openTrees()),
                new StatesBudget(statesBytesMax),
                demand,
                writers);
        this.live = new LiveVolumes(parts);
    }

    private static ExecutorService threads(String name, int count) {
        AtomicInteger made = new AtomicInteger();
        return Executors.newFixedThreadPool(count, task -> {
            Thread thread = new Thread(task, name + made.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        });
    }

    /**
     * Begins one more use of a writable volume. Blocks, also until a {@link #whileUnused} of it has ended.
     *
     * @param state called where nobody uses it yet, while nobody else can begin to; what it throws is thrown on
     * @throws cairn.StoreException NO_SPACE if what it was written to does not fit into the heap beside that of others;
     *     CORRUPT, SHUTTING_DOWN
     */
    public LiveVolume live(long number, Supplier<VolumeState> state) {
        return live.live(number, state);
    }

    /**
     * Runs something while nobody uses a writable volume, nor can begin to. What it throws is thrown on.
     *
     * @throws cairn.StoreException CONFLICT if somebody uses it, telling how many clients there are, and whether a
     *     snapshot is being made; SHUTTING_DOWN
     */
    public void whileUnused(long number, Runnable action) {
        live.whileUnused(number, action);
    }

    /**
     * Takes what was written so far to several volumes, by writes that are done, as the content of one snapshot each,
     * at one moment: of two writes, the later sent when the earlier had been answered, never the later alone is in
     * them. Otherwise as {@link LiveVolume#freeze(DomainId)}. Blocks.
     *
     * @return in the order in which they were named
     * @throws cairn.StoreException as {@link LiveVolume.PointInTime#store}; INVALID_REQUEST for a volume named twice;
     *     then nothing is frozen
     */
    public List<LiveVolume.PointInTime> freeze(List<LiveVolume.Freezing> wanted) {
        return live.freeze(wanted);
    }

    /** The trees that somebody reads, as a volume or in any other way. */
    public void openTrees(BiConsumer<DomainId, TreeRoot> visitor) {
        parts.store().openTrees().forEach(visitor);
    }

    /** As {@link OpenTrees#reading}: opens, by {@link #open}, what a record names. */
    public <T, R> R opening(Supplier<T> record, Function<T, OpenTrees.Tree> treeOf, Function<T, R> opening) {
        return parts.store().openTrees().reading(record, treeOf, opening);
    }

    /** Opens a tree for reading. It stays until it is closed, if its record is there once it is open. */
    public Volume open(DomainId domain, TreeRoot root) {
        return parts.tree(domain, root, root.sizeBytes(), position -> {}, () -> {});
    }

    /** Opens an image's tree for reading, by a machine that may be booting from it. */
    public Volume open(DomainId domain, TreeRoot root, BootedImage image) {
        Boot boot = parts.boots().begin(image, domain, root);
        return parts.tree(domain, root, root.sizeBytes(), boot::touched, boot::close);
    }

    /** Heap that writable volumes in use take for what they hold of which chunk. */
    long statesBytes() {
        return parts.states().takenBytes();
    }

    /** How many chunks were read from the store for volumes, all others having been cached. */
    public long chunkLoads() {
        return parts.chunks().loads();
    }

    /** Direct memory of unpacked chunks: those that are cached, and those that readers still hold. */
    public long chunkBytes() {
        return parts.chunks().heldBytes();
    }

    /** How many clients a writable volume has. */
    public int clients(long number) {
        return live.clients(number);
    }

    /**
     * Closes when all volumes are closed, and lets no writable one begin: completes what is queued for them, ends the
     * threads, then empties the caches.
     */
    @Override
    public void close() {
        live.close();
        parts.boots().close();
        end(writers);
        end(loaders);
        parts.chunks().close();
    }

    private static void end(ExecutorService threads) {
        threads.shutdown();
        try {
            if (!threads.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS)) {
                threads.shutdownNow();
            }
        } catch (InterruptedException e) {
            threads.shutdownNow();
            Thread.currentThread().interrupt();
        }
    }
}
