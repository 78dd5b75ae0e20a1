package cairn.server.storage.rocks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.Tools;
import cairn.server.storage.BackedUp;
import cairn.server.storage.Storage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RocksBackupTest {
    private static final int BACKUPS = 12;
    private static final BackedUp.Progress UNWATCHED = (doneBytes, bytes) -> {};

    @TempDir
    Path temp;

    @Test
    void holdsOneMomentWhileSegmentsAreSealedAllTheTime() throws Exception {
        AtomicLong stored = new AtomicLong();
        AtomicBoolean isEnough = new AtomicBoolean();
        try (Storage storage = open(temp.resolve("data"))) {
            CompletableFuture<Void> writer = CompletableFuture.runAsync(() -> {
                while (!isEnough.get()) {
                    Batches.store(storage, stored.get());
                    stored.incrementAndGet();
                }
            });
            for (int n = 0; n < BACKUPS; n++) {
                long before = stored.get();
                Path backup = Files.createDirectory(temp.resolve("backup-" + n));
                storage.backup(backup, UNWATCHED);
                assertHolds(backup, before, stored.get() + 1);
            }
            isEnough.set(true);
            writer.join();
        }
        assertTrue(stored.get() > BACKUPS, stored + " batches were stored meanwhile");
    }

    /** Everything up to some batch is whole, and of those that were being stored no row is without its data. */
    private static void assertHolds(Path backup, long before, long after) {
        try (Storage storage = open(backup)) {
            for (long batch = 0; batch < before; batch++) {
                Batches.assertWhole(storage, batch);
            }
            for (long batch = before; batch <= after; batch++) {
                Batches.assertNoRowWithoutData(storage, batch);
                if (storage.catalog().find("batch/" + batch).isPresent()) {
                    Batches.assertWhole(storage, batch);
                }
            }
            Batches.store(storage, after + 1);
            Batches.assertWhole(storage, after + 1);
        }
    }

    @Test
    void linksFilesAndTakesNothingFromTheOriginal() throws IOException {
        Path backup = Files.createDirectory(temp.resolve("backup"));
        try (Storage storage = open(temp.resolve("data"))) {
            for (long batch = 0; batch < 6; batch++) {
                Batches.store(storage, batch);
            }

            BackedUp backedUp = storage.backup(backup, UNWATCHED);

            assertTrue(backedUp.linkedFiles() > 2 && backedUp.linkedBytes() * 2 > backedUp.bytes(), backedUp.toString());
            assertTrue(backedUp.files() > backedUp.linkedFiles(), backedUp.toString());
            assertFalse(Files.exists(temp.resolve("data/checkpoint")));
            Batches.store(storage, 6);
        }
        try (Storage storage = open(backup)) {
            for (long batch = 10; batch < 20; batch++) {
                Batches.store(storage, batch);
            }
            assertFalse(storage.catalog().find("batch/6").isPresent());
        }
        try (Storage storage = open(temp.resolve("data"))) {
            for (long batch = 0; batch < 7; batch++) {
                Batches.assertWhole(storage, batch);
            }
            assertFalse(storage.catalog().find("batch/10").isPresent());
        }
    }

    @Test
    void copiesToAnotherFileSystemAndSaysWhereItIsTooSmall() throws Exception {
        Path mounted = Files.createDirectory(temp.resolve("mounted"));
        boolean isMounted = Tools.run("mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", mounted.toString()).status() == 0;
        Tools.requireThat(isMounted, "a tmpfs can not be mounted here");
        try (Storage storage = open(temp.resolve("data"))) {
            Batches.store(storage, 1);
            Path backup = Files.createDirectory(mounted.resolve("backup"));

            BackedUp backedUp = storage.backup(backup, UNWATCHED);

            assertEquals(0, backedUp.linkedFiles(), backedUp.toString());
            try (Storage copy = open(backup)) {
                Batches.assertWhole(copy, 1);
            }

            for (long batch = 4; batch < 60; batch += 3) {
                Batches.store(storage, batch);
            }
            Path second = Files.createDirectory(mounted.resolve("second"));
            StoreException e = assertThrows(StoreException.class, () -> storage.backup(second, UNWATCHED));
            assertEquals(Fault.NO_SPACE, e.fault(), e.getMessage());
            assertThrows(StoreException.class, () -> open(second), "without VERSION it is no store");
            Batches.store(storage, 100);
            Batches.assertWhole(storage, 100);
        } finally {
            Tools.run("umount", mounted.toString()).success();
        }
    }

    @Test
    void clearsAwayWhatABackupThatWasCutShortHasGathered() throws IOException {
        Path gathered = temp.resolve("data/checkpoint/rocks.tmp");
        open(temp.resolve("data")).close();
        Files.createDirectories(gathered);
        Files.write(gathered.resolve("000012.sst"), new byte[1]);

        open(temp.resolve("data")).close();

        try (Stream<Path> entries = Files.list(temp.resolve("data"))) {
            assertTrue(entries.noneMatch(entry -> entry.endsWith("checkpoint")));
        }
    }

    private static Storage open(Path folder) {
        return RocksStorage.open(folder, RocksSettings.DEFAULT.withReserveBytes(0).withWriteBufferBytes(1 << 20));
    }
}
