package cairn.client;

import cairn.Fault;
import cairn.StoreException;
import cairn.chunk.Chunk;
import cairn.tree.RootDigest;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.LongAdder;

/**
 * Brings a disk back as a sparse raw file. Every page and chunk is proven by its id, and the top page by the root
 * digest, before anything that hangs from it is used; the file gets its name only when it is whole.
 */
public final class ImageDownloader {
    private final StoreClient client;
    private final Settings settings;

    /** @param workers threads, each with one request in flight and some 4 MiB in its hands */
    public record Settings(int workers, Retry retry) {
        public Settings {
            if (workers < 1 || workers > Crew.WORKERS_MAX) {
                throw new StoreException(
                        Fault.INVALID_REQUEST, "workers are 1 to " + Crew.WORKERS_MAX + ", not " + workers);
            }
        }

        public static Settings usual() {
            return new Settings(Crew.usualWorkers(), Retry.usual());
        }
    }

    /**
     * A disk that was brought back.
     *
     * @param dataBytes written; the rest are holes
     * @param receivedBytes over the network, as packed items with their headers
     */
    public record Result(
            DiskId id, RootDigest rootDigest, long logicalBytes, long dataBytes, long receivedBytes, Duration duration) {}

    public ImageDownloader(StoreClient client) {
        this(client, Settings.usual());
    }

    public ImageDownloader(StoreClient client, Settings settings) {
        this.client = client;
        this.settings = settings;
    }

    /**
     * Writes a disk to a file.
     *
     * @param mayReplace whether a file that is there already gives way
     * @throws StoreException CONFLICT if it may not; CORRUPT for anything that does not prove
     */
    public Result download(DiskId id, Path target, boolean mayReplace, TransferProgress progress) {
        long startNanos = System.nanoTime();
        RemoteDisk disk = RemoteDisk.open(client, settings.retry, id);
        long sizeBytes = disk.root().sizeBytes();
        Pull pull = new Pull(disk, progress);
        try (SparseFile file = SparseFile.create(target, sizeBytes, mayReplace)) {
            pull.receive(file);
            file.seal();
        }
        return new Result(
                id,
                disk.root().digest(),
                sizeBytes,
                pull.dataBytes.sum(),
                pull.receivedBytes.sum(),
                Duration.ofNanos(System.nanoTime() - startNanos));
    }

    /** One download on its way. */
    private final class Pull {
        final LongAdder dataBytes = new LongAdder();
        final LongAdder receivedBytes = new LongAdder();

        private final RemoteDisk disk;
        private final long sizeBytes;
        private final TransferProgress progress;
        private final Queue<RemoteDisk.Workspace> workspaces = new ConcurrentLinkedQueue<>();
        private long reachedBytes;

        Pull(RemoteDisk disk, TransferProgress progress) {
            this.disk = disk;
            this.sizeBytes = disk.root().sizeBytes();
            this.progress = progress;
        }

        void receive(SparseFile file) {
            try (Crew crew = new Crew("pull", settings.workers)) {
                disk.forEachGroup(group -> crew.submit(() -> receive(group, file)));
                crew.finish();
            }
            report(sizeBytes);
        }

        private void receive(RemoteDisk.Group group, SparseFile file) {
            RemoteDisk.Workspace free = workspaces.poll();
            RemoteDisk.Workspace space = free == null ? new RemoteDisk.Workspace() : free;
            receivedBytes.add(disk.read(group, space, (chunkIndex, plain) -> write(chunkIndex, plain, file)));
            workspaces.add(space);
            report(group.offset() + (long) group.count() * Chunk.SIZE_BYTES);
        }

        /** Each chunk by itself, while the processor has it at hand; the disk may end inside the last one. */
        private void write(long chunkIndex, byte[] plain, SparseFile file) {
            long offset = chunkIndex * Chunk.SIZE_BYTES;
            int lengthBytes = (int) Math.min(Chunk.SIZE_BYTES, sizeBytes - offset);
            file.write(offset, plain, 0, lengthBytes);
            dataBytes.add(lengthBytes);
        }

        private synchronized void report(long offset) {
            reachedBytes = Math.max(reachedBytes, Math.min(offset, sizeBytes));
            progress.update(reachedBytes, sizeBytes, receivedBytes.sum());
        }
    }
}
