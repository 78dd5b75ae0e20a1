package cairn.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.api.Api;
import cairn.image.Region;
import cairn.sigv4.Credentials;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StoreClientTest {
    private static final StoreClient.Limits SHORT =
            new StoreClient.Limits(Duration.ofMillis(300), Duration.ofMillis(300), Duration.ofMillis(300));

    @Test
    void saysWhichEndpointDoesNotAnswer() throws IOException {
        URI nobody;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            nobody = URI.create("http://127.0.0.1:" + free.getLocalPort());
        }

        StoreException failure = failureOf(nobody);

        assertEquals(Fault.UNAVAILABLE, failure.fault());
        assertEquals("no server answers at " + nobody + "; is `cairn serve` running?", failure.getMessage());
    }

    @Test
    void saysThatAHostIsUnknown() {
        StoreException failure = failureOf(URI.create("http://no-such-host.invalid:7070"));

        assertEquals(Fault.UNAVAILABLE, failure.fault());
        assertTrue(failure.getMessage().contains("no-such-host.invalid"), failure.getMessage());
    }

    @Test
    void givesUpOnASilentServer() throws IOException {
        try (ServerSocket silent = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            StoreException failure = failureOf(URI.create("http://127.0.0.1:" + silent.getLocalPort()));

            assertEquals(Fault.UNAVAILABLE, failure.fault());
            assertTrue(failure.getMessage().contains("gave no answer"), failure.getMessage());
        }
    }

    @Test
    void givesUpOnAnAnswerThatNeverEnds() throws IOException {
        StoreException failure = failureOfAnswer("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc", false);

        assertEquals(Fault.UNAVAILABLE, failure.fault());
        assertTrue(failure.getMessage().contains("gave no answer"), failure.getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "SSH-2.0-OpenSSH_9.2\r\n",
        "",
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc",
    })
    void saysThatAConnectionBroke(String answer) throws IOException {
        StoreException failure = failureOfAnswer(answer, true);

        assertEquals(Fault.UNAVAILABLE, failure.fault());
        assertTrue(failure.getMessage().contains("is it a Cairn server"), failure.getMessage());
    }

    @Test
    void saysThatAnotherServerAnswered() throws IOException {
        StoreException failure = failureOfAnswer("HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\nnope", true);

        assertEquals(Fault.NOT_FOUND, failure.fault());
        assertTrue(failure.getMessage().contains("HTTP status 404"), failure.getMessage());
    }

    @Test
    void readsNoMoreThanTheLimit() throws IOException {
        StoreException failure = failureOfAnswer(
                "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n" + "x".repeat(Api.JSON_BYTES_MAX + 1), false);

        assertEquals(Fault.TOO_LARGE, failure.fault());
    }

    @Test
    void readsNoMoreThanTheLimitOfWhatTellsNoLength() throws IOException {
        StoreException failure = failureOfAnswer(
                "HTTP/1.1 200 OK\r\n\r\n" + "x".repeat(Api.JSON_BYTES_MAX + 1), false);

        assertEquals(Fault.TOO_LARGE, failure.fault());
    }

    @Test
    void takesAnAnswerInPiecesThatTellNoLength() throws IOException {
        String words = "{\"fault\":\"CONFLICT\",\"message\":\"" + "so ".repeat(10_000) + "\"}";
        StringBuilder pieces = new StringBuilder("HTTP/1.1 409 Conflict\r\ntransfer-encoding: chunked\r\n\r\n");
        for (int at = 0; at < words.length(); at += 1000) {
            String piece = words.substring(at, Math.min(at + 1000, words.length()));
            pieces.append(Integer.toHexString(piece.length())).append("\r\n").append(piece).append("\r\n");
        }

        StoreException failure = failureOfAnswer(pieces + "0\r\n\r\n", false);

        assertEquals(Fault.CONFLICT, failure.fault());
        assertEquals("so ".repeat(10_000), failure.getMessage());
    }

    @Test
    void passesOnWhatTheServerSays() throws IOException {
        try (FakeStore store = FakeStore.start()) {
            StoreException failure = assertThrows(
                    StoreException.class, () -> store.client().image(new DiskId("ami-00000000000000000").image()));

            assertEquals(Fault.NOT_FOUND, failure.fault());
            assertEquals("there is no ami-00000000000000000", failure.getMessage());
        }
    }

    @Test
    void isRefusedWithAnotherSecret() throws IOException {
        try (FakeStore store = FakeStore.start()) {
            StoreClient stranger =
                    new StoreClient(store.endpoint(), new Credentials(FakeStore.KEY.accessKeyId(), "guessed"));

            StoreException withoutABody = assertThrows(StoreException.class, stranger::store);
            StoreException withABody = assertThrows(
                    StoreException.class, () -> stranger.createAccount("mine"));

            assertEquals(Fault.UNAUTHENTICATED, withoutABody.fault());
            assertEquals(Fault.UNAUTHENTICATED, withABody.fault());
            assertEquals(withoutABody.getMessage(), withABody.getMessage(), "the server's own words");
        }
    }

    @Test
    void sendsNothingTwiceWhereAConnectionBreaks() throws IOException {
        try (FakeStore store = FakeStore.start()) {
            StoreClient client = store.client();
            client.store();
            store.trouble = (exchange, number) -> true;
            int before = store.requests.get();

            assertThrows(StoreException.class, () -> client.createAccount("mine"));
            assertThrows(StoreException.class, () -> client.sendItems("upload-1", new byte[1 << 20], 1 << 20));
            assertThrows(StoreException.class, () -> client.changeKey("AKKEY", false));
            assertThrows(StoreException.class, () -> client.deleteKey("AKKEY"));
            assertThrows(StoreException.class, () -> client.exportUri(new DiskId("ami-00000000000000000")));

            assertEquals(5, store.requests.get() - before);
        }
    }

    @Test
    void keepsAConnectionForWhatIsAskedNextWhateverTheAnswer() throws IOException {
        try (FakeStore store = FakeStore.start()) {
            StoreClient client = store.client();
            Set<InetSocketAddress> peers = ConcurrentHashMap.newKeySet();
            store.trouble = (exchange, number) -> {
                peers.add(exchange.getRemoteAddress());
                return false;
            };

            client.store();
            assertThrows(StoreException.class, () -> client.image(new DiskId("ami-00000000000000000").image()));
            client.createKey(null);
            assertThrows(StoreException.class, () -> client.sendItems("upload-1", new byte[1 << 20], 1 << 20));
            client.deleteKey("AKNEW0");
            client.store();

            assertEquals(1, peers.size());
        }
    }

    @Test
    void followsNobodyElsewhere() throws IOException {
        try (FakeStore elsewhere = FakeStore.start()) {
            StoreException failure = failureOfAnswer(
                    "HTTP/1.1 302 Found\r\nlocation: " + elsewhere.endpoint() + "/cairn/v1/store\r\ncontent-length: 0\r\n\r\n",
                    false);

            assertTrue(failure.getMessage().contains("HTTP status 302"), failure.getMessage());
            assertEquals(0, elsewhere.requests.get());
        }
    }

    @Test
    void givesUpOnAServerThatTakesNothing() throws IOException {
        try (ServerSocket silent = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            StoreClient client = new StoreClient(
                    URI.create("http://127.0.0.1:" + silent.getLocalPort()), FakeStore.KEY, Region.LOCAL, SHORT);
            byte[] moreThanSocketsHold = new byte[64 << 20];

            StoreException failure = assertThrows(
                    StoreException.class, () -> client.sendItems("upload-1", moreThanSocketsHold, moreThanSocketsHold.length));

            assertEquals(Fault.UNAVAILABLE, failure.fault());
            assertTrue(failure.getMessage().contains("gave no answer"), failure.getMessage());
        }
    }

    @Test
    void asksNothingMoreOnceItIsInterrupted() throws IOException {
        try (FakeStore store = FakeStore.start()) {
            Thread.currentThread().interrupt();

            StoreException failure = assertThrows(StoreException.class, store.client()::store);

            assertTrue(Thread.interrupted());
            assertEquals(Fault.UNAVAILABLE, failure.fault());
            assertEquals(0, store.requests.get());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"ftp://127.0.0.1", "127.0.0.1:7070", "http://127.0.0.1/path", "http:///x", "http://h?q=1"})
    void refusesWhatIsNoEndpoint(String url) {
        StoreException failure = assertThrows(
                StoreException.class, () -> new StoreClient(URI.create(url.replace("127.0.0.1:7070", "x")), FakeStore.KEY));

        assertEquals(Fault.INVALID_REQUEST, failure.fault());
    }

    @ParameterizedTest
    @ValueSource(strings = {"..", ".", "", "a/b", "a?b", "ä"})
    void letsNoIdChangeThePath(String id) throws IOException {
        try (FakeStore store = FakeStore.start()) {
            StoreException failure = assertThrows(StoreException.class, () -> store.client().deleteKey(id));

            assertEquals(Fault.INVALID_REQUEST, failure.fault());
            assertEquals(0, store.requests.get());
        }
    }

    private static StoreException failureOf(URI endpoint) {
        return assertThrows(
                StoreException.class, () -> new StoreClient(endpoint, FakeStore.KEY, Region.LOCAL, SHORT).store());
    }

    /** What comes of a server that answers every connection with the same bytes. */
    private static StoreException failureOfAnswer(String answer, boolean isClosed) throws IOException {
        try (ServerSocket server = new ServerSocket(0, 8, InetAddress.getLoopbackAddress())) {
            CompletableFuture.runAsync(() -> {
                try {
                    while (true) {
                        Socket peer = server.accept();
                        peer.getInputStream().read(new byte[4096]);
                        peer.getOutputStream().write(answer.getBytes(StandardCharsets.ISO_8859_1));
                        if (isClosed) {
                            peer.close();
                        }
                    }
                } catch (IOException e) {
                    // The test has ended.
                }
            });
            URI endpoint = URI.create("http://127.0.0.1:" + server.getLocalPort());
            StoreClient.Limits limits =
                    new StoreClient.Limits(Duration.ofSeconds(5), Duration.ofSeconds(2), Duration.ofSeconds(2));
            return assertThrows(
                    StoreException.class, () -> new StoreClient(endpoint, FakeStore.KEY, Region.LOCAL, limits).store());
        }
    }
}
