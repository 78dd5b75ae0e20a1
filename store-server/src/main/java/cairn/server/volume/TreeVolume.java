package cairn.server.volume;

import static cairn.Fault.INVALID_REQUEST;
import static cairn.Fault.SHUTTING_DOWN;

import cairn.StoreException;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkId;
import cairn.server.storage.DomainId;
import cairn.server.storage.OpenTrees;
import cairn.tree.Page;
import cairn.tree.PageId;
import cairn.tree.Tree;
import cairn.tree.TreeRoot;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongConsumer;
import java.util.function.Supplier;

/** An unchanging tree seen as a disk. Pages and chunks come from caches that all volumes share. */
final class TreeVolume implements Volume {
    /** How many pages of level 0 one question about extents may look at. */
    private static final int EXTENT_LEAVES_MAX = 64;
    /** How much one hint may read ahead. */
    private static final long PREFETCH_BYTES_MAX = 8L << 20;
    /** Chunks that one thread loads in a row. */
    private static final int LOAD_CHUNKS = 16;
    /** Whoever has read so much in a row is taken for a sequential reader. */
    private static final long SEQUENTIAL_BYTES = 256 << 10;

    private static final ByteBuf ZEROS = Unpooled.unreleasableBuffer(UnpooledByteBufAllocator.DEFAULT
            .directBuffer(Chunk.SIZE_BYTES, Chunk.SIZE_BYTES)
            .writeZero(Chunk.SIZE_BYTES));

    private final DomainId domain;
    private final TreeRoot root;
    private final long sizeBytes;
    private final PageCache pages;
    private final ChunkCache chunks;
    private final Hints hints;
    private final LongConsumer touches;
    private final Runnable whenClosed;
    private final OpenTrees openTrees;
    private final OpenTrees.Tree tree;
    /** Whoever has it open, and what is under way. While there is any, the tree is {@linkplain OpenTrees open}. */
    private final AtomicInteger users = new AtomicInteger();
    private final AtomicBoolean isReleased = new AtomicBoolean();
    private volatile boolean isClosed;
    // How this volume has been read lately. Several readers may confuse each other here, which costs a guess, no more.
    private volatile long nextOffset;
    private volatile long sequentialBytes;
    private volatile long aheadOffset;
    private volatile long lastChunk = -1;

    /** A page of level 0, or the hole that is there instead: all that lies below an absent page. */
    private record Leaf(Page page, long holeEnd) {
        boolean isHole() {
            return page == null;
        }
    }

    /**
     * @param sizeBytes at least the tree's; what lies behind that is a hole
     * @param touches told the position of each chunk that is present and read from, by the reader's thread
     * @param whenClosed may be called more than once; does not block
     */
    TreeVolume(
            DomainId domain,
            TreeRoot root,
            long sizeBytes,
            PageCache pages,
            ChunkCache chunks,
            Hints hints,
            LongConsumer touches,
            Runnable whenClosed,
            OpenTrees openTrees) {
        this.openTrees = openTrees;
        this.tree = new OpenTrees.Tree(domain, root);
        this.touches = touches;
        this.whenClosed = whenClosed;
        this.hints = hints;
        this.domain = domain;
        this.root = root;
        this.sizeBytes = sizeBytes;
        this.pages = pages;
        this.chunks = chunks;
        enter();
    }

    private void enter() {
        if (users.getAndIncrement() == 0) {
            openTrees.begin(tree);
        }
    }

    private void leave() {
        if (users.decrementAndGet() == 0) {
            openTrees.end(tree);
        }
    }

    /** Begins something for which the tree stays open until it is done. */
    private <T> CompletableFuture<T> using(Supplier<CompletableFuture<T>> beginning) {
        enter();
        CompletableFuture<T> work = null;
        try {
            work = beginning.get();
            return work;
        } finally {
            if (work == null || work.isDone()) {
                leave();
            } else {
                work.whenComplete((done, failure) -> leave());
            }
        }
    }

    /** Whoever had it open needs it no more. What is being read is still read to its end. */
    void release() {
        if (isReleased.compareAndSet(false, true)) {
            leave();
        }
    }

    /** In which its pages and chunks are found. */
    DomainId domain() {
        return domain;
    }

    @Override
    public long sizeBytes() {
        return sizeBytes;
    }

