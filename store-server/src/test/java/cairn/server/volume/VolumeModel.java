package cairn.server.volume;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.Storage;
import cairn.server.storage.TestDisk;
import cairn.tree.TreeRoot;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;

/**
 * A volume, and beside it the bytes it should have. Several clients use it at once; each writes to stripes of its own,
 * which need not end with a block, so that the bytes are known whatever the order.
 */
final class VolumeModel {
    private static final DomainId DOMAIN = new DomainId(1);
    private static final int DOMAINS = 3;
    private static final int CLIENTS = 3;
    private static final int CACHE_BYTES = 2 << 20;

    private final Random random;
    private final Supplier<Storage> storageSource;
    private final byte[] bytes;
    private final int stripeBytes;
    /** Shared by those who write, held alone by who takes the moment of a snapshot. */
    private final ReadWriteLock moment = new ReentrantReadWriteLock();
    private Storage storage;
    private ChunkStore store;
    private Volumes volumes;
    private VolumeState state;
    private LiveVolume live;
    private final List<Kept> kept = new ArrayList<>();
    /** What ends snapshots beside everything else, and need not have ended when the volume is opened again. */
    private final List<CompletableFuture<Void>> ending = new ArrayList<>();

    /** A snapshot, and the bytes at its moment. */
    private record Kept(DomainId domain, TreeRoot tree, byte[] bytes) {}

    /** @param storageSource gives the same storage, opened again */
    VolumeModel(long seed, Supplier<Storage> storageSource) {
        this.random = new Random(seed);
        this.storageSource = storageSource;
        int sizeBytes = 512 * (1 + random.nextInt(random.nextInt(20) == 0 ? 80_000 : 3000));
        int baseBytes = 512 * (1 + random.nextInt(sizeBytes / 512));
        byte[] base = random.nextInt(4) == 0 ? new byte[baseBytes] : TestDisk.random(seed, baseBytes).bytes();
        this.bytes = Arrays.copyOf(base, sizeBytes);
        int[] widths = {1, 3, 8, 50, 1000, 10_000};
        this.stripeBytes = 512 * widths[random.nextInt(widths.length)];
        openStorage();
        this.state = new VolumeState(seed, sizeBytes, DOMAIN, TestDisk.of(base).put(store, DOMAIN), 0);
        openVolume();
    }

    private void openStorage() {
        storage = storageSource.get();
        store = new ChunkStore(storage.segments(), storage.index());
        volumes = new Volumes(store, storage.volumeBlocks(), CACHE_BYTES, CACHE_BYTES);
    }

    private void openVolume() {
        live = volumes.live(state.number(), () -> state);
    }

    /** Some rounds of everything, each checked. */
    void run(int rounds, int actionsPerClient) {
        for (int round = 0; round < rounds; round++) {
            List<CompletableFuture<Void>> clients = new ArrayList<>();
            for (int client = 0; client < CLIENTS; client++) {
                Random mine = new Random(random.nextLong());
                int number = client;
                clients.add(CompletableFuture.runAsync(() -> useAsClient(number, mine, actionsPerClient)));
            }
            int snapshots = random.nextInt(3);
            for (int n = 0; n < snapshots; n++) {
                snapshot();
            }
            clients.forEach(CompletableFuture::join);
            check();
            if (random.nextInt(3) == 0) {
                reopen();
                check();
            }
        }
    }

    private void reopen() {
        live.close();
        if (random.nextBoolean()) {
            volumes.close();
            storage.close();
            openStorage();
        } else if (random.nextBoolean()) {
            endSnapshots();
            volumes.whileUnused(state.number(), () -> {});
            assertEquals(0, volumes.statesBytes());
        }
        openVolume();
    }

    private void endSnapshots() {
        ending.forEach(CompletableFuture::join);
        ending.clear();
    }

    void close() {
        live.close();
        volumes.close();
        storage.close();
        endSnapshots();
    }

    private void snapshot() {
        // Mostly where the volume lies already, as those that follow a first one are.
        DomainId into = random.nextInt(3) > 0 ? state.domain() : new DomainId(1 + random.nextInt(DOMAINS));
        byte[] then;
        LiveVolume.PointInTime point;
        moment.writeLock().lock();
        try {
            point = live.freeze(into);
            then = bytes.clone();
        } finally {
            moment.writeLock().unlock();
        }
        Runnable last = point::close;
        try {
            if (random.nextInt(8) == 0) {
                return;
            }
            long[] looked = new long[1];
            TreeRoot tree = point.store(done -> looked[0] += done);
            assertEquals(point.dirtyBytes(), looked[0]);
            assertEquals(TestDisk.of(then).root().digest(), tree.digest());
            kept.add(new Kept(into, tree, then));
            if (random.nextInt(4) > 0) {
                state = point.after(tree);
                if (random.nextInt(4) > 0) {
                    last = () -> {
                        try (point) {
                            point.committed(tree);
                        }
                    };
                }
            }
        } finally {
            ending.add(CompletableFuture.runAsync(last));
        }
    }

