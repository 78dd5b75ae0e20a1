package cairn.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The command line as its users have it: a process, told by its environment alone which store and whose key.
 *
 * @param environment what is not in it is not set, as far as it is ours
 */
record Cli(Map<String, String> environment) {
    private static final String ENDPOINT = "CAIRN_ENDPOINT";
    private static final String CREDENTIALS = "AWS_SHARED_CREDENTIALS_FILE";

    Cli {
        environment = Map.copyOf(environment);
    }

    Cli(URI endpoint, Path credentials) {
        this(Map.of(ENDPOINT, endpoint.toString(), CREDENTIALS, credentials.toString()));
    }

    Cli at(URI endpoint) {
        return with(ENDPOINT, endpoint.toString());
    }

    Cli with(String variable, String value) {
        Map<String, String> more = new LinkedHashMap<>(environment);
        more.put(variable, value);
        return new Cli(more);
    }

    Tools.Output run(String... arguments) throws IOException, InterruptedException {
        return Tools.run(program(Programs.client(arguments)));
    }

    /** As {@link #run}, by somebody whom file permissions hold for; for root they do not. */
    Tools.Output runWithoutPrivileges(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        if (System.getProperty("user.name").equals("root")) {
            Tools.require("setpriv");
            String without = "-dac_override,-dac_read_search";
            command.addAll(List.of("setpriv", "--inh-caps=" + without, "--bounding-set=" + without));
        }
        command.addAll(Programs.client(arguments));
        return Tools.run(program(command));
    }

    /** Not waiting for its end; what it says is thrown away. */
    Process start(String... arguments) throws IOException {
        return program(Programs.client(arguments))
                .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")))
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
    }

    /** Not waiting for its end; its input and output are the caller's. */
    Process startAtConsole(Path errors, String... arguments) throws IOException {
        return program(Programs.client(arguments)).redirectError(errors.toFile()).start();
    }

    private ProcessBuilder program(List<String> command) {
        ProcessBuilder program = new ProcessBuilder(command);
        program.environment().keySet().removeIf(name -> name.startsWith("CAIRN_") || name.startsWith("AWS_"));
        program.environment().putAll(environment);
        return program;
    }

    /** A failure as all of them should look: one line of ours on stderr, nothing on stdout. @return the line */
    static String failure(int expectedStatus, Tools.Output output) {
        assertEquals(expectedStatus, output.status(), () -> output.stdout() + output.stderr());
        assertEquals("", output.stdout(), "stdout is for results");
        assertEquals(1, output.stderr().lines().count(), () -> "one line says it all: " + output.stderr());
        assertTrue(output.stderr().startsWith("cairn: "), output.stderr());
        return output.stderr().strip();
    }
}