    @Override
    public CompletableFuture<ByteBuf> read(long offset, int lengthBytes) {
        requireInside(offset, lengthBytes);
        if (isClosed) {
            return CompletableFuture.failedFuture(new StoreException(SHUTTING_DOWN, "the volume is closed"));
        }
        if (lengthBytes == 0) {
            return CompletableFuture.completedFuture(Unpooled.EMPTY_BUFFER);
        }
        readAhead(offset, lengthBytes);
        ByteBuf cached = readCached(offset, lengthBytes);
        return cached != null
                ? CompletableFuture.completedFuture(cached)
                : using(() -> readLoading(offset, lengthBytes));
    }

    /**
     * Hands over a range if all of it is cached, otherwise null. Most reads end here, so it makes no more than that.
     */
    private ByteBuf readCached(long offset, int lengthBytes) {
        Leaf leaf = cachedLeaf(offset);
        if (isInOneChunk(offset, lengthBytes)) {
            return leaf == null ? null : cachedPart(leaf, offset, lengthBytes);
        }
        CompositeByteBuf joined = joined(lengthBytes);
        long end = offset + lengthBytes;
        for (long at = offset; at < end; ) {
            int partBytes = partBytes(at, end);
            ByteBuf part = leaf == null ? null : cachedPart(leaf, at, partBytes);
            if (part == null) {
                joined.release();
                return null;
            }
            joined.addComponent(true, part);
            at += partBytes;
            if (at % Tree.LEAF_SPAN_BYTES == 0 && at < end) {
                leaf = cachedLeaf(at);
            }
        }
        return joined;
    }

    private static boolean isInOneChunk(long offset, int lengthBytes) {
        return offset / Chunk.SIZE_BYTES == (offset + lengthBytes - 1) / Chunk.SIZE_BYTES;
    }

    /** How much of a range lies in the chunk that its first byte is in. */
    private static int partBytes(long at, long end) {
        return (int) Math.min(end - at, Chunk.SIZE_BYTES - at % Chunk.SIZE_BYTES);
    }

    private static CompositeByteBuf joined(int lengthBytes) {
        return UnpooledByteBufAllocator.DEFAULT.compositeDirectBuffer(lengthBytes / Chunk.SIZE_BYTES + 2);
    }

    /** Hands over what lies inside one chunk if that is cached, otherwise null. */
    private ByteBuf cachedPart(Leaf leaf, long offset, int lengthBytes) {
        int slot = slotOf(offset, 0);
        if (leaf.isHole() || leaf.page.isAbsent(slot)) {
            return ZEROS.slice(0, lengthBytes);
        }
        long position = offset / Chunk.SIZE_BYTES;
        // Whoever reads a chunk piece by piece uses it once. Otherwise a scan in small steps would make each chunk of a
        // disk look more wanted than those of many boots.
        boolean isUse = position != lastChunk;
        ByteBuf chunk = chunks.getIfCached(leaf.page.chunk(slot), isUse);
        if (isUse) {
            lastChunk = position;
        }
        if (chunk == null) {
            return null;
        }
        touches.accept(position);
        return part(chunk, (int) (offset % Chunk.SIZE_BYTES), lengthBytes);
    }

    private CompletableFuture<ByteBuf> readLoading(long offset, int lengthBytes) {
        if (isInOneChunk(offset, lengthBytes)) {
            return readPart(offset, lengthBytes);
        }
        List<CompletableFuture<ByteBuf>> parts = new ArrayList<>(lengthBytes / Chunk.SIZE_BYTES + 2);
        long end = offset + lengthBytes;
        load(offset, end, false);
        for (long at = offset; at < end; ) {
            int partBytes = partBytes(at, end);
            parts.add(readPart(at, partBytes));
            at += partBytes;
        }
        return join(parts, lengthBytes);
    }

    /** Reads inside one chunk. */
    private CompletableFuture<ByteBuf> readPart(long offset, int lengthBytes) {
        int at = (int) (offset % Chunk.SIZE_BYTES);
        return leaf(offset).thenCompose(leaf -> {
            ChunkId id = leaf.isHole() ? ChunkId.ABSENT : leaf.page.chunk(slotOf(offset, 0));
            if (id.isAbsent()) {
                return CompletableFuture.completedFuture(ZEROS.slice(0, lengthBytes));
            }
            touches.accept(offset / Chunk.SIZE_BYTES);
            return chunks.get(domain, id).thenApply(chunk -> part(chunk, at, lengthBytes));
        });
    }

