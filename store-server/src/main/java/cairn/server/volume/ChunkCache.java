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
import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Policy;
import com.github.benmanes.caffeine.cache.RemovalCause;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.util.IllegalReferenceCountException;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * Unpacked chunks in direct buffers, bounded in bytes. A chunk that many wait for is loaded once. Which chunks stay is
 * decided by how often they are used, so that one long scan does not drive out what boots need (W-TinyLFU). Safe for
 * threads.
 *
 * <p>A use counts once: when the chunk comes into the cache, or is found there. What is under way is kept apart, as a
 * cache of futures counts each load twice and a scan would then outweigh two boots; and so are {@link ChunksAhead}.
 *
 * <p>The cache owns one reference of each buffer and gives it up when it evicts the chunk; whoever got the chunk has a
 * reference of its own, and neither writes to the buffer nor moves its indices: others have the same one.
 *
 * @see <a href="https://arxiv.org/abs/1512.00727">TinyLFU: A Highly Efficient Cache Admission Policy</a>
 */
final class ChunkCache {
    /** Most of the memory for chunks that are loaded before they are used, as a divisor: what one boot may want. */
    private static final int AHEAD_SHARE = Boots.CACHE_SHARE;
    /** They take room from the cache step by step, each so small a part of it. */
    private static final int ROOM_STEPS = 64;

    private final ChunkStore chunks;
    private final Executor loaders;
    private final Cache<ChunkId, ByteBuf> cache;
    private final Policy<ChunkId, ByteBuf> policy;
    private final ChunksAhead ahead;
    private final long chunksMax;
    /** How many chunks fewer the cache may hold. */
    private volatile long aheadRoom;
    /** What is being loaded; gone from here once it is in the cache or ahead of its use, or has failed. */
    private final Map<ItemKey, CompletableFuture<ByteBuf>> loading = new ConcurrentHashMap<>();
    /** Of the cache's own, so that it knows what all its buffers take. */
    private final UnpooledByteBufAllocator buffers = new UnpooledByteBufAllocator(true);
    private final LongAdder loads = new LongAdder();

    /** @param loaders run what may block */
    ChunkCache(ChunkStore chunks, long bytesMax, Executor loaders) {
        this.chunks = chunks;
        this.loaders = loaders;
        this.chunksMax = bytesMax / Chunk.SIZE_BYTES;
        this.ahead = new ChunksAhead(chunksMax / AHEAD_SHARE);
        this.cache = Caffeine.newBuilder()
                .maximumSize(chunksMax)
                // Caffeine counts uses from the start then, and otherwise not before it is half full: what boots use until
                // then would look as if nobody wanted it, and the first scan would drive it out.
                .initialCapacity(Math.toIntExact(chunksMax))
                .evictionListener((ChunkId id, ByteBuf chunk, RemovalCause cause) -> chunk.release())
                .executor(Runnable::run)
                .build();
        this.policy = cache.policy();
    }

    /**
     * Hands over a chunk of {@link Chunk#SIZE_BYTES} bytes if it is cached, otherwise null.
     *
     * @param isUse whether this counts, or is part of a use that has been counted
     */
    ByteBuf getIfCached(ChunkId id, boolean isUse) {
        ByteBuf chunk = isUse ? cache.getIfPresent(id) : policy.getIfPresentQuietly(id);
        if (chunk == null) {
            return useAhead(id);
        }
        return tryRetain(chunk);
    }

    /** Hands over a chunk that was loaded ahead of its use, and brings it into the cache; null if it is not there. */
    private ByteBuf useAhead(ChunkId id) {
        ByteBuf chunk = ahead.get(id);
        if (chunk != null) {
            // In one place or in both at all times, so that nobody loads it again.
            cacheIfAbsent(id, chunk.retain());
            ahead.remove(id);
            fitRoom();
        }
        return chunk;
    }

    /** Takes the chunk. */
    private void putAhead(ChunkId id, ByteBuf chunk) {
        ahead.put(id, chunk);
        fitRoom();
    }

    /** Lets the cache have what is not needed ahead; not for every chunk, as it takes a lock. */
    private void fitRoom() {
        long size = ahead.size();
        if (size > aheadRoom || 4 * size < aheadRoom) {
            synchronized (this) {
                long stepChunks = chunksMax / ROOM_STEPS + 1;
                aheadRoom = Math.min(chunksMax, (ahead.size() + stepChunks - 1) / stepChunks * stepChunks);
                policy.eviction().orElseThrow().setMaximum(chunksMax - aheadRoom);
            }
        }
    }

    /** Takes the chunk. */
    private void cacheIfAbsent(ChunkId id, ByteBuf chunk) {
        if (cache.asMap().putIfAbsent(id, chunk) != null) {
            chunk.release();
        }
    }

