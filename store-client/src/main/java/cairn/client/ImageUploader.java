package cairn.client;

import cairn.Digest;
import cairn.Fault;
import cairn.StoreException;
import cairn.api.ItemBatch;
import cairn.api.Messages;
import cairn.api.Missing;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkCodec;
import cairn.chunk.ChunkId;
import cairn.chunk.Codec;
import cairn.disk.DiskSource;
import cairn.image.BootMode;
import cairn.image.ImageId;
import cairn.image.NewImage;
import cairn.tree.Page;
import cairn.tree.PageId;
import cairn.tree.TreeRoot;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.LongAdder;

/**
 * Uploads a disk and registers it as an image, sending only the chunks that the store lacks.
 *
 * <p>Workers take the disk's 16 MiB windows in order; holes are not read, and everything else is read once. A worker
 * names its window's chunks, asks whether the store has the page that names them, and if not which of them are
 * missing, packs those and sends them, then the page. The pages above follow at the end, then the commit. Memory is the
 * number of workers times a window and a batch. What an upload that fails has sent stays in the store for a while, so
 * that the next one sends the rest.
 */
public final class ImageUploader {
    /** Longer batches gain nothing, and keep a worker's packing and the network from overlapping. */
    private static final int BATCH_BYTES = 4 << 20;

    private static final int CHUNK_SCRATCH_BYTES = ChunkCodec.scratchBytes(Chunk.SIZE_BYTES);
    private static final int PAGE_SCRATCH_BYTES = ChunkCodec.scratchBytes(Page.SIZE_BYTES);
    /** How often a window is asked for whose chunks the store loses while it is sent. */
    private static final int ASKS_MAX = 3;
    /** Pages above level 0 that wait to be sent together. */
    private static final int UPPER_PAGES_MAX = 64;

    private final StoreClient client;
    private final Settings settings;

    /**
     * How to work.
     *
     * @param workers threads, each with some 20 MiB in its hands
     * @param codec how chunks are packed
     */
    public record Settings(int workers, Codec codec, Retry retry) {
        public Settings {
            if (workers < 1 || workers > Crew.WORKERS_MAX) {
                throw new StoreException(
                        Fault.INVALID_REQUEST, "workers are 1 to " + Crew.WORKERS_MAX + ", not " + workers);
            }
        }

        /** Two more workers than cores, LZ4. */
        public static Settings usual() {
            return new Settings(Crew.usualWorkers(), Codec.LZ4, Retry.usual());
        }

        public Settings withWorkers(int newWorkers) {
            return new Settings(newWorkers, codec, retry);
        }

        public Settings withCodec(Codec newCodec) {
            return new Settings(workers, newCodec, retry);
        }
    }

    /**
     * An image, and what it took.
     *
     * @param dataBytes read from the disk; the rest are holes
     * @param chunks that are not all zero, each as often as the disk has it
     * @param chunksSent that the store lacked
     * @param sentBytes of packed items with their headers
     */
    public record Result(
            Messages.Image image,
            long logicalBytes,
            long dataBytes,
            long chunks,
            long chunksSent,
            long sentBytes,
            Duration duration) {
        /** Chunks that did not have to be sent. */
        public long chunksKnown() {
            return chunks - chunksSent;
        }
    }

    public ImageUploader(StoreClient client) {
        this(client, Settings.usual());
    }

    public ImageUploader(StoreClient client, Settings settings) {
        this.client = client;
        this.settings = settings;
    }

    /**
     * Uploads and registers a disk, which stays open. The first failure stops everything.
     *
     * @throws StoreException CONFLICT if the disk was changed meanwhile, or the name is taken
     */
    public Result upload(DiskSource disk, NewImage wanted, TransferProgress progress) {
        long startNanos = System.nanoTime();
        Messages.Upload upload = client.startUpload(new Messages.StartUpload(
                disk.sizeBytes(),
                wanted.name().value(),
                wanted.parent().map(ImageId::value).orElse(null)));
        Push push = new Push(upload.id(), disk, progress);
        TreeRoot root = push.send();
        disk.requireUnchanged();
        Messages.Image image = commit(upload.id(), root, wanted);
        return new Result(
                image,
                disk.sizeBytes(),
                push.readBytes.sum(),
                push.chunks.sum(),
                push.chunksSent.sum(),
                push.sentBytes.sum(),
                Duration.ofNanos(System.nanoTime() - startNanos));
    }

