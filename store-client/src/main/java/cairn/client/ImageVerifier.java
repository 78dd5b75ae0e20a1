package cairn.client;

import cairn.Digest;
import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkId;
import cairn.disk.DiskSource;
import cairn.image.ImageManifest;
import cairn.image.ImageManifest.BlockDevice;
import cairn.image.SignedManifest;
import cairn.tree.Page;
import cairn.tree.PageId;
import cairn.tree.PageSource;
import cairn.tree.RootDigest;
import cairn.tree.Tree;
import cairn.tree.TreeDiff;
import cairn.tree.TreeRoot;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.LongAdder;

/**
 * Proves that a store holds what an image's manifest names, and that the store's key signed that manifest; or that a
 * disk of one's own is equal to an image.
 */
public final class ImageVerifier {
    private final StoreClient client;
    private final int workers;
    private final Retry retry;

    /**
     * What was proven.
     *
     * @param publicKey of the store, which signed the manifest, in hexadecimal digits; empty for a snapshot, which
     *     has none
     * @param chunks that were read and proven, each as often as the disks have it
     */
    public record Proof(
            DiskId id,
            RootDigest rootDigest,
            Optional<String> publicKey,
            long logicalBytes,
            long chunks,
            long receivedBytes,
            Duration duration) {}

    /**
     * How a disk compares to an image.
     *
     * @param firstDifferentOffset where the first byte differs, or one of them ends; below zero if equal
     * @param chunksDifferent how many chunks differ
     */
    public record Comparison(
            DiskId id,
            RootDigest rootDigest,
            RootDigest localRootDigest,
            long sizeBytes,
            long localSizeBytes,
            long firstDifferentOffset,
            long chunksDifferent,
            Duration duration) {
        public boolean isEqual() {
            return rootDigest.equals(localRootDigest);
        }
    }

    public ImageVerifier(StoreClient client) {
        this(client, Crew.usualWorkers(), Retry.usual());
    }

    public ImageVerifier(StoreClient client, int workers, Retry retry) {
        this.client = client;
        this.workers = workers;
        this.retry = retry;
    }

    /** Reads everything again. @throws StoreException CORRUPT for the first thing that does not prove */
    public Proof verify(DiskId id, TransferProgress progress) {
        long startNanos = System.nanoTime();
        Optional<SignedManifest> signed = signedManifest(id);
        List<RemoteDisk> disks = signed.map(proof -> disksOf(id, proof.manifest()))
                .orElseGet(() -> List.of(RemoteDisk.open(client, retry, id)));
        Reading reading = new Reading(disks, progress);
        reading.readAll();
        return new Proof(
                id,
                signed.map(proof -> proof.manifest().root().root()).orElseGet(() -> disks.get(0).root().digest()),
                signed.map(proof -> Text.hex(proof.publicKey())),
                reading.totalBytes,
                reading.chunks.sum(),
                reading.receivedBytes.sum(),
                Duration.ofNanos(System.nanoTime() - startNanos));
    }

    /** An image's manifest, signed by the store's own key. */
    private Optional<SignedManifest> signedManifest(DiskId id) {
        if (!id.isImage()) {
            return Optional.empty();
        }
        SignedManifest signed = retry.call(() -> client.proof(id.image()));
        String storeKey = retry.call(client::store).publicKey();
        if (!Text.hex(signed.publicKey()).equals(storeKey)) {
            throw new StoreException(
                    Fault.CORRUPT, "image " + id + " was signed by key " + Text.hex(signed.publicKey())
                            + ", the store's is " + Text.shown(storeKey));
        }
        return Optional.of(signed);
    }

    private List<RemoteDisk> disksOf(DiskId id, ImageManifest manifest) {
        return manifest.blockDevices().stream()
                .map(device -> open(device.equals(manifest.root()) ? id : DiskId.of(device.snapshot()), device))
                .toList();
    }

    private RemoteDisk open(DiskId id, BlockDevice device) {
        return RemoteDisk.open(client, retry, id, device.sizeBytes(), device.root());
    }

    /** Reads a disk of one's own, and compares it to an image or snapshot. */
    public Comparison compare(DiskId id, DiskSource local, TransferProgress progress) {
        long startNanos = System.nanoTime();
        Optional<BlockDevice> device = signedManifest(id).map(signed -> signed.manifest().root());
        RemoteDisk remote = device.map(each -> open(id, each)).orElseGet(() -> RemoteDisk.open(client, retry, id));
        LocalTree tree = new LocalTree(local, progress);
        TreeRoot localRoot = tree.build();
        local.requireUnchanged();
        Differences differences = new Differences();
        if (!localRoot.digest().equals(remote.root().digest())) {
            TreeDiff.visit(remote.root(), localRoot, tree.or(remote.pages()), differences);
            differences.locate(remote, local);
        }
        return new Comparison(
                id,
                remote.root().digest(),
                localRoot.digest(),
                remote.root().sizeBytes(),
                localRoot.sizeBytes(),
                differences.firstOffset,
                differences.chunks,
                Duration.ofNanos(System.nanoTime() - startNanos));
    }

    /** Disks being read and proven. */
    private final class Reading {
        final LongAdder chunks = new LongAdder();
        final LongAdder receivedBytes = new LongAdder();
        final long totalBytes;

