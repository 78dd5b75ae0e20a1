package cairn.server.nbd;

import static cairn.server.nbd.NbdTalk.int32;
import static cairn.server.nbd.NbdTalk.join;
import static cairn.server.nbd.NbdTalk.option;
import static cairn.server.nbd.NbdTalk.question;
import static cairn.server.nbd.NbdTalk.read;
import static cairn.server.nbd.NbdTalk.request;
import static cairn.server.nbd.NbdTalk.write;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.server.transport.Transport;
import io.netty.util.internal.PlatformDependent;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A thousand peers at a time that mean no good, on real sockets; meanwhile a good one is served, within a bound. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class NbdHostilePeersTest {
    private static final int PEERS = 1000;
    private static final long DISK_BYTES = 64 << 20;
    private static final int OWN_BYTES = 256 << 10;
    private static final int SHARED_BYTES = 32 << 20;
    /** The default's own bytes, and little for all. */
    private static final NbdLimits LIMITS = new NbdLimits(
            PEERS + 10, Duration.ofSeconds(60), 64 << 10, 1 << 20, 10, 128, 8 << 20, OWN_BYTES, 16 << 20,
            SHARED_BYTES, Duration.ofSeconds(60), 4096, Duration.ofSeconds(1));
    /** Into which a socket is read; and what an allocator does not give back at once. */
    private static final long OTHER_BYTES_PER_PEER = 2 * (64 << 10);

    @TempDir
    private Path folder;

    private final ExecutorService threads = Executors.newFixedThreadPool(2);
    private final MemoryDisk disk = new MemoryDisk(DISK_BYTES, threads);
    private final List<SocketChannel> peers = new ArrayList<>();
    private NbdServer server;

    @BeforeEach
    void start() throws IOException {
        server = NbdServer.start(new OneExport(disk::connect), LIMITS, Transport.best(), 2);
        server.listen(folder.resolve("s"));
    }

    @AfterEach
    void close() throws IOException {
        for (SocketChannel peer : peers) {
            peer.close();
        }
        server.close();
        threads.shutdown();
        assertTrue(disk.isLeft());
        assertEquals(0, disk.heldBytes.get());
        assertEquals(0, server.connections());
    }

    private SocketChannel connect() throws IOException {
        return SocketChannel.open(UnixDomainSocketAddress.of(folder.resolve("s")));
    }

    /** Has a thousand peers say something, as much of it as the server takes without being listened to. */
    private void allSay(byte[] said) throws IOException {
        for (int i = 0; i < PEERS; i++) {
            SocketChannel peer = connect();
            peer.configureBlocking(false);
            peers.add(peer);
            sayMore(peer, ByteBuffer.wrap(said));
        }
    }

    private static void sayMore(SocketChannel peer, ByteBuffer said) throws IOException {
        while (said.hasRemaining() && peer.write(said) > 0) {
            // On.
        }
    }

    private static byte[] entered() {
        return join(int32(3), option(NbdOption.GO, question("disk")));
    }

    /** A client that writes and reads back, in order, and is never refused. */
    private void requireGoodService() throws IOException {
        long before = PlatformDependent.usedDirectMemory();
        try (NbdTalk.Socket good = new NbdTalk.Socket(connect())) {
            good.enter("disk", true);
            for (int i = 0; i < 50; i++) {
                byte[] bytes = new byte[64 << 10];
                bytes[i] = (byte) (i + 1);
                long offset = (long) i * bytes.length;
                good.send(write(NbdCommand.FLAG_FUA, i, offset, bytes));
                assertEquals(0, good.structuredReply().error());
                good.send(read(i, offset, bytes.length));
                assertArrayEquals(bytes, good.structuredReply().payload());
            }
        }
        long held = PlatformDependent.usedDirectMemory();
        long bound = PEERS * (OWN_BYTES + OTHER_BYTES_PER_PEER) + SHARED_BYTES;
        assertTrue(held <= bound, () -> held + " bytes of direct memory, " + before + " before, bound " + bound);
    }

    @Test
    void peersThatSayNothing() throws IOException {
        allSay(new byte[0]);

        requireGoodService();
    }

    @Test
    void peersThatStopInTheMiddleOfAPayload() throws IOException {
        allSay(join(entered(), request(NbdCommand.WRITE, 0, 1, 0, 8 << 20), new byte[20_000]));

        requireGoodService();
    }

    @Test
    void peersThatDisconnectInTheMiddleOfAPayload() throws IOException {
        allSay(join(entered(), request(NbdCommand.WRITE, 0, 1, 0, 8 << 20), new byte[20_000]));
        for (SocketChannel peer : peers) {
            peer.close();
        }

        requireGoodService();
    }

    @Test
    void peersThatAskForMuchAndReadNothing() throws IOException {
        byte[] said = entered();
        for (int i = 0; i < 100; i++) {
            said = join(said, read(i, 0, i % 10 == 0 ? 8 << 20 : 128 << 10));
        }
        allSay(said);

        requireGoodService();
    }

    @Test
    void peersThatSay4GiB() throws IOException {
        byte[] said = entered();
        for (int code = 8; code >= 0; code--) {
            if (code != NbdCommand.DISC.code() && code != NbdCommand.WRITE.code()) {
                said = join(said, request(code, 0, code, 0, 0xffff_ffffL));
            }
        }
        allSay(join(said, request(NbdCommand.WRITE, 0, 1, 0, 0xffff_ffffL), new byte[200_000]));

        requireGoodService();
    }

    @Test
    void peersThatWriteMoreThanTheDiskTakesAtOnce() throws IOException {
        allSay(join(entered(), write(1, 0, new byte[1 << 20]), write(2, 0, new byte[1 << 20])));

        requireGoodService();
    }

    @Test
    void peersThatSayTheirOptionsByteByByte() throws IOException {
        allSay(new byte[0]);
        byte[] said = join(entered(), request(NbdCommand.WRITE, 0, 1, 0, 100));
        for (int at = 0; at < said.length; at++) {
            for (int i = 0; i < PEERS; i += 20) {
                sayMore(peers.get(i), ByteBuffer.wrap(said, at, 1));
            }
        }

        requireGoodService();
    }
}
