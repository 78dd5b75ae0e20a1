package cairn.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.api.Messages.Snapshot;
import cairn.client.FakeStore;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
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

/** The commands about volumes, their snapshots, and images of them. */
class VolumeCommandsTest {
    private static final String UNKNOWN = "vol-00123456789abcdef";

    @TempDir
    private Path folder;

    private FakeStore store;

    @BeforeEach
    void startStore() throws IOException {
        store = FakeStore.start();
    }

    @AfterEach
    void stopStore() {
        store.close();
    }

    @Test
    void createPrintsTheIdAndNothingElse() throws IOException {
        CommandLineRun run = cairn("volume", "create", push("debian"));

        assertEquals(0, run.exitCode(), run.err());
        assertTrue(run.out().matches("vol-0[0-9a-f]{16}\n"), run.out());
        assertEquals("", run.err());
    }

    @Test
    void keepsWhatItWasToldOfAVolume() throws IOException {
        String image = push("debian");

        JsonNode made = json(cairn(
                "volume", "create", image, "--size", "10G", "--read-only", "--ephemeral", "--tag", "a=b", "--json"));
        JsonNode shown = json(cairn("show", made.get("id").asText(), "--json"));

        assertEquals(made, shown);
        assertEquals(10L << 30, shown.get("sizeBytes").asLong());
        assertEquals(image, shown.get("image").asText());
        assertTrue(shown.get("isReadOnly").asBoolean() && shown.get("isEphemeral").asBoolean());
        assertEquals("b", shown.get("tags").get("a").asText());
        assertTrue(cairn("show", made.get("id").asText()).out().contains("read-only, ephemeral"));
    }

    @Test
    void makesABlankVolumeOfTheSizeThatIsGiven() throws IOException {
        JsonNode made = json(cairn("volume", "create", "--size", "512M", "--json"));

        assertEquals(512L << 20, made.get("sizeBytes").asLong());
        assertFalse(made.has("image"));
    }

    @Test
    void listsAllVolumesOverSeveralAnswersAndRemovesThem() throws IOException {
        for (int i = 0; i < 5; i++) {
            assertEquals(0, cairn("volume", "create", "--size", "1M").exitCode());
        }
        JsonNode array = json(cairn("volume", "list", "--json"));

        assertEquals(5, array.size());
        assertEquals(6, cairn("volume", "list").outLines().size());
        CommandLineRun removed = cairn(
                "volume", "rm", array.get(0).get("id").asText(), UNKNOWN, array.get(1).get("id").asText());
        assertEquals(1, removed.exitCode());
        assertEquals(3, removed.errLines().size(), removed.err());
        assertEquals(0, cairn("rm", array.get(2).get("id").asText()).exitCode());
        assertEquals(2, json(cairn("volume", "list", "--json")).size());
        assertEquals(2, json(cairn("stats", "--json")).get("volumes").asInt());
    }

    @Test
    void snapshotCreateWaitsUntilItIsCompleted() throws IOException {
        String volume = volume(push("debian"));

        CommandLineRun run = cairn("snapshot", "create", volume, "--tag", "a=b", "--description", "before the upgrade");
        JsonNode shown = json(cairn("show", run.out().strip(), "--json"));

        assertEquals(0, run.exitCode(), run.err());
        assertTrue(run.out().matches("snap-[0-9a-f]{17}\n"), run.out());
        assertEquals(Snapshot.COMPLETED, shown.get("state").asText());
        assertEquals(volume, shown.get("volume").asText());
        assertEquals("before the upgrade", shown.get("description").asText());
        assertEquals(2, json(cairn("snapshot", "list", "--json")).size());
        assertEquals(0, cairn("snapshot", "rm", run.out().strip()).exitCode());
        assertEquals(1, json(cairn("snapshot", "list", "--json")).size());
    }

    @Test
    void saysWhyASnapshotCouldNotBeMade() throws IOException {
        String volume = volume(push("debian"));
        store.steps = List.of(Snapshot.PENDING, Snapshot.ERROR);

        CommandLineRun run = cairn("snapshot", "create", volume);

        assertFails(run, "could not be made: the disk is full");
    }

    @Test
    void saysThatAServerForgotTheSnapshotItMade() throws IOException {
        String volume = volume(push("debian"));
        store.steps = List.of(Snapshot.PENDING);
        store.trouble = (exchange, number) -> {
            if (exchange.getRequestURI().getPath().contains("/snapshots/snap-")) {
                byte[] failure = "{\"fault\":\"NOT_FOUND\",\"message\":\"there is no such snapshot\"}".getBytes();
                exchange.sendResponseHeaders(404, failure.length);
                exchange.getResponseBody().write(failure);
                return true;
            }
            return false;
        };

        assertFails(cairn("snapshot", "create", volume), "the volume has lost nothing, try again");
    }

    @Test
    void imageCreatePrintsTheImageAndShowPrintsItsLineage() throws IOException {
        String root = push("debian");
        String volume = volume(root);

        CommandLineRun run = cairn("image", "create", volume, "--name", "web", "--tag", "a=b");
        String image = run.out().strip();
        JsonNode shown = json(cairn("show", image, "--json"));

        assertEquals(0, run.exitCode(), run.err());
        assertTrue(run.out().matches("ami-[0-9a-f]{17}\n"), run.out());
        assertEquals(root, shown.get("lineage").get(0).get("id").asText());
        assertEquals("debian", shown.get("lineage").get(0).get("name").asText());
        assertTrue(cairn("show", image).outLines().contains("lineage       " + root + " debian"));
        assertEquals("[]", json(cairn("show", root, "--json")).get("lineage").toString());
        assertFails(cairn("image", "create", volume, "--name", "web"), "taken");
        JsonNode other = json(cairn("image", "create", volume, "--name", "other", "--json"));
        assertTrue(other.get("id").asText().startsWith("ami-"));
    }