        private final List<RemoteDisk> disks;
        private final TransferProgress progress;
        private final Queue<RemoteDisk.Workspace> workspaces = new ConcurrentLinkedQueue<>();
        private long beforeBytes;

        Reading(List<RemoteDisk> disks, TransferProgress progress) {
            this.disks = disks;
            this.progress = progress;
            this.totalBytes = disks.stream().mapToLong(disk -> disk.root().sizeBytes()).sum();
        }

        void readAll() {
            try (Crew crew = new Crew("verify", workers)) {
                for (RemoteDisk disk : disks) {
                    disk.forEachGroup(group -> {
                        crew.submit(() -> read(disk, group));
                        report(beforeBytes + Math.min(group.offset(), disk.root().sizeBytes()));
                    });
                    beforeBytes += disk.root().sizeBytes();
                }
                crew.finish();
            }
            report(totalBytes);
        }

        private void read(RemoteDisk disk, RemoteDisk.Group group) {
            RemoteDisk.Workspace free = workspaces.poll();
            RemoteDisk.Workspace space = free == null ? new RemoteDisk.Workspace() : free;
            receivedBytes.add(disk.read(group, space, (chunkIndex, plain) -> chunks.increment()));
            workspaces.add(space);
        }

        private void report(long reachedBytes) {
            progress.update(reachedBytes, totalBytes, receivedBytes.sum());
        }
    }

    /**
     * The tree of a disk of one's own. Of its leaves only the places are kept, one for each 16 MiB of data; a leaf that
     * is asked for is read again.
     */
    private final class LocalTree {
        private final DiskSource disk;
        private final TransferProgress progress;
        private final long totalBytes;
        private final LongAdder readBytes = new LongAdder();
        private final Map<PageId, Long> leafPlaces = new ConcurrentHashMap<>();
        private final Map<PageId, Page> upper = new HashMap<>();
        private final Queue<LeafWindow> windows = new ConcurrentLinkedQueue<>();

        LocalTree(DiskSource disk, TransferProgress progress) {
            this.disk = disk;
            this.progress = progress;
            this.totalBytes = LeafWindow.dataBytes(disk);
        }

        TreeRoot build() {
            OrderedTree tree = new OrderedTree(disk.sizeBytes(), page -> upper.put(page.id(), page));
            long[] turns = {0};
            try (Crew crew = new Crew("hash", workers)) {
                LeafWindow.forEach(disk, leafIndex -> {
                    long turn = turns[0]++;
                    crew.submit(() -> tree.put(turn, leafIndex, nameLeaf(leafIndex)));
                });
                crew.finish();
            }
            return tree.finish();
        }

        private PageId nameLeaf(long leafIndex) {
            LeafWindow free = windows.poll();
            LeafWindow window = free == null ? new LeafWindow() : free;
            readBytes.add(window.read(disk, leafIndex));
            PageId id = window.page().map(Page::id).orElse(new PageId(0, Digest.ZERO));
            windows.add(window);
            if (!id.isAbsent()) {
                leafPlaces.putIfAbsent(id, leafIndex);
            }
            synchronized (this) {
                progress.update(readBytes.sum(), totalBytes, 0);
            }
            return id;
        }

        /** Our own pages, or else those of another disk. */
        PageSource or(PageSource others) {
            return id -> {
                Page page = upper.get(id);
                if (page != null) {
                    return page;
                }
                Long leafIndex = leafPlaces.get(id);
                return leafIndex == null ? others.read(id) : readLeaf(leafIndex, id);
            };
        }

        private Page readLeaf(long leafIndex, PageId expected) {
            LeafWindow window = windows.element();
            window.read(disk, leafIndex);
            return window.page()
                    .filter(page -> page.id().equals(expected))
                    .orElseThrow(() -> new StoreException(
                            Fault.CONFLICT,
                            "the disk was changed at offset " + leafIndex * Tree.LEAF_SPAN_BYTES
                                    + " while it was read"));
        }
    }

    /** Counts chunks that differ, and remembers the first. */
    private static final class Differences implements TreeDiff.Visitor {
        long chunks;
        long firstOffset = -1;
        private long firstChunk = -1;

        @Override
        public void visit(long chunkIndex, ChunkId first, ChunkId second) {
            if (chunks == 0) {
                firstChunk = chunkIndex;
            }
            chunks++;
        }

        /** Finds the first byte that differs: in the first chunk that does, or where the shorter disk ends. */
        void locate(RemoteDisk remote, DiskSource local) {
            long commonBytes = Math.min(remote.root().sizeBytes(), local.sizeBytes());
            firstOffset = commonBytes;
            long offset = firstChunk * Chunk.SIZE_BYTES;
            if (firstChunk >= 0 && offset < commonBytes) {
                byte[] theirs = chunkOf(remote, firstChunk);
                byte[] ours = new byte[Chunk.SIZE_BYTES];
                local.read(offset, ours, 0, (int) Math.min(Chunk.SIZE_BYTES, local.sizeBytes() - offset));
                int at = Arrays.mismatch(theirs, ours);
                firstOffset = Math.min(offset + (at < 0 ? Chunk.SIZE_BYTES : at), commonBytes);
            }
        }

        private static byte[] chunkOf(RemoteDisk remote, long chunkIndex) {
            byte[] plain = new byte[Chunk.SIZE_BYTES];
            remote.readChunk(chunkIndex, plain);
            return plain;
        }
    }
}