    /**
     * Takes a chunk and hands over a part of it. A short one is copied: a few bytes on their way to a slow reader are
     * not to hold a whole chunk.
     */
    private static ByteBuf part(ByteBuf chunk, int at, int lengthBytes) {
        if (lengthBytes > COPIED_BYTES_MAX) {
            return chunk.slice(at, lengthBytes);
        }
        try {
            return ByteBufAllocator.DEFAULT.directBuffer(lengthBytes, lengthBytes).writeBytes(chunk, at, lengthBytes);
        } finally {
            chunk.release();
        }
    }

    /** Joins parts without copying them; releases those that came if another did not. */
    private static CompletableFuture<ByteBuf> join(List<CompletableFuture<ByteBuf>> parts, int lengthBytes) {
        CompletableFuture<?>[] all = parts.toArray(CompletableFuture<?>[]::new);
        return CompletableFuture.allOf(all).handle((done, failure) -> {
            if (failure != null) {
                parts.forEach(part -> part.thenAccept(ByteBuf::release));
                throw failure instanceof RuntimeException e ? e : new IllegalStateException(failure);
            }
            CompositeByteBuf joined = joined(lengthBytes);
            parts.forEach(part -> joined.addComponent(true, part.join()));
            return joined;
        });
    }

    /** The leaf that covers a byte. */
    private CompletableFuture<Leaf> leaf(long offset) {
        Leaf cached = cachedLeaf(offset);
        return cached != null ? CompletableFuture.completedFuture(cached) : descend(root.top(), offset);
    }

    /** The leaf that covers a byte if all pages on the way there are cached, otherwise null. */
    private Leaf cachedLeaf(long offset) {
        if (offset >= Tree.spanBytes(root.top().level())) {
            return new Leaf(null, sizeBytes);
        }
        PageId id = root.top();
        while (!id.isAbsent()) {
            Page page = pages.getIfCached(id);
            if (page == null) {
                return null;
            }
            if (page.level() == 0) {
                return new Leaf(page, 0);
            }
            id = page.page(slotOf(offset, page.level()));
        }
        return hole(id, offset);
    }

    private CompletableFuture<Leaf> descend(PageId id, long offset) {
        if (id.isAbsent()) {
            return CompletableFuture.completedFuture(hole(id, offset));
        }
        return pages.get(domain, id).thenCompose(page -> page.level() == 0
                ? CompletableFuture.completedFuture(new Leaf(page, 0))
                : descend(page.page(slotOf(offset, page.level())), offset));
    }

    /** What is there instead of an absent page. */
    private Leaf hole(PageId absent, long offset) {
        long span = Tree.spanBytes(absent.level());
        return new Leaf(null, Math.min(sizeBytes, (offset / span + 1) * span));
    }

    private static int slotOf(long offset, int level) {
        return (int) (offset / (Tree.spanBytes(level) / Page.CHILDREN)) & Page.CHILDREN - 1;
    }

    @Override
    public CompletableFuture<List<Extent>> extents(long offset, long lengthBytes) {
        requireInside(offset, lengthBytes);
        if (lengthBytes == 0) {
            throw new StoreException(INVALID_REQUEST, "a question about no bytes at " + offset);
        }
        return using(() -> new ExtentWalk(offset, offset + lengthBytes).go());
    }

    /** Collects extents leaf by leaf, on the caller's thread as long as pages are cached. */
    private final class ExtentWalk {
        private final List<Extent> extents = new ArrayList<>();
        private final long end;
        private long at;
        private int leaves;

        ExtentWalk(long offset, long end) {
            this.at = offset;
            this.end = end;
        }

        CompletableFuture<List<Extent>> go() {
            while (at < end && leaves < EXTENT_LEAVES_MAX) {
                CompletableFuture<Leaf> next = leaf(at);
                if (!next.isDone() || next.isCompletedExceptionally()) {
                    return next.thenCompose(leaf -> {
                        add(leaf);
                        return go();
                    });
                }
                add(next.join());
            }
            return CompletableFuture.completedFuture(extents);
        }

        private void add(Leaf leaf) {
            leaves++;
            if (leaf.isHole()) {
                add(leaf.holeEnd, true);
                return;
            }
            long leafEnd = (at / Tree.LEAF_SPAN_BYTES + 1) * Tree.LEAF_SPAN_BYTES;
            while (at < Math.min(end, leafEnd)) {
                add((at / Chunk.SIZE_BYTES + 1) * Chunk.SIZE_BYTES, leaf.page.isAbsent(slotOf(at, 0)));
            }
        }

