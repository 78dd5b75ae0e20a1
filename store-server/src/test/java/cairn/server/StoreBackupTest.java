package cairn.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.api.BackupMessages.Backup;
import cairn.api.BackupMessages.StartBackup;
import cairn.api.Json;
import cairn.api.Messages;
import cairn.client.StoreClient;
import cairn.image.ImageId;
import cairn.image.VolumeId;
import cairn.server.WriteHistory.Promise;
import cairn.server.storage.Storage;
import cairn.server.storage.rocks.RocksStorage;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Backups of a store that is served, and used all the time. */
class StoreBackupTest {
    private static final int MIB = 1 << 20;
    private static final int IMAGES_BEFORE = 3;
    private static final int REQUESTS = 400;
    private static final int KILLS = 5;
    private static final int KILLED_WITHIN_MILLIS = 150;
    private static final int SECONDS_MAX = 120;

    @TempDir
    Path folder;

    @Test
    void opensElsewhereWithEveryByteWhileTheOriginalGoesOn() throws Exception {
        Path backup = folder.resolve("backup");
        WriteHistory history = new WriteHistory();
        try (ServerProcess original = ServerProcess.start(folder.resolve("data"))) {
            StoreUser user = new StoreUser(original.connect(), folder);
            for (int n = 0; n < IMAGES_BEFORE; n++) {
                push(user, n);
            }
            VolumeId quiet = volume(user.client());
            VolumeId busy = volume(user.client());
            write(original, quiet, history, REQUESTS).get(SECONDS_MAX, TimeUnit.SECONDS);
            CompletableFuture<Void> writer = write(original, busy, new WriteHistory(), Integer.MAX_VALUE);
            AtomicBoolean isEnough = new AtomicBoolean();
            CompletableFuture<Integer> pusher = CompletableFuture.supplyAsync(() -> pushUntil(isEnough, user));

            Backup made = Json.decode(
                    original.cli().run("backup", backup.toString(), "--json").success().getBytes(StandardCharsets.UTF_8),
                    Backup.class);

            isEnough.set(true);
            int pushed = pusher.get(SECONDS_MAX, TimeUnit.SECONDS);
            assertTrue(pushed > IMAGES_BEFORE, "images were pushed meanwhile: up to " + pushed);
            assertEquals(Backup.COMPLETED, made.state());
            assertTrue(made.linkedFiles() > 0 && made.files() > made.linkedFiles(), made.toString());
            assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(backup)));
            assertEquals("rw-------", PosixFilePermissions.toString(
                    Files.getPosixFilePermissions(backup.resolve("credentials"))));