    private void check() {
        try (Volume volume = live.connect(false)) {
            assertArrayEquals(bytes, read(volume, 0, bytes.length));
            checkExtents(volume, 0, bytes.length);
        }
        for (Kept snapshot : kept) {
            assertArrayEquals(snapshot.bytes, read(volumes.open(snapshot.domain, snapshot.tree), 0, bytes.length));
        }
        kept.clear();
    }

    private void checkExtents(Volume volume, int offset, int lengthBytes) {
        int at = offset;
        while (at < offset + lengthBytes) {
            for (Volume.Extent extent : volume.extents(at, offset + lengthBytes - at).join()) {
                int end = Math.toIntExact(at + extent.lengthBytes());
                assertTrue(end > at && end <= offset + lengthBytes);
                if (extent.content() != Volume.Content.DATA) {
                    assertArrayEquals(new byte[end - at], Arrays.copyOfRange(bytes, at, end));
                }
                at = end;
            }
        }
    }

    private void useAsClient(int client, Random mine, int actions) {
        try (Volume volume = live.connect(true)) {
            for (int action = 0; action < actions; action++) {
                moment.readLock().lock();
                try {
                    List<CompletableFuture<Void>> under = new ArrayList<>();
                    for (int n = mine.nextInt(4); n >= 0; n--) {
                        under.add(change(volume, client, mine));
                    }
                    if (mine.nextInt(8) == 0) {
                        under.add(volume.flush());
                    }
                    under.forEach(CompletableFuture::join);
                    int[] range = range(client, mine);
                    assertArrayEquals(
                            Arrays.copyOfRange(bytes, range[0], range[0] + range[1]), read(volume, range[0], range[1]));
                    if (range[1] > 0) {
                        checkExtents(volume, range[0], range[1]);
                    }
                } finally {
                    moment.readLock().unlock();
                }
            }
        }
    }

    private CompletableFuture<Void> change(Volume volume, int client, Random mine) {
        int[] range = range(client, mine);
        int offset = range[0];
        int end = offset + range[1];
        boolean isDurable = mine.nextInt(8) == 0;
        int kind = mine.nextInt(6);
        if (kind < 3) {
            byte[] written = new byte[range[1]];
            if (kind > 0) {
                mine.nextBytes(written);
            }
            if (kind == 2 && written.length > 0) {
                Arrays.fill(written, written.length / 3, written.length, (byte) 0);
            }
            System.arraycopy(written, 0, bytes, offset, written.length);
            return volume.write(offset, buffer(written, mine), isDurable);
        }
        Volume.Zeroing how = Volume.Zeroing.values()[kind - 3];
        if (how == Volume.Zeroing.DISCARD) {
            int from = (offset + 4095) / 4096 * 4096;
            int until = end == bytes.length ? end : end / 4096 * 4096;
            if (from < until) {
                Arrays.fill(bytes, from, until, (byte) 0);
            }
        } else {
            Arrays.fill(bytes, offset, end, (byte) 0);
        }
        return volume.zero(offset, range[1], how, isDurable);
    }

    /** Buffers of all kinds that a door may have. */
    private static ByteBuf buffer(byte[] written, Random mine) {
        ByteBuf direct = UnpooledByteBufAllocator.DEFAULT.directBuffer(written.length + 7);
        switch (mine.nextInt(3)) {
            case 0:
                direct.release();
                return Unpooled.wrappedBuffer(written);
            case 1:
                int half = written.length / 2;
                ByteBuf first = Unpooled.wrappedBuffer(Arrays.copyOf(written, half));
                return Unpooled.wrappedBuffer(first, direct.writeBytes(written, half, written.length - half));
            default:
                return direct.writeZero(7).skipBytes(7).writeBytes(written);
        }
    }

    /** Some range inside one of a client's stripes: offset and length. */
    private int[] range(int client, Random mine) {
        int stripes = (bytes.length - 1) / stripeBytes + 1;
        int stripe = mine.nextInt(stripes) / CLIENTS * CLIENTS + client;
        if (stripe >= stripes) {
            return new int[] {0, 0};
        }
        int start = stripe * stripeBytes;
        int end = Math.min(bytes.length, start + stripeBytes);
        int unit = new int[] {1, 512, 4096, 65_536}[mine.nextInt(4)];
        int from = Math.min(end, start + mine.nextInt((end - start) / unit + 1) * unit);
        int longest = Math.min(end - from, 300_000);
        int some = Math.min(longest, mine.nextInt(longest / unit + 1) * unit);
        int until = from + (mine.nextInt(4) == 0 ? longest : some);
        return new int[] {from, until - from};
    }

    static byte[] read(Volume volume, long offset, int lengthBytes) {
        ByteBuf read = volume.read(offset, lengthBytes).join();
        try {
            return ByteBufUtil.getBytes(read);
        } finally {
            read.release();
        }
    }
}
