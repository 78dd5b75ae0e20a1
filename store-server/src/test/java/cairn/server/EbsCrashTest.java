package cairn.server;

import static cairn.server.EbsWriter.block;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import cairn.image.Region;
import cairn.server.storage.TestDisk;
import cairn.sigv4.CredentialsFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.ebs.EbsClient;
import software.amazon.awssdk.services.ebs.model.Block;

/** A server that is killed while a snapshot is written to it. */
class EbsCrashTest {
    private static final int BLOCKS = 192;
    private static final int KILLED_AFTER = 60;
    private static final int WRITERS = 16;

    @TempDir
    Path folder;

    @Test
    void keepsEveryBlockThatWasAnswered() throws Exception {
        TestDisk disk = TestDisk.random(1, BLOCKS * EbsWriter.BLOCK);
        Path data = folder.resolve("data");
        Set<Integer> answered = ConcurrentHashMap.newKeySet();
        String id;
        try (ServerProcess server = ServerProcess.start(data)) {
            try (EbsClient ebs = user(server).ebs()) {
                id = new EbsWriter(ebs).start();
                writeUntilKilled(server, new EbsWriter(ebs), id, disk, answered);
            }
        }
        assertFalse(answered.size() == BLOCKS, "the server was killed too late");

        try (ServerProcess server = ServerProcess.start(data);
                EbsClient ebs = user(server).ebs()) {
            EbsWriter writer = new EbsWriter(ebs);
            for (int index = 0; index < BLOCKS; index++) {
                if (!answered.contains(index)) {
                    writer.put(id, index, block(disk, index));
                }
            }
            assertEquals("completed",
                    writer.complete(id, BLOCKS, EbsWriter.linear(disk, BLOCKS)).statusAsString());
            List<Callable<Void>> reads = new ArrayList<>();
            for (Block each : writer.list(id).blocks()) {
                reads.add(() -> {
                    assertArrayEquals(block(disk, each.blockIndex()), writer.get(id, each));
                    return null;
                });
            }
            EbsWriter.doAll(WRITERS, reads);
        }
    }

    private static void writeUntilKilled(
            ServerProcess server, EbsWriter writer, String id, TestDisk disk, Set<Integer> answered) throws Exception {
        CountDownLatch enough = new CountDownLatch(KILLED_AFTER);
        ExecutorService writers = Executors.newFixedThreadPool(WRITERS);
        try {
            for (int index = 0; index < BLOCKS; index++) {
                int at = index;
                writers.execute(() -> {
                    try {
                        writer.put(id, at, block(disk, at));
                        answered.add(at);
                        enough.countDown();
                    } catch (SdkException e) {
                        // The server is gone: nobody has said that this block is kept.
                    }
                });
            }
            enough.await(2, TimeUnit.MINUTES);
        } finally {
            server.kill();
            writers.shutdown();
            writers.awaitTermination(2, TimeUnit.MINUTES);
        }
    }

    private static AwsUser user(ServerProcess server) throws IOException {
        return new AwsUser(
                server.http(),
                CredentialsFile.read(server.credentials(), CredentialsFile.DEFAULT_PROFILE),
                Region.LOCAL);
    }
}
