package cairn.server.storage.rocks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.storage.VolumeBlocks;
import cairn.server.storage.VolumeBlocks.Batch;
import cairn.server.storage.VolumeBlocks.Found;
import cairn.server.storage.VolumeBlocks.Layer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;

/** Asks for blocks without waiting while the database is closed, or cannot be opened again after a failed write. */
class DatabaseTest {
    private static final Layer LAYER = new Layer(1, 0);

    @TempDir
    Path temp;

    private Tuning tuning;
    private Database database;
    private VolumeBlocks blocks;

    @BeforeEach
    void open() {
        DataFolder folder = DataFolder.open(temp.resolve("data"));
        FreeSpace space = new FreeSpace(folder.root(), 0);
        RocksDB.loadLibrary();
        tuning = new Tuning(RocksSettings.DEFAULT);
        database = new Database(folder, space, tuning, false);
        blocks = new RocksVolumeBlocks(database, tuning, space);
        try (Batch batch = blocks.begin(LAYER)) {
            batch.putBlock(7, block());
            batch.commit(true);
        }
    }

    @AfterEach
    void close() {
        database.close();
        tuning.close();
    }

    private static ByteBuffer block() {
        return ByteBuffer.allocateDirect(VolumeBlocks.BLOCK_BYTES);
    }

    @Test
    void doesNotOpenTheDatabaseForWhoMustNotWait() throws IOException {
        Path current = temp.resolve("data/rocks/CURRENT");
        byte[] pointer = Files.readAllBytes(current);
        assertThrows(StoreException.class, () -> database.write(() -> "fail", handles -> {
            throw new RocksDBException("the test's write fails");
        }));
        Files.writeString(current, "damaged");
        assertThrows(StoreException.class, database::ensureUsable);

        assertEquals(Found.PERHAPS, blocks.tryRead(LAYER, 7, block()));
        assertEquals(Found.PERHAPS, blocks.tryRead(LAYER, 8, block()));

        Files.write(current, pointer);
        assertEquals(Found.PERHAPS, blocks.tryRead(LAYER, 7, block()));
        assertTrue(blocks.read(LAYER, 7, block()));
        assertEquals(Found.YES, blocks.tryRead(LAYER, 7, block()));
        assertEquals(Found.NO, blocks.tryRead(LAYER, 8, block()));
    }

    @Test
    void waitsForNobodyWhoWaitsForTheDatabase() throws InterruptedException {
        CountDownLatch gate = new CountDownLatch(1);
        CompletableFuture<Void> isReading = new CompletableFuture<>();
        CompletableFuture<Void> reader = CompletableFuture.runAsync(() -> database.read(() -> "wait", handles -> {
            isReading.complete(null);
            return await(gate);
        }));
        isReading.join();
        Thread closer = new Thread(database::close, "closer");
        closer.start();
        while (closer.getState() != Thread.State.WAITING) {
            Thread.onSpinWait();
        }

        CompletableFuture<Found> found = CompletableFuture.supplyAsync(() -> blocks.tryRead(LAYER, 7, block()))
                .completeOnTimeout(null, 20, TimeUnit.SECONDS);
        Found before = found.join();
        gate.countDown();
        reader.join();
        closer.join();

        assertEquals(Found.YES, before);
        StoreException refused = assertThrows(StoreException.class, () -> blocks.tryRead(LAYER, 7, block()));
        assertEquals(Fault.SHUTTING_DOWN, refused.fault());
    }

    private static Void await(CountDownLatch gate) {
        try {
            gate.await();
            return null;
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
