package cairn.server.http;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.account.AccessKey;
import cairn.server.account.Accounts;
import cairn.server.storage.MemoryStorage;
import cairn.server.transport.Transport;
import cairn.sigv4.Credentials;
import cairn.sigv4.PayloadHash;
import cairn.sigv4.SigV4Exception;
import cairn.sigv4.SigV4Signer;
import cairn.sigv4.SigV4Verifier;
import cairn.sigv4.SignableRequest;
import cairn.sigv4.SignableRequest.Header;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class HttpServerTest {
    private static final int BODY_MAX = 1 << 20;
    private static final Clock CLOCK = Clock.systemUTC();

    private final MemoryStorage storage = new MemoryStorage();
    private final Accounts accounts = new Accounts(storage.catalog(), CLOCK);
    private final AccessKey key = accounts.createRoot(made -> {}).orElseThrow();
    private HttpServer server;
    private InetSocketAddress address;

    /** Answers with what it got; fails on request. */
    private static final class EchoDoor implements HttpDoor {
        @Override
        public boolean serves(String path) {
            return path.startsWith("/echo");
        }

        @Override
        public Route route(String method, String path) {
            if (!method.equals("POST")) {
                throw new StoreException(Fault.INVALID_REQUEST, "no " + method);
            }
            return new Route(BODY_MAX, BODY_MAX, call -> {
                if (call.find("fail").isPresent()) {
                    throw new IllegalStateException("as was asked");
                }
                if (call.find("error").isPresent()) {
                    throw new StackOverflowError("as was asked");
                }
                return HttpReply.of("text/plain", call.body());
            });
        }

        @Override
        public HttpReply failed(Throwable failure) {
            Fault fault = failure instanceof SigV4Exception e ? e.fault() : Fault.of(failure);
            int status = switch (fault) {
                case UNAUTHENTICATED -> 401;
                case TOO_LARGE -> 413;
                case INTERNAL -> 500;
                default -> 400;
            };
            return new HttpReply(status, "text/plain", (fault + ": " + failure.getMessage()).getBytes(UTF_8), Map.of());
        }
    }

    @BeforeEach
    void start() throws IOException {
        listen(Transport.best(), HttpLimits.DEFAULT);
    }

    private void listen(Transport transport, HttpLimits limits) throws IOException {
        server = new HttpServer(
                List.of(new EchoDoor()),
                accounts,
                new SigV4Verifier(accounts::findCredentials, CLOCK, Set.of("cairn")),
                limits,
                transport);
        address = server.listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    }

    @AfterEach
    void stop() {
        server.close();
        storage.close();
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void answersManyRequestsOnOneConnection(Transport transport) throws IOException {
        server.close();
        listen(transport, HttpLimits.DEFAULT);
        try (Socket socket = connect()) {
            for (int i = 0; i < 50; i++) {
                byte[] body = bytes(i, i * 1000);

                Reply reply = exchange(socket, request(key.credentials(), "/echo?n=" + i, body, i % 2 == 0));

                assertEquals(200, reply.status);
                assertArrayEquals(body, reply.body);
            }
        }
    }

    @Test
    void answersRequestsThatWereSentWithoutWaiting() throws IOException {
        try (Socket socket = connect()) {
            ByteArrayOutputStream all = new ByteArrayOutputStream();
            for (int i = 0; i < 20; i++) {
                all.writeBytes(request(key.credentials(), "/echo", bytes(i, 5000), true));
            }
            socket.getOutputStream().write(all.toByteArray());

            for (int i = 0; i < 20; i++) {
                assertArrayEquals(bytes(i, 5000), read(socket.getInputStream()).body);
            }
        }
    }

    @Test
    void goesOnAfterATargetThatCannotBeRead() throws IOException {
        try (Socket socket = connect()) {
            ByteArrayOutputStream both = new ByteArrayOutputStream();
            both.writeBytes(request(key.credentials(), "/echo", bytes(1, 10), true));
            both.writeBytes("GET /%zz HTTP/1.1\r\nhost: x\r\n\r\n".getBytes(US_ASCII));
            both.writeBytes(request(key.credentials(), "/echo", bytes(2, 10), true));
            socket.getOutputStream().write(both.toByteArray());

            assertEquals(200, read(socket.getInputStream()).status);
            assertEquals(400, read(socket.getInputStream()).status);
            assertArrayEquals(bytes(2, 10), read(socket.getInputStream()).body);
        }
    }

    @Test
    void answersEvenAnError() throws IOException {
        try (Socket socket = connect()) {
            for (int i = 0; i < 5; i++) {
                byte[] request = request(key.credentials(), "/echo?error=1", new byte[0], true);
                assertEquals(500, exchange(socket, request).status);
            }
            assertEquals(200, exchange(socket, request(key.credentials(), "/echo", bytes(8, 10), true)).status);
        }
    }

    @Test
    void takesARequestOneByteAtATime() throws IOException {
        try (Socket socket = connect()) {
            socket.setTcpNoDelay(true);
            for (byte b : request(key.credentials(), "/echo", bytes(1, 300), true)) {
                socket.getOutputStream().write(b);
                socket.getOutputStream().flush();
            }

            assertArrayEquals(bytes(1, 300), read(socket.getInputStream()).body);
        }
    }

    @Test
    void takesABodyInChunks() throws IOException {
        byte[] body = bytes(3, 100_000);
        String head = text(request(key.credentials(), "/echo", body, false));
        String chunked = head.substring(0, head.indexOf("\r\n\r\n")).replaceFirst("(?i)content-length: \\d+", "Transfer-Encoding: chunked");
        try (Socket socket = connect()) {
            OutputStream out = socket.getOutputStream();
            out.write((chunked + "\r\n\r\n").getBytes(US_ASCII));
            for (int at = 0; at < body.length; at += 7000) {
                int n = Math.min(7000, body.length - at);
                out.write((Integer.toHexString(n) + "\r\n").getBytes(US_ASCII));
                out.write(body, at, n);
                out.write("\r\n".getBytes(US_ASCII));
            }
            out.write("0\r\n\r\n".getBytes(US_ASCII));

            assertArrayEquals(body, read(socket.getInputStream()).body);
        }
    }

    @Test
    void saysContinueToWhoWaitsForIt() throws IOException {
        byte[] body = bytes(4, 1000);
        String whole = text(request(key.credentials(), "/echo", body, false));
        String head = whole.substring(0, whole.indexOf("\r\n\r\n")) + "\r\nExpect: 100-continue\r\n\r\n";
        try (Socket socket = connect()) {
            socket.getOutputStream().write(head.getBytes(US_ASCII));
            assertEquals(100, read(socket.getInputStream()).status);

            socket.getOutputStream().write(body);
            assertArrayEquals(body, read(socket.getInputStream()).body);
        }
    }

    @Test
    void refusesABodyThatWasNotTheOneSigned() throws IOException {
        byte[] request = request(key.credentials(), "/echo", bytes(5, 1000), true);
        request[request.length - 1] ^= 1;
        try (Socket socket = connect()) {
            int status = exchange(socket, request).status;
            assertTrue(status >= 400 && status < 500, "status " + status);
            assertEquals(200, exchange(socket, request(key.credentials(), "/echo", bytes(5, 10), true)).status);
        }
    }

    @Test
    void refusesStrangersBeforeTheirBodyAndGoesOn() throws IOException {
        Credentials wrong = new Credentials(key.id(), "wrong");
        Credentials unknown = new Credentials("AKIAUNKNOWN", "secret");
        try (Socket socket = connect()) {
            assertEquals(401, exchange(socket, request(wrong, "/echo", bytes(6, 500_000), true)).status);
            assertEquals(401, exchange(socket, request(unknown, "/echo", bytes(6, 0), true)).status);
            assertEquals(
                    401, exchange(socket, "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc".getBytes(US_ASCII)).status);
            assertEquals(200, exchange(socket, request(key.credentials(), "/echo", bytes(6, 10), true)).status);
        }
    }

    @Test
    void refusesABodyBeyondTheLimitAndSaysSo() throws IOException {
        try (Socket socket = connect()) {
            Reply reply = exchange(socket, request(key.credentials(), "/echo", bytes(7, BODY_MAX + 1), false));

            assertEquals(413, reply.status);
            assertTrue(text(reply.body).contains("" + (BODY_MAX + 1)), text(reply.body));
            assertEquals(200, exchange(socket, request(key.credentials(), "/echo", bytes(7, BODY_MAX), false)).status);
        }
    }

    @Test
    void doesNotReadForEverWhatItRefuses() throws IOException {
        server.close();
        listen(Transport.best(), new HttpLimits(10, 4096, 8 << 20, 1 << 20, Duration.ofSeconds(30), Duration.ofMinutes(1)));
        String head = "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n";
        try (Socket socket = connect()) {
            socket.getOutputStream().write(head.getBytes(US_ASCII));
            byte[] junk = new byte[64 << 10];
            long sentBytes = 0;
            try {
                while (sentBytes < 1L << 30) {
                    socket.getOutputStream().write(junk);
                    sentBytes += junk.length;
                }
            } catch (IOException closed) {
                assertTrue(sentBytes < 100 << 20, "sent " + sentBytes);
                return;
            }
        }
        throw new AssertionError("took 1 GiB");
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "garbage\r\n\r\n",
        "GET\r\n\r\n",
        "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: x\r\n\r\n",
        "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        "POST /nothing HTTP/1.1\r\nhost: x\r\n\r\n",
        "POST /echo?%zz HTTP/1.1\r\nhost: x\r\n\r\n",
        "GET /%zz HTTP/1.1\r\nhost: x\r\n\r\n",
        "GET /echo/% HTTP/1.1\r\nhost: x\r\n\r\n",
        "POST /echo?a=1#b HTTP/1.1\r\nhost: x\r\n\r\n",
        "POST /echo?X-Amz-Signature=1&X-Amz-Signature=2 HTTP/1.1\r\nhost: x\r\n\r\n",
        "DELETE /echo HTTP/1.1\r\nhost: x\r\n\r\n"
    })
    void answersNonsenseWithAnError(String request) throws IOException {
        try (Socket socket = connect()) {
            int status = exchange(socket, request.getBytes(US_ASCII)).status;

            assertTrue(status >= 400 && status < 500, "status " + status);
        }
        assertServesStill();
    }

    @Test
    void refusesAHeadBeyondTheLimit() throws IOException {
        try (Socket socket = connect()) {
            String head = "POST /echo HTTP/1.1\r\nhost: x\r\nx: " + "y".repeat(100_000) + "\r\n\r\n";

            assertEquals(413, exchange(socket, head.getBytes(US_ASCII)).status);
        }
        assertServesStill();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void survivesRandomBytes(long seed) throws IOException {
        Random random = new Random(seed);
        for (int n = 0; n < 20; n++) {
            byte[] good = request(key.credentials(), "/echo", bytes(n, 100), true);
            for (int flips = 1 + random.nextInt(20); flips > 0; flips--) {
                good[random.nextInt(good.length)] = (byte) random.nextInt();
            }
            try (Socket socket = connect()) {
                socket.getOutputStream().write(random.nextBoolean() ? good : bytes(seed * 100 + n, 3000));
                socket.shutdownOutput();
                socket.getInputStream().readAllBytes();
            } catch (IOException reset) {
                continue;
            }
        }
        assertServesStill();
    }

    @Test
    void tellsAFaultOfItsOwnAsThat() throws IOException {
        try (Socket socket = connect()) {
            assertEquals(500, exchange(socket, request(key.credentials(), "/echo?fail=1", new byte[0], true)).status);
            assertEquals(200, exchange(socket, request(key.credentials(), "/echo", bytes(8, 10), true)).status);
        }
    }

    @Test
    void holdsNoMoreThanItsBoundForManyAtOnce() throws IOException {
        server.close();
        // Room for two requests at a time, each with its reply.
        listen(Transport.best(), new HttpLimits(100, 8192, 4L * BODY_MAX, 1 << 20, Duration.ofSeconds(30), Duration.ofMinutes(1)));
        List<Socket> sockets = new ArrayList<>();
        byte[] body = bytes(9, BODY_MAX);
        for (int i = 0; i < 20; i++) {
            Socket socket = connect();
            sockets.add(socket);
            String whole = text(request(key.credentials(), "/echo", body, false));
            socket.getOutputStream().write(whole.substring(0, whole.indexOf("\r\n\r\n") + 4).getBytes(US_ASCII));
        }
        // The first two hold all there is; those who wait get their turn as the others end, in whatever order they
        // send.
        Thread[] senders = new Thread[sockets.size()];
        List<Integer> statuses = Collections.synchronizedList(new ArrayList<>());
        for (int i = 0; i < senders.length; i++) {
            Socket socket = sockets.get(i);
            senders[i] = new Thread(() -> {
                try {
                    socket.getOutputStream().write(body);
                    statuses.add(read(socket.getInputStream()).status);
                } catch (IOException e) {
                    statuses.add(-1);
                }
            });
            senders[i].start();
        }
        for (Thread sender : senders) {
            join(sender);
        }
        for (Socket socket : sockets) {
            socket.close();
        }

        assertEquals(Collections.nCopies(20, 200), statuses);
    }

    @Test
    void endsAPeerThatSendsItsBodyForEver() throws IOException {
        server.close();
        listen(Transport.best(), new HttpLimits(
                100, 8192, 2L * BODY_MAX, 1 << 20, Duration.ofSeconds(30), Duration.ofMillis(300)));
        byte[] request = request(key.credentials(), "/echo", bytes(11, BODY_MAX), false);
        try (Socket socket = connect()) {
            socket.getOutputStream().write(request, 0, request.length - 1);

            assertEquals(-1, socket.getInputStream().read());
        }
        assertServesStill();
    }

    @Test
    void givesBackWhatABrokenConnectionHeld() throws IOException {
        server.close();
        listen(Transport.best(), new HttpLimits(100, 8192, 2L * BODY_MAX, 1 << 20, Duration.ofSeconds(30), Duration.ofMinutes(1)));
        String whole = text(request(key.credentials(), "/echo", bytes(10, BODY_MAX), false));
        for (int i = 0; i < 20; i++) {
            try (Socket socket = connect()) {
                socket.getOutputStream().write(whole.substring(0, whole.length() / 2).getBytes(US_ASCII));
            }
        }

        assertServesStill();
    }

    private void assertServesStill() throws IOException {
        try (Socket socket = connect()) {
            assertEquals(200, exchange(socket, request(key.credentials(), "/echo", bytes(0, 10), true)).status);
        }
    }

    private Socket connect() throws IOException {
        Socket socket = new Socket(address.getAddress(), address.getPort());
        socket.setSoTimeout(10_000);
        return socket;
    }

    private byte[] request(Credentials credentials, String target, byte[] body, boolean isPayloadSigned) {
        String[] parts = target.split("\\?", 2);
        String host = "127.0.0.1:" + address.getPort();
        SignableRequest signable = new SignableRequest(
                "POST",
                parts[0],
                parts.length == 2 ? parts[1] : "",
                List.of(new Header("host", host)),
                isPayloadSigned ? PayloadHash.of(body) : PayloadHash.UNSIGNED);
        StringBuilder head = new StringBuilder("POST " + target + " HTTP/1.1\r\nhost: " + host + "\r\n");
        new SigV4Signer(credentials, "local", "cairn", CLOCK)
                .sign(signable)
                .forEach(header -> head.append(header.name()).append(": ").append(header.value()).append("\r\n"));
        head.append("content-length: ").append(body.length).append("\r\n\r\n");
        ByteArrayOutputStream request = new ByteArrayOutputStream();
        request.writeBytes(head.toString().getBytes(US_ASCII));
        request.writeBytes(body);
        return request.toByteArray();
    }

    private record Reply(int status, byte[] body) {}

    private static Reply exchange(Socket socket, byte[] request) throws IOException {
        socket.getOutputStream().write(request);
        return read(socket.getInputStream());
    }

    private static Reply read(InputStream in) throws IOException {
        StringBuilder head = new StringBuilder();
        while (head.length() < 4 || !head.substring(head.length() - 4).equals("\r\n\r\n")) {
            int b = in.read();
            if (b < 0) {
                throw new IOException("closed after: " + head);
            }
            head.append((char) b);
        }
        int status = Integer.parseInt(head.substring(9, 12));
        Matcher length =
                Pattern.compile("(?i)content-length: (\\d+)").matcher(head);
        return new Reply(status, in.readNBytes(length.find() ? Integer.parseInt(length.group(1)) : 0));
    }

    private static byte[] bytes(long seed, int lengthBytes) {
        byte[] bytes = new byte[lengthBytes];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    private static String text(byte[] bytes) {
        return new String(bytes, ISO_8859_1);
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
