package cairn.bench;

import cairn.chunk.Chunk;
import cairn.chunk.ChunkCodec;
import cairn.chunk.ChunkId;
import cairn.chunk.Codec;
import cairn.image.ImageId;
import cairn.server.ServerConfig;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.server.storage.Lease;
import cairn.server.storage.rocks.RocksStorage;
import cairn.server.volume.BootedImage;
import cairn.server.volume.Volume;
import cairn.server.volume.Volumes;
import cairn.tree.Page;
import cairn.tree.TreeBuilder;
import cairn.tree.TreeRoot;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A disk in a store in a real data folder, all of which the server's caches hold. */
final class CachedDisk implements AutoCloseable {
    /** More than a processor's own caches hold, and well within the server's. */
    static final int SIZE_BYTES = 64 << 20;

    private static final DomainId DOMAIN = new DomainId(1);
    private static final ImageId IMAGE = new ImageId("ami-00000000000000001");
    private static final int PIECE_BYTES = 1 << 20;

    private final Path folder;
    private final RocksStorage storage;
    private final Volumes volumes;
    private final TreeRoot root;

    private CachedDisk(Path folder) {
        this.folder = folder;
        this.storage = RocksStorage.open(folder.resolve("data"));
        ChunkStore store = new ChunkStore(storage.segments(), storage.index());
        try (Lease lease = store.lease()) {
            root = put(lease);
        }
        store.seal();
        this.volumes = new Volumes(
                store,
                storage.volumeBlocks(),
                ServerConfig.DEFAULT_CHUNK_CACHE_BYTES,
                ServerConfig.DEFAULT_PAGE_CACHE_BYTES);
    }

    static CachedDisk make() throws IOException {
        return new CachedDisk(ScratchFolder.make());
    }

    private static TreeRoot put(Lease lease) {
        MixedContent content = new MixedContent(1);
        byte[] plain = new byte[Chunk.SIZE_BYTES];
        byte[] packed = new byte[ChunkCodec.scratchBytes(Chunk.SIZE_BYTES)];
        List<Page> pages = new ArrayList<>();
        TreeBuilder tree = new TreeBuilder(SIZE_BYTES, pages::add);
        for (int index = 0; index < SIZE_BYTES / Chunk.SIZE_BYTES; index++) {
            content.fill(plain, 0, index);
            ChunkId id = Chunk.idOf(plain, 0);
            tree.putChunk(index, id);
            if (!id.isAbsent()) {
                int packedBytes = ChunkCodec.pack(Codec.LZ4, plain, 0, plain.length, packed, 0);
                lease.putChunk(DOMAIN, ItemKey.of(id), packed, 0, packedBytes);
            }
        }
        TreeRoot root = tree.finish();
        for (Page page : pages) {
            int packedBytes = ChunkCodec.pack(Codec.LZ4, page.toBytes(), 0, Page.SIZE_BYTES, packed, 0);
            lease.putPage(DOMAIN, page, packed, 0, packedBytes);
        }
        return root;
    }

    /**
     * Opens it, and has all of it read once. Whoever has it closes it.
     *
     * @param isRecorded whether what is read is noted for a boot profile; all of it has been noted then
     */
    Volume open(boolean isRecorded) {
        Volume volume =
                isRecorded ? volumes.open(DOMAIN, root, new BootedImage(IMAGE, true)) : volumes.open(DOMAIN, root);
        for (int offset = 0; offset < SIZE_BYTES; offset += PIECE_BYTES) {
            volume.read(offset, PIECE_BYTES).join().release();
        }
        return volume;
    }

    /** Somewhere beside the data. */
    Path file(String name) {
        return folder.resolve(name);
    }

    @Override
    public void close() throws IOException {
        volumes.close();
        storage.close();
        ScratchFolder.remove(folder);
    }
}
