package cairn.server.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import cairn.Fault;
import cairn.image.AccountId;
import cairn.image.ImageName;
import cairn.image.NewImage;
import cairn.image.Region;
import cairn.image.StoreKey;
import cairn.image.VolumeId;
import cairn.server.account.Caller;
import cairn.server.account.Encryption;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.server.storage.MemoryStorage;
import cairn.server.storage.Storage;
import cairn.server.storage.TestDisk;
import cairn.server.volume.Volume;
import cairn.server.volume.Volumes;
import cairn.StoreException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.time.Clock;
import java.util.concurrent.ExecutionException;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.function.Executable;

/** Everything that keeps volumes, and two accounts that have nothing to do with each other. */
final class VolumeWorld implements AutoCloseable {
    static final Caller ROOT = new Caller(new AccountId("000000000009"), new DomainId(1), true, Optional.of(Region.LOCAL));
    static final Caller US = new Caller(new AccountId("000000000001"), new DomainId(2), false, Optional.of(Region.LOCAL));
    static final Caller THEM = new Caller(new AccountId("000000000002"), new DomainId(3), false, Optional.of(Region.LOCAL));
    static final int MIB = 1 << 20;

    final Storage storage;
    final HeldCatalog catalog;
    private final WatchedChunkIndex index;
    final ChunkStore chunks;
    final SnapshotRegistry completed;
    final ImageRegistry images;
    final Volumes volumes;
    final VolumeRegistry registry;
    final VolumeSnapshots snapshots;

    /** In memory. */
    VolumeWorld() {
        this(new MemoryStorage());
    }

    /** @param storage closed with the world */
    VolumeWorld(Storage storage) {
        this.storage = storage;
        catalog = new HeldCatalog(storage.catalog());
        index = new WatchedChunkIndex(storage.index());
        chunks = new ChunkStore(storage.segments(), index);
        completed = new SnapshotRegistry(catalog);
        images = new ImageRegistry(catalog, completed, new StoreKey(new byte[32]), Clock.systemUTC());
        volumes = new Volumes(chunks, storage.volumeBlocks(), 8 * MIB, MIB);
        registry = new VolumeRegistry(catalog, images, volumes, storage.volumeBlocks(), Clock.systemUTC());
        snapshots = newSnapshots();
    }

    /** What a server that starts over the same catalog has. */
    VolumeSnapshots newSnapshots() {
        return new VolumeSnapshots(
                catalog,
                images,
                completed,
                registry,
                id -> Stream.of(ROOT, US, THEM)
                        .filter(each -> each.account().equals(id))
                        .findFirst()
                        .orElseThrow()
                        .domain());
    }

    RegisteredImage push(Caller caller, TestDisk disk, String name) {
        return images.register(
                caller,
                NewImage.of(new ImageName(name)),
                disk.put(chunks, caller.domain()),
                Encryption.Choice.PLAIN,
                List.of());
    }

    void write(VolumeId id, long offset, byte[] bytes) {
        try (Volume volume = registry.connect(registry.read(ROOT, id))) {
            volume.write(offset, Unpooled.directBuffer().writeBytes(bytes), true).join();
        }
    }

    byte[] read(VolumeId id, long offset, int lengthBytes) {
        try (Volume volume = registry.connect(registry.read(ROOT, id))) {
            return read(volume, offset, lengthBytes);
        }
    }

    /** The whole of a disk that nobody can write to. */
    byte[] read(Disk disk) {
        try (Volume volume = volumes.open(disk.domain(), disk.root())) {
            return read(volume, 0, Math.toIntExact(disk.root().sizeBytes()));
        }
    }

    private static byte[] read(Volume volume, long offset, int lengthBytes) {
        ByteBuf bytes = volume.read(offset, lengthBytes).join();
        try {
            return ByteBufUtil.getBytes(bytes);
        } finally {
            bytes.release();
        }
    }

    /** What is stored for whoever is in a dedup domain. */
    Set<ItemKey> itemsOf(DomainId domain) {
        return index.itemsOf(domain);
    }

    int records(String prefix) {
        return storage.catalog().list(prefix, "", Integer.MAX_VALUE).size();
    }

    static void assertFault(Fault fault, Executable call) {
        assertEquals(fault, assertThrows(StoreException.class, call).fault());
    }

    static void assertFails(Fault fault, java.util.concurrent.Future<?> future) {
        assertEquals(fault, Fault.of(assertThrows(ExecutionException.class, future::get)));
    }

    @Override
    public void close() {
        catalog.letGo();
        snapshots.close();
        volumes.close();
        storage.close();
    }
}