    @Test
    void showsAParentThatIsGoneByItsIdAlone() throws IOException {
        String root = push("debian");
        String image = cairn("image", "create", volume(root), "--name", "web").out().strip();
        assertEquals(0, cairn("rm", root).exitCode());

        JsonNode lineage = json(cairn("show", image, "--json")).get("lineage");

        assertEquals("[{\"id\":\"" + root + "\"}]", lineage.toString());
        assertTrue(cairn("show", image).out().contains(root + " (gone, or not yours to see)"));
    }

    @Test
    void printsTheUriOfAVolume() throws IOException {
        String volume = volume(push("debian"));

        assertEquals("nbd://127.0.0.1:1/" + volume + ":T\n", cairn("uri", volume).out());
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "volume",
        "volume create",
        "volume create vol-00123456789abcdef",
        "volume create --size 10X",
        "volume create --size -1",
        "volume create --size 9999999T",
        "volume create --size 0",
        "volume create --size 513",
        "volume create --size 257T",
        "volume create ami-1",
        "volume rm",
        "volume rm ami-0123456789abcdef0",
        "snapshot create",
        "snapshot create snap-0123456789abcdef0",
        "snapshot rm vol-00123456789abcdef",
        "image create vol-00123456789abcdef",
        "image create vol-00123456789abcdef --name x",
        "image create vol-00123456789abcdef --name abc --arch vax",
    })
    void saysThatUsageIsWrong(String line) {
        CommandLineRun run = cairn(line.split(" "));

        assertEquals(2, run.exitCode(), run.err());
        assertEquals("", run.out());
        assertTrue(run.err().startsWith("cairn: ") || line.equals("volume"), run.err());
        assertEquals(0, store.requests.get());
    }

    @Test
    void namesTheOptionOfASizeThatIsNone() {
        CommandLineRun run = cairn("volume", "create", "--size", "10 apples");

        assertEquals(1, run.errLines().size());
        assertTrue(run.err().contains("--size") && run.err().contains("10 apples"), run.err());
    }

    @ParameterizedTest
    @CsvSource({
        "volume rm GOOD vol-0e96f7b1cd193922 GOOD, Invalid value for VOLUME: \"vol-0e96f7b1cd193922\" is no volume id",
        "snapshot rm snap-0123456789abcdef0 snap-1, Invalid value for SNAPSHOT: \"snap-1\" is no snapshot id",
        "rm GOOD vol-1 GOOD, Invalid value for ID: \"vol-1\" is no volume id",
        "volume create vol-123, \"vol-123\" is no id of an image (ami-...) or a snapshot (snap-...);",
    })
    void saysWhichIdIsMalformedAndWhy(String line, String message) {
        CommandLineRun run = cairn(line.replace("GOOD", UNKNOWN).split(" "));

        assertEquals(2, run.exitCode(), run.err());
        assertEquals(1, run.errLines().size(), run.err());
        assertTrue(run.err().contains(message), run.err());
        assertEquals(0, store.requests.get());
    }

    @Test
    void takesTheSizesThatListsShow() throws IOException {
        JsonNode made = json(cairn("volume", "create", "--size", "1.5g", "--json"));
        String shown = Sizes.bytes(made.get("sizeBytes").asLong());

        assertEquals(3L << 29, made.get("sizeBytes").asLong());
        assertTrue(cairn("volume", "list").out().contains(shown));
        JsonNode again = json(cairn("volume", "create", "--size", shown, "--json"));
        assertEquals(made.get("sizeBytes"), again.get("sizeBytes"));
        assertTrue(cairn("volume", "create", "--help").out().contains("1.5G"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"pull " + UNKNOWN + " file", "verify " + UNKNOWN, "diff " + UNKNOWN + " " + UNKNOWN})
    void sendsWhoeverWantsAWholeVolumeToASnapshot(String line) {
        CommandLineRun run = cairn(line.split(" "));

        assertEquals(2, run.exitCode(), run.err());
        assertEquals(1, run.errLines().size(), run.err());
        assertTrue(run.err().contains("make a snapshot of it first (cairn snapshot create " + UNKNOWN + ")"), run.err());
        assertEquals(0, store.requests.get());
    }

    private String push(String name) throws IOException {
        Path disk = Files.write(folder.resolve("disk.raw"), "some data".repeat(40000).substring(0, 358400).getBytes());
        CommandLineRun run = cairn("push", disk.toString(), "--name", name);
        assertEquals(0, run.exitCode(), run.err());
        return run.out().strip();
    }

    private String volume(String image) {
        CommandLineRun run = cairn("volume", "create", image);
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
        return new ObjectMapper().readTree(run.out());
    }

    private static void assertFails(CommandLineRun run, String message) {
        assertEquals(1, run.exitCode(), run.err());
        assertEquals("", run.out());
        assertEquals(1, run.errLines().size(), run.err());
        assertTrue(run.err().startsWith("cairn: ") && run.err().contains(message), run.err());
    }
}
