package cairn.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.api.Messages;
import cairn.client.Retry;
import cairn.client.SnapshotWatch;
import cairn.client.StoreClient;
import cairn.client.TransferProgress;
import cairn.image.VolumeId;
import cairn.server.WriteHistory.Promise;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The server is killed, again and again, while several writers are at one volume, and a snapshot of it is being made.
 * More rounds than a few: {@code -Dcairn.kill.rounds=N}; those of another run: {@code -Dcairn.kill.seed=N}.
 */
class KilledServerTest {
    private static final int ROUNDS = Integer.getInteger("cairn.kill.rounds", 6);
    private static final long SEED = Long.getLong("cairn.kill.seed", System.nanoTime() & 0xffff_ffffL);
    private static final int WRITERS = 4;
    private static final int REQUESTS_MAX = 1_000;
    private static final int REQUEST_SECONDS_MAX = 120;
    private static final int READ_BYTES = 1 << 20;

    @TempDir
    private Path folder;

    private final WriteHistory history = new WriteHistory();
    private VolumeId volume;

    @Test
    void keepsWhatWasAnsweredAndTearsNothing() throws Exception {
        SplittableRandom random = new SplittableRandom(SEED);
        ServerProcess server = ServerProcess.start(folder.resolve("data"));
        try {
            volume = new VolumeId(server.connect()
                    .createVolume(new Messages.CreateVolume(
                            null, RecordingWriter.sizeBytes(WRITERS), false, false, null))
                    .id());
            for (int round = 0; round < ROUNDS; round++) {
                writeUntilKilled(server, random);
                server = ServerProcess.start(folder.resolve("data"));
                check(server, "round " + round + " of seed " + SEED);
            }
            checkSnapshot(server);
        } finally {
            server.close();
        }
    }

    private void writeUntilKilled(ServerProcess server, SplittableRandom random) throws Exception {
        int requests = 1 + random.nextInt(REQUESTS_MAX);
        Semaphore answered = new Semaphore(0);
        StoreClient client = server.connect();
        Messages.ExportUri export = client.exportUri(volume);
        List<CompletableFuture<Void>> writers = new ArrayList<>();
        for (int i = 0; i < WRITERS; i++) {
            URI uri = URI.create(i % 2 == 0 ? export.socketUri() : export.uri());
            writers.add(CompletableFuture.runAsync(
                    new RecordingWriter(uri, history, i, WRITERS, random.nextLong(), answered),
                    writer -> new Thread(writer).start()));
        }
        try {
            await(answered, requests / 2);
            client.startSnapshot(volume, new Messages.CreateSnapshot(null, null));
            await(answered, requests - requests / 2);
        } finally {
            server.kill();
            writers.forEach(CompletableFuture::join);
        }
    }

    private static void await(Semaphore answered, int requests) throws InterruptedException {
        assertTrue(answered.tryAcquire(requests, REQUEST_SECONDS_MAX, TimeUnit.SECONDS), "requests are answered");
    }

    private void check(ServerProcess server, String when) throws IOException {
        try (NbdDisk disk = NbdDisk.open(URI.create(server.socketUri(volume.value())))) {
            for (long offset = 0; offset < disk.sizeBytes(); offset += READ_BYTES) {
                history.check(offset / WriteHistory.SECTOR_BYTES, disk.read(offset, READ_BYTES), Promise.ANSWERED);
            }
        } catch (AssertionError | IOException e) {
            throw new AssertionError(when + ": " + e.getMessage() + '\n' + server.log(), e);
        }
    }

    /** What outlived it all can be made a snapshot of, and that has the same bytes. */
    private void checkSnapshot(ServerProcess server) throws IOException {
        StoreClient client = server.connect();
        Messages.Snapshot snapshot = new SnapshotWatch(client, Retry.never())
                .await(client.startSnapshot(volume, new Messages.CreateSnapshot(null, null)), TransferProgress.none());

        assertEquals(Messages.Snapshot.COMPLETED, snapshot.state());
        check(server, "the volume after its snapshot");
        try (NbdDisk disk = NbdDisk.open(URI.create(server.socketUri(snapshot.id())))) {
            for (long offset = 0; offset < disk.sizeBytes(); offset += READ_BYTES) {
                history.check(offset / WriteHistory.SECTOR_BYTES, disk.read(offset, READ_BYTES), Promise.ANSWERED);
            }
        }
    }
}
