package cairn.server;

import cairn.server.image.BootProfileRegistry;
import cairn.server.image.ImageRegistry;
import cairn.server.image.RegisteredImage;
import cairn.server.image.Snapshot;
import cairn.server.image.SnapshotRegistry;
import cairn.server.storage.ChunkIndex;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.server.storage.OrdinalSet;
import cairn.server.storage.PageChildren;
import cairn.server.volume.BootOrder;
import cairn.tree.Page;
import cairn.tree.TreeRoot;
import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Supplier;

/**
 * Where the chunks lie that boots read, by the profiles of all images there are: these are read one by one, and so are
 * kept such that this is quick. Where a tree cannot be followed to a chunk, that is just not among them.
 */
final class QuickChunks implements Supplier<OrdinalSet> {
    private static final int BITS_OF_LEVEL = 8;

    private final ImageRegistry images;
    private final SnapshotRegistry snapshots;
    private final BootProfileRegistry profiles;
    private final ChunkStore chunks;
    private final ChunkIndex index;

    QuickChunks(
            ImageRegistry images,
            SnapshotRegistry snapshots,
            BootProfileRegistry profiles,
            ChunkStore chunks,
            ChunkIndex index) {
        this.images = images;
        this.snapshots = snapshots;
        this.profiles = profiles;
        this.chunks = chunks;
        this.index = index;
    }

    @Override
    public OrdinalSet get() {
        OrdinalSet found = new OrdinalSet();
        images.forEach(image -> addAll(image, found));
        return found;
    }

    private void addAll(RegisteredImage image, OrdinalSet found) {
        Optional<BootOrder> order = profiles.find(image.id()).map(each -> each.order());
        if (order.isEmpty() || order.get().size() == 0) {
            return;
        }
        snapshots.findRecorded(image.manifest().root().snapshot())
                .ifPresent(snapshot -> addAll(snapshot, order.get(), found));
    }

    private void addAll(Snapshot snapshot, BootOrder order, OrdinalSet found) {
        long[] positions = order.toArray();
        Arrays.sort(positions);
        Descent descent = new Descent(snapshot.domain(), snapshot.root());
        for (long position : positions) {
            long ordinal = descent.ordinalAt(position);
            if (ordinal != PageChildren.ABSENT) {
                found.add(ordinal);
            }
        }
    }

    /** Goes down one tree, and holds the last page of each level. */
    private final class Descent {
        private final TreeRoot tree;
        private final long top;
        private final long[] pages;
        private final PageChildren[] children;

        Descent(DomainId domain, TreeRoot tree) {
            this.tree = tree;
            OptionalLong place = tree.top().isAbsent()
                    ? OptionalLong.empty()
                    : chunks.ordinal(domain, ItemKey.of(tree.top()));
            this.top = place.orElse(PageChildren.ABSENT);
            this.pages = new long[tree.top().level() + 1];
            this.children = new PageChildren[pages.length];
            Arrays.fill(pages, PageChildren.ABSENT);
        }

        long ordinalAt(long position) {
            long at = top;
            for (int level = tree.top().level(); level >= 0 && at != PageChildren.ABSENT; level--) {
                if (pages[level] != at) {
                    pages[level] = at;
                    children[level] = index.children(at).orElse(null);
                }
                int slot = (int) (position >>> BITS_OF_LEVEL * level) & Page.CHILDREN - 1;
                at = children[level] == null ? PageChildren.ABSENT : children[level].ordinal(slot);
            }
            return at;
        }
    }
}
