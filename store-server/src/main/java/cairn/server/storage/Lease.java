package cairn.server.storage;

import static cairn.Fault.CONFLICT;

import cairn.StoreException;
import cairn.server.storage.Epochs.Hold;
import cairn.tree.Page;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The right to write to a {@link ChunkStore}: whatever was put under a lease, or found, stays until the lease ends,
 * whoever removes what nobody refers to. So it is held from before the first question until after the commit that makes
 * a root of it, and whatever such a commit refers to was put or found under one. Safe for threads.
 *
 * <p>Where the root is a copy of one in another record, no lease is needed: the commit {@linkplain
 * Catalog.Change.Require requires} the other record. A lease that is {@linkplain ChunkStore#lease(long) opened again}
 * after a restart keeps what was put under it; what was only found has to be looked for again, which {@link #putPage}
 * does.
 */
public final class Lease implements AutoCloseable {
    private final ChunkStore chunks;
    private final Epochs epochs;
    private final Hold hold;

    Lease(ChunkStore chunks, Epochs epochs, Hold hold) {
        this.chunks = chunks;
        this.epochs = epochs;
        this.hold = hold;
    }

    /** The lowest segment that what was put under it may lie in: written down, it lets the lease be opened again. */
    public long floorSegment() {
        return hold.floorSegment();
    }

    /**
     * Whether an item is kept where a domain may use it: in the domain itself, or in the public one. It may not be
     * readable yet. Not if it is known to be damaged, or if a page of level 0 is known to have a damaged chunk.
     */
    public boolean contains(DomainId domain, ItemKey key) {
        requireOpen();
        return chunks.contains(domain, key);
    }

    /** Whether an item is in the index, so that it and all below it can be read; see {@link ChunkStore#seal}. */
    public boolean isReadable(DomainId domain, ItemKey key) {
        requireOpen();
        return chunks.isKept(domain, key);
    }

    /**
     * Keeps a chunk, unless it is there already and intact. The caller has proven that it unpacks to what its key
     * names.
     *
     * @return whether it was needed
     * @throws StoreException NO_SPACE if the disk is full; then everything put since the last seal may be lost, and
     *     must be put again
     */
    public boolean putChunk(DomainId domain, ItemKey key, byte[] packed, int offset, int lengthBytes) {
        return putChunk(domain, key, packed, offset, lengthBytes, () -> {});
    }

    /**
     * As {@link #putChunk(DomainId, ItemKey, byte[], int, int)}, where the caller has not yet proven it.
     *
     * @param proof proves it or throws, and then it is not kept; not called where it is there already and intact
     */
    public boolean putChunk(
            DomainId domain, ItemKey key, byte[] packed, int offset, int lengthBytes, Runnable proof) {
        requireOpen();
        return chunks.putChunk(domain, key, packed, offset, lengthBytes, proof);
    }

    /**
     * Keeps a page whose children are all kept, unless it is there already and intact.
     *
     * @param packed the page's bytes, packed
     * @return the first child that is missing; then the page was not kept
     * @throws StoreException NO_SPACE, as {@link #putChunk}
     */
    public Optional<ItemKey> putPage(DomainId domain, Page page, byte[] packed, int offset, int lengthBytes) {
        return putPage(domain, page, new long[0], packed, offset, lengthBytes);
    }

    /** As {@link #putPage(DomainId, Page, byte[], int, int)}. @param known as {@link ChunkStore#putPage} has it */
    Optional<ItemKey> putPage(
            DomainId domain, Page page, long[] known, byte[] packed, int offset, int lengthBytes) {
        requireOpen();
        return chunks.putPage(domain, page, known, packed, offset, lengthBytes);
    }

    /** Whether an item is kept, intact or not, and readable or not. */
    boolean isKept(DomainId domain, ItemKey key) {
        requireOpen();
        return chunks.isOpen(domain, key) || chunks.isKept(domain, key);
    }

    /** As {@link ChunkStore#adopt}. */
    int adopt(DomainId from, DomainId into, List<Page> pages) {
        requireOpen();
        return chunks.adopt(from, into, pages);
    }

    /** Finds an item in the index, to rely on it. */
    OptionalLong find(DomainId domain, ItemKey key) {
        requireOpen();
        return chunks.findForGood(domain, key);
    }

    private void requireOpen() {
        if (hold.isOver()) {
            throw new StoreException(CONFLICT, "what was being written has ended");
        }
    }

    /** Ends it; harmless when repeated. */
    @Override
    public void close() {
        epochs.close(hold);
    }
}
