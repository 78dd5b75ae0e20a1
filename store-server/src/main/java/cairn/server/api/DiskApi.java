package cairn.server.api;

import static cairn.Fault.INVALID_REQUEST;

import cairn.api.Api;
import cairn.api.ItemBatch;
import cairn.api.Messages.Diff;
import cairn.api.Messages.ExportUri;
import cairn.api.Messages.Range;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkId;
import cairn.image.VolumeId;
import cairn.server.account.Access.Right;
import cairn.server.account.Caller;
import cairn.server.http.HttpCall;
import cairn.server.http.HttpReply;
import cairn.server.image.Disk;
import cairn.server.image.ImageRegistry;
import cairn.server.image.VolumeRegistry;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.ItemKey;
import cairn.server.storage.OpenTrees;
import cairn.server.storage.StoredPages;
import cairn.StoreException;
import cairn.tree.PageId;
import cairn.tree.PageSource;
import cairn.tree.Tree;
import cairn.tree.TreeDiff;
import cairn.tree.TreeReader;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/** Answers what is on the disks: by position, never by digest, so that nobody fetches what was never theirs. */
public final class DiskApi {
    /** Pages of each side that one answer may take; whoever asks goes on from where it stopped. */
    private static final int DIFF_PAGE_PAIRS_MAX = 4096;

    private final ImageRegistry images;
    private final VolumeRegistry volumes;
    private final ChunkStore chunks;
    private final ExportUris exports;

    /** Tells how an export that somebody may read is opened. */
    @FunctionalInterface
    public interface ExportUris {
        /** @param host by which the asker has reached this server, with its port */
        ExportUri of(Caller caller, String id, String host);
    }

    public DiskApi(ImageRegistry images, VolumeRegistry volumes, ChunkStore chunks, ExportUris exports) {
        this.images = images;
        this.volumes = volumes;
        this.chunks = chunks;
        this.exports = exports;
    }

    HttpReply pages(HttpCall call, String id) {
        call.requireOnly("level", "from", "count");
        return reading(call, id, disk -> pages(call, disk));
    }

    /** The disk stays, whatever becomes of its image meanwhile. */
    private <T> T reading(HttpCall call, String id, Function<Disk, T> action) {
        return chunks.openTrees().reading(
                () -> images.disk(call.caller(), Right.READ, id),
                disk -> new OpenTrees.Tree(disk.domain(), disk.root()),
                action);
    }

    private HttpReply pages(HttpCall call, Disk disk) {
        int topLevel = disk.root().top().level();
        int level = (int) call.readNumber("level", topLevel);
        long pageCount = Tree.pageCount(disk.root().sizeBytes(), level);
        long from = call.readNumber("from", pageCount);
        long end = Math.min(pageCount, from + readCount(call));
        TreeReader tree = reader(disk);
        Set<ItemKey> wanted = new LinkedHashSet<>();
        for (long index = from; index < end; index++) {
            PageId page = tree.pageAt(level, index);
            if (!page.isAbsent()) {
                wanted.add(ItemKey.of(page));
            }
        }
        return batch(disk, wanted);
    }

    HttpReply chunks(HttpCall call, String id) {
        call.requireOnly("from", "count");
        return reading(call, id, disk -> chunks(call, disk));
    }

    private HttpReply chunks(HttpCall call, Disk disk) {
        long chunkCount = Chunk.count(disk.root().sizeBytes());
        long from = call.readNumber("from", chunkCount);
        long end = Math.min(chunkCount, from + readCount(call));
        Set<ItemKey> wanted = new LinkedHashSet<>();
        reader(disk).forEachChunk(from, end, (index, chunk) -> wanted.add(ItemKey.of(chunk)));
        return batch(disk, wanted);
    }

    private static int readCount(HttpCall call) {
        return (int) call.readNumber("count", Api.READ_ITEMS_MAX);
    }

