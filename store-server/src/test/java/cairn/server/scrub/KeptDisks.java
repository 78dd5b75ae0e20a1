package cairn.server.scrub;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import cairn.Fault;
import cairn.StoreException;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkCodec;
import cairn.image.AccountId;
import cairn.server.gc.Root;
import cairn.server.gc.Roots;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.server.storage.SegmentStore;
import cairn.server.storage.SegmentStore.Extent;
import cairn.server.storage.StoredPages;
import cairn.server.storage.TestDisk;
import cairn.server.storage.rocks.RocksStorage;
import cairn.tree.Page;
import cairn.tree.PageId;
import cairn.tree.Tree;
import cairn.tree.TreeRoot;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.LongConsumer;
import java.util.function.LongPredicate;

/** Disks in a store, and what a test wants to know of them. */
final class KeptDisks {
    private final List<Kept> all = new ArrayList<>();

    private record Kept(DomainId domain, TestDisk disk, TreeRoot tree) {}

    /** What was read. @param chunks whose bytes are right @param failures what could not be read */
    record Reading(long chunks, long failures) {}

    TreeRoot put(ChunkStore chunks, DomainId domain, TestDisk disk) {
        TreeRoot tree = disk.put(chunks, domain);
        all.add(new Kept(domain, disk, tree));
        return tree;
    }

    /** Brings them all once more. */
    void putAgain(ChunkStore chunks) {
        all.forEach(kept -> kept.disk.put(chunks, kept.domain));
    }

    Roots roots() {
        return (trees, pending) -> {
            for (int i = 0; i < all.size(); i++) {
                trees.accept(new Root(
                        Root.Kind.SNAPSHOT,
                        "snap-" + i,
                        Optional.of(new AccountId("000000000001")),
                        all.get(i).domain,
                        all.get(i).tree));
            }
        };
    }

    Fsck fsck(RocksStorage storage, LongConsumer progress) {
        return new Fsck(
                new Fsck.Parts(
                        storage, roots(), ImageFacts.NONE, storage.files(), storage.indexMaking(), Clock.systemUTC()),
                progress);
    }

    /** Packs everything that is not yet as small as may be, without what is dead. */
    static void settle(SegmentStore segments, LongPredicate isLive) {
        List<Extent> unsettled =
                segments.extents().stream().filter(extent -> !extent.isSettled()).toList();
        segments.rewrite(unsettled, new SegmentStore.Rewriting() {
            @Override
            public boolean isLive(long ordinal) {
                return isLive.test(ordinal);
            }

            @Override
            public boolean isQuick(long ordinal) {
                return ordinal % 5 == 0;
            }

            @Override
            public boolean isSettling() {
                return true;
            }

            @Override
            public void used(long bytes) {}
        });
    }

    /** Reads every byte of every disk: each is right, or said to be damaged. */
    Reading readAll(ChunkStore chunks) {
        long[] counts = new long[2];
        all.forEach(kept -> read(chunks, kept, kept.tree.top(), 0, counts));
        return new Reading(counts[0], counts[1]);
    }

    private static void read(ChunkStore chunks, Kept kept, PageId id, long offset, long[] counts) {
        Page page;
        try {
            page = new StoredPages(chunks, kept.domain).read(id);
        } catch (StoreException e) {
            assertEquals(Fault.CORRUPT, e.fault(), e.getMessage());
            counts[1]++;
            return;
        }
        long childBytes = page.level() == 0 ? Chunk.SIZE_BYTES : Tree.spanBytes(page.level() - 1);
        for (int slot = 0; slot < Page.CHILDREN; slot++) {
            long at = offset + slot * childBytes;
            if (page.level() == 0) {
                assertChunk(chunks, kept, page, slot, at, counts);
            } else if (!page.isAbsent(slot)) {
                read(chunks, kept, page.page(slot), at, counts);
            }
        }
    }

    private static void assertChunk(ChunkStore chunks, Kept kept, Page page, int slot, long at, long[] counts) {
        if (at >= kept.disk.sizeBytes()) {
            return;
        }
        assertEquals(kept.disk.isHole(at), page.isAbsent(slot));
        if (page.isAbsent(slot)) {
            return;
        }
        try {
            byte[] packed = chunks.read(kept.domain, ItemKey.of(page.chunk(slot)));
            byte[] plain = new byte[Chunk.SIZE_BYTES];
            ChunkCodec.unpack(packed, 0, packed.length, plain, 0, Chunk.SIZE_BYTES);
            assertArrayEquals(kept.disk.bytes(at, Chunk.SIZE_BYTES), plain, "other bytes at " + at);
            counts[0]++;
        } catch (StoreException e) {
            assertEquals(Fault.CORRUPT, e.fault(), e.getMessage());
            counts[1]++;
        }
    }
}
