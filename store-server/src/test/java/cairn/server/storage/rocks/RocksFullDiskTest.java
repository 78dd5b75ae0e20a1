package cairn.server.storage.rocks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.storage.Ordinal;
import cairn.server.storage.SegmentStore;
import cairn.server.storage.SegmentStore.Extent;
import cairn.server.storage.Storage;
import cairn.server.storage.VolumeBlocks;
import cairn.server.storage.VolumeBlocks.Batch;
import cairn.server.storage.VolumeBlocks.Layer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Fills a small file system of its own, which takes root to mount. */
class RocksFullDiskTest {
    private static final int BALLAST_BYTES = 24 << 20;
    private static final int BLOCKS_EACH = 32;

    @TempDir
    Path temp;

    private Path disk;
    private boolean isMounted;

    @BeforeEach
    void mount() throws Exception {
        disk = Files.createDirectory(temp.resolve("disk"));
        isMounted = run("mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", disk.toString());
        boolean isRequired = "1".equals(System.getenv("CAIRN_REQUIRE_TOOLS"));
        assertTrue(isMounted || !isRequired, "cannot mount a tmpfs");
        assumeTrue(isMounted, "needs to be root and to mount a tmpfs");
        Files.write(disk.resolve("ballast"), new byte[BALLAST_BYTES]);
    }

    @AfterEach
    void unmount() throws Exception {
        if (isMounted) {
            assertTrue(run("umount", disk.toString()), "umount " + disk);
        }
    }

    @Test
    void stopsAtTheReserveAndGoesOnOnceThereIsSpace() throws IOException {
        long reserveBytes = 16 << 20;
        try (Storage storage = open(reserveBytes)) {
            long full = fill(storage);

            assertTrue(full > 5, "stored " + full + " batches");
            assertTrue(Files.getFileStore(disk).getUsableSpace() > reserveBytes / 2, "the reserve is there");
            assertTrue(storage.usableBytes() < 2 << 20, storage.usableBytes() + " bytes usable");
            Batches.commit(storage, 1_000);
            assertGoesOnOnceThereIsSpace(storage, full);
        }
    }

    @Test
    void losesNothingWhereTheDiskIsReallyFullAndGoesOnOnceThereIsSpace() throws IOException {
        try (Storage storage = open(0)) {
            long full = fill(storage);
            crowdOut();
            for (int n = 0; n < 20; n++) {
                tryTo(() -> Batches.store(storage, full));
                storage.segments().abandon();
                long record = 10_000 + n;
                tryTo(() -> Batches.commit(storage, record));
            }

            assertTrue(full > 5, "stored " + full + " batches");
            Files.delete(disk.resolve("crowd"));
            assertGoesOnOnceThereIsSpace(storage, full);
        }
    }

    @Test
    void refusesBlocksOfVolumesWhereTheDiskIsFullAndStillRemovesThem() {
        try (Storage storage = open(16 << 20)) {
            VolumeBlocks blocks = storage.volumeBlocks();
            Layer layer = new Layer(1, 0);
            long full = fillVolume(blocks, layer);

            assertTrue(full > 64, "wrote " + full + " batches");
            for (long index = 0; index < full * BLOCKS_EACH; index += 5) {
                assertTrue(blocks.read(layer, index, block().clear()), "block " + index);
            }
            removeBlock(blocks, layer, 0);
            assertFalse(blocks.read(layer, 0, block().clear()));
            Batches.commit(storage, 1_000);
            blocks.removeVolume(1);
            assertFalse(blocks.read(layer, 1, block().clear()));
            long again = fillVolume(blocks, new Layer(2, 0));
            assertTrue(again > full * 3 / 4, "room for " + again + " batches where " + full + " were removed");
        }
    }

    @Test
    void keepsBlocksOfVolumesWhereTheDiskIsReallyFullAndGoesOnOnceThereIsSpace() throws IOException {
        try (Storage storage = open(0)) {
            VolumeBlocks blocks = storage.volumeBlocks();
            Layer layer = new Layer(1, 0);
            long full = fillVolume(blocks, layer);
            crowdOut();
            for (int n = 0; n < 20; n++) {
                tryTo(() -> writeBlocks(blocks, layer, full));
            }
            Files.delete(disk.resolve("crowd"));
            Files.delete(disk.resolve("ballast"));

            writeBlocks(blocks, layer, full + 1);

            for (long index = 0; index < full * BLOCKS_EACH; index++) {
                assertTrue(blocks.read(layer, index, block().clear()), "block " + index);
            }
            assertTrue(blocks.read(layer, (full + 1) * BLOCKS_EACH, block().clear()));
        }
    }

    /** Writes batches to a volume until the disk is full. @return the first that was refused */
    private static long fillVolume(VolumeBlocks blocks, Layer layer) {
        for (long batch = 0; ; batch++) {
            long next = batch;
            if (tryTo(() -> writeBlocks(blocks, layer, next)) != null) {
                return batch;
            }
        }
    }