    private TreeReader reader(Disk disk) {
        return new TreeReader(disk.root(), new StoredPages(chunks, disk.domain()));
    }

    private HttpReply batch(Disk disk, Set<ItemKey> wanted) {
        Map<ItemKey, byte[]> found = new LinkedHashMap<>();
        chunks.readAll(disk.domain(), wanted, found::put);
        int batchBytes = ItemBatch.HEADER_BYTES + found.size() * ItemBatch.ITEM_HEADER_BYTES
                + found.values().stream().mapToInt(packed -> packed.length).sum();
        ItemBatch.Writer batch = new ItemBatch.Writer(batchBytes);
        found.forEach((key, packed) -> batch.add(key.kind(), key.digest(), packed));
        return ApiDoor.binary(batch.finish());
    }

    HttpReply diff(HttpCall call) {
        call.requireOnly("first", "second", "offset");
        String first = call.read("first");
        String second = call.read("second");
        return reading(call, first, one -> reading(call, second, other -> diff(call, first, one, second, other)));
    }

    private HttpReply diff(HttpCall call, String first, Disk one, String second, Disk other) {
        long sizeBytes = Math.max(one.root().sizeBytes(), other.root().sizeBytes());
        long from = call.find("offset").isEmpty() ? 0 : call.readNumber("offset", sizeBytes);
        Ranges ranges = new Ranges(sizeBytes);
        TreeDiff.visit(one.root(), other.root(), pagesOf(one, other), from / Chunk.SIZE_BYTES, ranges);
        return ApiDoor.json(new Diff(first, second, ranges.ranges, ranges.next));
    }

    /** Pages of either disk, which may lie in different domains. */
    private PageSource pagesOf(Disk one, Disk other) {
        StoredPages first = new StoredPages(chunks, one.domain());
        if (one.domain().equals(other.domain())) {
            return first;
        }
        StoredPages second = new StoredPages(chunks, other.domain());
        return id -> chunks.isReadable(one.domain(), ItemKey.of(id)) ? first.read(id) : second.read(id);
    }

    /** Joins chunks that differ to ranges: so many and no more, from no more than so many pages. */
    private static final class Ranges implements TreeDiff.BoundedVisitor {
        private final List<Range> ranges = new ArrayList<>();
        private final long sizeBytes;
        private int pagePairs;
        private Long next;

        Ranges(long sizeBytes) {
            this.sizeBytes = sizeBytes;
        }

        @Override
        public boolean enter(long chunkIndex) {
            if (pagePairs++ < DIFF_PAGE_PAIRS_MAX) {
                return true;
            }
            next = chunkIndex * Chunk.SIZE_BYTES;
            return false;
        }

        @Override
        public boolean visit(long chunkIndex, ChunkId first, ChunkId second) {
            long offset = chunkIndex * Chunk.SIZE_BYTES;
            long lengthBytes = Math.min(Chunk.SIZE_BYTES, sizeBytes - offset);
            Range last = ranges.isEmpty() ? null : ranges.get(ranges.size() - 1);
            if (last != null && last.offset() + last.lengthBytes() == offset) {
                ranges.set(ranges.size() - 1, new Range(last.offset(), last.lengthBytes() + lengthBytes));
            } else if (ranges.size() == Api.DIFF_RANGES_MAX) {
                next = offset;
                return false;
            } else {
                ranges.add(new Range(offset, lengthBytes));
            }
            return true;
        }
    }

    HttpReply export(HttpCall call, String id) {
        call.requireOnly();
        if (call.body().length > 0) {
            throw new StoreException(INVALID_REQUEST, "an export is asked for without a body");
        }
        if (id.startsWith(VolumeId.PREFIX)) {
            volumes.read(call.caller(), Right.READ, new VolumeId(id));
        } else {
            images.disk(call.caller(), Right.READ, id);
        }
        return ApiDoor.json(exports.of(call.caller(), id, call.host()));
    }
}
