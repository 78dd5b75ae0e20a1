package cairn.server.volume;

import static cairn.Fault.CORRUPT;
import static cairn.Fault.SHUTTING_DOWN;

import cairn.StoreException;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkCodec;
import cairn.chunk.ChunkId;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import com.github.benmanes.caffeine.cache.AsyncCache;
import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.RemovalCause;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.util.IllegalReferenceCountException;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;

/**
 * Unpacked chunks in direct buffers, bounded in bytes. A chunk that many wait for is loaded once. Which chunks stay is
 * decided by how often they are asked for, so that one long scan does not drive out what boots need (W-TinyLFU). Safe
 * for threads.
 *
 * <p>The cache owns one reference of each buffer and gives it up when it evicts the chunk; whoever got the chunk has a
 * reference of its own, and neither writes to the buffer nor moves its indices: others have the same one.
 *
 * @see <a href="https://arxiv.org/abs/1512.00727">TinyLFU: A Highly Efficient Cache Admission Policy</a>
 */
final class ChunkCache {
    private final ChunkStore chunks;
    private final Executor loaders;
    private final AsyncCache<ChunkId, ByteBuf> cache;
    /** What has been loaded of it. */
    private final Cache<ChunkId, ByteBuf> ready;
    private final LongAdder loads = new LongAdder();

    /** @param loaders run what may block */
    ChunkCache(ChunkStore chunks, long bytesMax, Executor loaders) {
        this.chunks = chunks;
        this.loaders = loaders;
        this.cache = Caffeine.newBuilder()
                .maximumWeight(bytesMax)
                .weigher((ChunkId id, ByteBuf chunk) -> chunk.capacity())
                .evictionListener((ChunkId id, ByteBuf chunk, RemovalCause cause) -> chunk.release())
                .executor(Runnable::run)
                .buildAsync();
        this.ready = cache.synchronous();
    }

    /** Hands over a chunk of {@link Chunk#SIZE_BYTES} bytes if it is cached, otherwise null. */
    ByteBuf getIfCached(ChunkId id) {
        ByteBuf chunk = ready.getIfPresent(id);
        return chunk == null ? null : tryRetain(chunk);
    }

    /**
     * Gets a chunk that is present: hands over {@link Chunk#SIZE_BYTES} bytes. Complete at once where it is cached.
     */
    CompletableFuture<ByteBuf> get(DomainId domain, ChunkId id) {
        CompletableFuture<ByteBuf> cached = cache.getIfPresent(id);
        if (cached != null && cached.isCompletedExceptionally()) {
            // The cache forgets failures, but perhaps not before those who waited for this one ask again.
            cache.asMap().remove(id, cached);
        } else if (cached != null && cached.isDone()) {
            ByteBuf chunk = tryRetain(cached.getNow(null));
            if (chunk != null) {
                return CompletableFuture.completedFuture(chunk);
            }
        }
        return cache.get(id, (key, ignored) -> load(domain, key)).thenCompose(chunk -> {
            ByteBuf mine = tryRetain(chunk);
            // Evicted between its arrival and now, which takes a cache far too small: read it for this one alone.
            return mine != null ? CompletableFuture.completedFuture(mine) : load(domain, id);
        });
    }

    private static ByteBuf tryRetain(ByteBuf chunk) {
        try {
            return chunk.retain();
        } catch (IllegalReferenceCountException evicted) {
            return null;
        }
    }

    /**
     * Starts loading those of some chunks that are neither cached nor being loaded, all on one thread and, where they
     * lie
     * together, in one go. Whoever gets one of them meanwhile waits for this.
     *
     * @param done called once, when everything that this started has ended
     */
    void load(DomainId domain, Collection<ChunkId> ids, Runnable done) {
        Map<ItemKey, CompletableFuture<ByteBuf>> promised = new HashMap<>();
        try {
            promise(ids, promised);
            if (promised.isEmpty()) {
                done.run();
                return;
            }
            loaders.execute(() -> {
                try {
                    keep(domain, promised);
                } finally {
                    done.run();
                }
            });
        } catch (RuntimeException | Error e) {
            Throwable why = e instanceof RejectedExecutionException
                    ? new StoreException(SHUTTING_DOWN, "the server is going down")
                    : e;
            promised.values().forEach(promise -> promise.completeExceptionally(why));
            done.run();
        }
    }

