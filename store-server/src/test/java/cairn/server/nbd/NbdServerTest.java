package cairn.server.nbd;

import static cairn.server.nbd.NbdTalk.join;
import static cairn.server.nbd.NbdTalk.question;
import static cairn.server.nbd.NbdTalk.read;
import static cairn.server.nbd.NbdTalk.request;
import static cairn.server.nbd.NbdTalk.write;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.StoreException;
import cairn.server.nbd.NbdTalk.Reply;
import cairn.server.transport.Transport;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Real sockets, of both transports. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class NbdServerTest {
    private static final long SIZE_BYTES = 64L << 20;

    @TempDir
    private Path folder;

    private final ExecutorService threads = Executors.newFixedThreadPool(4);
    private final LinkedBlockingQueue<Runnable> held = new LinkedBlockingQueue<>();
    private NbdServer server;

    private NbdServer start(Transport transport, NbdLimits limits, PatternVolume volume) {
        server = NbdServer.start(new OneExport(() -> volume, threads), limits, transport, 2);
        return server;
    }

    private Path socket() {
        return folder.resolve("nbd.sock");
    }

    private NbdTalk.Socket connect(SocketAddress address) throws IOException {
        return new NbdTalk.Socket(SocketChannel.open(address));
    }

    private NbdTalk.Socket connectLocally() throws IOException {
        return connect(UnixDomainSocketAddress.of(socket()));
    }

    private static InetSocketAddress loopback() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    }

    @AfterEach
    void close() {
        server.close();
        threads.shutdownNow();
        assertEquals(0, server.connections());
        assertFalse(Files.exists(socket()));
    }

    @ParameterizedTest
    @EnumSource
    void servesLocalAndRemotePeers(Transport transport) throws IOException {
        start(transport, NbdLimits.DEFAULT, new PatternVolume(SIZE_BYTES, threads));
        InetSocketAddress tcp = server.listen(loopback());
        server.listen(socket());

        try (NbdTalk.Socket local = connectLocally(); NbdTalk.Socket remote = connect(tcp)) {
            local.enter("disk", true);
            remote.enter("disk:secret", false);
            local.send(read(1, 12_345, 32 << 20));
            remote.send(read(2, 0, 100_001));

            assertArrayEquals(PatternVolume.bytes(12_345, 32 << 20), local.structuredReply().payload());
            assertArrayEquals(PatternVolume.bytes(0, 100_001), remote.simpleReply(100_001).payload());
            assertEquals(2, server.connections());
        }
    }

    @ParameterizedTest
    @EnumSource
    void whereAPeerComesFromDecidesWhatItMayOpen(Transport transport) throws IOException {
        start(transport, NbdLimits.DEFAULT, new PatternVolume(SIZE_BYTES));
        InetSocketAddress tcp = server.listen(loopback());
        server.listen(socket());

        try (NbdTalk.Socket local = connectLocally(); NbdTalk.Socket remote = connect(tcp)) {
            local.greet(3);
            remote.greet(3);

            assertEquals(2, local.ask(NbdOption.INFO, question("disk")).size());
            assertTrue(remote.ask(NbdOption.INFO, question("disk")).get(0).is(NbdOptionReply.ERR_POLICY));
        }
    }

    @ParameterizedTest
    @EnumSource
    void manyRequestsAtOnceAreAllAnswered(Transport transport) throws Exception {
        start(transport, NbdLimits.DEFAULT, new PatternVolume(SIZE_BYTES, threads));
        server.listen(socket());

        try (NbdTalk.Socket talk = connectLocally()) {
            talk.enter("disk", true);
            int count = 5000;
            CompletableFuture<Void> sent = CompletableFuture.runAsync(() -> {
                for (int i = 0; i < count; i++) {
                    talk.send(read(i, i * 1000L, 4096));
                }
                talk.send(request(NbdCommand.DISC, 0, 0, 0, 0));
            });

            Set<Long> answered = new TreeSet<>();
            for (int i = 0; i < count; i++) {
                Reply reply = talk.structuredReply();
                assertArrayEquals(PatternVolume.bytes(reply.cookie() * 1000, 4096), reply.payload());
                answered.add(reply.cookie());
            }
            sent.get();

            assertEquals(count, answered.size());
            assertTrue(talk.isClosedByServer());
        }
    }

    @ParameterizedTest
    @EnumSource
    void whoShutsDownItsSendingSideStillGetsItsAnswers(Transport transport) throws Exception {
        MemoryDisk disk = new MemoryDisk(SIZE_BYTES, threads);
        server = NbdServer.start(new OneExport(disk::connect, threads), NbdLimits.DEFAULT, transport, 2);
        InetSocketAddress tcp = server.listen(loopback());
        byte[] written = new byte[1 << 20];
        Arrays.fill(written, (byte) 7);

        try (NbdTalk.Socket talk = connect(tcp)) {
            talk.enter("disk:secret", true);
            for (int i = 0; i < 100; i++) {
                talk.send(read(i, i * 1000L, 4096));
            }
            talk.send(write(NbdCommand.FLAG_FUA, 100, 0, written));
            talk.send(join(request(NbdCommand.WRITE, 0, 101, 32 << 20, 1 << 20), new byte[300_000]));
            talk.channel.shutdownOutput();

            Set<Long> answered = new TreeSet<>();
            for (int i = 0; i <= 100; i++) {
                answered.add(talk.structuredReply().cookie());
            }
            assertEquals(101, answered.size());
            assertTrue(talk.isClosedByServer());
        }
        assertArrayEquals(written, disk.durableBytes(0, written.length));
    }

    @ParameterizedTest
    @EnumSource
    void refusesConnectionsBeyondTheLimit(Transport transport) throws IOException {
        start(transport, NbdLimits.DEFAULT.withConnectionsMax(1), new PatternVolume(SIZE_BYTES));
        server.listen(socket());

        try (NbdTalk.Socket first = connectLocally()) {
            first.enter("disk", true);

            try (NbdTalk.Socket second = connectLocally()) {
                assertTrue(second.isClosedByServer());
            }
            first.send(read(1, 0, 10));
            assertEquals(1, first.structuredReply().cookie());
        }
    }

    @ParameterizedTest
    @EnumSource
    void closingLetsWhatIsPendingFinish(Transport transport) throws Exception {
        PatternVolume volume = new PatternVolume(SIZE_BYTES, held::add);
        start(transport, NbdLimits.DEFAULT, volume);
        server.listen(socket());

        try (NbdTalk.Socket talk = connectLocally()) {
            talk.enter("disk", false);
            talk.send(read(1, 5, 1000));
            Runnable pending = held.take();
            CompletableFuture<Void> closed = CompletableFuture.runAsync(server::close);
            while (Files.exists(socket()) && isConnectable()) {
                Thread.onSpinWait();
            }
            pending.run();

            assertArrayEquals(PatternVolume.bytes(5, 1000), talk.simpleReply(1000).payload());
            assertTrue(talk.isClosedByServer());
            closed.get();
            assertEquals(1, volume.closes.get());
        }
    }

    private boolean isConnectable() {
        try (NbdTalk.Socket probe = connectLocally()) {
            return probe.channel.isConnected();
        } catch (IOException e) {
            return false;
        }
    }

    @ParameterizedTest
    @EnumSource
    void aSecondServerDoesNotTakeTheSocketAway(Transport transport) throws IOException {
        start(transport, NbdLimits.DEFAULT, new PatternVolume(SIZE_BYTES));
        server.listen(socket());

        try (NbdServer second = NbdServer.start(
                new OneExport(() -> new PatternVolume(1)), NbdLimits.DEFAULT, transport, 1)) {
            assertThrows(StoreException.class, () -> second.listen(socket()));
        }

        try (NbdTalk.Socket talk = connectLocally()) {
            talk.enter("disk", true);
        }
    }
}
