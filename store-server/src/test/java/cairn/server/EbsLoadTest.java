package cairn.server;

import static cairn.server.EbsWriter.block;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.image.Region;
import cairn.server.storage.TestDisk;
import cairn.sigv4.CredentialsFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.services.ebs.EbsClient;
import software.amazon.awssdk.services.ebs.model.Block;

/**
 * Many who write and read by EBS direct at a time, none of whom is ever refused. What bounds the server's memory:
 * {@link cairn.server.http.HttpLimits#heldBytesMax} for bodies and replies, its caches, and buffers of its database.
 */
class EbsLoadTest {
    private static final int PEERS = 256;
    private static final int BLOCKS = 128;
    /** Heap and direct memory as the launcher gives them would allow three times as much. */
    private static final long RESIDENT_KIB_MAX = 1200 << 10;

    @TempDir
    Path folder;

    @Test
    void servesManyWritersAndReadersAtATimeWithinItsMemory() throws Exception {
        TestDisk read = TestDisk.random(1, BLOCKS * EbsWriter.BLOCK);
        TestDisk written = TestDisk.random(2, BLOCKS * EbsWriter.BLOCK);
        try (ServerProcess server = ServerProcess.start(folder.resolve("data"));
                EbsClient ebs = new AwsUser(
                                server.http(),
                                CredentialsFile.read(server.credentials(), CredentialsFile.DEFAULT_PROFILE),
                                Region.LOCAL)
                        .ebs()) {
            EbsWriter peer = new EbsWriter(ebs);
            String source = peer.write(read);
            List<Block> blocks = peer.list(source).blocks();
            String target = peer.start();

            List<Callable<Void>> tasks = new ArrayList<>();
            for (int n = 0; n < 2 * PEERS; n++) {
                int at = n % BLOCKS;
                Block block = blocks.get(n % blocks.size());
                tasks.add(() -> {
                    peer.put(target, at, block(written, at));
                    return null;
                });
                tasks.add(() -> {
                    assertArrayEquals(block(read, block.blockIndex()), peer.get(source, block));
                    return null;
                });
            }
            Collections.shuffle(tasks, new Random(1));
            EbsWriter.doAll(PEERS, tasks);

            assertEquals("completed", peer.complete(target, BLOCKS, EbsWriter.linear(written, BLOCKS)).statusAsString());
            long residentKib = residentKibMost(server.pid());
            assertTrue(residentKib < RESIDENT_KIB_MAX, residentKib + " KiB were resident at most");
        }
    }

    private static long residentKibMost(long pid) throws Exception {
        return Files.readAllLines(Path.of("/proc/" + pid + "/status")).stream()
                .filter(line -> line.startsWith("VmHWM:"))
                .map(line -> line.replaceAll("[^0-9]", ""))
                .mapToLong(Long::parseLong)
                .findFirst()
                .orElseThrow();
    }
}
