package cairn.server.volume;

import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.tree.TreeRoot;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Opens trees as volumes; owns the caches they share and the threads that read for them. */
public final class Volumes implements AutoCloseable {
    private static final int LOADERS_MIN = 4;
    private static final int CLOSE_SECONDS = 10;
    /** How far ahead of a sequential reader chunks are loaded, where the cache is large enough for it. */
    private static final long READ_AHEAD_BYTES = 2L << 20;
    private static final int READ_AHEADS_IN_CACHE = 16;

    private final ExecutorService loaders;
    private final PageCache pages;
    private final ChunkCache chunks;
    private final Hints hints;

    /**
     * @param chunkCacheBytes direct memory for unpacked chunks
     * @param pageCacheBytes heap for pages
     */
    public Volumes(ChunkStore store, long chunkCacheBytes, long pageCacheBytes) {
        AtomicInteger count = new AtomicInteger();
        this.loaders = Executors.newFixedThreadPool(
                Math.max(LOADERS_MIN, 2 * Runtime.getRuntime().availableProcessors()), task -> {
                    Thread thread = new Thread(task, "loader-" + count.incrementAndGet());
                    thread.setDaemon(true);
                    return thread;
                });
        this.pages = new PageCache(store, pageCacheBytes, loaders);
        this.hints = new Hints(Math.min(READ_AHEAD_BYTES, chunkCacheBytes / READ_AHEADS_IN_CACHE));
        this.chunks = new ChunkCache(store, chunkCacheBytes, loaders);
    }

    /** Opens a tree for reading. */
    public Volume open(DomainId domain, TreeRoot root) {
        return new TreeVolume(domain, root, pages, chunks, hints);
    }

    /** How many chunks were read from the store for volumes, all others having been cached. */
    public long chunkLoads() {
        return chunks.loads();
    }

    /** Closes when all volumes are closed: ends the threads, then empties the caches. */
    @Override
    public void close() {
        loaders.shutdown();
        try {
            if (!loaders.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS)) {
                loaders.shutdownNow();
            }
        } catch (InterruptedException e) {
            loaders.shutdownNow();
            Thread.currentThread().interrupt();
        }
        chunks.close();
    }
}