    /** Not repeated: whether a commit whose answer was lost took place, only the user can tell. */
    private Messages.Image commit(String uploadId, TreeRoot root, NewImage wanted) {
        Messages.CommitUpload request = new Messages.CommitUpload(
                root.top().digest().toString(),
                root.digest().toString(),
                wanted.name().value(),
                wanted.description(),
                wanted.architecture().label(),
                wanted.bootMode().map(BootMode::label).orElse(null),
                wanted.parent().map(ImageId::value).orElse(null),
                wanted.tags());
        try {
            return client.commit(uploadId, request);
        } catch (StoreException e) {
            if (e.fault() == Fault.UNAVAILABLE) {
                throw new StoreException(
                        e.fault(),
                        e.getMessage() + " (this was the last step: `cairn images` says whether \""
                                + wanted.name() + "\" exists; if not, push again, everything else was sent)",
                        e);
            }
            abandon(uploadId);
            throw e;
        }
    }

    /** The store has refused the image, so this upload will not be gone on with. */
    private void abandon(String uploadId) {
        try {
            client.abandonUpload(uploadId);
        } catch (StoreException e) {
            // Why the image was refused is what the user must know; the store ends uploads by itself in time.
        }
    }

    /** What a worker has in its hands. */
    private static final class Workspace {
        final LeafWindow window = new LeafWindow();
        final ItemBatch.Writer batch = new ItemBatch.Writer(BATCH_BYTES);
    }

    /** One upload on its way. */
    private final class Push {
        final LongAdder readBytes = new LongAdder();
        final LongAdder chunks = new LongAdder();
        final LongAdder chunksSent = new LongAdder();
        final LongAdder sentBytes = new LongAdder();

        private final String uploadId;
        private final DiskSource disk;
        private final TransferProgress progress;
        private final long totalBytes;
        private final Queue<Workspace> workspaces = new ConcurrentLinkedQueue<>();
        private final OrderedTree tree;
        private final List<Page> upper = new ArrayList<>();
        /**
         * Whether to ask by a page's id before asking with its 8 KiB. Disks are alike, and unlike, over long runs of
         * pages, so the last answer tells: a disk that is new pays a small question for each worker, and one that is
         * known for nothing else.
         */
        private volatile boolean isKnownLikely = true;
        private volatile boolean isKnownRefused;

        Push(String uploadId, DiskSource disk, TransferProgress progress) {
            this.uploadId = uploadId;
            this.disk = disk;
            this.progress = progress;
            this.totalBytes = LeafWindow.dataBytes(disk);
            this.tree = new OrderedTree(disk.sizeBytes(), this::addUpper);
        }

        TreeRoot send() {
            report();
            long[] turns = {0};
            try (Crew crew = new Crew("push", settings.workers)) {
                LeafWindow.forEach(disk, leafIndex -> {
                    long turn = turns[0]++;
                    crew.submit(() -> sendWindow(turn, leafIndex));
                });
                crew.finish();
            }
            TreeRoot root = tree.finish();
            sendUpper();
            report();
            return root;
        }

        private void sendWindow(long turn, long leafIndex) {
            Workspace free = workspaces.poll();
            Workspace space = free == null ? new Workspace() : free;
            long windowBytes = space.window.read(disk, leafIndex);
            Optional<Page> leaf = space.window.page();
            leaf.ifPresent(page -> sendMissing(space, page));
            tree.put(turn, leafIndex, leaf.map(Page::id).orElse(new PageId(0, Digest.ZERO)));
            workspaces.add(space);
            readBytes.add(windowBytes);
            report();
        }