    /**
     * Gets a chunk that is present: hands over {@link Chunk#SIZE_BYTES} bytes. Complete at once where it is cached,
     * which does not count as a use.
     */
    CompletableFuture<ByteBuf> get(DomainId domain, ChunkId id) {
        ByteBuf cached = getIfCached(id, false);
        if (cached != null) {
            return CompletableFuture.completedFuture(cached);
        }
        ItemKey key = ItemKey.of(id);
        CompletableFuture<ByteBuf> promise = new CompletableFuture<>();
        CompletableFuture<ByteBuf> others = promise(key, promise);
        CompletableFuture<ByteBuf> mine = (others == null ? promise : others).thenCompose(chunk -> {
            ByteBuf used = useAhead(id);
            ByteBuf retained = used != null ? used : tryRetain(chunk);
            // Evicted between its arrival and now, which takes a cache far too small.
            return retained != null ? CompletableFuture.completedFuture(retained) : get(domain, id);
        });
        if (others == null) {
            try {
                loaders.execute(() -> keep(domain, key, promise, this::cacheIfAbsent));
            } catch (RejectedExecutionException e) {
                fail(key, promise, new StoreException(SHUTTING_DOWN, "the server is going down"));
            }
        }
        return mine;
    }

    /**
     * Promises a chunk to all who will ask for it, unless there is a promise already, or no need for one.
     *
     * @return what there is instead; null where this promise is to be kept now
     */
    private CompletableFuture<ByteBuf> promise(ItemKey key, CompletableFuture<ByteBuf> promise) {
        CompletableFuture<ByteBuf> others = loading.putIfAbsent(key, promise);
        if (others != null) {
            return others;
        }
        // It may have come since it was looked for: what has been loaded is there before its promise goes.
        ByteBuf cached = getIfCached(new ChunkId(key.digest()), false);
        if (cached == null) {
            return null;
        }
        loading.remove(key, promise);
        promise.complete(cached);
        cached.release();
        return promise;
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
     * lie together, in one go. Whoever gets one of them meanwhile waits for this.
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
                    keep(domain, promised, this::putAhead);
                } finally {
                    done.run();
                }
            });
        } catch (RuntimeException | Error e) {
            Throwable why = e instanceof RejectedExecutionException
                    ? new StoreException(SHUTTING_DOWN, "the server is going down")
                    : e;
            promised.forEach((key, promise) -> fail(key, promise, why));
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
                keep(domain, promised, this::putAhead);
            }
        } catch (RuntimeException | Error e) {
            promised.forEach((key, promise) -> fail(key, promise, e));
            throw e;
        }
    }

    /** Makes promises for those of some chunks that are neither cached nor promised. */
    private void promise(Collection<ChunkId> ids, Map<ItemKey, CompletableFuture<ByteBuf>> promised) {
        for (ChunkId id : ids) {
            if (!cache.asMap().containsKey(id) && !ahead.contains(id)) {
                ItemKey key = ItemKey.of(id);
                CompletableFuture<ByteBuf> promise = new CompletableFuture<>();
                if (promise(key, promise) == null) {
                    promised.put(key, promise);
                }
            }
        }
    }

    /** @param place takes what has been loaded */
    private void keep(
            DomainId domain,
            Map<ItemKey, CompletableFuture<ByteBuf>> promised,
            BiConsumer<ChunkId, ByteBuf> place) {
        try {
            chunks.readAll(
                    domain,
                    promised.keySet(),
                    (key, packed) -> keep(key, promised.get(key), unpack(key, packed), place));
        } catch (RuntimeException | Error e) {
            // One of them is damaged, or memory ran out. The others are not to fail for that, so each is asked for by
            // itself.
            promised.forEach((key, promise) -> {
                if (!promise.isDone()) {
                    keep(domain, key, promise, place);
                }
            });
        }
    }

    private void keep(
            DomainId domain, ItemKey key, CompletableFuture<ByteBuf> promise, BiConsumer<ChunkId, ByteBuf> place) {
        try {
            keep(key, promise, unpack(key, chunks.read(domain, key)), place);
        } catch (RuntimeException | Error e) {
            // A promise that is never kept would stay, and everybody who asks would wait for ever.
            fail(key, promise, e);
        }
    }

    /** Takes the chunk. */
    private void keep(
            ItemKey key, CompletableFuture<ByteBuf> promise, ByteBuf chunk, BiConsumer<ChunkId, ByteBuf> place) {
        // For those who wait: the place may give up its own reference at once.
        chunk.retain();
        try {
            place.accept(new ChunkId(key.digest()), chunk);
            loading.remove(key, promise);
            promise.complete(chunk);
        } finally {
            chunk.release();
        }
    }

    private void fail(ItemKey key, CompletableFuture<ByteBuf> promise, Throwable why) {
        loading.remove(key, promise);
        promise.completeExceptionally(why);
    }

    private ByteBuf unpack(ItemKey key, byte[] packed) {
        loads.increment();
        // Not from a pool: a pool would use the buffer object again, and a reader that comes late for an evicted chunk
        // could then retain another chunk instead of failing.
        ByteBuf chunk = buffers.directBuffer(Chunk.SIZE_BYTES, Chunk.SIZE_BYTES);
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

    /** Direct memory of all chunks that are kept, and of those that readers still hold. */
    long heldBytes() {
        return buffers.metric().usedDirectMemory();
    }

    /** Gives up the cache's references. Nobody may ask any more. */
    void close() {
        ahead.close();
        cache.asMap().values().forEach(ByteBuf::release);
        cache.asMap().clear();
    }
}
