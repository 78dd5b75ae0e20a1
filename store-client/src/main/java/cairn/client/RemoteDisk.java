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
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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

    /** What one thread reads with, used again. */
    static final class Workspace {
        private final Reply reply = new Reply();
        private final byte[] plain = new byte[Chunk.SIZE_BYTES];
    }

    /** Takes the chunks of a group that are present, in no order; {@code plain} is the reader's. */
    interface Sink {
        void put(long chunkIndex, byte[] plain);
    }

    /**
     * Reads a group's chunks, each proven when the sink gets it. For several threads, with a workspace each.
     *
     * @return how many bytes came over the network
     * @throws StoreException CORRUPT if a chunk is missing, or not what its id says
     */
    int read(Group group, Workspace space, Sink sink) {
        retry.run(() -> client.readChunks(id, group.firstChunk(), group.count, space.reply));
        Map<ChunkId, List<Long>> wanted = new LinkedHashMap<>();
        for (int i = 0; i < group.count; i++) {
            if (!group.isAbsent(i)) {
                wanted.computeIfAbsent(group.leaf.chunk(group.fromSlot + i), chunk -> new ArrayList<>(1))
                        .add(group.firstChunk() + i);
            }
        }
        ItemBatch.Reader items = new ItemBatch.Reader(space.reply.array(), space.reply.lengthBytes());
        while (items.next()) {
            ChunkId chunk = items.isChunk() ? items.chunkId() : ChunkId.ABSENT;
            List<Long> places = wanted.remove(chunk);
            if (places == null) {
                throw new StoreException(
                        Fault.CORRUPT, "the store sent an item that is not among chunks " + group.firstChunk() + " to "
                                + (group.firstChunk() + group.count - 1) + " of " + id + ", or twice: " + chunk);
            }
            ChunkCodec.unpack(
                    space.reply.array(), items.packedOffset(), items.packedBytes(), space.plain, 0, Chunk.SIZE_BYTES);
            requireDigest(chunk, space.plain, places.get(0));
            for (long place : places) {
                sink.put(place, space.plain);
            }
        }
        wanted.forEach((chunk, places) -> {
            throw new StoreException(
                    Fault.CORRUPT, "the store did not give chunk " + places.get(0) + " of " + id + ", " + chunk);
        });
        return space.reply.lengthBytes();
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
                    read(
                            new Group(chunkIndex / Page.CHILDREN, page, slot, 1),
                            new Workspace(),
                            (index, plain) -> System.arraycopy(plain, 0, to, 0, plain.length));
                }
                return;
            }
        }
    }

    private void requireDigest(ChunkId expected, byte[] plain, long chunkIndex) {
        Digest actual = Digest.of(plain, 0, Chunk.SIZE_BYTES);
        if (!actual.equals(expected.digest())) {
            throw new StoreException(
                    Fault.CORRUPT, "chunk " + chunkIndex + " of " + id + " should be " + expected
                            + ", the store's bytes give " + actual);
        }
    }
}
