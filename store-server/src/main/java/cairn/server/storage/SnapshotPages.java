package cairn.server.storage;

import static cairn.Fault.NO_SPACE;

import cairn.StoreException;
import cairn.chunk.ChunkCodec;
import cairn.chunk.ChunkId;
import cairn.chunk.Codec;
import cairn.tree.Page;
import cairn.tree.PageId;
import cairn.tree.PageSource;
import cairn.tree.Tree;
import cairn.tree.TreeRoot;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.OptionalLong;
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
    private final Lease lease;
    private final DomainId domain;
    private final PageSource stored;
    private final Map<PageId, Page> held = new HashMap<>();
    /** What is in the store of what new pages were made from: see {@link #baseOf}. */
    private final Map<PageId, Page> bases = new HashMap<>();
    /** The page of each level that was read last: what the next new one of the level is made from, if from any. */
    private final Page[] readLast = new Page[Tree.LEVEL_MAX + 1];
    private final Set<PageId> put = new HashSet<>();
    private final byte[] plain = new byte[Page.SIZE_BYTES];
    private final byte[] packed = new byte[ChunkCodec.scratchBytes(Page.SIZE_BYTES)];

    /**
     * @param lease under which the tree's base and its new chunks were found or put
     * @param stored the pages that are in the store
     */
    public SnapshotPages(ChunkStore store, Lease lease, DomainId domain, PageSource stored) {
        this.store = store;
        this.lease = lease;
        this.domain = domain;
        this.stored = stored;
    }

    @Override
    public Page read(PageId id) {
        Page page = held.get(id);
        if (page == null) {
            page = stored.read(id);
        }
        readLast[id.level()] = page;
        return page;
    }

    @Override
    public void accept(Page page) {
        held.put(page.id(), page);
        Page before = readLast[page.level()];
        if (before != null) {
            bases.put(page.id(), held.containsKey(before.id()) ? bases.get(before.id()) : before);
        }
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
        Set<Integer> newSlots = new HashSet<>();
        for (int slot = 0; slot < Page.CHILDREN; slot++) {
            if (page.isAbsent(slot)) {
                continue;
            }
            if (page.level() > 0) {
                put(page.page(slot), newChunks, levelMax, left);
            }
            if (page.level() > 0 ? put.contains(page.page(slot)) : newChunks.contains(page.chunk(slot))) {
                newSlots.add(slot);
            }
        }
        if (page.level() > levelMax) {
            left.add(id);
            return;
        }
        page.write(plain, 0);
        int packedBytes = ChunkCodec.pack(Codec.LZ4, plain, 0, plain.length, packed, 0);
        lease.putPage(domain, page, known(page, newSlots), packed, 0, packedBytes).ifPresent(missing -> {
            throw new StoreException(NO_SPACE, missing + " was lost, because the disk was full for somebody else");
        });
        put.add(id);
        bases.remove(id);
    }

    /**
     * Where the children lie that a page has from the one that it was made from: they are kept with that. So a page of
     * which one child has changed does not take a look for each of 256.
     */
    private long[] known(Page page, Set<Integer> newSlots) {
        long[] known = new long[Page.CHILDREN];
        Arrays.fill(known, PageChildren.ABSENT);
        Page base = bases.get(page.id());
        OptionalLong ordinal = base == null ? OptionalLong.empty() : lease.find(domain, ItemKey.of(base.id()));
        if (ordinal.isPresent()) {
            PageChildren children = store.children(ordinal.getAsLong(), domain, base.id());
            for (int slot = 0; slot < Page.CHILDREN; slot++) {
                if (!newSlots.contains(slot) && base.child(slot).equals(page.child(slot))) {
                    known[slot] = children.ordinal(slot);
                }
            }
        }
        return known;
    }

    /** How many pages were put. */
    public long putCount() {
        return put.size();
    }
}
