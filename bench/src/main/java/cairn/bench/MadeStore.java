package cairn.bench;

import cairn.Fault;
import cairn.StoreException;
import cairn.chunk.ChunkCodec;
import cairn.chunk.ChunkId;
import cairn.chunk.Codec;
import cairn.image.Region;
import cairn.server.account.AccessKey;
import cairn.server.account.Accounts;
import cairn.server.account.Caller;
import cairn.server.account.Sharing;
import cairn.server.gc.Mark;
import cairn.server.image.Snapshot;
import cairn.server.image.SnapshotRegistry;
import cairn.server.image.SnapshotSettings;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.server.storage.Lease;
import cairn.server.storage.Storage;
import cairn.server.storage.rocks.RocksSettings;
import cairn.server.storage.rocks.RocksStorage;
import cairn.sigv4.CredentialsFile;
import cairn.tree.Page;
import cairn.tree.TreeRoot;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A store that is opened in this process without a server, to be filled through its storage or looked into; a server
 * can open it afterwards. For one thread.
 */
final class MadeStore implements AutoCloseable {
    /** Every segment becomes a file, as those of real chunks do, however small ours are. */
    private static final RocksSettings FILLING = RocksSettings.DEFAULT.withSmallSegmentBytesMax(0);

    private final Storage storage;
    private final ChunkStore chunks;
    private final Lease lease;
    private final Caller root;
    private final SnapshotRegistry snapshots;
    private final byte[] page = new byte[Page.SIZE_BYTES];
    private final byte[] packed = new byte[ChunkCodec.scratchBytes(Page.SIZE_BYTES)];
    private long chunksKept;
    private long pagesKept;

    private MadeStore(Path dataFolder, RocksSettings settings) throws IOException {
        storage = RocksStorage.open(dataFolder, settings);
        try {
            chunks = new ChunkStore(storage.segments(), storage.index());
            lease = chunks.lease();
            Accounts accounts = new Accounts(storage.catalog(), Clock.systemUTC());
            accounts.createRoot(key -> keep(key, dataFolder.resolve("credentials")));
            root = accounts.root();
            snapshots = new SnapshotRegistry(storage.catalog());
        } catch (RuntimeException e) {
            storage.close();
            throw e;
        }
    }

    /** Makes a store in a folder that is empty or not there yet, or opens one to put more in it. */
    static MadeStore fill(Path dataFolder) throws IOException {
        return new MadeStore(dataFolder, FILLING);
    }

    /** Opens a store as a server does. */
    static MadeStore open(Path dataFolder) throws IOException {
        return new MadeStore(dataFolder, RocksSettings.DEFAULT);
    }

    private static void keep(AccessKey key, Path file) {
        try {
            CredentialsFile.create(file, CredentialsFile.DEFAULT_PROFILE, key.credentials());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Keeps a packed chunk, which nobody checks, unless it is there already. */
    void putChunk(ChunkId id, byte[] bytes, int lengthBytes) {
        if (lease.putChunk(root.domain(), ItemKey.of(id), bytes, 0, lengthBytes)) {
            chunksKept++;
        }
    }

    /** Keeps a page whose children are all kept, unless it is there already. */
    void putPage(Page made) {
        if (lease.contains(root.domain(), ItemKey.of(made.id()))) {
            return;
        }
        made.write(page, 0);
        int packedBytes = ChunkCodec.pack(Codec.LZ4, page, 0, page.length, packed, 0);
        lease.putPage(root.domain(), made, packed, 0, packedBytes).ifPresent(missing -> {
            throw new StoreException(Fault.INTERNAL, "page " + made.id() + " was put before " + missing);
        });
        pagesKept++;
    }

    /** Ends the segment. */
    void seal() {
        chunks.seal();
    }

    /** Keeps a tree whose pages are all put, as a snapshot of the root account. */
    Snapshot keepSnapshot(TreeRoot tree) {
        seal();
        Clock clock = Clock.systemUTC();
        Snapshot snapshot = new Snapshot(
                snapshots.newId(),
                root.account(),
                Region.LOCAL,
                root.domain(),
                tree,
                Optional.empty(),
                clock.instant(),
                "",
                Optional.empty(),
                Sharing.NONE,
                SnapshotSettings.completed(false, Optional.empty(), clock.instant()),
                Map.of());
        storage.catalog().commit(List.of(SnapshotRegistry.keep(snapshot)));
        return snapshot;
    }

    /** To be given roots, which lie in {@link #domain}. */
    Mark mark() {
        return new Mark(chunks, storage.index());
    }

    DomainId domain() {
        return root.domain();
    }

    /** All snapshots, in the order of their ids. */
    List<Snapshot> snapshots() {
        List<Snapshot> all = new ArrayList<>();
        snapshots.forEach(all::add);
        return all;
    }

    /** How many chunks were put that were not there. */
    long chunksKept() {
        return chunksKept;
    }

    /** How many pages were put that were not there. */
    long pagesKept() {
        return pagesKept;
    }

    long countOf(int kind) {
        return storage.index().count(kind);
    }

    long storedBytes() {
        return storage.segments().storedBytes() + storage.index().storedBytes();
    }

    @Override
    public void close() {
        lease.close();
        storage.close();
    }
}
