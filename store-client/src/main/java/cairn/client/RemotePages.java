package cairn.client;

import cairn.Digest;
import cairn.Fault;
import cairn.StoreException;
import cairn.api.Api;
import cairn.api.ItemBatch;
import cairn.chunk.ChunkCodec;
import cairn.tree.Page;
import cairn.tree.PageId;
import cairn.tree.PageSource;
import cairn.tree.RootDigest;
import cairn.tree.Tree;
import cairn.tree.TreeRoot;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The pages of a disk in a store, each proven by its id. The store gives pages by their place in the disk: a page's
 * place is known once the page above it has been read, so the tree is read from the top down, and its leaves from left
 * to right, as {@link cairn.tree.TreeReader} and {@link cairn.tree.TreeDiff} do. For one thread.
 */
final class RemotePages implements PageSource {
    private static final int PAGES_KEPT_MAX = 4 * Api.READ_ITEMS_MAX;
    /** Places of leaves; those below one page are needed soon after it. */
    private static final int LEAF_PLACES_MAX = 16 * Page.CHILDREN;

    private final StoreClient client;
    private final Retry retry;
    private final DiskId disk;
    private final TreeRoot root;
    private final Map<PageId, Page> kept = bounded(PAGES_KEPT_MAX);
    private final Map<PageId, Long> leafPlaces = bounded(LEAF_PLACES_MAX);
    /** Places above level 0: one for each 4 GiB. */
    private final Map<PageId, Long> upperPlaces = new LinkedHashMap<>();

    private RemotePages(StoreClient client, Retry retry, DiskId disk, TreeRoot root) {
        this.client = client;
        this.retry = retry;
        this.disk = disk;
        this.root = root;
        places(root.top()).put(root.top(), 0L);
    }

    private static <K, V> Map<K, V> bounded(int entriesMax) {
        return new LinkedHashMap<>(16, 0.75f, true) {
            private static final long serialVersionUID = 1L;

            @Override
            protected boolean removeEldestEntry(Map.Entry<K, V> eldest) {
                return size() > entriesMax;
            }
        };
    }

    /** Reads a disk's top page, which must lead to the digest that it is known by. @throws StoreException CORRUPT */
    static RemotePages open(StoreClient client, Retry retry, DiskId disk, long sizeBytes, RootDigest expected) {
        int level = Tree.topLevel(sizeBytes);
        List<Page> found = pagesOf(retry.call(() -> client.readPages(disk, level, 0, 1)), disk);
        TreeRoot root = new TreeRoot(
                sizeBytes, found.isEmpty() ? new PageId(level, Digest.ZERO) : found.get(0).id());
        if (!root.digest().equals(expected)) {
            throw new StoreException(
                    Fault.CORRUPT,
                    "the top page of " + disk + " gives root digest " + root.digest() + ", it should be " + expected);
        }
        return new RemotePages(client, retry, disk, root);
    }

    TreeRoot root() {
        return root;
    }

    @Override
    public Page read(PageId id) {
        Page page = kept.get(id);
        if (page == null) {
            page = fetch(id);
        }
        if (page.level() > 0) {
            rememberChildren(page);
        }
        return page;
    }

    private Page fetch(PageId id) {
        Long place = places(id).get(id);
        if (place == null) {
            throw new StoreException(Fault.NOT_FOUND, "page " + id + " is not in the tree of " + disk);
        }
        // Those to the right of it in the page above are needed next.
        long siblings = Math.min(
                Page.CHILDREN - place % Page.CHILDREN, Tree.pageCount(root.sizeBytes(), id.level()) - place);
        int count = (int) Math.min(Api.READ_ITEMS_MAX, siblings);
        byte[] batch = retry.call(() -> client.readPages(disk, id.level(), place, count));
        pagesOf(batch, disk).forEach(page -> kept.put(page.id(), page));
        Page page = kept.get(id);
        if (page == null) {
            throw new StoreException(
                    Fault.CORRUPT, "the store did not give page " + place + " of level " + id.level() + " of " + disk
                            + " as " + id + ", which the page above it names");
        }
        return page;
    }

    private void rememberChildren(Page page) {
        long place = places(page.id()).getOrDefault(page.id(), -1L);
        for (int slot = 0; slot < Page.CHILDREN && place >= 0; slot++) {
            if (!page.isAbsent(slot)) {
                places(page.page(slot)).put(page.page(slot), place * Page.CHILDREN + slot);
            }
        }
    }

    private Map<PageId, Long> places(PageId id) {
        return id.level() == 0 ? leafPlaces : upperPlaces;
    }

    /** Pages whose ids are what their bytes say, not what the batch claims. */
    private static List<Page> pagesOf(byte[] batch, DiskId disk) {
        List<Page> pages = new ArrayList<>();
        ItemBatch.Reader items = new ItemBatch.Reader(batch);
        while (items.next()) {
            if (items.isChunk()) {
                throw new StoreException(Fault.CORRUPT, "the store sent a chunk for a page of " + disk);
            }
            byte[] plain = new byte[Page.SIZE_BYTES];
            ChunkCodec.unpack(batch, items.packedOffset(), items.packedBytes(), plain, 0, plain.length);
            Page page = Page.decode(plain);
            if (!page.id().equals(items.pageId())) {
                throw new StoreException(
                        Fault.CORRUPT, "the store sent page " + page.id() + " of " + disk + " as " + items.pageId());
            }
            pages.add(page);
        }
        return pages;
    }
}
