package cairn.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.client.FakeStore;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MainTest {
    private static final String UNKNOWN = "ami-0123456789abcdef0";

    @TempDir
    private Path folder;

    private FakeStore store;
    private Path disk;

    @BeforeEach
    void startStore() throws IOException {
        store = FakeStore.start();
        disk = Files.write(folder.resolve("disk.raw"), "some data".repeat(40000).substring(0, 358400).getBytes());
    }

    @AfterEach
    void stopStore() {
        store.close();
    }

    @Test
    void pushPrintsTheIdLastAndNothingElse() {
        CommandLineRun run = cairn("push", disk.toString(), "--name", "debian", "--tag", "a=b", "--tag", "c=");

        assertEquals(0, run.exitCode(), run.err());
        assertEquals(1, run.outLines().size());
        assertTrue(run.out().matches("ami-[0-9a-f]{17}\n"), run.out());
        assertTrue(run.err().contains("sent "), run.err());
    }

    @Test
    void listsItsCommandsWhereNoneIsGiven() {
        CommandLineRun alone = cairn();
        CommandLineRun group = cairn("account");

        assertEquals(2, alone.exitCode());
        assertTrue(alone.err().contains("quickstart") && alone.err().contains("push"), alone.err());
        assertEquals("", alone.out());
        assertEquals(2, group.exitCode());
        assertTrue(group.err().contains("create"), group.err());
    }

    @Test
    void removesWhatCanBeRemovedAndSaysWhatCannot() throws IOException {
        String first = push("first");
        String second = push("second");

        CommandLineRun run = cairn("rm", first, UNKNOWN, second);

        assertEquals(1, run.exitCode());
        assertEquals(3, run.errLines().size(), run.err());
        assertTrue(run.err().contains("cairn: ") && run.err().contains(UNKNOWN), run.err());
        assertEquals(0, json(cairn("images", "--json")).size());
    }

    @Test
    void removingWithAWrongKeySaysOnceWhichKeyThatIs() {
        CommandLineRun run = CommandLineRun.of(
                folder,
                Map.of(
                        "CAIRN_ENDPOINT", store.endpoint().toString(),
                        "AWS_ACCESS_KEY_ID", FakeStore.KEY.accessKeyId(),
                        "AWS_SECRET_ACCESS_KEY", "whatever"),
                "rm", UNKNOWN, UNKNOWN);

        assertEquals(1, run.exitCode());
        assertEquals(1, run.errLines().size(), run.err());
        assertTrue(run.err().contains("access key " + FakeStore.KEY.accessKeyId() + " from "), run.err());
    }

    @Test
    void keepsWhatItWasToldOfAnImage() throws IOException {
        String parent = push("parent");

        JsonNode pushed = json(cairn(
                "push", disk.toString(), "--name", "child", "--arch", "arm64", "--boot-mode", "uefi", "--description",
                "a child", "--parent", parent, "--tag", "colour=red", "--json", "--codec", "zstd", "--workers", "2"));
        JsonNode shown = json(cairn("show", pushed.get("id").asText(), "--json"));

        assertEquals(
                "[{\"id\":\"" + parent + "\",\"name\":\"parent\"}]", ((ObjectNode) shown).remove("lineage").toString());
        assertEquals(pushed.get("image"), shown);
        assertEquals("child", shown.get("name").asText());
        assertEquals("arm64", shown.get("architecture").asText());
        assertEquals("uefi", shown.get("bootMode").asText());
        assertEquals("a child", shown.get("description").asText());
        assertEquals(parent, shown.get("parent").asText());
        assertEquals("red", shown.get("tags").get("colour").asText());
        assertEquals(0, pushed.get("chunksSent").asInt());
        assertEquals(358400, pushed.get("logicalBytes").asLong());
    }

    @Test
    void pullWritesTheSameBytesAndRefusesToReplace() throws IOException {
        String id = push("debian");
        Path file = folder.resolve("back");

        CommandLineRun pulled = cairn("pull", id, file.toString());
        CommandLineRun again = cairn("pull", id, file.toString());
        CommandLineRun forced = cairn("pull", id, file.toString(), "--force");

        assertEquals(0, pulled.exitCode(), pulled.err());
        assertEquals("", pulled.out());
        assertEquals(-1, Files.mismatch(disk, file));
        assertFails(again, "exists already; --force replaces it");
        assertEquals(0, forced.exitCode());
    }

    @Test
    void verifyProvesTheStoreAndComparesFiles() throws IOException {
        String id = push("debian");
        CommandLineRun whole = cairn("verify", id);
        CommandLineRun same = cairn("verify", id, disk.toString());
        try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
            file.seek(70000);
            file.write(1);
        }
        CommandLineRun other = cairn("verify", id, disk.toString());
        CommandLineRun asJson = cairn("verify", id, disk.toString(), "--json");

        assertEquals(0, whole.exitCode(), whole.err());
        assertTrue(whole.out().contains("signature"), whole.out());
        assertEquals(0, same.exitCode(), same.err());
        assertFails(other, "first at byte 70000, 1 chunk of 64.0 KiB different");
        assertEquals(1, asJson.exitCode());
        assertEquals(70000, new ObjectMapper().readTree(asJson.out()).get("firstDifferentOffset").asLong());
    }

    @Test
    void listsAllImagesOverSeveralAnswers() throws IOException {
        for (int i = 0; i < 5; i++) {
            push("image " + i);
        }

        CommandLineRun table = cairn("images");
        JsonNode array = json(cairn("images", "--json"));

        assertEquals(6, table.outLines().size());
        assertTrue(table.outLines().get(0).startsWith("ID                     NAME"), table.out());
        assertEquals(5, array.size());
        array.forEach(image -> assertTrue(image.get("id").asText().startsWith("ami-")));
    }

    @Test
    void anEmptyListIsAnEmptyArray() throws IOException {
        assertEquals(0, json(cairn("images", "--json")).size());
        assertEquals(List.of("ID  NAME  SIZE  ARCH  OWNER  STATE  CREATED"), cairn("images").outLines());
    }

    @Test
    void showsSnapshotsAndRemovesImages() throws IOException {
        String id = push("debian");
        String snapshot = json(cairn("show", id, "--json")).get("snapshot").asText();

        assertEquals(snapshot, json(cairn("show", snapshot, "--json")).get("id").asText());
        assertTrue(cairn("show", snapshot).out().contains("root digest"));
        assertTrue(cairn("show", id).out().contains("name"));
        assertEquals(0, cairn("rm", id).exitCode());
        assertFails(cairn("show", id), "there is no " + id);
    }

    @Test
    void diffJoinsRangesOverSeveralAnswers() throws IOException {
        String first = push("first");
        try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
            file.write(1);
            file.seek(65536);
            file.write(1);
            file.seek(4 * 65536);
            file.write(1);
        }
        String second = push("second");

        JsonNode diff = json(cairn("diff", first, second, "--json"));
        CommandLineRun table = cairn("diff", first, second);
        CommandLineRun none = cairn("diff", first, first);

        assertEquals(2, diff.get("ranges").size());
        assertEquals(131072, diff.get("ranges").get(0).get("lengthBytes").asLong());
        assertEquals(3 * 65536, diff.get("differentBytes").asLong());
        assertEquals(List.of("OFFSET   BYTES      SIZE", "     0  131072   128 KiB", "262144   65536  64.0 KiB"),
                table.outLines());
        assertEquals("", none.out());
        assertTrue(none.err().contains("are equal"));
    }

    @Test
    void printsUris() throws IOException {
        String id = push("debian");

        assertEquals("nbd://127.0.0.1:1/" + id + ":T\n", cairn("uri", id).out());
        assertEquals(id, json(cairn("uri", id, "--json")).get("id").asText());
        assertFails(cairn("uri", id, "--socket"), "start it with --nbd-socket");
    }

    @Test
    void managesKeysAndAccounts() throws IOException {
        CommandLineRun created = cairn("key", "create");
        JsonNode other = json(cairn("key", "create", "--account", "000000000002", "--json"));

        assertEquals(
                List.of("[default]", "aws_access_key_id = AKNEW0", "aws_secret_access_key = new-secret"),
                created.outLines());
        assertEquals("000000000002", other.get("account").asText());
        assertEquals(0, cairn("key", "disable", "AKNEW0").exitCode());
        assertEquals("disabled", json(cairn("key", "list", "--json")).get(0).get("state").asText());
        assertEquals(0, cairn("key", "enable", "AKNEW0").exitCode());
        assertEquals(0, cairn("key", "delete", "AKNEW0").exitCode());
        assertFails(cairn("key", "delete", "AKNEW0"), "there is no key AKNEW0");
        assertEquals(1, json(cairn("key", "list", "--json")).size());
        assertEquals("000000000002\n", cairn("account", "create", "builders").out());
        assertEquals("000000000001", json(cairn("account", "list", "--json")).get(0).get("id").asText());
        assertTrue(cairn("stats").out().contains("unique"));
        assertEquals(0, json(cairn("stats", "--json")).get("images").asInt());
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "nonsense",
        "push",
        "push disk",
        "push disk --name x",
        "push disk --name abc --arch vax",
        "push disk --name abc --tag novalue",
        "push disk --name abc --format floppy",
        "push disk --name abc --parent snap-0123456789abcdef0",
        "push disk --name abc --workers many",
        "push / --name abc --workers 0",
        "pull " + UNKNOWN,
        "show ami-123",
        "show vol-123",
        "show upload-1",
        "rm",
        "diff " + UNKNOWN,
        "images --colour",
        "key create --account 12",
        "account nonsense",
        "account nonsense --help",
        "nonsense --help",
        "nonsense --version",
        "--help nonsense",
    })
    void saysInOneLineThatUsageIsWrong(String line) {
        CommandLineRun run = cairn(line.split(" "));

        assertEquals(2, run.exitCode(), run.err());
        assertEquals("", run.out());
        assertEquals(1, run.errLines().size(), run.err());
        assertTrue(run.err().startsWith("cairn: ") && run.err().contains(" --help`"), run.err());
        assertEquals(0, store.requests.get());
    }

    @ParameterizedTest
    @CsvSource({
        "volum list, there is no command volum;, cairn",
        "frob --help, there is no command frob;, cairn",
        "frob --size 1, there is no command frob;, cairn",
        "volume foo, there is no command volume foo;, cairn volume",
        "volume foo --help, there is no command volume foo;, cairn volume",
        "--colour foo, Unknown option, cairn",
        "push disk --name abc --tag nokey, Value for option '--tag' (KEY=VALUE) should be, cairn push",
        "rm " + UNKNOWN + " ami-12 " + UNKNOWN + ", Invalid value for ID: \"ami-12\" is no image id, cairn rm",
    })
    void saysWhatIsWrongWithUsageAndWhoseHelpToRead(String line, String message, String command) {
        CommandLineRun run = cairn(line.split(" "));

        assertEquals(2, run.exitCode(), run.err());
        assertEquals("", run.out());
        assertTrue(run.err().startsWith("cairn: " + message), run.err());
        assertTrue(run.err().endsWith("; see `" + command + " --help`\n"), run.err());
        assertEquals(0, store.requests.get());
    }

    @Test
    void helpOfAGroupAndOfItsCommandsIsTheirOwn() {
        assertTrue(cairn("volume", "--help").out().startsWith("Usage: cairn volume "));
        assertTrue(cairn("volume", "rm", "--help").out().startsWith("Usage: cairn volume rm "));
        assertTrue(cairn("push", "--help", "more", "words").out().startsWith("Usage: cairn push "));
    }

    @ParameterizedTest
    @CsvSource({
        "show " + UNKNOWN + ",there is no " + UNKNOWN,
        "push /nonexistent/disk --name abc,/nonexistent/disk",
        "push / --name abc,/",
        "pull " + UNKNOWN + " /nonexistent/file,there is no " + UNKNOWN,
        "serve --data x,launcher",
        "quickstart,./cairn quickstart",
    })
    void saysInOneLineWhatFailed(String line, String message) {
        assertFails(cairn(line.split(" ")), message);
    }

    @Test
    void refusesDisksThatAreNone() throws IOException {
        Path empty = Files.createFile(folder.resolve("empty"));
        Path odd = Files.write(folder.resolve("odd"), new byte[1000]);

        assertFails(cairn("push", empty.toString(), "--name", "abc"), "is empty");
        assertFails(cairn("push", odd.toString(), "--name", "abc"), "multiple of 512");
        assertEquals(0, store.requests.get());
    }

    @Test
    void saysThatNoServerAnswers() throws IOException {
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }

        assertFails(cairn("images", "--endpoint", "http://127.0.0.1:" + port), "no server answers at http://127.0.0.1:" + port);
        assertFails(cairn("images", "--endpoint", "nonsense"), "is no endpoint");
        assertFails(cairn("images", "--endpoint", "http://a b"), "--endpoint is");
    }

    @Test
    void saysWhichKeyWasRefused() {
        CommandLineRun run = CommandLineRun.of(
                folder,
                Map.of(
                        "CAIRN_ENDPOINT", store.endpoint().toString(),
                        "AWS_ACCESS_KEY_ID", "AKOTHER",
                        "AWS_SECRET_ACCESS_KEY", "whatever"),
                "images");

        assertFails(run, "access key AKOTHER from AWS_ACCESS_KEY_ID");
    }

    @Test
    void showsWhereAFailureComesFromWhenDebugging() {
        CommandLineRun run = CommandLineRun.of(
                folder,
                Map.of(
                        "CAIRN_ENDPOINT", store.endpoint().toString(),
                        "AWS_ACCESS_KEY_ID", FakeStore.KEY.accessKeyId(),
                        "AWS_SECRET_ACCESS_KEY", FakeStore.KEY.secretAccessKey(),
                        "CAIRN_DEBUG", "1"),
                "show", UNKNOWN);

        assertEquals(1, run.exitCode());
        assertTrue(run.err().contains("at cairn.client.StoreClient"), run.err());
        assertTrue(run.errLines().get(run.errLines().size() - 1).startsWith("cairn: "));
    }

    @Test
    void helpNamesEveryCommandOfTheContract() {
        CommandLineRun run = cairn("--help");

        assertEquals(0, run.exitCode());
        for (String command : List.of("quickstart", "serve", "push", "pull", "verify", "images", "show", "rm", "diff", "uri",
                "volume", "snapshot", "image", "stats", "explain", "account", "key")) {
            assertTrue(run.out().contains("\n  " + command + " "), command);
        }
        assertTrue(run.outLines().stream().allMatch(line -> line.length() <= 80), run.out());
        assertEquals(0, cairn("--version").exitCode());
        for (String columns : List.of("0", "1", "-5", "100000", "wide")) {
            assertEquals(0, CommandLineRun.of(folder, Map.of("COLUMNS", columns), "--help").exitCode(), columns);
        }
        assertEquals(0, cairn("key", "create", "--help").exitCode());
    }

    private String push(String name) {
        CommandLineRun run = cairn("push", disk.toString(), "--name", name);
        assertEquals(0, run.exitCode(), run.err());
        return run.out().strip();
    }

    private CommandLineRun cairn(String... arguments) {
        return CommandLineRun.of(
                folder,
                Map.of(
                        "CAIRN_ENDPOINT", store.endpoint().toString(),
                        "AWS_ACCESS_KEY_ID", FakeStore.KEY.accessKeyId(),
                        "AWS_SECRET_ACCESS_KEY", FakeStore.KEY.secretAccessKey()),
                arguments);
    }

    private static JsonNode json(CommandLineRun run) throws IOException {
        assertEquals(0, run.exitCode(), run.err());
        assertFalse(run.out().isEmpty());
        return new ObjectMapper().readTree(run.out());
    }

    private static void assertFails(CommandLineRun run, String message) {
        assertEquals(1, run.exitCode(), run.err());
        assertEquals("", run.out());
        assertEquals(1, run.errLines().size(), run.err());
        assertTrue(run.err().startsWith("cairn: ") && run.err().contains(message), run.err());
    }
}