        private void add(long until, boolean isHole) {
            long lengthBytes = Math.min(until, end) - at;
            int last = extents.size() - 1;
            if (last >= 0 && extents.get(last).isHole() == isHole) {
                extents.set(last, new Extent(extents.get(last).lengthBytes() + lengthBytes, extents.get(last).content()));
            } else {
                extents.add(new Extent(lengthBytes, isHole ? Content.HOLE : Content.DATA));
            }
            at += lengthBytes;
        }
    }

    @Override
    public void prefetch(long offset, long lengthBytes) {
        long from = Math.max(0, offset);
        load(from, Math.min(sizeBytes, from + Math.min(lengthBytes, PREFETCH_BYTES_MAX)), true);
    }

    /** Keeps chunks coming ahead of a sequential reader, half of the distance at a time. */
    private void readAhead(long offset, int lengthBytes) {
        boolean isSequential = offset == nextOffset;
        long end = offset + lengthBytes;
        nextOffset = end;
        sequentialBytes = isSequential ? sequentialBytes + lengthBytes : 0;
        if (sequentialBytes < SEQUENTIAL_BYTES) {
            aheadOffset = end;
            return;
        }
        long from = Math.max(end, aheadOffset);
        long until = Math.min(sizeBytes, end + hints.readAheadBytes());
        if (until - from >= hints.readAheadBytes() / 2) {
            aheadOffset = until;
            load(from, until, true);
        }
    }

    /**
     * Starts loading what is missing of a range, neighbours together. Failures are for whoever reads the range.
     *
     * @param isHint nobody has asked for it yet, so it is dropped where too much of that kind is under way
     */
    private void load(long offset, long end, boolean isHint) {
        for (long at = offset; at < end && !isClosed; ) {
            long from = at;
            long leafEnd = Math.min(end, (at / Tree.LEAF_SPAN_BYTES + 1) * Tree.LEAF_SPAN_BYTES);
            int chunkCount = (int) (Chunk.count(leafEnd) - from / Chunk.SIZE_BYTES);
            if (!isHint) {
                load(from, leafEnd, () -> {});
            } else if (hints.tryTake(chunkCount)) {
                load(from, leafEnd, () -> hints.giveBack(chunkCount));
            } else {
                return;
            }
            at = leafEnd;
        }
    }

    /** @param done called once, when all of it has ended */
    private void load(long offset, long leafEnd, Runnable done) {
        enter();
        leaf(offset).handle((leaf, failure) -> {
            load(failure == null ? leaf : new Leaf(null, leafEnd), offset, leafEnd, () -> {
                leave();
                done.run();
            });
            return null;
        });
    }

    /** @param done called once, when all of it has ended */
    private void load(Leaf leaf, long offset, long end, Runnable done) {
        List<List<ChunkId>> groups = new ArrayList<>();
        for (long at = offset - offset % Chunk.SIZE_BYTES; !leaf.isHole() && at < end; at += Chunk.SIZE_BYTES) {
            if (leaf.page.isAbsent(slotOf(at, 0))) {
                continue;
            }
            if (groups.isEmpty() || groups.get(groups.size() - 1).size() == LOAD_CHUNKS) {
                groups.add(new ArrayList<>(LOAD_CHUNKS));
            }
            groups.get(groups.size() - 1).add(leaf.page.chunk(slotOf(at, 0)));
        }
        if (groups.isEmpty()) {
            done.run();
            return;
        }
        AtomicInteger left = new AtomicInteger(groups.size());
        for (List<ChunkId> group : groups) {
            chunks.load(domain, group, () -> {
                if (left.decrementAndGet() == 0) {
                    done.run();
                }
            });
        }
    }

    @Override
    public void close() {
        isClosed = true;
        release();
        whenClosed.run();
    }

    private void requireInside(long offset, long lengthBytes) {
        if (offset < 0 || lengthBytes < 0 || lengthBytes > sizeBytes - offset) {
            throw new StoreException(
                    INVALID_REQUEST,
                    lengthBytes + " bytes at " + offset + " do not lie inside a volume of " + sizeBytes + " bytes");
        }
    }
}