            try (ServerProcess copy = ServerProcess.start(backup)) {
                assertImagesComeBack(copy, IMAGES_BEFORE);
                assertHolds(copy, quiet, history);
                removeImages(user.client());
                write(original, quiet, new WriteHistory(), REQUESTS).get(SECONDS_MAX, TimeUnit.SECONDS);
                assertImagesComeBack(copy, IMAGES_BEFORE);
                assertHolds(copy, quiet, history);
                new StoreUser(copy.connect(), folder).assertStoreWorks();
                removeImages(copy.connect());
            }
            user.assertStoreWorks();
            assertFalse(writer.isDone(), "a machine went on writing");
        }
    }

    private static VolumeId volume(StoreClient client) {
        return new VolumeId(client.createVolume(
                        new Messages.CreateVolume(null, RecordingWriter.sizeBytes(1), false, false, null))
                .id());
    }

    /** Writes until so many requests are answered, or the server goes. */
    private static CompletableFuture<Void> write(ServerProcess server, VolumeId volume, WriteHistory history, int requests) {
        Semaphore answered = new Semaphore(0);
        URI uri = URI.create(server.socketUri(volume.value()));
        Thread writer = new Thread(new RecordingWriter(uri, history, 0, 1, requests, answered, requests));
        writer.setDaemon(true);
        writer.start();
        return CompletableFuture.runAsync(() -> join(writer), wait -> new Thread(wait).start());
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private int pushUntil(AtomicBoolean isEnough, StoreUser user) {
        int n = IMAGES_BEFORE;
        do {
            try {
                push(user, n++);
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        } while (!isEnough.get());
        return n;
    }

    private void push(StoreUser user, int number) throws IOException {
        user.push(user.noiseDisk(number, 6 * MIB), "noise-" + number);
    }

    private void assertImagesComeBack(ServerProcess server, int atLeast) throws IOException {
        StoreUser user = new StoreUser(server.connect(), folder);
        List<Messages.Image> images = user.client().images("").images().stream()
                .filter(image -> image.name().startsWith("noise-"))
                .toList();
        assertTrue(images.size() >= atLeast, images.size() + " images");
        for (Messages.Image image : images) {
            user.assertComesBack(image.id(), folder.resolve(image.name()));
        }
    }

    private static void assertHolds(ServerProcess server, VolumeId volume, WriteHistory history) throws IOException {
        try (NbdDisk disk = NbdDisk.open(URI.create(server.socketUri(volume.value())))) {
            for (long offset = 0; offset < disk.sizeBytes(); offset += MIB) {
                history.check(offset / WriteHistory.SECTOR_BYTES, disk.read(offset, MIB), Promise.ANSWERED);
            }
        }
    }

    private static void removeImages(StoreClient client) {
        client.images("").images().forEach(image -> client.removeImage(new ImageId(image.id())));
    }

    @Test
    void saysInOneLineWhyItMakesNone() throws Exception {
        try (ServerProcess server = ServerProcess.start(folder.resolve("data"))) {
            assertRefused(server, "relative/folder", "is no absolute path");
            assertRefused(server, folder.resolve("data/backup").toString(), "is in the data folder itself");
            assertRefused(server, folder.resolve("away/../data/rocks/backup").toString(), "is in the data folder itself");
            assertRefused(server, folder.resolve("no/such").toString(), "is no folder on the server's host");
            assertRefused(server, folder.toString(), "is there already");
            assertRefused(server, "/", "is there already");
            assertRefused(server, Files.writeString(folder.resolve("file"), "x").toString(), "is there already");
            Files.createSymbolicLink(folder.resolve("alias"), folder.resolve("data"));
            assertRefused(server, folder.resolve("alias/backup").toString(), "is in the data folder itself");

            try (Stream<Path> entries = Files.list(folder)) {
                assertEquals(4, entries.count(), "data, its log, a file and a link");
            }
        }
    }

    private static void assertRefused(ServerProcess server, String target, String why) throws Exception {
        String line = Cli.failure(1, server.cli().run("backup", target));

        assertTrue(line.contains(why), line);
    }

    @Test
    void isForRootAlone() throws IOException {
        try (TestStore store = new TestStore(folder.resolve("data"))) {
            StoreClient somebody = store.newAccount("somebody").user().store();

            StoreException e = assertThrows(
                    StoreException.class,
                    () -> somebody.startBackup(new StartBackup(folder.resolve("backup").toString())));

            assertEquals(Fault.FORBIDDEN, e.fault());
            assertEquals(
                    Fault.FORBIDDEN, assertThrows(StoreException.class, () -> somebody.backup("some-id")).fault());
            assertEquals(
                    Fault.NOT_FOUND,
                    assertThrows(StoreException.class, () -> store.root().store().backup("some-id")).fault());
        }
    }

    @Test
    void whatIsThereUnderItsNameIsWholeThoughTheServerIsKilled() throws Exception {
        Random random = new Random(5);
        Path data = folder.resolve("data");
        for (int n = 0; n < KILLS; n++) {
            Path backup = folder.resolve("backup-" + n);
            try (ServerProcess server = ServerProcess.start(data)) {
                assertFalse(Files.exists(data.resolve("checkpoint")), "what a kill has left is cleared away");
                StoreUser user = new StoreUser(server.connect(), folder);
                push(user, n);
                user.client().startBackup(new StartBackup(backup.toString()));
                TimeUnit.MILLISECONDS.sleep(random.nextInt(KILLED_WITHIN_MILLIS));
                server.kill();
            }
            if (Files.exists(backup)) {
                assertHoldsImages(backup, n + 1);
            }
            for (Path growing : leftovers()) {
                if (Files.exists(growing.resolve("VERSION"))) {
                    assertHoldsImages(growing, n + 1);
                } else {
                    assertThrows(StoreException.class, () -> RocksStorage.open(growing));
                }
            }
        }
        try (ServerProcess server = ServerProcess.start(data)) {
            assertImagesComeBack(server, KILLS);
        }
    }

    private List<Path> leftovers() throws IOException {
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.filter(entry -> entry.getFileName().toString().startsWith(".backup")).toList();
        }
    }

    private static void assertHoldsImages(Path backup, int count) {
        try (Storage storage = RocksStorage.open(backup)) {
            assertEquals(count, storage.catalog().list("image/", "", 100).size());
        }
    }
}
