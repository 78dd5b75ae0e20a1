package cairn.server.volume;

import cairn.StoreException;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.StoredPages;
import cairn.tree.Page;
import cairn.tree.PageId;
import com.github.benmanes.caffeine.cache.AsyncCache;
import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;

/** Pages on the heap, bounded in number; a page that many wait for is read once. Safe for threads. */
final class PageCache {
    private final ChunkStore chunks;
    private final Executor loaders;
    private final AsyncCache<PageId, Page> cache;
    /** What has been read of it. */
    private final Cache<PageId, Page> ready;

    PageCache(ChunkStore chunks, long bytesMax, Executor loaders) {
        this.chunks = chunks;
        this.loaders = loaders;
        this.cache = Caffeine.newBuilder()
                .maximumSize(Math.max(Page.CHILDREN, bytesMax / Page.SIZE_BYTES))
                .executor(Runnable::run)
                .buildAsync();
        this.ready = cache.synchronous();
    }

    /** A page that is present if it is cached, otherwise null. */
    Page getIfCached(PageId id) {
        return ready.getIfPresent(id);
    }

    /** Gets a page that is present; complete at once where it is cached. */
    CompletableFuture<Page> get(DomainId domain, PageId id) {
        CompletableFuture<Page> cached = cache.getIfPresent(id);
        if (cached != null && !cached.isCompletedExceptionally()) {
            return cached;
        }
        if (cached != null) {
            // The cache forgets failures, but perhaps not before those who waited for this one ask again.
            cache.asMap().remove(id, cached);
        }
        return cache.get(id, (key, ignored) ->
                CompletableFuture.supplyAsync(() -> new StoredPages(chunks, domain).read(key), loaders));
    }

    /**
     * Reads a page that is present, on the caller's thread if it is not cached. May block.
     *
     * @throws cairn.StoreException CORRUPT if it is damaged or missing
     */
    Page read(DomainId domain, PageId id) {
        CompletableFuture<Page> mine = new CompletableFuture<>();
        CompletableFuture<Page> page = cache.get(id, (key, ignored) -> mine);
        if (page == mine) {
            try {
                mine.complete(new StoredPages(chunks, domain).read(id));
            } catch (RuntimeException | Error e) {
                // Others wait for it too.
                mine.completeExceptionally(e);
            }
        }
        try {
            return page.join();
        } catch (CompletionException e) {
            throw e.getCause() instanceof StoreException cause ? cause : e;
        }
    }
}
