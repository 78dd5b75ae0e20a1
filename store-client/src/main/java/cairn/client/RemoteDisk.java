package cairn.client;

import cairn.Digest;
import cairn.Fault;
import cairn.StoreException;
import cairn.api.Api;
import cairn.api.ItemBatch;
import cairn.api.Messages;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkCodec;
import cairn.chunk.ChunkId;
import cairn.tree.Page;
import cairn.tree.PageId;
import cairn.tree.PageSource;
import cairn.tree.RootDigest;
import cairn.tree.TreeReader;
import cairn.tree.TreeRoot;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Consumer;

/** A disk in a store, of which every piece is proven before it is used. */
final class RemoteDisk {
    private final StoreClient client;
    private final Retry retry;
    private final DiskId id;
    private final RemotePages pages;

    /** A run of at most {@link Api#READ_ITEMS_MAX} chunks below one page, the first and the last of them present. */
    record Group(long leafIndex, Page leaf, int fromSlot, int count) {
        long firstChunk() {
            return leafIndex * Page.CHILDREN + fromSlot;
        }

        long offset() {
            return firstChunk() * Chunk.SIZE_BYTES;
        }

        boolean isAbsent(int index) {
            return leaf.isAbsent(fromSlot + index);
        }
    }

    private RemoteDisk(StoreClient client, Retry retry, DiskId id, RemotePages pages) {
        this.client = client;
        this.retry = retry;
        this.id = id;
        this.pages = pages;
    }

    /** Opens a disk by what the store says of it. */
    static RemoteDisk open(StoreClient client, Retry retry, DiskId id) {
        if (id.isImage()) {
            Messages.Image image = retry.call(() -> client.image(id.image()));
            return open(client, retry, id, image.sizeBytes(), RootDigest.parse(image.rootDigest()));
        }
        Messages.Snapshot snapshot = retry.call(() -> client.snapshot(id.snapshot()));
        return open(client, retry, id, snapshot.sizeBytes(), RootDigest.parse(snapshot.rootDigest()));
    }

    static RemoteDisk open(StoreClient client, Retry retry, DiskId id, long sizeBytes, RootDigest expected) {
        return new RemoteDisk(client, retry, id, RemotePages.open(client, retry, id, sizeBytes, expected));
    }

    TreeRoot root() {
        return pages.root();
    }

    PageSource pages() {
        return pages;
    }

    /** Visits all present chunks, in the disk's order. */
    void forEachGroup(Consumer<Group> visitor) {
        new TreeReader(root(), pages).forEachLeaf((leafIndex, leaf) -> {
            int slot = nextPresent(leaf, 0);
            while (slot < Page.CHILDREN) {
                int last = Math.min(slot + Api.READ_ITEMS_MAX, Page.CHILDREN) - 1;
                while (leaf.isAbsent(last)) {
                    last--;
                }
                visitor.accept(new Group(leafIndex, leaf, slot, last - slot + 1));
                slot = nextPresent(leaf, last + 1);
            }
        });
    }

    private static int nextPresent(Page leaf, int fromSlot) {
        int slot = fromSlot;
        while (slot < Page.CHILDREN && leaf.isAbsent(slot)) {
            slot++;
        }
        return slot;
    }

    /**
     * Reads a group's chunks to their places in {@code to}; the places of absent ones are left as they are.
     * For several threads.
     *
     * @return how many bytes came over the network
     * @throws StoreException CORRUPT if a chunk is missing, or not what its id says
     */
    int read(Group group, byte[] to) {
        byte[] batch = retry.call(() -> client.readChunks(id, group.firstChunk(), group.count));
        Set<ChunkId> found = new HashSet<>();
        ItemBatch.Reader items = new ItemBatch.Reader(batch);
        while (items.next()) {
            place(group, batch, items, to, found);
        }
        for (int i = 0; i < group.count; i++) {
            if (!group.isAbsent(i) && !found.contains(group.leaf.chunk(group.fromSlot + i))) {
                throw new StoreException(
                        Fault.CORRUPT, "the store did not give chunk " + (group.firstChunk() + i) + " of " + id + ", "
                                + group.leaf.chunk(group.fromSlot + i));
            }
        }
        return batch.length;
    }

    /** Reads one chunk to the front of {@code to}; an absent one is not written. */
    void readChunk(long chunkIndex, byte[] to) {
        PageId below = root().top();
        while (!below.isAbsent()) {
            Page page = pages.read(below);
            int slot = (int) ((chunkIndex >>> 8 * page.level()) % Page.CHILDREN);
            if (page.level() > 0) {
                below = page.page(slot);
            } else {
                if (!page.isAbsent(slot)) {
                    read(new Group(chunkIndex / Page.CHILDREN, page, slot, 1), to);
                }
                return;
            }
        }
    }

    private void place(Group group, byte[] batch, ItemBatch.Reader items, byte[] to, Set<ChunkId> found) {
        ChunkId chunk = items.isChunk() ? items.chunkId() : ChunkId.ABSENT;
        int firstAt = -1;
        for (int i = 0; i < group.count; i++) {
            if (group.isAbsent(i) || !group.leaf.chunk(group.fromSlot + i).equals(chunk)) {
                continue;
            }
            int at = i * Chunk.SIZE_BYTES;
            if (firstAt < 0) {
                firstAt = at;
                ChunkCodec.unpack(batch, items.packedOffset(), items.packedBytes(), to, at, Chunk.SIZE_BYTES);
                requireDigest(chunk, to, at, group.firstChunk() + i);
            } else {
                System.arraycopy(to, firstAt, to, at, Chunk.SIZE_BYTES);
            }
        }
        if (firstAt < 0 || !found.add(chunk)) {
            throw new StoreException(
                    Fault.CORRUPT, "the store sent an item that is not among chunks " + group.firstChunk() + " to "
                            + (group.firstChunk() + group.count - 1) + " of " + id + ", or twice: " + chunk);
        }
    }

    private void requireDigest(ChunkId expected, byte[] plain, int offset, long chunkIndex) {
        Digest actual = Digest.of(plain, offset, Chunk.SIZE_BYTES);
        if (!actual.equals(expected.digest())) {
            throw new StoreException(
                    Fault.CORRUPT, "chunk " + chunkIndex + " of " + id + " should be " + expected
                            + ", the store's bytes give " + actual);
        }
    }
}
