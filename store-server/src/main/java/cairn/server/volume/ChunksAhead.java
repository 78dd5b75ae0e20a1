package cairn.server.volume;

import cairn.chunk.ChunkId;
import io.netty.buffer.ByteBuf;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Chunks that were loaded for somebody who has not used them yet; where there are too many, those that came first go.
 * Apart from the cache, which would judge them by their uses and drop them before the first one. Safe for threads.
 */
final class ChunksAhead {
    private final long chunksMax;
    /** In the order of their coming; each with a reference of its own. */
    private final Map<ChunkId, ByteBuf> chunks = new LinkedHashMap<>();

    ChunksAhead(long chunksMax) {
        this.chunksMax = chunksMax;
    }

    /** Takes the chunk. */
    synchronized void put(ChunkId id, ByteBuf chunk) {
        ByteBuf before = chunks.putIfAbsent(id, chunk);
        if (before != null) {
            chunk.release();
        } else if (chunks.size() > chunksMax) {
            Iterator<ByteBuf> first = chunks.values().iterator();
            first.next().release();
            first.remove();
        }
    }

    /** Hands over a chunk, which also stays; null if it is not there. */
    synchronized ByteBuf get(ChunkId id) {
        ByteBuf chunk = chunks.get(id);
        return chunk == null ? null : chunk.retain();
    }

    /** A chunk has been used. */
    synchronized void remove(ChunkId id) {
        ByteBuf chunk = chunks.remove(id);
        if (chunk != null) {
            chunk.release();
        }
    }

    synchronized boolean contains(ChunkId id) {
        return chunks.containsKey(id);
    }

    synchronized int size() {
        return chunks.size();
    }

    synchronized void close() {
        chunks.values().forEach(ByteBuf::release);
        chunks.clear();
    }
}
