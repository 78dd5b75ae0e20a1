package cairn.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.StoreException;
import cairn.sigv4.Credentials;
import cairn.sigv4.CredentialsFile;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class StoreOptionsTest {
    @TempDir
    private Path home;

    @Test
    void anOptionComesBeforeTheEnvironmentBeforeTheDataFolder() throws IOException {
        Path data = dataFolder(home.resolve(".local/share/cairn"), "http://127.0.0.1:1");
        Path other = dataFolder(home.resolve("other"), "http://127.0.0.1:2");
        Map<String, String> environment = Map.of("CAIRN_ENDPOINT", "http://127.0.0.1:3");

        assertEquals("http://127.0.0.1:1", endpoint(Map.of()));
        assertEquals("http://127.0.0.1:3", endpoint(environment));
        assertEquals("http://127.0.0.1:2", endpoint(environment, "--data", other.toString()));
        assertEquals("http://127.0.0.1:4", endpoint(environment, "--endpoint", "http://127.0.0.1:4"));
        assertTrue(Files.exists(data));
    }

    @Test
    void theDataFolderFollowsTheEnvironment() throws IOException {
        Path cairnData = dataFolder(home.resolve("a"), "http://127.0.0.1:1");
        dataFolder(home.resolve("b/cairn"), "http://127.0.0.1:2");

        assertEquals("http://127.0.0.1:2", endpoint(Map.of("XDG_DATA_HOME", home.resolve("b").toString())));
        assertEquals(
                "http://127.0.0.1:1",
                endpoint(Map.of("XDG_DATA_HOME", home.resolve("b").toString(), "CAIRN_DATA", cairnData.toString())));
    }

    @Test
    void saysHowToNameAServer() {
        StoreException failure = assertThrows(StoreException.class, () -> endpoint(Map.of()));

        assertTrue(failure.getMessage().contains("cairn serve"), failure.getMessage());
        assertTrue(failure.getMessage().contains("--endpoint"), failure.getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "steady http=x", "ready nbd=x", "\0\0\0"})
    void refusesAnEndpointFileThatSaysSomethingElse(String content) throws IOException {
        Files.createDirectories(home.resolve("d"));
        Files.writeString(home.resolve("d/endpoint"), content);

        StoreException failure = assertThrows(
                StoreException.class, () -> endpoint(Map.of(), "--data", home.resolve("d").toString()));

        assertTrue(failure.getMessage().contains("ready http=URL"), failure.getMessage());
    }

    @Test
    void keysOfTheEnvironmentComeBeforeFiles() throws IOException {
        Path data = dataFolder(home.resolve("d"), "http://127.0.0.1:1");
        CredentialsFile.create(data.resolve("credentials"), "default", new Credentials("AKDATA", "s"));
        Path shared = home.resolve("shared");
        Files.writeString(shared, """
                [default]
                aws_access_key_id = AKSHARED
                aws_secret_access_key = s
                [work]
                aws_access_key_id = AKWORK
                aws_secret_access_key = s
                """);
        String file = shared.toString();
        String folder = data.toString();

        assertEquals("AKDATA", key(Map.of(), "--data", folder));
        assertEquals("AKDATA", key(Map.of("CAIRN_DATA", folder)));
        assertEquals("AKSHARED", key(Map.of("AWS_SHARED_CREDENTIALS_FILE", file), "--data", folder));
        assertEquals("AKWORK", key(Map.of("AWS_SHARED_CREDENTIALS_FILE", file, "AWS_PROFILE", "work")));
        assertEquals(
                "AKENV",
                key(Map.of(
                        "AWS_SHARED_CREDENTIALS_FILE", file, "AWS_ACCESS_KEY_ID", "AKENV", "AWS_SECRET_ACCESS_KEY", "s")));
    }

    @Test
    void saysWhichKeyIsMissing() {
        StoreException half = assertThrows(StoreException.class, () -> key(Map.of("AWS_ACCESS_KEY_ID", "AKENV")));
        StoreException none = assertThrows(StoreException.class, () -> key(Map.of()));

        assertTrue(half.getMessage().contains("without AWS_SECRET_ACCESS_KEY"), half.getMessage());
        assertTrue(none.getMessage().contains("there is no credentials file"), none.getMessage());
        assertTrue(none.getMessage().contains("set AWS_ACCESS_KEY_ID"), none.getMessage());
    }

    private static Path dataFolder(Path folder, String endpoint) throws IOException {
        Files.createDirectories(folder);
        Files.writeString(
                folder.resolve("endpoint"), "ready http=" + endpoint + " nbd=nbd://127.0.0.1:9 nbd+unix=/x\n");
        return folder;
    }

    private String endpoint(Map<String, String> variables, String... options) {
        URI endpoint = parse(options).endpoint(terminal(variables));
        return endpoint.toString();
    }

    private String key(Map<String, String> variables, String... options) {
        return parse(options).key(terminal(variables)).credentials().accessKeyId();
    }

    private static StoreOptions parse(String... options) {
        return CommandLine.populateCommand(new StoreOptions(), options);
    }

    private Terminal terminal(Map<String, String> variables) {
        return new Terminal(System.out, System.err, false, variables, home);
    }
}
