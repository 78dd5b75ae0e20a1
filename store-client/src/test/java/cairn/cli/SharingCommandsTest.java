package cairn.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.client.FakeStore;
import cairn.sigv4.Credentials;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands by which an owner says who may use something, what it is called, and where it lies. */
class SharingCommandsTest {
    private static final String ALICE = "111111111111";
    private static final String BOB = "222222222222";

    @TempDir
    private Path folder;

    private FakeStore store;
    private String image;

    @BeforeEach
    void pushToAStore() throws IOException {
        store = FakeStore.start();
        Path disk = Files.write(folder.resolve("disk.raw"), new byte[1 << 20]);
        image = cairn("push", disk.toString(), "--name", "debian").out().strip();
    }

    @AfterEach
    void stopStore() {
        store.close();
    }

    @Test
    void sharePrintsWhomItIsSharedWith() {
        assertEquals(BOB + "\n", cairn("share", image, BOB).out());
        assertEquals(ALICE + "\n" + BOB + "\n", cairn("share", image, ALICE).out());
        assertEquals("public\n" + ALICE + "\n" + BOB + "\n", cairn("share", image, "--public").out());
        assertEquals("public\n" + BOB + "\n", cairn("share", image, ALICE, "--remove").out());
        assertEquals(BOB + "\n", cairn("share", image, "--public", "--remove").out());
        assertEquals(BOB + "\n", cairn("share", image).out());
        assertTrue(cairn("show", image).out().matches("(?s).*shared with +" + BOB + "\n.*"));

        CommandLineRun last = cairn("share", image, BOB, "--remove");
        assertEquals("", last.out());
        assertTrue(last.err().contains("is shared with nobody"), last.err());
    }

    @Test
    void sharePrintsJsonForScripts() throws IOException {
        assertEquals(
                new ObjectMapper().readTree(
                        "{\"id\":\"" + image + "\",\"isPublic\":true,\"sharedWith\":[\"" + BOB + "\"]}"),
                new ObjectMapper().readTree(cairn("share", image, BOB, "--public", "--json").out()));
    }

    @Test
    void tagSetsAndRemoves() {
        assertEquals("a=1\nb=x=y\n", cairn("tag", image, "b=x=y", "a=1").out());
        assertEquals("a=2\nc=\n", cairn("tag", image, "a=2", "c=", "--remove", "b").out());
        assertEquals("a=2\n", cairn("tag", image, "--remove", "c", "--remove", "unknown").out());

        String volume = cairn("volume", "create", image).out().strip();
        assertEquals("{\n  \"k\" : \"v\"\n}\n", cairn("tag", volume, "k=v", "--json").out());
    }

    @Test
    void refusesWhatIsNoAccountAndNoTag() {
        assertEquals(StoreCommand.WRONG_USAGE, cairn("share", image, "bob").exitCode());
        assertEquals(StoreCommand.WRONG_USAGE, cairn("share", "vol-00123456789abcdef", BOB).exitCode());
        assertEquals(StoreCommand.WRONG_USAGE, cairn("tag", image, "word").exitCode());
    }

    @Test
    void looksInTheRegionThatIsChosen() {
        Map<String, String> variables = variables();
        assertEquals("local", region(variables));
        variables.put("AWS_DEFAULT_REGION", "eu-north-1");
        assertEquals("eu-north-1", region(variables));
        variables.put("AWS_REGION", "eu-west-1");
        assertEquals("eu-west-1", region(variables));
        variables.put("CAIRN_REGION", "cellar");
        assertEquals("cellar", region(variables));
        assertEquals("attic", region(variables, "--region", "attic"));
        assertEquals(
                StoreCommand.WRONG_USAGE,
                CommandLineRun.of(folder, variables, "images", "--region", "Attic").exitCode());
        variables.put("CAIRN_REGION", "The Cellar");
        CommandLineRun malformed = CommandLineRun.of(folder, variables, "images");
        assertEquals(StoreCommand.FAILED, malformed.exitCode());
        assertTrue(malformed.err().contains("CAIRN_REGION: \"The Cellar\" is no region"), malformed.err());
    }

    /** As the request is signed. */
    private String region(Map<String, String> variables, String... options) {
        String[] words = new String[options.length + 1];
        words[0] = "images";
        System.arraycopy(options, 0, words, 1, options.length);
        CommandLineRun run = CommandLineRun.of(folder, variables, words);
        assertEquals(0, run.exitCode(), run.err());
        return store.lastRegion;
    }

    private CommandLineRun cairn(String... words) {
        return CommandLineRun.of(folder, variables(), words);
    }

    private Map<String, String> variables() {
        Credentials key = FakeStore.KEY;
        return new HashMap<>(Map.of(
                "CAIRN_ENDPOINT", store.endpoint().toString(),
                "AWS_ACCESS_KEY_ID", key.accessKeyId(),
                "AWS_SECRET_ACCESS_KEY", key.secretAccessKey()));
    }
}
