package cairn.server.storage.rocks;

import static cairn.server.storage.VolumeBlocks.BLOCK_BYTES;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.storage.Items;
import cairn.server.storage.Storage;
import cairn.server.storage.VolumeBlocks;
import cairn.server.storage.VolumeBlocks.Batch;
import cairn.server.storage.VolumeBlocks.Found;
import cairn.server.storage.VolumeBlocks.Layer;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.ColumnFamilyDescriptor;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;

/** What volumes' blocks are on the disk: after a crash, damaged, removed. */
class RocksVolumeBlocksDiskTest {
    private static final int CRASHES = 6;
    private static final long VOLUME = 7;
    private static final Layer LAYER = new Layer(VOLUME, 0);
    /** How many blocks the numbered batches write in turn. */
    private static final int SLOTS = 1_000;
    private static final int BLOCKS_EACH = 3;
    private static final int SYNCED_EVERY = 7;

    @TempDir
    Path temp;

    @Test
    void keepsAPrefixOfTheBatchesAndAllThatWereSyncedWhenTheProcessIsKilled() throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        long next = 0;

        for (int crash = 0; crash < CRASHES; crash++) {
            long synced = killWhileWriting(next, 1 + random.nextInt(40), random.nextInt(40));

            try (Storage storage = open()) {
                long last = assertPrefix(storage.volumeBlocks(), "seed " + seed + ", crash " + crash);
                assertTrue(last >= synced, "batch " + last + " is the last, " + synced + " was synced, seed " + seed);
                next = last + 1;
            }
        }
    }

    /** @return the last batch that is there, once it is sure that nothing of it, and of none before it, is missing */
    private static long assertPrefix(VolumeBlocks blocks, String when) {
        long[] last = {-1};
        blocks.forEachStates(VOLUME, 0, (layer, chunk, states) -> last[0] = Math.max(last[0], states - 1));
        for (long slot = 0; slot < Math.min(SLOTS, (last[0] + 1) * BLOCKS_EACH); slot++) {
            long expected = lastIn(slot, last[0]);
            assertEquals(expected, read(blocks, LAYER, slot), "slot " + slot + " after batch " + last[0] + ", " + when);
        }
        for (long slot = (last[0] + 1) * BLOCKS_EACH; slot < SLOTS; slot++) {
            assertEquals(-1, read(blocks, LAYER, slot), "slot " + slot + " after batch " + last[0] + ", " + when);
        }
        return last[0];
    }

    /** The last batch up to one that wrote to a slot: batch n writes slots 3n, 3n + 1 and 3n + 2, and so around. */
    private static long lastIn(long slot, long lastBatch) {
        for (long batch = lastBatch; ; batch--) {
            long from = batch * BLOCKS_EACH % SLOTS;
            if (slot >= from && slot < from + BLOCKS_EACH || slot < from + BLOCKS_EACH - SLOTS) {
                return batch;
            }
        }
    }

    /** @return the last batch of which the process said that it is synced; -1 if none was */
    private long killWhileWriting(long from, int syncs, int moreMillis) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp", System.getProperty("java.class.path"),
                        Writing.class.getName(), temp.resolve("data").toString(), Long.toString(from))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        long synced = from - 1;
        try (BufferedReader lines = process.inputReader()) {
            for (int n = 0; n < syncs; n++) {
                synced = Math.max(synced, syncedIn(lines.readLine()));
            }
            // A random moment of the work that goes on, not a wait for anything.
            process.waitFor(moreMillis, TimeUnit.MILLISECONDS);
            process.toHandle().destroyForcibly();
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                synced = Math.max(synced, syncedIn(line));
            }
        } finally {
            process.destroyForcibly().waitFor();
        }
        return synced;
    }

    private static long syncedIn(String line) {
        return line.endsWith(".") ? Long.parseLong(line.substring(0, line.length() - 1)) : -1;
    }

    /** The process that is killed: writes batch after batch, and says which it synced, each line ended by a dot. */
    static final class Writing {
        private Writing() {}

        public static void main(String[] args) {
            try (Storage storage = RocksStorage.open(
                    Path.of(args[0]), RocksSettings.DEFAULT.withWriteBufferBytes(256 << 10))) {
                for (long batch = Long.parseLong(args[1]); ; batch++) {
                    boolean isSynced = batch % SYNCED_EVERY == 0;
                    write(storage.volumeBlocks(), batch, isSynced);
                    if (batch % SYNCED_EVERY == SYNCED_EVERY / 2) {
                        storage.volumeBlocks().sync();
                        isSynced = true;
                    }
                    if (isSynced) {
                        System.out.println(batch + ".");
                        System.out.flush();
                    }
                }
            }
        }

        private static void write(VolumeBlocks blocks, long batch, boolean isSynced) {
            try (Batch changes = blocks.begin(LAYER)) {
                for (int n = 0; n < BLOCKS_EACH; n++) {
                    changes.putBlock((batch * BLOCKS_EACH + n) % SLOTS, block(batch));
                }
                changes.putStates(0, Math.toIntExact(batch + 1));
                changes.commit(isSynced);
            }
        }
    }

    @Test
    void namesADamagedBlockAndReadsTheOthers() throws IOException {
        Layer layer = new Layer(VOLUME, 3);
        try (Storage storage = open()) {
            fill(storage.volumeBlocks(), layer, 0, 500);
        }
        // Opening writes the log's rows into files.
        open().close();
        flip(largestFile(), 100 * BLOCK_BYTES);

        try (Storage storage = open()) {
            List<StoreException> failures = new ArrayList<>();
            for (long index = 0; index < 500; index++) {
                try {
                    assertEquals(index, read(storage.volumeBlocks(), layer, index));
                } catch (StoreException e) {
                    failures.add(e);
                }
            }

            assertEquals(1, failures.size());
            assertEquals(Fault.CORRUPT, failures.get(0).fault());
            String message = failures.get(0).getMessage();
            assertTrue(message.contains("layer 3 of volume 0000000000000007"), message);
            assertTrue(message.matches(".*block (98|99|100) .*"), message);

            List<Long> read = new ArrayList<>();
            StoreException failure = assertThrows(
                    StoreException.class,
                    () -> storage.volumeBlocks().readRun(layer, 0, 500, (index, block) -> read.add(index)));
            assertEquals(Fault.CORRUPT, failure.fault());
            assertTrue(failure.getMessage().contains("block " + read.size() + " on of " + layer), failure.getMessage());
            assertEquals(message.replaceAll(".*block (98|99|100) .*", "$1"), Integer.toString(read.size()));
        }
    }

    @Test
    void findsInTheCacheWhatWasReadAndSaysPerhapsOfTheRest() {
        try (Storage storage = open()) {
            fill(storage.volumeBlocks(), LAYER, 0, 500);
        }
        open().close();

        try (Storage storage = open()) {
            VolumeBlocks blocks = storage.volumeBlocks();
            ByteBuffer into = ByteBuffer.allocateDirect(BLOCK_BYTES);
            assertEquals(Found.PERHAPS, blocks.tryRead(LAYER, 300, into));
            assertEquals(0, into.position());

            assertTrue(blocks.read(LAYER, 300, into));

            assertEquals(Found.YES, blocks.tryRead(LAYER, 300, into.clear()));
            assertEquals(block(300), into.flip());
            assertEquals(Found.PERHAPS, blocks.tryRead(LAYER, 100, into.clear()));
        }
    }

    @Test
    void givesTheSpaceOfRemovedVolumesBack() {
        RocksSettings small = RocksSettings.DEFAULT.withWriteBufferBytes(1 << 20);
        try (Storage storage = RocksStorage.open(temp.resolve("data"), small)) {
            VolumeBlocks blocks = storage.volumeBlocks();
            long writtenBytes = 0;
            for (int layer = 0; layer < 20; layer++) {
                for (int n = 0; n < 20; n++) {
                    writtenBytes += fill(blocks, new Layer(VOLUME, layer), n * 100, 100);
                }
                blocks.removeLayers(VOLUME, layer + 1);
            }

            long bytes = blocks.storedBytes();
            assertTrue(bytes < writtenBytes / 3, bytes + " of " + writtenBytes + " bytes are kept, all removed");
        }
    }

    @Test
    void remembersAcrossOpeningsWhatWasRemoved() {
        for (int layer = 0; layer < 4; layer++) {
            try (Storage storage = open()) {
                fill(storage.volumeBlocks(), new Layer(VOLUME, layer), 0, 50);
                storage.volumeBlocks().removeLayers(VOLUME, layer);
            }
        }

        try (Storage storage = open()) {
            assertEquals(-1, read(storage.volumeBlocks(), new Layer(VOLUME, 2), 5));
            assertEquals(5, read(storage.volumeBlocks(), new Layer(VOLUME, 3), 5));
        }
    }

    /** As servers before volumes left it: the same version, without the families that volumes need. */
    @Test
    void opensAStoreOfBeforeThereWereVolumes() throws RocksDBException {
        try (Storage storage = open()) {
            Batches.store(storage, 1);
        }
        dropVolumeFamilies();

        try (Storage storage = open()) {
            Batches.assertWhole(storage, 1);
            fill(storage.volumeBlocks(), LAYER, 0, 3);
            assertEquals(2, read(storage.volumeBlocks(), LAYER, 2));
        }
    }

    private void dropVolumeFamilies() throws RocksDBException {
        List<Family> families = List.of(Family.values());
        List<ColumnFamilyHandle> handles = new ArrayList<>();
        try (Tuning tuning = new Tuning(RocksSettings.DEFAULT);
                RocksDB db = RocksDB.open(
                        tuning.database,
                        temp.resolve("data/rocks").toString(),
                        families.stream()
                                .map(family -> new ColumnFamilyDescriptor(family.storedName(), tuning.of(family)))
                                .toList(),
                        handles)) {
            for (Family dropped : List.of(Family.VOLUME_BLOCKS, Family.VOLUME_STATES)) {
                db.dropColumnFamily(handles.get(families.indexOf(dropped)));
            }
            handles.forEach(ColumnFamilyHandle::close);
        }
    }

    /** Puts blocks, each numbered as its item. @return their bytes */
    private static long fill(VolumeBlocks blocks, Layer layer, int fromIndex, int count) {
        try (Batch batch = blocks.begin(layer)) {
            for (int n = fromIndex; n < fromIndex + count; n++) {
                batch.putBlock(n, block(n));
            }
            batch.putStates(fromIndex, 1);
            batch.commit(false);
        }
        return (long) count * BLOCK_BYTES;
    }

    /** The item of a block, whose bytes it has; -1 if there is none. */
    private static long read(VolumeBlocks blocks, Layer layer, long index) {
        ByteBuffer into = ByteBuffer.allocateDirect(BLOCK_BYTES);
        if (!blocks.read(layer, index, into)) {
            return -1;
        }
        long item = into.getLong(0);
        assertEquals(block(item), into.flip());
        return item;
    }

    private static ByteBuffer block(long item) {
        return ByteBuffer.allocateDirect(BLOCK_BYTES).put(Items.packed(item, BLOCK_BYTES)).putLong(0, item).flip();
    }

    private Storage open() {
        return RocksStorage.open(temp.resolve("data"));
    }

    private Path largestFile() throws IOException {
        try (Stream<Path> files = Files.list(temp.resolve("data/rocks"))) {
            return files.filter(file -> file.toString().endsWith(".sst"))
                    .max((a, b) -> Long.compare(a.toFile().length(), b.toFile().length()))
                    .orElseThrow();
        }
    }

    private static void flip(Path file, long at) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            ByteBuffer one = ByteBuffer.allocate(1);
            channel.read(one, at);
            channel.write(one.put(0, (byte) ~one.get(0)).flip(), at);
        }
    }
}
