package cairn.server.storage;

import static cairn.Fault.CORRUPT;

import cairn.StoreException;
import cairn.chunk.ChunkCodec;
import cairn.tree.Page;
import cairn.tree.PageId;
import cairn.tree.PageSource;

/** The pages that a dedup domain can read, each proven to be the one that was asked for. */
public record StoredPages(ChunkStore chunks, DomainId domain) implements PageSource {

    /** @throws StoreException CORRUPT if it is damaged or missing */
    @Override
    public Page read(PageId id) {
        return unpack(id, chunks.read(domain, ItemKey.of(id)));
    }

    /** @throws StoreException CORRUPT if it is not this page */
    static Page unpack(PageId id, byte[] packed) {
        byte[] bytes = new byte[Page.SIZE_BYTES];
        ChunkCodec.unpack(packed, 0, packed.length, bytes, 0, Page.SIZE_BYTES);
        Page page = Page.decode(bytes);
        if (!page.id().equals(id)) {
            throw new StoreException(CORRUPT, "page " + id + " holds page " + page.id());
        }
        return page;
    }
}
