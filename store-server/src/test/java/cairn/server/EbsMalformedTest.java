package cairn.server;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.image.SnapshotId;
import cairn.server.storage.TestDisk;
import cairn.sigv4.Credentials;
import cairn.sigv4.PayloadHash;
import cairn.sigv4.SigV4Signer;
import cairn.sigv4.SignableRequest;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** EBS direct requests that no SDK would send, well signed. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class EbsMalformedTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final byte[] BLOCK = EbsWriter.block(TestDisk.random(1, EbsWriter.BLOCK), 0);
    private static final String LENGTH = "x-amz-data-length";
    private static final String CHECKSUM = "x-amz-checksum";
    private static final String ALGORITHM = "x-amz-checksum-algorithm";

    private TestStore store;
    private AwsUser root;
    /** A pending snapshot, and a completed one. */
    private String open;
    private String done;

    @BeforeAll
    void start(@TempDir Path folder) throws Exception {
        store = new TestStore(folder.resolve("data"));
        root = store.root();
        EbsWriter writer = new EbsWriter(root.ebs());
        open = writer.start();
        done = writer.start();
        writer.put(done, 0, BLOCK);
        writer.complete(done, 1);
    }

    @AfterAll
    void stop() {
        store.close();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "''",
        "null",
        "[]",
        "7",
        "{",
        "{}",
        "{\"VolumeSize\":1} {}",
        "{\"VolumeSize\":1,\"VolumeSize\":2}",
        "{\"VolumeSize\":null}",
        "{\"VolumeSize\":\"1\"}",
        "{\"VolumeSize\":1.5}",
        "{\"VolumeSize\":true}",
        "{\"VolumeSize\":[1]}",
        "{\"VolumeSize\":-1}",
        "{\"VolumeSize\":4294967297}",
        "{\"VolumeSize\":18446744073709551617}",
        "{\"VolumeSize\":1e99999999}",
        "{\"VolumeSize\":1,\"Timeout\":\"60\"}",
        "{\"VolumeSize\":1,\"Timeout\":0}",
        "{\"VolumeSize\":1,\"Encrypted\":\"false\"}",
        "{\"VolumeSize\":1,\"Encrypted\":true}",
        "{\"VolumeSize\":1,\"KmsKeyArn\":\"arn:aws:kms:r:123456789012:key/k\"}",
        "{\"VolumeSize\":1,\"Description\":\"\"}",
        "{\"VolumeSize\":1,\"Description\":{}}",
        "{\"VolumeSize\":1,\"ClientToken\":\"\"}",
        "{\"VolumeSize\":1,\"ClientToken\":\"a b\"}",
        "{\"VolumeSize\":1,\"ClientToken\":5}",
        "{\"VolumeSize\":1,\"ParentSnapshotId\":\"snap-\"}",
        "{\"VolumeSize\":1,\"ParentSnapshotId\":\"../x\"}",
        "{\"VolumeSize\":1,\"ParentSnapshotId\":7}",
        "{\"VolumeSize\":1,\"Tags\":{}}",
        "{\"VolumeSize\":1,\"Tags\":[\"a\"]}",
        "{\"VolumeSize\":1,\"Tags\":[{}]}",
        "{\"VolumeSize\":1,\"Tags\":[{\"Key\":1}]}",
        "{\"VolumeSize\":1,\"Tags\":[{\"Key\":\"k\",\"Value\":[]}]}",
    })
    void startSnapshotRefusesItsBody(String body) throws Exception {
        assertRefused("ValidationException", send("POST", "/snapshots", "", body.getBytes(UTF_8)));
        requireNothingBegun();
    }

    @Test
    void startSnapshotRefusesWhatIsNoTextAndWhatIsTooMuch() throws Exception {
        assertRefused("ValidationException", send("POST", "/snapshots", "",
                "{\"VolumeSize\":1,\"Description\":\"\u00ff\u00fe\"}".getBytes(ISO_8859_1)));
        assertRefused("ValidationException", send("POST", "/snapshots", "", new byte[300 << 10]));
        assertRefused("ValidationException", send("POST", "/snapshots", "", "[".repeat(100_000).getBytes(UTF_8)));
        assertRefused("ValidationException", send("POST", "/snapshots", "",
                ("{\"VolumeSize\":1,\"Tags\":[" + "{\"Key\":\"k\"},".repeat(50) + "{\"Key\":\"l\"}]}").getBytes(UTF_8)));
        assertRefused("ValidationException", send("POST", "/snapshots", "",
                ("{\"VolumeSize\":1,\"ClientToken\":\"" + "x".repeat(256) + "\"}").getBytes(UTF_8)));
        requireNothingBegun();
    }

    private void requireNothingBegun() throws IOException {
        assertEquals(2, store.root().store().snapshots("").snapshots().size());
    }

    @Test
    void startSnapshotPassesOverWhatItDoesNotKnow() throws Exception {
        HttpResponse<byte[]> answer = send("POST", "/snapshots", "tomorrow=1",
                "{\"VolumeSize\":1,\"Tomorrow\":{\"a\":[1]},\"Description\":null}".getBytes(UTF_8));

        assertEquals(201, answer.statusCode());
        String id = JSON.readTree(answer.body()).get("SnapshotId").asText();
        assertEquals(202, send("POST", "/snapshots/completion/" + id, "", new byte[0],
                "x-amz-changedblockscount", "0").statusCode());
        root.store().removeSnapshot(new SnapshotId(id));
    }

    @Test
    void putSnapshotBlockRefusesItsHeadersAndBody() throws Exception {
        String path = "/snapshots/" + open + "/blocks/0";
        String good = EbsWriter.checksum(BLOCK);
        String size = Integer.toString(BLOCK.length);

        assertRefused("ValidationException", put(path, BLOCK));
        assertRefused("ValidationException", put(path, BLOCK, LENGTH, size, CHECKSUM, good));
        assertRefused("ValidationException", put(path, BLOCK, LENGTH, size, ALGORITHM, "SHA256"));
        assertRefused("ValidationException", put(path, BLOCK, CHECKSUM, good, ALGORITHM, "SHA256"));
        assertRefused("ValidationException", put(path, BLOCK, LENGTH, size, CHECKSUM, good, ALGORITHM, "MD5"));
        assertRefused("ValidationException", put(path, BLOCK, LENGTH, "512", CHECKSUM, good, ALGORITHM, "SHA256"));
        assertRefused("ValidationException", put(path, BLOCK, LENGTH, "-1", CHECKSUM, good, ALGORITHM, "SHA256"));
        assertRefused("ValidationException",
                put(path, BLOCK, LENGTH, size, LENGTH, size, CHECKSUM, good, ALGORITHM, "SHA256"));
        assertRefused("ValidationException", put(path, BLOCK, LENGTH, size, CHECKSUM, "AAAA", ALGORITHM, "SHA256"));
        assertRefused("ValidationException",
                put(path, BLOCK, LENGTH, size, CHECKSUM, "A".repeat(65), ALGORITHM, "SHA256"));
        assertRefused("ValidationException",
                put(path, BLOCK, LENGTH, size, CHECKSUM, EbsWriter.checksum(new byte[1]), ALGORITHM, "SHA256"));
        for (String progress : List.of("101", "-1", "x", "")) {
            assertRefused("ValidationException", put(path, BLOCK,
                    LENGTH, size, CHECKSUM, good, ALGORITHM, "SHA256", "x-amz-progress", progress));
        }
        assertRefused("ValidationException", put(path, BLOCK,
                LENGTH, size, CHECKSUM, good, ALGORITHM, "SHA256", "content-encoding", "gzip"));
        for (int bytes : new int[] {0, 1, BLOCK.length - 1, BLOCK.length + 1, 3 * BLOCK.length}) {
            byte[] body = Arrays.copyOf(BLOCK, bytes);
            assertRefused("ValidationException", put(path, body,
                    LENGTH, size, CHECKSUM, EbsWriter.checksum(body), ALGORITHM, "SHA256"));
        }
        for (String index : List.of("-1", "2048", "99999999999", "1.0", "x", "+1", "")) {
            assertRefused("ValidationException", put("/snapshots/" + open + "/blocks/" + index, BLOCK,
                    LENGTH, size, CHECKSUM, good, ALGORITHM, "SHA256"));
        }
        assertRefused("ValidationException", send("POST", "/snapshots/completion/" + open, "", new byte[0],
                "x-amz-changedblockscount", "1"));
    }

    private HttpResponse<byte[]> put(String path, byte[] body, String... headers) throws Exception {
        return send("PUT", path, "", body, headers);
    }

    @Test
    void completeSnapshotRefusesItsHeaders() throws Exception {
        String path = "/snapshots/completion/" + open;
        String count = "x-amz-changedblockscount";

        assertRefused("ValidationException", send("POST", path, "", new byte[0]));
        for (String value : List.of("", "-1", "x", "1.5", "2147483648", "99999999999999999999", "1")) {
            assertRefused("ValidationException", send("POST", path, "", new byte[0], count, value));
        }
        assertRefused("ValidationException", send("POST", path, "", new byte[0], count, "0", count, "0"));
        assertRefused("ValidationException", send("POST", path, "", new byte[0], count, "0", CHECKSUM, "*"));
        assertRefused("ValidationException", send("POST", path, "", new byte[0],
                count, "0", CHECKSUM, EbsWriter.checksum(new byte[0]), ALGORITHM, "CRC32"));
        assertRefused("ValidationException", send("POST", path, "", new byte[0],
                count, "0", "x-amz-checksum-aggregation-method", "TREE"));
        assertRefused("ValidationException", send("POST", path, "", new byte[2048], count, "0"));
        assertRefused("ValidationException", send("POST", "/snapshots/completion/x", "", new byte[0], count, "0"));
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "maxResults=10001",
        "maxResults=-1",
        "maxResults=x",
        "maxResults=",
        "maxResults=100&maxResults=100",
        "startingBlockIndex=-1",
        "startingBlockIndex=2147483648",
        "startingBlockIndex=1e3",
        "pageToken=AAAA",
        "pageToken=%20",
        "pageToken=",
    })
    void listsRefuseTheirParameters(String query) throws Exception {
        assertRefused("ValidationException", send("GET", "/snapshots/" + done + "/blocks", query, new byte[0]));
        assertRefused("ValidationException", send("GET", "/snapshots/" + done + "/changedblocks", query, new byte[0]));
    }

    @Test
    void readersRefuseTheirParameters() throws Exception {
        String path = "/snapshots/" + done;

        assertRefused("ValidationException", send("GET", path + "/changedblocks", "firstSnapshotId=", new byte[0]));
        assertRefused("ValidationException", send("GET", path + "/changedblocks", "firstSnapshotId=vol-1", new byte[0]));
        assertRefused("ValidationException",
                send("GET", path + "/changedblocks", "firstSnapshotId=" + open, new byte[0]));
        assertRefused("ResourceNotFoundException", send(
                "GET", path + "/changedblocks", "firstSnapshotId=snap-0123456789abcdef0", new byte[0]));
        assertRefused("ValidationException", send("GET", path + "/blocks/0", "", new byte[0]));
        assertRefused("ValidationException", send("GET", path + "/blocks/0", "blockToken=", new byte[0]));
        assertRefused("ValidationException", send("GET", path + "/blocks/0", "blockToken=AA&blockToken=AA", new byte[0]));
        assertRefused("ValidationException", send("GET", path + "/blocks/x", "blockToken=AA", new byte[0]));
        assertRefused("ValidationException", send("GET", "/snapshots/SNAP-1/blocks", "", new byte[0]));
        assertRefused("ValidationException", send("GET", "/snapshots/snap-" + "0".repeat(60) + "/blocks", "", new byte[0]));
        assertRefused("ResourceNotFoundException", send("GET", "/snapshots/snap-01234567/blocks", "", new byte[0]));
        assertEquals(200, send("GET", path + "/blocks", "maxResults=0&tomorrow=x", new byte[0]).statusCode());
    }

    @ParameterizedTest
    @CsvSource({
        "GET, /snapshots",
        "DELETE, /snapshots/snap-0123456789abcdef0",
        "GET, /snapshots/snap-0123456789abcdef0",
        "POST, /snapshots/snap-0123456789abcdef0/blocks",
        "DELETE, /snapshots/snap-0123456789abcdef0/blocks/0",
        "GET, /snapshots/",
        "GET, /snapshots/a/b/c/d",
        "PUT, /snapshots/completion/snap-0123456789abcdef0",
    })
    void tellsOfOperationsThatThereAreNot(String method, String path) throws Exception {
        HttpResponse<byte[]> answer = send(method, path, "", new byte[0]);

        assertEquals(404, answer.statusCode());
        assertEquals("UnknownOperationException", answer.headers().firstValue("x-amzn-errortype").orElseThrow());
    }

    @Test
    void tellsOfAWrongSignatureInItsOwnForm() throws Exception {
        HttpRequest unsigned = HttpRequest.newBuilder(root.endpoint().resolve("/snapshots/" + done + "/blocks")).build();

        HttpResponse<byte[]> answer = HttpClient.newHttpClient().send(unsigned, BodyHandlers.ofByteArray());

        assertEquals(403, answer.statusCode());
        assertEquals("MissingAuthenticationToken", answer.headers().firstValue("x-amzn-errortype").orElseThrow());
        assertTrue(answer.headers().firstValue("x-amzn-requestid").isPresent());
        AwsUser wrong = new AwsUser(root.endpoint(),
                new Credentials(root.credentials().accessKeyId(), "x".repeat(40)), root.region());
        HttpResponse<byte[]> refused = send(wrong, "GET", "/snapshots/" + done + "/blocks", "", new byte[0]);
        assertEquals("SignatureDoesNotMatch", refused.headers().firstValue("x-amzn-errortype").orElseThrow());
    }

    private static void assertRefused(String type, HttpResponse<byte[]> answer) throws Exception {
        String told = new String(answer.body(), UTF_8);
        assertEquals(type, answer.headers().firstValue("x-amzn-errortype").orElse("no error"), told);
        assertEquals(type.equals("ValidationException") ? 400 : 404, answer.statusCode(), told);
        JsonNode body = JSON.readTree(told);
        assertTrue(body.get("Reason").asText().matches("[A-Z_]+"), told);
        assertTrue(body.get("Message").asText().length() <= 256, told);
        assertTrue(answer.headers().firstValue("x-amzn-requestid").isPresent());
    }

    private HttpResponse<byte[]> send(String method, String path, String query, byte[] body, String... headers)
            throws Exception {
        return send(root, method, path, query, body, headers);
    }

    private static HttpResponse<byte[]> send(
            AwsUser user, String method, String path, String query, byte[] body, String... headers) throws Exception {
        List<SignableRequest.Header> all = new ArrayList<>();
        all.add(new SignableRequest.Header("host", user.endpoint().getAuthority()));
        HttpRequest.Builder request = HttpRequest.newBuilder(
                        user.endpoint().resolve(path + (query.isEmpty() ? "" : "?" + query)))
                .method(method, BodyPublishers.ofByteArray(body));
        for (int i = 0; i < headers.length; i += 2) {
            all.add(new SignableRequest.Header(headers[i], headers[i + 1]));
            request.header(headers[i], headers[i + 1]);
        }
        new SigV4Signer(user.credentials(), user.region().name(), "ebs", Clock.systemUTC())
                .sign(new SignableRequest(method, path, query, all, PayloadHash.UNSIGNED))
                .forEach(header -> request.header(header.name(), header.value()));
        return HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .build()
                .send(request.build(), BodyHandlers.ofByteArray());
    }
}