        private void sendMissing(Workspace space, Page leaf) {
            chunks.add(presentIn(leaf));
            for (int asks = 1; ; asks++) {
                try {
                    askAndSend(space, leaf);
                    return;
                } catch (StoreException e) {
                    // The store had a chunk when it was asked, and has found it damaged since: now it wants it.
                    if (e.fault() != Fault.CONFLICT || asks == ASKS_MAX) {
                        throw e;
                    }
                    space.batch.clear();
                }
            }
        }

        private void askAndSend(Workspace space, Page leaf) {
            if (isKnownLikely && isKnown(leaf.id())) {
                return;
            }
            Missing missing = settings.retry.call(() -> client.ask(uploadId, List.of(leaf)).get(0));
            isKnownLikely = missing.isPageKnown() && !isKnownRefused;
            if (missing.isPageKnown()) {
                return;
            }
            Set<ChunkId> packed = new HashSet<>();
            for (int slot = 0; slot < Page.CHILDREN; slot++) {
                if (missing.chunks().get(slot) && !leaf.isAbsent(slot) && packed.add(leaf.chunk(slot))) {
                    pack(space.batch, ItemBatch.CHUNK_KIND, leaf.child(slot), space.window.plain(),
                            slot * Chunk.SIZE_BYTES, Chunk.SIZE_BYTES, CHUNK_SCRATCH_BYTES);
                }
            }
            // Behind its chunks in the same batch: the server takes items in their order.
            pack(space.batch, leaf);
            chunksSent.add(packed.size());
            flush(space.batch);
        }

        private boolean isKnown(PageId leaf) {
            try {
                return settings.retry.call(() -> client.known(uploadId, List.of(leaf))).get(0);
            } catch (StoreException e) {
                if (e.fault() != Fault.NOT_FOUND) {
                    throw e;
                }
                // A store that is older than this question. If it is the upload that is gone, the next one tells.
                isKnownRefused = true;
                return false;
            }
        }

        private long presentIn(Page leaf) {
            long present = 0;
            for (int slot = 0; slot < Page.CHILDREN; slot++) {
                present += leaf.isAbsent(slot) ? 0 : 1;
            }
            return present;
        }

        /** Called in the tree's turn, one at a time, when everything below the page has been sent. */
        private void addUpper(Page page) {
            upper.add(page);
            if (upper.size() == UPPER_PAGES_MAX) {
                sendUpper();
            }
        }

        private void sendUpper() {
            if (upper.isEmpty()) {
                return;
            }
            ItemBatch.Writer batch = new ItemBatch.Writer(
                    ItemBatch.HEADER_BYTES + UPPER_PAGES_MAX * (ItemBatch.ITEM_HEADER_BYTES + PAGE_SCRATCH_BYTES));
            upper.forEach(page -> pack(batch, page));
            flush(batch);
            upper.clear();
        }

        private void pack(ItemBatch.Writer batch, Page page) {
            pack(batch, ItemBatch.CHUNK_KIND + 1 + page.level(), page.id().digest(), page.toBytes(), 0,
                    Page.SIZE_BYTES, PAGE_SCRATCH_BYTES);
        }

        /** Packs an item in the batch's own memory; sends the batch first if it is full. */
        private void pack(
                ItemBatch.Writer batch, int kind, Digest id, byte[] plain, int offset, int plainBytes, int scratchBytes) {
            if (!batch.fits(scratchBytes)) {
                flush(batch);
            }
            int packedBytes =
                    ChunkCodec.pack(settings.codec, plain, offset, plainBytes, batch.array(), batch.bodyOffset());
            batch.added(kind, id, packedBytes);
        }

        private void flush(ItemBatch.Writer batch) {
            if (batch.items() == 0) {
                return;
            }
            byte[] bytes = batch.finish();
            settings.retry.run(() -> client.sendItems(uploadId, bytes, batch.lengthBytes()));
            sentBytes.add(batch.lengthBytes());
            batch.clear();
            report();
        }

        private void report() {
            synchronized (progress) {
                progress.update(readBytes.sum(), totalBytes, sentBytes.sum());
            }
        }
    }
}