    private static void writeBlocks(VolumeBlocks blocks, Layer layer, long number) {
        try (Batch batch = blocks.begin(layer)) {
            for (int n = 0; n < BLOCKS_EACH; n++) {
                batch.putBlock(number * BLOCKS_EACH + n, block());
            }
            batch.commit(false);
        }
    }

    private static void removeBlock(VolumeBlocks blocks, Layer layer, long index) {
        try (Batch batch = blocks.begin(layer)) {
            batch.removeBlock(index);
            batch.commit(true);
        }
    }

    private static ByteBuffer block() {
        return ByteBuffer.allocateDirect(VolumeBlocks.BLOCK_BYTES);
    }

    @Test
    void rewritesWithinTheReserveAndDropsWhatIsDeadWithHardlyAnySpaceLeft() throws IOException {
        RewritingFixture items = new RewritingFixture();
        try (Storage storage = open(16 << 20)) {
            SegmentStore segments = storage.segments();
            StoreException full = null;
            while (full == null) {
                full = tryTo(() -> items.store(segments, 100));
            }
            segments.abandon();
            long last = Ordinal.segment(items.live.lastKey());
            List.copyOf(items.live.keySet()).stream()
                    .filter(ordinal -> Ordinal.segment(ordinal) % 2 == 0 || ordinal % 2 == 0)
                    .forEach(items::die);
            List<Extent> extents = segments.extents();
            crowdOut(1 << 20);

            tryTo(() -> segments.rewrite(List.of(segments.extents().get(0)), items.how(false)));
            items.assertAllReadable(segments, "full");
            for (Extent extent : extents) {
                if (Ordinal.segment(extent.firstOrdinal()) % 2 == 0) {
                    segments.rewrite(List.of(extent), items.how(true));
                }
            }
            for (Extent extent : segments.extents()) {
                segments.rewrite(List.of(extent), items.how(true));
            }

            assertTrue(last > 6, last + " segments");
            items.assertAllReadable(segments, "rewritten");
            items.assertNothingElse(segments, "rewritten");
        }
    }

    @Test
    void comesBackAfterItWasClosedFull() throws IOException {
        long full;
        try (Storage storage = open(0)) {
            full = fill(storage);
        }
        Files.delete(disk.resolve("ballast"));

        try (Storage storage = open(0)) {
            for (long batch = 0; batch < full; batch++) {
                Batches.assertWhole(storage, batch);
            }
        }
    }

    /** Stores batches until the disk is full. @return the first that was refused */
    private static long fill(Storage storage) {
        for (long batch = 0; ; batch++) {
            long next = batch;
            StoreException e = tryTo(() -> Batches.store(storage, next));
            if (e != null) {
                assertTrue(e.getMessage().contains("no space left in"), e.getMessage());
                storage.segments().abandon();
                return batch;
            }
        }
    }

    /** Takes the last bytes away, as another program would. */
    private void crowdOut() throws IOException {
        crowdOut(0);
    }

    /** As another program would, but for some bytes. */
    private void crowdOut(long leftBytes) throws IOException {
        try (var crowd = Files.newOutputStream(disk.resolve("crowd"))) {
            while (leftBytes == 0 || Files.getFileStore(disk).getUsableSpace() > leftBytes) {
                crowd.write(new byte[4096]);
            }
        } catch (IOException e) {
            assertTrue(Files.exists(disk.resolve("crowd")));
        }
    }

    private static StoreException tryTo(Runnable write) {
        try {
            write.run();
            return null;
        } catch (StoreException e) {
            assertEquals(Fault.NO_SPACE, e.fault(), e.getMessage());
            return e;
        }
    }

    private void assertGoesOnOnceThereIsSpace(Storage storage, long full) throws IOException {
        for (long batch = 0; batch < full; batch++) {
            Batches.assertWhole(storage, batch);
        }
        Files.delete(disk.resolve("ballast"));

        for (long batch = full + 1; batch < full + 6; batch++) {
            Batches.store(storage, batch);
        }

        for (long batch = 0; batch < full + 6; batch++) {
            if (batch != full) {
                Batches.assertWhole(storage, batch);
            }
        }
        assertFalse(Files.exists(disk.resolve("ballast")));
    }

    private Storage open(long reserveBytes) {
        return RocksStorage.open(disk.resolve("data"),
                RocksSettings.DEFAULT.withReserveBytes(reserveBytes).withWriteBufferBytes(1 << 20));
    }

    private static boolean run(String... command) throws InterruptedException {
        try {
            return new ProcessBuilder(command).inheritIO().start().waitFor() == 0;
        } catch (IOException e) {
            return false;
        }
    }
}
