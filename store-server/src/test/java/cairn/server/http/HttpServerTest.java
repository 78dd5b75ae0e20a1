package cairn.server.http;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.image.Region;
import cairn.server.account.AccessKey;
import cairn.server.account.Accounts;
import cairn.server.account.Regions;
import cairn.server.storage.MemoryStorage;
import cairn.server.transport.Transport;
import cairn.sigv4.Credentials;
import cairn.sigv4.PayloadHash;
import cairn.sigv4.SigV4Exception;
import cairn.sigv4.SigV4Signer;
import cairn.sigv4.SignableRequest;
import cairn.sigv4.SignableRequest.Header;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.security.GeneralSecurityException;
import java.time.Clock;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
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
    private final AtomicInteger answered = new AtomicInteger();
    private final BlockingQueue<CompletableFuture<HttpReply>> pending = new LinkedBlockingQueue<>();
    private HttpServer server;
    private InetSocketAddress address;

    /** Answers with what it got; fails on request. */
    private final class EchoDoor implements HttpDoor {
        @Override
        public String service() {
            return "cairn";
        }

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
                answered.incrementAndGet();
                if (call.find("later").isPresent()) {
                    CompletableFuture<HttpReply> later = new CompletableFuture<>();
                    pending.add(later);
                    return later;
                }
                if (call.find("fail").isPresent()) {
                    throw new IllegalStateException("as was asked");
                }
                if (call.find("error").isPresent()) {
                    throw new StackOverflowError("as was asked");
                }
                return CompletableFuture.completedFuture(HttpReply.of("text/plain", call.body()));
            });
        }

        @Override
        public HttpReply failed(Throwable failure, String requestId) {
            Fault fault = failure instanceof SigV4Exception e ? e.fault() : Fault.of(failure);
            int status = switch (fault) {
                case UNAUTHENTICATED -> 401;
                case TOO_LARGE -> 413;
                case INTERNAL -> 500;
                default -> 400;
            };
            String told = fault + ": " + failure.getMessage() + " (" + requestId + ')';
            return new HttpReply(status, "text/plain", told.getBytes(UTF_8), Map.of());
        }
    }

    /** Another protocol at the root: says what it got, and why it refuses, word by word. */
    private static final class RootDoor implements HttpDoor {
        @Override
        public String service() {
            return "ec2";
        }

        @Override
        public boolean serves(String path) {
            return path.equals("/");
        }

        @Override
        public Route route(String method, String path) {
            return new Route(1000, 1000, call -> CompletableFuture.completedFuture(HttpReply.of(
                    "text/xml",
                    String.join(
                                    " ",
                                    call.method(),
                                    call.host(),
                                    call.caller().region().name(),
                                    call.findHeader("x-amz-date").orElse("presigned"),
                                    call.find("Action").orElse("none"),
                                    new String(call.body(), UTF_8))
                            .getBytes(UTF_8))));
        }

        @Override
        public HttpReply failed(Throwable failure, String requestId) {
            String why = failure instanceof SigV4Exception e
                    ? e.why().name()
                    : Fault.of(failure).name();
            return new HttpReply(418, "text/xml", why.getBytes(UTF_8), Map.of("x-door", "root"));
        }
    }

    @BeforeEach
    void start() throws IOException {
        listen(Transport.best(), HttpLimits.DEFAULT);
    }

    private void listen(Transport transport, HttpLimits limits) throws IOException {
        server = new HttpServer(
                List.of(new EchoDoor(), new RootDoor()),
                accounts,
                new Regions(List.of(Region.LOCAL, new Region("north-1"))),
                CLOCK,
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
        listen(Transport.best(), new HttpLimits(
                10, 4096, 8 << 20, 8 << 20, 1 << 20, Duration.ofSeconds(30), Duration.ofMinutes(1),
                Duration.ofMinutes(1)));
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
        "DELETE /echo HTTP/1.1\r\nhost: x\r\n\r\n",
        "POST /?%zz HTTP/1.1\r\nhost: x\r\n\r\n",
        "POST /echo?a=%C3%28 HTTP/1.1\r\nhost: x\r\n\r\n"
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
        listen(Transport.best(), new HttpLimits(
                100, 8192, 4L * BODY_MAX, 8 << 20, 1 << 20, Duration.ofSeconds(30), Duration.ofMinutes(1),
                Duration.ofMinutes(1)));
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
                100, 8192, 2L * BODY_MAX, 8 << 20, 1 << 20, Duration.ofSeconds(30), Duration.ofMillis(300),
                Duration.ofMillis(300)));
        byte[] request = request(key.credentials(), "/echo", bytes(11, BODY_MAX), false);
        try (Socket socket = connect()) {
            socket.getOutputStream().write(request, 0, request.length - 1);

            assertEquals(-1, socket.getInputStream().read());
        }
        assertServesStill();
    }

    @Test
    void holdsBodiesThatProveNothingYetApartAndNotForLong() throws IOException {
        server.close();
        // Room for one such body, which is to come soon.
        listen(Transport.best(), new HttpLimits(
                100, 8192, 2L * BODY_MAX, 1000, 1 << 20, Duration.ofSeconds(30), Duration.ofMinutes(1),
                Duration.ofMillis(500)));
        byte[] request = unsaid(key.credentials(), "ec2", "local", CLOCK, bytes(12, 800));
        try (Socket stranger = connect();
                Socket next = connect()) {
            stranger.getOutputStream().write(request, 0, request.length - 1);

            assertServesStill();
            for (int i = 0; i < 3; i++) {
                assertEquals(200, exchange(next, request).status);
            }
            assertEquals(-1, stranger.getInputStream().read());
        }
        assertServesStill();
    }

    @Test
    void givesBackWhatABrokenConnectionHeld() throws IOException {
        server.close();
        listen(Transport.best(), new HttpLimits(
                100, 8192, 2L * BODY_MAX, 8 << 20, 1 << 20, Duration.ofSeconds(30), Duration.ofMinutes(1),
                Duration.ofMinutes(1)));
        String whole = text(request(key.credentials(), "/echo", bytes(10, BODY_MAX), false));
        for (int i = 0; i < 20; i++) {
            try (Socket socket = connect()) {
                socket.getOutputStream().write(whole.substring(0, whole.length() / 2).getBytes(US_ASCII));
            }
        }

        assertServesStill();
    }

    @Test
    void namesEachRequestInItsAnswer() throws IOException {
        Set<String> ids = new HashSet<>();
        try (Socket socket = connect()) {
            ids.add(exchange(socket, request(key.credentials(), "/echo", bytes(12, 10), true)).requestId());
            Reply refused = exchange(socket, "POST /echo HTTP/1.1\r\nhost: x\r\n\r\n".getBytes(US_ASCII));
            ids.add(refused.requestId());
            ids.add(exchange(socket, "GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n".getBytes(US_ASCII)).requestId());
            ids.add(exchange(socket, "garbage\r\n\r\n".getBytes(US_ASCII)).requestId());

            assertTrue(text(refused.body).contains(refused.requestId()), text(refused.body));
        }
        assertEquals(4, ids.size(), ids.toString());
    }

    @Test
    void tellsEachFailureInTheFormOfItsDoor() throws IOException {
        try (Socket socket = connect()) {
            Reply own = exchange(socket, "GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n".getBytes(US_ASCII));
            assertTrue(text(own.body).startsWith("NOT_FOUND: nothing is served at /nothing"), text(own.body));

            assertRootRefuses("MISSING_AUTHENTICATION", "POST / HTTP/1.1\r\nhost: x\r\n\r\n".getBytes(US_ASCII));
            assertRootRefuses("INVALID_REQUEST", "POST /?%zz HTTP/1.1\r\nhost: x\r\n\r\n".getBytes(US_ASCII));
            assertRootRefuses(
                    "TOO_LARGE",
                    ("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1001\r\n\r\n" + "x".repeat(1001))
                            .getBytes(US_ASCII));
        }
    }

    @Test
    void verifiesABodyWhoseHashIsNotSaidWhenItHasCome() throws IOException {
        byte[] body = "Action=DescribeImages".getBytes(US_ASCII);
        byte[] request = unsaid(key.credentials(), "ec2", "north-1", CLOCK, body);
        try (Socket socket = connect()) {
            Reply reply = exchange(socket, request);

            assertEquals(200, reply.status, text(reply.body));
            assertTrue(text(reply.body).startsWith("POST 127.0.0.1:" + address.getPort() + " north-1 20"));
            assertTrue(text(reply.body).endsWith(" none Action=DescribeImages"), text(reply.body));
        }
        request[request.length - 1] ^= 1;
        assertRootRefuses("WRONG_SIGNATURE", request);
    }

    @Test
    void verifiesPresignedRequestsToo() throws IOException {
        SignableRequest get = new SignableRequest(
                "GET",
                "/",
                "Action=DescribeRegions",
                List.of(new Header("host", "127.0.0.1:" + address.getPort())),
                PayloadHash.EMPTY);
        SigV4Signer signer = new SigV4Signer(key.credentials(), "local", "ec2", CLOCK);
        String query = signer.presign(get, Duration.ofMinutes(1));
        try (Socket socket = connect()) {
            Reply reply = exchange(socket, head("GET /?" + query));

            assertEquals(200, reply.status, text(reply.body));
            assertTrue(text(reply.body).endsWith("local presigned DescribeRegions "), text(reply.body));
        }
        assertRootRefuses("WRONG_SIGNATURE", head("GET /?" + query.replace("DescribeRegions", "DescribeImages")));
        assertRootRefuses("WRONG_SIGNATURE", head("POST /?" + query));
        Clock before = Clock.offset(CLOCK, Duration.ofMinutes(-2));
        assertRootRefuses(
                "EXPIRED",
                head("GET /?" + new SigV4Signer(key.credentials(), "local", "ec2", before)
                        .presign(get, Duration.ofMinutes(1))));
        assertRootRefuses("SESSION_TOKEN", head("GET /?" + query + "&X-Amz-Security-Token=abc"));
    }

    @Test
    void tellsWhyASignatureIsRefused() throws IOException {
        byte[] body = "Action=DescribeImages".getBytes(US_ASCII);
        Credentials good = key.credentials();
        Credentials wrong = new Credentials(key.id(), "wrong");
        Credentials unknown = new Credentials("AKIAUNKNOWN", "secret");
        Clock late = Clock.offset(CLOCK, Duration.ofMinutes(-16));
        Clock early = Clock.offset(CLOCK, Duration.ofMinutes(16));

        assertRootRefuses("WRONG_SIGNATURE", unsaid(wrong, "ec2", "local", CLOCK, body));
        assertRootRefuses("UNKNOWN_KEY", unsaid(unknown, "ec2", "local", CLOCK, body));
        assertRootRefuses("WRONG_SERVICE", unsaid(good, "ebs", "local", CLOCK, body));
        assertRootRefuses("WRONG_SERVICE", unsaid(good, "cairn", "local", CLOCK, body));
        assertRootRefuses("CLOCK_SKEWED", unsaid(good, "ec2", "local", late, body));
        assertRootRefuses("CLOCK_SKEWED", unsaid(good, "ec2", "local", early, body));
        assertRootRefuses("WRONG_REGION", unsaid(good, "ec2", "south-1", CLOCK, body));
        assertRootRefuses("WRONG_REGION", unsaid(good, "ec2", "South", CLOCK, body));
        String token = text(unsaid(good, "ec2", "local", CLOCK, body))
                .replaceFirst("\r\n", "\r\nx-amz-security-token: abc\r\n");
        assertRootRefuses("SESSION_TOKEN", token.getBytes(US_ASCII));
        accounts.createKey(accounts.root(), key.account());
        accounts.setActive(accounts.root(), key.id(), false);
        assertRootRefuses("UNKNOWN_KEY", unsaid(good, "ec2", "local", CLOCK, body));
    }

    @Test
    void keepsNothingOfABodyWhoseSenderIsUnknown() throws IOException {
        byte[] body = "Action=DescribeImages".getBytes(US_ASCII);
        String whole = text(unsaid(new Credentials("AKIAUNKNOWN", "secret"), "ec2", "local", CLOCK, body));
        String waiting = whole.substring(0, whole.indexOf("\r\n\r\n")) + "\r\nExpect: 100-continue\r\n\r\n";

        assertRootRefuses("UNKNOWN_KEY", waiting.getBytes(US_ASCII));
    }

    @Test
    void refusesMoreHeadersThanAnybodySends() throws IOException {
        StringBuilder head = new StringBuilder("POST /echo HTTP/1.1\r\nhost: x\r\n");
        for (int i = 0; i < 1000; i++) {
            head.append('x').append(i).append(": 1\r\n");
        }
        try (Socket socket = connect()) {
            Reply reply = exchange(socket, head.append("\r\n").toString().getBytes(US_ASCII));

            assertEquals(400, reply.status);
            assertTrue(text(reply.body).contains("1001 headers"), text(reply.body));
            assertEquals(200, exchange(socket, request(key.credentials(), "/echo", bytes(13, 10), true)).status);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void doesNothingWithABodyThatEndsTooSoon(boolean isHashSaid) throws IOException {
        byte[] body = bytes(14, 500);
        byte[] request = isHashSaid
                ? request(key.credentials(), "/echo", body, false)
                : unsaid(key.credentials(), "ec2", "local", CLOCK, body);
        try (Socket socket = connect()) {
            socket.getOutputStream().write(request, 0, request.length - 1);
            socket.shutdownOutput();

            assertEquals(0, socket.getInputStream().readAllBytes().length);
        }
        assertEquals(0, answered.get());
        assertServesStill();
    }

    @Test
    void answersWhenTheDoorIsReady() throws Exception {
        try (Socket slow = connect();
                Socket quick = connect()) {
            slow.getOutputStream().write(request(key.credentials(), "/echo?later=1", bytes(15, 10), true));
            CompletableFuture<HttpReply> later = pending.take();

            for (int i = 0; i < 50; i++) {
                assertEquals(200, exchange(quick, request(key.credentials(), "/echo", bytes(i, 10), true)).status);
            }
            later.complete(HttpReply.of("text/plain", bytes(15, 20)));

            assertArrayEquals(bytes(15, 20), read(slow.getInputStream()).body);
            slow.getOutputStream().write(request(key.credentials(), "/echo?later=1", bytes(15, 10), true));
            pending.take().completeExceptionally(new CompletionException(new StoreException(Fault.TOO_LARGE, "late")));
            assertEquals(413, read(slow.getInputStream()).status);
        }
    }

    @Test
    void holdsNoThreadForAnAnswerThatIsAwaited() throws Exception {
        List<Socket> waiting = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            Socket socket = connect();
            socket.getOutputStream().write(request(key.credentials(), "/echo?later=1", new byte[0], true));
            waiting.add(socket);
        }

        for (int i = 0; i < waiting.size(); i++) {
            pending.take().complete(HttpReply.NO_CONTENT);
        }

        for (Socket socket : waiting) {
            assertEquals(204, read(socket.getInputStream()).status);
            socket.close();
        }
    }

    @Test
    void finishesAnswersOnTheirWayWhenItCloses() throws Exception {
        try (Socket socket = connect()) {
            socket.getOutputStream().write(request(key.credentials(), "/echo?later=1", new byte[0], true));
            CompletableFuture<HttpReply> later = pending.take();
            Thread closing = new Thread(server::close);
            closing.start();
            awaitRefusal();
            later.complete(HttpReply.of("text/plain", bytes(16, 20)));

            assertArrayEquals(bytes(16, 20), read(socket.getInputStream()).body);
            join(closing);
        }
        listen(Transport.best(), HttpLimits.DEFAULT);
    }

    private void awaitRefusal() {
        while (true) {
            try (Socket socket = connect()) {
                assertTrue(socket.isConnected());
            } catch (IOException e) {
                return;
            }
        }
    }

    private void assertRootRefuses(String why, byte[] request) throws IOException {
        try (Socket socket = connect()) {
            Reply reply = exchange(socket, request);

            assertEquals(why, text(reply.body));
            assertTrue(reply.head.contains("x-door: root"), reply.head);
        }
    }

    private byte[] head(String target) {
        return (target + " HTTP/1.1\r\nhost: 127.0.0.1:" + address.getPort() + "\r\n\r\n").getBytes(US_ASCII);
    }

    /** As botocore signs for EC2 and EBS: with the body's hash, but without saying it. Made without our signer. */
    private byte[] unsaid(Credentials credentials, String service, String region, Clock clock, byte[] body) {
        String host = "127.0.0.1:" + address.getPort();
        String date = DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'")
                .withZone(ZoneOffset.UTC)
                .format(clock.instant());
        String scope = date.substring(0, 8) + '/' + region + '/' + service + "/aws4_request";
        String canonical = "POST\n/\n\nhost:" + host + "\nx-amz-date:" + date + "\n\nhost;x-amz-date\n"
                + PayloadHash.of(body);
        String toSign = "AWS4-HMAC-SHA256\n" + date + '\n' + scope + '\n'
                + PayloadHash.of(canonical.getBytes(US_ASCII));
        byte[] signing = ("AWS4" + credentials.secretAccessKey()).getBytes(US_ASCII);
        for (String part : scope.split("/")) {
            signing = hmac(signing, part);
        }
        String signature = HexFormat.of().formatHex(hmac(signing, toSign));
        ByteArrayOutputStream request = new ByteArrayOutputStream();
        request.writeBytes(("POST / HTTP/1.1\r\nhost: " + host + "\r\nx-amz-date: " + date
                        + "\r\nauthorization: AWS4-HMAC-SHA256 Credential=" + credentials.accessKeyId() + '/' + scope
                        + ", SignedHeaders=host;x-amz-date, Signature=" + signature
                        + "\r\ncontent-length: " + body.length + "\r\n\r\n")
                .getBytes(US_ASCII));
        request.writeBytes(body);
        return request.toByteArray();
    }

    private static byte[] hmac(byte[] key, String text) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(key, "HmacSHA256"));
            return mac.doFinal(text.getBytes(US_ASCII));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
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

    private record Reply(int status, String head, byte[] body) {
        String requestId() {
            Matcher id = Pattern.compile("(?i)x-amzn-RequestId: ([0-9a-f-]{36})\r\n").matcher(head);
            assertTrue(id.find(), head);
            return id.group(1);
        }
    }

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
        return new Reply(status, head.toString(), in.readNBytes(length.find() ? Integer.parseInt(length.group(1)) : 0));
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
