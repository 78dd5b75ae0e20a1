package cairn.server.sim;

import cairn.chunk.Chunk;
import cairn.chunk.ChunkCodec;
import cairn.chunk.ChunkId;
import cairn.server.sim.SimState.Place;
import cairn.server.sim.SimState.Stored;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.server.storage.Ordinal;
import cairn.server.storage.PageChildren;
import cairn.tree.Page;
import cairn.tree.TreeRoot;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * What is always true of a disk, looked at beneath the store: no read goes through it, which would be told of. Not for
 * several threads; for one look at one state.
 */
final class Invariants {
    private final SimState state;
    private final Contents contents;
    /** Ordinals that were looked at. */
    private final Map<Long, Page> pages = new HashMap<>();
    private final Set<Long> intact = new HashSet<>();
    private final Set<Place> closed = new HashSet<>();

    Invariants(SimState state, Contents contents) {
        this.state = state;
        this.contents = contents;
    }

    /** Every row's item is there, every page's children are, and what is said of where they lie is so. */
    void requireClosedIndex() {
        state.rows.keySet().forEach(place -> requireClosed(place.domain(), place.key(), "the index"));
        state.rows.forEach((place, ordinal) -> {
            if (place.key().kind() != ItemKey.CHUNK_KIND) {
                requireSaid(place, ordinal);
            }
        });
    }

    void requireTree(DomainId domain, TreeRoot tree, String what) {
        if (!tree.top().isAbsent()) {
            requireClosed(domain, ItemKey.of(tree.top()), what);
        }
    }

    /** An item that a domain can find, with all below it. */
    void requireClosed(DomainId domain, ItemKey key, String what) {
        if (!closed.add(new Place(domain, key))) {
            return;
        }
        Long own = state.rows.get(new Place(domain, key));
        Long ordinal = own == null ? state.rows.get(new Place(DomainId.PUBLIC, key)) : own;
        require(ordinal != null,
                what + " needs " + key + " in domain " + domain.number() + ", which is not in the index");
        requireIntact(ordinal, key, what);
        if (key.kind() != ItemKey.CHUNK_KIND && pages.containsKey(ordinal)) {
            Page page = pages.get(ordinal);
            for (int slot = 0; slot < Page.CHILDREN; slot++) {
                if (!page.isAbsent(slot)) {
                    requireClosed(domain, childOf(page, slot), what + ", " + key + " slot " + slot);
                }
            }
        }
    }

    private static ItemKey childOf(Page page, int slot) {
        return page.level() == 0 ? ItemKey.of(page.chunk(slot)) : ItemKey.of(page.page(slot));
    }

    private void requireIntact(long ordinal, ItemKey key, String what) {
        if (!intact.add(ordinal)) {
            return;
        }
        Stored stored = state.items.get(ordinal);
        String where = what + " needs " + key + " at ordinal " + Ordinal.shown(ordinal);
        require(stored != null, where + ", where nothing is");
        require(stored.key().equals(key), where + ", where " + stored.key() + " is");
        if (stored.isRotten()) {
            return;
        }
        if (key.kind() == ItemKey.CHUNK_KIND) {
            requireChunk(stored, where);
        } else {
            byte[] bytes = new byte[Page.SIZE_BYTES];
            ChunkCodec.unpack(stored.packed(), 0, stored.packed().length, bytes, 0, Page.SIZE_BYTES);
            Page page = Page.decode(bytes);
            require(ItemKey.of(page.id()).equals(key), where + ", which holds page " + page.id());
            pages.put(ordinal, page);
        }
    }

    private void requireChunk(Stored stored, String where) {
        Contents.Known known = contents.known(new ChunkId(stored.key().digest()));
        if (known != null && Arrays.equals(known.packed(), stored.packed())) {
            return;
        }
        byte[] bytes = new byte[Chunk.SIZE_BYTES];
        ChunkCodec.unpack(stored.packed(), 0, stored.packed().length, bytes, 0, Chunk.SIZE_BYTES);
        require(ItemKey.of(Chunk.idOf(bytes, 0)).equals(stored.key()), where + ", which holds other bytes");
    }

    /** What is said of where a page's children lie leads to the very rows that are found by their names. */
    private void requireSaid(Place place, long ordinal) {
        Page page = pages.get(ordinal);
        PageChildren children = state.children.get(ordinal);
        String what = place.key() + " at ordinal " + Ordinal.shown(ordinal) + " in domain " + place.domain().number();
        require(children != null, "of " + what + " nobody says where its children lie");
        if (page == null) {
            return;
        }
        for (int slot = 0; slot < Page.CHILDREN; slot++) {
            long said = children.ordinal(slot);
            require((said == PageChildren.ABSENT) == page.isAbsent(slot),
                    what + ", slot " + slot + ": there is one, or none");
            if (said == PageChildren.ABSENT) {
                continue;
            }
            Long own = state.rows.get(new Place(place.domain(), childOf(page, slot)));
            Long found = own == null ? state.rows.get(new Place(DomainId.PUBLIC, childOf(page, slot))) : own;
            require(found != null && found == said, what + ", slot " + slot + ": it is said to lie at ordinal "
                    + Ordinal.shown(said) + ", and is found at " + (found == null ? "none" : Ordinal.shown(found)));
        }
    }

    static void require(boolean isSo, String message) {
        if (!isSo) {
            throw new AssertionError(message);
        }
    }
}
