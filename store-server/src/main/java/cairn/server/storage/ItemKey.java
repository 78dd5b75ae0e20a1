package cairn.server.storage;

import cairn.Digest;
import cairn.Fault;
import cairn.StoreException;
import cairn.chunk.ChunkId;
import cairn.tree.PageId;

/**
 * Names what a store keeps: a chunk, or a page of some level. A chunk and a page never share a key, whatever their
 * bytes.
 *
 * @param kind 0 for a chunk, 1 + level for a page
 */
public record ItemKey(int kind, Digest digest) {
    public static final int CHUNK_KIND = 0;
    /** Kinds are stored in one byte. */
    public static final int KIND_MAX = 255;

    public ItemKey {
        if (kind < 0 || kind > KIND_MAX) {
            throw new StoreException(Fault.INVALID_REQUEST, "an item's kind is 0 to " + KIND_MAX + ", not " + kind);
        }
    }

    public static ItemKey of(ChunkId id) {
        return new ItemKey(CHUNK_KIND, id.digest());
    }

    public static ItemKey of(PageId id) {
        return new ItemKey(1 + id.level(), id.digest());
    }

    @Override
    public String toString() {
        return kind == CHUNK_KIND ? "chunk " + digest : "page L" + (kind - 1) + ':' + digest;
    }
}
