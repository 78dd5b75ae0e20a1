package cairn.server;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.api.Api;
import cairn.api.ItemBatch;
import cairn.api.Json;
import cairn.api.Messages;
import cairn.api.Messages.Failure;
import cairn.chunk.Chunk;
import cairn.client.DiskId;
import cairn.image.Region;
import cairn.server.storage.TestDisk;
import cairn.sigv4.Credentials;
import cairn.sigv4.CredentialsFile;
import cairn.sigv4.PayloadHash;
import cairn.sigv4.SigV4Signer;
import cairn.sigv4.SignableRequest;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Whatever users, other programs and broken clients bring to one and the same server: each is told in one clear line
 * what is wrong, and after each the store still works.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class BadInputTest {
    private static final int MIB = 1 << 20;
    /** Not an image's, nor a snapshot's, nor a volume's. */
    private static final String DIGITS = "0123456789abcdef0";
    private static final int IDLE_CONNECTIONS = 2_000;
    private static final int ANSWER_MILLIS_MAX = 20_000;
    private static final int GARBAGE_BYTES = 256 << 10;

    private Path folder;
    private ServerProcess server;
    private StoreUser user;
    private Cli cli;
    private Path disk;
    private String image;

    @BeforeAll
    void start(@TempDir Path temporary) throws Exception {
        folder = temporary;
        server = ServerProcess.start(folder.resolve("data"));
        user = new StoreUser(server.connect(), folder);
        cli = server.cli();
        disk = Files.write(folder.resolve("disk.raw"), TestDisk.random(1, 2 * MIB).bytes());
        image = user.push(disk, "good image").image().id();
    }

    @AfterEach
    void theStoreStillWorks() throws IOException {
        user.assertStoreWorks();
        user.assertComesBack(image, disk);
    }

    @AfterAll
    void stop() {
        if (server != null) {
            server.close();
            String log = server.log();
            assertFalse(log.contains(" ERROR "), "nothing that others send is a fault of ours: " + log);
        }
    }

    @Test
    void anEmptyFileIsRefused() throws Exception {
        Path empty = Files.createFile(folder.resolve("empty"));

        String line = Cli.failure(1, push(empty));

        assertEquals("cairn: " + empty + " is empty", line);
    }

    @Test
    void aSizeThatIsNoMultipleOfASectorIsRefused() throws Exception {
        Path odd = Files.write(folder.resolve("odd"), new byte[MIB + 1]);

        String line = Cli.failure(1, push(odd));

        assertTrue(line.contains(odd + " has " + (MIB + 1) + " bytes, which is no multiple of 512"), line);
    }

    @Test
    void aDirectoryIsRefused() throws Exception {
        String line = Cli.failure(1, push(folder));

        assertTrue(line.contains(folder + " is a directory"), line);
    }

    @Test
    void aMissingFileIsRefused() throws Exception {
        String line = Cli.failure(1, push(folder.resolve("nowhere.raw")));

        assertEquals("cairn: " + folder.resolve("nowhere.raw") + " does not exist", line);
    }

    @Test
    void aFileThatTheUserMayNotReadIsRefused() throws Exception {
        Path secret = Files.write(folder.resolve("secret.raw"), new byte[MIB]);
        Files.setPosixFilePermissions(secret, PosixFilePermissions.fromString("---------"));

        String line = Cli.failure(1, cli.runWithoutPrivileges("push", secret.toString(), "--name", "never made"));

        assertTrue(line.contains(secret + " may not be read by this user"), line);
    }

    @Test
    void aNameThatIsTakenIsRefused() throws Exception {
        Tools.Output push = cli.run("push", disk.toString(), "--name", "good image");

        String line = Cli.failure(1, push);
        assertTrue(line.contains("\"good image\"") && line.contains(image), line);
    }

    @Test
    void whatTheStoreWouldRefuseIsToldBeforeTheDiskIsSent() throws Exception {
        Path fresh = user.noiseDisk(77, 2 * MIB);
        String path = fresh.toString();

        Cli.failure(1, cli.run("push", path, "--name", "good image"));
        Cli.failure(1, cli.run("push", path, "--name", "child", "--parent", "ami-00000000000000000"));
        Cli.failure(1, cli.run("push", path, "--name", "described", "--description", "one line\nand another"));

        assertEquals(2 * MIB / Chunk.SIZE_BYTES, user.push(fresh, "fresh after all").chunksSent());
    }

    private Tools.Output push(Path file) throws Exception {
        return cli.run("push", file.toString(), "--name", "never made");
    }

    static Stream<Arguments> commandsWithIds() {
        return Stream.of(
                Arguments.of("pull", List.of("ID", "FILE")),
                Arguments.of("verify", List.of("ID")),
                Arguments.of("verify", List.of("ID", "FILE")),
                Arguments.of("show", List.of("ID")),
                Arguments.of("rm", List.of("ID")),
                Arguments.of("diff", List.of("IMAGE", "ID")),
                Arguments.of("diff", List.of("ID", "IMAGE")),
                Arguments.of("uri", List.of("ID")));
    }

    @ParameterizedTest
    @MethodSource("commandsWithIds")
    void anUnknownIdIsRefused(String command, List<String> arguments) throws Exception {
        List<String> ids = new ArrayList<>(List.of("ami-" + DIGITS, "snap-" + DIGITS));
        if (List.of("show", "rm", "uri").contains(command)) {
            ids.add("vol-" + DIGITS);
        }
        for (String id : ids) {
            String line = Cli.failure(1, cli.run(line(command, arguments, id)));

            assertTrue(line.matches("cairn: there is no (image|snapshot|volume) " + id + ".*"), line);
        }
    }

    @ParameterizedTest
    @MethodSource("commandsWithIds")
    void aMalformedIdIsRefusedAsWrongUsage(String command, List<String> arguments) throws Exception {
        for (String id : List.of("ami-123", "good image")) {
            String line = Cli.failure(2, cli.run(line(command, arguments, id)));

            assertTrue(line.contains('"' + id + "\" is no "), line);
        }
    }

    private String[] line(String command, List<String> arguments, String id) {
        List<String> line = new ArrayList<>(List.of(command));
        for (String argument : arguments) {
            line.add(
                    switch (argument) {
                        case "ID" -> id;
                        case "IMAGE" -> image;
                        default -> command.equals("pull") ? folder.resolve("never.raw").toString() : disk.toString();
                    });
        }
        return line.toArray(String[]::new);
    }

    @Test
    void anUnknownParentIsRefused() throws Exception {
        Tools.Output push =
                cli.run("push", disk.toString(), "--name", "orphan", "--parent", "ami-" + DIGITS);

        String line = Cli.failure(1, push);
        assertTrue(line.contains("ami-" + DIGITS), line);
    }

    @ParameterizedTest
    @ValueSource(strings = {"key disable ", "key enable ", "key delete "})
    void anUnknownKeyIsNotChanged(String command) throws Exception {
        String line = Cli.failure(1, cli.run((command + "AKIAIOSFODNN7EXAMPLE").split(" ")));

        assertTrue(line.contains("AKIAIOSFODNN7EXAMPLE"), line);
    }

    @Test
    void aKeyForAnUnknownOrMalformedAccountIsRefused() throws Exception {
        String unknown = Cli.failure(1, cli.run("key", "create", "--account", "999999999999"));
        String malformed = Cli.failure(2, cli.run("key", "create", "--account", "nobody"));

        assertTrue(unknown.contains("999999999999"), unknown);
        assertTrue(malformed.contains("nobody"), malformed);
    }

    @Test
    void aWrongKeyIsRefused() throws Exception {
        Credentials key = CredentialsFile.read(server.credentials(), CredentialsFile.DEFAULT_PROFILE);
        Cli wrong = cli.with("AWS_ACCESS_KEY_ID", key.accessKeyId()).with("AWS_SECRET_ACCESS_KEY", "not-the-secret");

        String line = Cli.failure(1, wrong.run("push", disk.toString(), "--name", "never made"));

        assertTrue(line.contains("signature") && line.contains(key.accessKeyId()), line);
        assertFalse(line.contains(key.secretAccessKey()), "nobody is told the right one");
    }

    @Test
    void anUnknownKeyIsRefused() throws Exception {
        Cli unknown = cli.with("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").with("AWS_SECRET_ACCESS_KEY", "anything");

        String line = Cli.failure(1, unknown.run("images"));

        assertTrue(line.contains("access key AKIAIOSFODNN7EXAMPLE is not known here"), line);
    }

    @Test
    void aMissingKeyIsRefused() throws Exception {
        Path none = folder.resolve("no-credentials");

        String file = Cli.failure(1, cli.with("AWS_SHARED_CREDENTIALS_FILE", none.toString()).run("images"));
        String half = Cli.failure(1, cli.with("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").run("images"));

        assertTrue(file.contains("there is no credentials file " + none), file);
        assertTrue(half.contains("AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY"), half);
    }

    @Test
    void aKeyThatWasDisabledIsRefused() throws Exception {
        Messages.Key key = user.client().createKey(null);
        user.client().changeKey(key.id(), false);
        Cli disabled = cli.with("AWS_ACCESS_KEY_ID", key.id()).with("AWS_SECRET_ACCESS_KEY", key.secretAccessKey());

        String line = Cli.failure(1, disabled.run("images"));

        assertTrue(line.contains(key.id()), line);
    }

    @Test
    void aServerThatIsNotThereIsNamed() throws Exception {
        URI nowhere = URI.create("http://127.0.0.1:" + freePort());

        String line = Cli.failure(1, cli.at(nowhere).run("push", disk.toString(), "--name", "never made"));

        assertEquals("cairn: no server answers at " + nowhere + "; is `cairn serve` running?", line);
    }

    private static int freePort() throws IOException {
        try (Socket taken = new Socket()) {
            taken.bind(new InetSocketAddress("127.0.0.1", 0));
            return taken.getLocalPort();
        }
    }

    @Test
    void aServerThatIsNoCairnServerIsToldApart() throws Exception {
        URI nbd = URI.create("http://127.0.0.1:" + server.nbdAddress().getPort());

        String line = Cli.failure(1, cli.at(nbd).run("images"));

        assertTrue(line.contains("is it a Cairn server"), line);
    }

    @Test
    void aChunkUnderAWrongIdIsRefused() {
        Random random = new Random();
        byte[] claimed = new byte[Chunk.SIZE_BYTES];
        byte[] sent = new byte[Chunk.SIZE_BYTES];
        random.nextBytes(claimed);
        random.nextBytes(sent);
        Messages.Upload upload = user.client().startUpload(new Messages.StartUpload(MIB));
        ItemBatch.Writer batch = new ItemBatch.Writer(Api.BATCH_BYTES_MAX);
        batch.add(ItemBatch.CHUNK_KIND, Chunk.idOf(claimed, 0).digest(), TestDisk.pack(sent));

        StoreException refused = assertThrows(
                StoreException.class,
                () -> user.client().sendItems(upload.id(), batch.finish(), batch.lengthBytes()));

        assertEquals(Fault.INVALID_REQUEST, refused.fault());
        assertTrue(refused.getMessage().contains(Chunk.idOf(claimed, 0).toString()), refused.getMessage());
        assertTrue(refused.getMessage().contains(Chunk.idOf(sent, 0).toString()), refused.getMessage());
        assertEquals(1, refused.getMessage().lines().count());
        user.client().abandonUpload(upload.id());
    }

    @Test
    void aBatchLongerThanItsLimitIsRefusedWhetherOrNotItSaysSo() throws Exception {
        String uploadId = user.client().startUpload(new Messages.StartUpload(MIB)).id();
        byte[] batch = new byte[Api.BATCH_BYTES_MAX + 1];
        batch[0] = 'C';

        HttpResponse<byte[]> announced = sendItems(uploadId, BodyPublishers.ofByteArray(batch));
        // Without a length it goes in pieces.
        HttpResponse<byte[]> inPieces =
                sendItems(uploadId, BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(batch)));

        for (HttpResponse<byte[]> response : List.of(announced, inPieces)) {
            Failure failure = Json.decode(response.body(), Failure.class);
            assertEquals(413, response.statusCode());
            assertEquals(Fault.TOO_LARGE, failure.fault());
            assertTrue(failure.message().contains(String.valueOf(Api.BATCH_BYTES_MAX)), failure.message());
        }
        user.client().abandonUpload(uploadId);
    }

    @ParameterizedTest
    @ValueSource(strings = {"4342415400001001", "43424154ffffffff", "4342415400000001", "00000000", "43424154"})
    void aBatchThatLiesAboutItselfIsRefused(String hex) throws Exception {
        String uploadId = user.client().startUpload(new Messages.StartUpload(MIB)).id();

        HttpResponse<byte[]> response =
                sendItems(uploadId, BodyPublishers.ofByteArray(HexFormat.of().parseHex(hex)));

        assertEquals(400, response.statusCode());
        assertEquals(Fault.INVALID_REQUEST, Json.decode(response.body(), Failure.class).fault());
        user.client().abandonUpload(uploadId);
    }

    @ParameterizedTest
    @CsvSource({"0, 400", "31, 400", "33, 400", "131071, 400", "131104, 413"})
    void aQuestionForKnownPagesOfAnotherLengthIsRefused(int lengthBytes, int status) throws Exception {
        String uploadId = user.client().startUpload(new Messages.StartUpload(MIB)).id();
        byte[] question = new byte[lengthBytes];
        Arrays.fill(question, (byte) 1);

        HttpResponse<byte[]> response = post("uploads/" + uploadId + "/known", BodyPublishers.ofByteArray(question));

        assertEquals(status, response.statusCode());
        user.client().abandonUpload(uploadId);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "volumes | {} | 400 | needs a size",
        "volumes | null | 400 | null",
        "volumes | [] | 400 | CreateVolume",
        "volumes | {\"sizeBytes\":1000} | 400 | multiple of 512",
        "volumes | {\"sizeBytes\":-512} | 400 | multiple of 512",
        "volumes | {\"sizeBytes\":281474976711168} | 400 | multiple of 512",
        "volumes | {\"sizeBytes\":1e400} | 400 | CreateVolume",
        "volumes | {\"sizeBytes\":\"512\"} | 400 | CreateVolume",
        "volumes | {\"sizeBytes\":512,\"isReadOnly\":1} | 400 | CreateVolume",
        "volumes | {\"sizeBytes\":512,\"colour\":\"red\"} | 400 | colour",
        "volumes | {\"sizeBytes\":512,\"tags\":{\"aws:x\":\"y\"}} | 400 | aws:",
        "volumes | {\"source\":\"ami-0123456789abcdef0\"} | 404 | ami-0123456789abcdef0",
        "volumes | {\"source\":\"snap-0123456789abcdef0\"} | 404 | snap-0123456789abcdef0",
        "volumes | {\"source\":\"vol-00123456789abcdef\"} | 400 | make a snapshot of it first",
        "volumes | {\"source\":\"../image\",\"sizeBytes\":512} | 400 | is no id",
        "volumes/vol-00123456789abcdef/snapshots | {} | 404 | there is no volume vol-00123456789abcdef",
        "volumes/vol-0/snapshots | {} | 400 | is no volume id",
        "volumes/ami-0123456789abcdef0/snapshots | {} | 400 | is no volume id",
        "volumes/vol-00123456789abcdef/images | {} | 400 | member name is missing",
        "volumes/vol-00123456789abcdef/images | {\"name\":\"x\"} | 400 | name",
        "volumes/vol-00123456789abcdef/images | {\"name\":\"web\",\"architecture\":\"vax\"} | 400 | vax",
        "volumes/vol-00123456789abcdef/images | {\"name\":\"web\"} | 404 | there is no volume",
        "exports/vol-00123456789abcdef | '' | 404 | there is no volume",
        "exports/vol-0 | '' | 400 | is no volume id",
    })
    void whatMakesNoSenseAsAVolumeIsRefused(String path, String json, int status, String message) throws Exception {
        HttpResponse<byte[]> response = post(path, BodyPublishers.ofString(json));

        Failure failure = Json.decode(response.body(), Failure.class);
        assertEquals(status, response.statusCode(), failure.message());
        assertTrue(failure.message().contains(message), failure.message());
        assertEquals(List.of(), user.client().volumes("").volumes());
    }

    /** A batch that our own client would never send. */
    private HttpResponse<byte[]> sendItems(String uploadId, BodyPublisher body) throws Exception {
        return post("uploads/" + uploadId + "/items", body);
    }

    private HttpResponse<byte[]> post(String resource, BodyPublisher body) throws Exception {
        String path = Api.PREFIX + resource;
        Credentials key = CredentialsFile.read(server.credentials(), CredentialsFile.DEFAULT_PROFILE);
        SigV4Signer signer = new SigV4Signer(key, Region.LOCAL.name(), Api.SERVICE, Clock.systemUTC());
        SignableRequest.Header host = new SignableRequest.Header("host", server.http().getAuthority());
        HttpRequest.Builder request = HttpRequest.newBuilder(server.http().resolve(path)).POST(body);
        signer.sign(new SignableRequest("POST", path, "", List.of(host), PayloadHash.UNSIGNED))
                .forEach(header -> request.header(header.name(), header.value()));
        return HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .build()
                .send(request.build(), BodyHandlers.ofByteArray());
    }

    @Test
    void garbageOnTheHttpPortIsAnsweredAndClosed() throws Exception {
        for (long seed = 0; seed < 20; seed++) {
            byte[] garbage = new byte[GARBAGE_BYTES];
            new Random(seed).nextBytes(garbage);

            String answer = talk(server.httpAddress(), garbage);

            assertTrue(answer.isEmpty() || answer.startsWith("HTTP/1.1 4"), answer);
        }
    }

    @Test
    void aGreetingOfNbdOnTheHttpPortIsAnsweredAndClosed() throws Exception {
        byte[] greeting = ByteBuffer.allocate(20)
                .putInt(3)
                .putLong(0x49484156454f5054L)
                .putInt(7)
                .putInt('\n' << 24 | '\n' << 8)
                .array();

        String answer = talk(server.httpAddress(), greeting);

        assertTrue(answer.startsWith("HTTP/1.1 400"), answer);
    }

    @Test
    void garbageOnTheNbdPortIsClosed() throws Exception {
        for (long seed = 0; seed < 20; seed++) {
            byte[] garbage = new byte[GARBAGE_BYTES];
            new Random(seed).nextBytes(garbage);

            String answer = talk(server.nbdAddress(), garbage);

            assertTrue(answer.isEmpty() || answer.startsWith("NBDMAGICIHAVEOPT"), answer);
        }
    }

    @Test
    void anHttpRequestOnTheNbdPortIsClosed() throws Exception {
        String answer = talk(server.nbdAddress(), "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(US_ASCII));

        assertTrue(answer.startsWith("NBDMAGICIHAVEOPT"), answer);
    }

    /** Sends bytes, and takes what comes until the server hangs up. @throws IOException if it does not in time */
    private static String talk(InetSocketAddress address, byte[] bytes) throws IOException {
        StringBuilder answer = new StringBuilder();
        try (Socket socket = new Socket()) {
            socket.connect(address);
            socket.setSoTimeout(ANSWER_MILLIS_MAX);
            socket.getOutputStream().write(bytes);
            for (int b = socket.getInputStream().read(); b >= 0; b = socket.getInputStream().read()) {
                answer.append((char) b);
            }
        } catch (SocketException e) {
            // Hung up while more of our bytes were on the way.
        }
        return answer.toString();
    }

    @Test
    void thousandsOfIdleConnectionsDoNotKeepOthersOut() throws Exception {
        Tools.require("nbdinfo");
        List<SocketChannel> idle = new ArrayList<>();
        try {
            for (int n = 0; n < IDLE_CONNECTIONS; n++) {
                idle.add(SocketChannel.open(server.httpAddress()));
                idle.add(SocketChannel.open(server.nbdAddress()));
            }

            user.assertStoreWorks();
            Tools.run("nbdinfo", "--size", user.client().exportUri(new DiskId(image)).uri()).success();

            for (SocketChannel channel : idle) {
                channel.configureBlocking(false);
                assertTrue(channel.read(ByteBuffer.allocate(64)) >= 0, "nobody was hung up on to make room");
            }
        } finally {
            for (SocketChannel channel : idle) {
                channel.close();
            }
        }
    }
}