    /**
     * Loads those of some chunks that are neither cached nor being loaded, on the caller's thread. May block.
     *
     * @param beginning told which these are, before any of them is read
     */
    void loadHere(DomainId domain, Collection<ChunkId> ids, Consumer<Set<ItemKey>> beginning) {
        Map<ItemKey, CompletableFuture<ByteBuf>> promised = new HashMap<>();
        try {
            promise(ids, promised);
            if (!promised.isEmpty()) {
                beginning.accept(promised.keySet());
                keep(domain, promised);
            }
        } catch (RuntimeException | Error e) {
            promised.values().forEach(promise -> promise.completeExceptionally(e));
            throw e;
        }
    }

    /** Makes promises for those of some chunks that are neither cached nor promised. */
    private void promise(Collection<ChunkId> ids, Map<ItemKey, CompletableFuture<ByteBuf>> promised) {
        for (ChunkId id : ids) {
            if (cache.asMap().containsKey(id)) {
                continue;
            }
            cache.get(id, (key, ignored) -> {
                CompletableFuture<ByteBuf> promise = new CompletableFuture<>();
                promised.put(ItemKey.of(key), promise);
                return promise;
            });
        }
    }

    private void keep(DomainId domain, Map<ItemKey, CompletableFuture<ByteBuf>> promised) {
        try {
            chunks.readAll(domain, promised.keySet(), (key, packed) -> promised.get(key).complete(unpack(key, packed)));
        } catch (RuntimeException | Error e) {
            // One of them is damaged, or memory ran out. The others are not to fail for that, so each is asked for by
            // itself.
            promised.forEach((key, promise) -> {
                if (!promise.isDone()) {
                    keep(domain, key, promise);
                }
            });
        }
    }

    private void keep(DomainId domain, ItemKey key, CompletableFuture<ByteBuf> promise) {
        try {
            promise.complete(unpack(key, chunks.read(domain, key)));
        } catch (RuntimeException | Error e) {
            // A promise that is never kept would stay in the cache, and everybody who asks would wait for ever.
            promise.completeExceptionally(e);
        }
    }

    private CompletableFuture<ByteBuf> load(DomainId domain, ChunkId id) {
        ItemKey key = ItemKey.of(id);
        return CompletableFuture.supplyAsync(() -> unpack(key, chunks.read(domain, key)), loaders);
    }

    private ByteBuf unpack(ItemKey key, byte[] packed) {
        loads.increment();
        // Not from a pool: a pool would use the buffer object again, and a reader that comes late for an evicted chunk
        // could then retain another chunk instead of failing.
        ByteBuf chunk = UnpooledByteBufAllocator.DEFAULT.directBuffer(Chunk.SIZE_BYTES, Chunk.SIZE_BYTES);
        try {
            ChunkCodec.unpack(packed, 0, packed.length, chunk.internalNioBuffer(0, Chunk.SIZE_BYTES), Chunk.SIZE_BYTES);
            chunk.writerIndex(Chunk.SIZE_BYTES);
            return chunk;
        } catch (StoreException e) {
            chunk.release();
            throw new StoreException(CORRUPT, key + ": " + e.getMessage(), e);
        } catch (RuntimeException | Error e) {
            chunk.release();
            throw e;
        }
    }

    /** How many chunks were read from the store. */
    long loads() {
        return loads.sum();
    }

    /** Gives up the cache's references. Nobody may ask any more. */
    void close() {
        cache.asMap().values().forEach(each -> each.thenAccept(ByteBuf::release));
        cache.asMap().clear();
    }
}
