package cairn.server.gc;

import static cairn.Fault.CORRUPT;

import cairn.StoreException;
import cairn.chunk.ChunkId;
import cairn.server.storage.ChunkIndex;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.server.storage.Ordinal;
import cairn.server.storage.PageChildren;
import cairn.server.storage.SegmentStore;
import cairn.server.storage.Storage;
import cairn.tree.PageId;
import cairn.tree.TreeRoot;
import java.util.List;
import java.util.Optional;

/** Trees by the ordinals of their pages and chunks. Reads small records alone, where pages were put with them. */
final class PageGraph {
    private final ChunkIndex index;
    private final SegmentStore segments;
    private final ChunkStore chunks;

    PageGraph(Storage storage, ChunkStore chunks) {
        this.index = storage.index();
        this.segments = storage.segments();
        this.chunks = chunks;
    }

    /** A tree's top page, and where it lies. */
    record Top(DomainId domain, int level, long ordinal) {}

    /** Nothing for a tree of zeros. @throws StoreException CORRUPT if the page is missing from the index */
    Optional<Top> top(DomainId domain, TreeRoot tree) {
        return tree.top().isAbsent()
                ? Optional.empty()
                : Optional.of(new Top(domain, tree.top().level(), ordinal(domain, ItemKey.of(tree.top()))));
    }

    /** Where a chunk lies. @throws StoreException CORRUPT if it is missing from the index */
    long chunk(DomainId domain, ChunkId id) {
        return ordinal(domain, ItemKey.of(id));
    }

    private long ordinal(DomainId domain, ItemKey key) {
        return chunks.ordinal(domain, key)
                .orElseThrow(() -> new StoreException(CORRUPT, key + " is missing from the index"));
    }

    /** @throws StoreException CORRUPT if the page is missing, or it has to be read and is damaged */
    PageChildren children(DomainId domain, long pageOrdinal) {
        return index.children(pageOrdinal).orElseGet(() -> chunks.children(pageOrdinal, domain, id(pageOrdinal)));
    }

    /** The page that lies at an ordinal. @throws StoreException CORRUPT if there is none, or it is damaged */
    PageId id(long pageOrdinal) {
        List<SegmentStore.Item> items = segments.readRun(pageOrdinal, pageOrdinal + 1, 1);
        if (items.isEmpty() || items.get(0).key().kind() == ItemKey.CHUNK_KIND) {
            throw new StoreException(CORRUPT, "there is no page at " + Ordinal.shown(pageOrdinal));
        }
        ItemKey key = items.get(0).key();
        return new PageId(key.kind() - 1, key.digest());
    }
}
