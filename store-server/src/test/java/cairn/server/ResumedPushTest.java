package cairn.server;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.api.Messages;
import cairn.chunk.Chunk;
import cairn.client.DiskId;
import cairn.client.ImageUploader;
import cairn.client.ImageVerifier;
import cairn.client.Retry;
import cairn.client.StoreClient;
import cairn.client.TransferProgress;
import cairn.tree.Page;
import cairn.tree.TreeBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Pushes that end before they are done, because one of the two sides is killed. */
class ResumedPushTest {
    private static final int MIB = 1 << 20;
    private static final int SECONDS_MAX = 60;
    private static final int ROUNDS = 3;
    /** More than a segment, so that in some rounds a part of the disk has been sealed. */
    private static final int ROUND_DISK_MIB_MAX = 90;

    @TempDir
    Path folder;

    @Test
    void aPushThatWasKilledHalfWaySendsOnlyTheRest() throws Exception {
        try (ServerProcess server = ServerProcess.start(folder.resolve("data"))) {
            StoreUser user = new StoreUser(server.connect(), folder);
            Path disk = user.noiseDisk(1, 64 * MIB);
            killPush(server, disk, 32 * MIB);
            int missing = missingChunks(user.client(), disk);

            ImageUploader.Result second = user.push(disk, "second try");

            int all = 64 * MIB / Chunk.SIZE_BYTES;
            int batch = 4 * MIB / Chunk.SIZE_BYTES;
            long missingBytes = (long) missing * Chunk.SIZE_BYTES;
            // Only the batch that was under way has not come through.
            assertTrue(missing >= all / 2 && missing <= all / 2 + batch, missing + " of " + all + " are missing");
            assertEquals(missing, second.chunksSent());
            assertTrue(second.sentBytes() > missingBytes, second.sentBytes() + " bytes sent");
            assertTrue(second.sentBytes() < missingBytes * 1.01, second.sentBytes() + " bytes sent");
            assertEquals(all, user.client().stats().chunks(), "no chunk is kept twice");
            user.assertComesBack(second.image().id(), disk);
        }
    }

    /** Pushes by the command line through a wire that goes dead after so many bytes, and kills that process. */
    private static void killPush(ServerProcess server, Path disk, long bytesMax) throws Exception {
        try (TcpRelay relay = new TcpRelay(server.httpAddress(), bytesMax)) {
            // One worker sends nothing before its last batch has been answered, so the server has nothing left to do.
            Process push = server.cli()
                    .at(relay.http())
                    .start("push", disk.toString(), "--name", "first try", "--workers", "1");
            try {
                relay.dead().get(SECONDS_MAX, SECONDS);
            } finally {
                push.destroyForcibly().waitFor();
            }
        }
    }

    private static int missingChunks(StoreClient client, Path disk) throws IOException {
        byte[] bytes = Files.readAllBytes(disk);
        List<Page> leaves = new ArrayList<>();
        TreeBuilder tree = new TreeBuilder(bytes.length, page -> {
            if (page.level() == 0) {
                leaves.add(page);
            }
        });
        for (int at = 0; at < bytes.length; at += Chunk.SIZE_BYTES) {
            tree.putChunk(at / Chunk.SIZE_BYTES, Chunk.idOf(bytes, at));
        }
        tree.finish();
        Messages.Upload upload = client.startUpload(new Messages.StartUpload(bytes.length));
        int missing = client.ask(upload.id(), leaves).stream().mapToInt(each -> each.chunks().cardinality()).sum();
        client.abandonUpload(upload.id());
        return missing;
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2})
    void aServerThatIsKilledLosesNoImageItHasAcknowledged(long seed) throws Exception {
        Random random = new Random(seed);
        Map<String, Path> acknowledged = new LinkedHashMap<>();
        Path data = folder.resolve("data");

        for (int round = 0; round < ROUNDS; round++) {
            String name = "round " + round;
            int diskBytes = (1 + random.nextInt(ROUND_DISK_MIB_MAX)) * MIB;
            // Beyond the end of some disks: then the server goes right after it has acknowledged them.
            long killAfterBytes = (long) (random.nextDouble() * 1.2 * diskBytes);
            Path disk;
            try (ServerProcess server = ServerProcess.start(data)) {
                disk = new StoreUser(server.connect(), folder).noiseDisk(100 * seed + round, diskBytes);
                pushUntilKilled(server, disk, name, killAfterBytes).ifPresent(id -> acknowledged.put(id, disk));
            }

            try (ServerProcess server = ServerProcess.start(data)) {
                StoreUser user = new StoreUser(server.connect(), folder);
                assertAllVerify(user.client(), acknowledged);
                String id = user.push(disk, name + " again").image().id();
                user.assertComesBack(id, disk);
                acknowledged.put(id, disk);
                server.kill();
            }
        }

        try (ServerProcess server = ServerProcess.start(data)) {
            StoreUser user = new StoreUser(server.connect(), folder);
            for (Map.Entry<String, Path> image : acknowledged.entrySet()) {
                user.assertComesBack(image.getKey(), image.getValue());
            }
        }
    }

    /** @return the image's id, if it was acknowledged before the server went */
    private Optional<String> pushUntilKilled(ServerProcess server, Path disk, String name, long killAfterBytes)
            throws Exception {
        try (TcpRelay relay = new TcpRelay(server.httpAddress(), killAfterBytes)) {
            CompletableFuture<Void> killed = relay.dead().thenRunAsync(server::kill);
            StoreUser user = new StoreUser(server.connect(relay.http()), folder);
            try {
                return Optional.of(user.push(disk, name).image().id());
            } catch (StoreException e) {
                assertEquals(Fault.UNAVAILABLE, e.fault(), e.getMessage());
                killed.get(SECONDS_MAX, SECONDS);
                return Optional.empty();
            } finally {
                server.kill();
            }
        }
    }

    private static void assertAllVerify(StoreClient client, Map<String, Path> images) {
        for (String id : images.keySet()) {
            long chunks = new ImageVerifier(client, 2, Retry.never())
                    .verify(new DiskId(id), TransferProgress.none())
                    .chunks();
            assertEquals(images.get(id).toFile().length() / Chunk.SIZE_BYTES, chunks);
        }
    }
}
