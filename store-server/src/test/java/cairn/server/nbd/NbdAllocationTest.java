package cairn.server.nbd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.MemoryStorage;
import cairn.server.storage.TestDisk;
import cairn.server.transport.Transport;
import cairn.server.volume.Volumes;
import cairn.tree.TreeRoot;
import com.sun.management.ThreadMXBean;
import io.netty.util.ResourceLeakDetector;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What the event loop allocates for a read of what is cached, from the socket to the socket. Bytes are counted, not
 * time; interpreted code allocates as many as compiled code. The bounds are a quarter above what was counted.
 */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class NbdAllocationTest {
    private static final DomainId DOMAIN = new DomainId(1);
    private static final int DISK_BYTES = 20 << 20;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @TempDir
    private Path folder;

    private final ResourceLeakDetector.Level leakLevel = ResourceLeakDetector.getLevel();
    private final MemoryStorage storage = new MemoryStorage();
    private final ChunkStore store = new ChunkStore(storage.segments(), storage.index());
    private final Volumes volumes = new Volumes(store, storage.volumeBlocks(), 64 << 20, 1 << 20);
    private NbdServer server;

    @BeforeEach
    void start() throws IOException {
        // Looking for leaks notes where each buffer came from, which is more than all else.
        ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.DISABLED);
        TreeRoot root = TestDisk.random(1, DISK_BYTES).put(store, DOMAIN);
        server = NbdServer.start(
                new OneExport(() -> volumes.open(DOMAIN, root)), NbdLimits.DEFAULT, Transport.best(), 1);
        server.listen(folder.resolve("nbd.sock"));
    }

    @AfterEach
    void close() {
        server.close();
        volumes.close();
        storage.close();
        ResourceLeakDetector.setLevel(leakLevel);
    }

    @ParameterizedTest
    @CsvSource({
        "4096, 20000, 520",
        "65536, 5000, 460",
        "1048576, 500, 3400",
    })
    void aReadOfWhatIsCachedAllocatesLittle(int lengthBytes, int requests, long bytesMax) throws IOException {
        try (Reader reader = new Reader(folder.resolve("nbd.sock"), lengthBytes)) {
            reader.read(Math.max(requests, 3 * DISK_BYTES / lengthBytes));

            long before = eventLoopBytes();
            reader.read(requests);
            long allocatedBytes = (eventLoopBytes() - before) / requests;

            assertTrue(
                    allocatedBytes <= bytesMax,
                    () -> allocatedBytes + " bytes were allocated for each read of " + lengthBytes);
        }
    }

    /** What the server's event loop has allocated since it began. */
    private static long eventLoopBytes() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("nbd-"))
                .mapToLong(thread -> THREADS.getThreadAllocatedBytes(thread.getId()))
                .sum();
    }

    /** Reads one range after the other, jumping through the disk. */
    private static final class Reader implements AutoCloseable {
        private final NbdTalk.Socket talk;
        private final int lengthBytes;
        private final ByteBuffer reply;
        private long reads;

        Reader(Path socket, int lengthBytes) throws IOException {
            this.talk = new NbdTalk.Socket(SocketChannel.open(UnixDomainSocketAddress.of(socket)));
            this.lengthBytes = lengthBytes;
            this.reply = ByteBuffer.allocateDirect(
                    NbdReplyEncoder.STRUCTURED_BYTES + Long.BYTES + lengthBytes);
            talk.enter(OneExport.NAME, true);
        }

        void read(int requests) throws IOException {
            int ranges = DISK_BYTES / lengthBytes;
            for (int n = 0; n < requests; n++) {
                // By a number that has no factor in common with theirs, so that each has its turn.
                talk.send(NbdTalk.read(reads, reads++ * 7 % ranges * lengthBytes, lengthBytes));
                reply.clear();
                while (reply.hasRemaining()) {
                    assertTrue(talk.channel.read(reply) >= 0, "the server has closed the connection");
                }
                assertEquals(lengthBytes + Long.BYTES, reply.getInt(16));
            }
        }

        @Override
        public void close() {
            talk.close();
        }
    }
}
