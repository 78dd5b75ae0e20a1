package cairn.server.storage;

import static cairn.Fault.NO_SPACE;

import cairn.StoreException;
import cairn.chunk.ChunkCodec;
import cairn.chunk.ChunkId;
import cairn.chunk.Codec;
import cairn.tree.Page;
import cairn.tree.PageId;
import cairn.tree.PageSource;
import cairn.tree.TreeRoot;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/**
 * The pages of a tree that is made in several steps. Holds those that are new until it is known that the tree keeps
 * them: a page above level 1 changes with every step, and only its last form is put. So a tree of any size is made with
 * what {@linkplain #STEP_LEVEL one step} covers in memory, 4 GiB of disk. Blocks. For one thread.
 */
public final class SnapshotPages implements PageSource, Consumer<Page> {
    /** What one step makes whole. */
    public static final int STEP_LEVEL = 1;

    private final ChunkStore store;
    private final DomainId domain;
    private final PageSource stored;
    private final Map<PageId, Page> held = new HashMap<>();
    private final Set<PageId> put = new HashSet<>();
    private final byte[] plain = new byte[Page.SIZE_BYTES];
    private final byte[] packed = new byte[ChunkCodec.scratchBytes(Page.SIZE_BYTES)];

    /** @param stored the pages that are in the store */
    public SnapshotPages(ChunkStore store, DomainId domain, PageSource stored) {
        this.store = store;
        this.domain = domain;
        this.stored = stored;
    }

    @Override
    public Page read(PageId id) {
        Page page = held.get(id);
        return page != null ? page : stored.read(id);
    }

    @Override
    public void accept(Page page) {
        held.put(page.id(), page);
    }

    /**
     * Puts what one step has made, but not yet what the next one changes again.
     *
     * @param newChunks the chunks that this step has found to be in the store, or put there
     */
    public void putStep(TreeRoot tree, Set<ChunkId> newChunks) {
        Set<PageId> left = new HashSet<>();
        put(tree.top(), newChunks, STEP_LEVEL, left);
        held.keySet().retainAll(left);
    }

    /** Puts what is left. */
    public void putTop(TreeRoot tree) {
        put(tree.top(), Set.of(), tree.top().level(), new HashSet<>());
        held.clear();
    }

    private void put(PageId id, Set<ChunkId> newChunks, int levelMax, Set<PageId> left) {
        Page page = held.get(id);
        if (page == null) {
            return;
        }
        // Children that a page has from an older form are kept with that: only new ones need to be looked for.
        List<ItemKey> children = new ArrayList<>();
        for (int slot = 0; slot < Page.CHILDREN; slot++) {
            if (page.isAbsent(slot)) {
                continue;
            }
            if (page.level() > 0) {
                put(page.page(slot), newChunks, levelMax, left);
                if (put.contains(page.page(slot))) {
                    children.add(ItemKey.of(page.page(slot)));
                }
            } else if (newChunks.contains(page.chunk(slot))) {
                children.add(ItemKey.of(page.chunk(slot)));
            }
        }
        if (page.level() > levelMax) {
            left.add(id);
            return;
        }
        page.write(plain, 0);
        int packedBytes = ChunkCodec.pack(Codec.LZ4, plain, 0, plain.length, packed, 0);
        store.putPage(domain, ItemKey.of(id), children, packed, 0, packedBytes).ifPresent(missing -> {
            throw new StoreException(NO_SPACE, missing + " was lost, because the disk was full for somebody else");
        });
        put.add(id);
    }

    /** How many pages were put. */
    public long putCount() {
        return put.size();
    }
}
