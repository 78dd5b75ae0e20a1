package cairn.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Other people's programs, which our tests run against us. A test whose program is missing is skipped with its name;
 * but it fails where the environment says CAIRN_REQUIRE_TOOLS=1, so that nobody takes skipped tests for passed ones.
 */
public final class Tools {
    private static final Duration TIMEOUT = Duration.ofSeconds(60);

    /** What a program has said, stdout and stderr, and its exit status. */
    public record Output(int status, String stdout, String stderr) {
        /** Its stdout, if it has succeeded. */
        public String success() {
            assertEquals(0, status, () -> stdout + stderr);
            return stdout;
        }
    }

    private Tools() {}

    /** Goes on only if all these programs are installed. */
    public static void require(String... programs) {
        for (String program : programs) {
            requireThat(isInstalled(program), program + " is not installed");
        }
    }

    /** Goes on only if something that a tool needs is there. */
    public static void requireThat(boolean isThere, String whatIsMissing) {
        if ("1".equals(System.getenv("CAIRN_REQUIRE_TOOLS")) && !isThere) {
            fail(whatIsMissing + ", and CAIRN_REQUIRE_TOOLS=1");
        }
        assumeTrue(isThere, whatIsMissing);
    }

    /** Runs a program to its end. @throws AssertionError if it takes longer than a minute */
    public static Output run(String... command) throws IOException, InterruptedException {
        return run(List.of(command));
    }

    public static Output run(List<String> command) throws IOException, InterruptedException {
        return run(new ProcessBuilder(command));
    }

    /** Runs a program in an environment that has been made for it. */
    static Output run(ProcessBuilder program) throws IOException, InterruptedException {
        Path stdout = Files.createTempFile("stdout", null);
        Path stderr = Files.createTempFile("stderr", null);
        try {
            // Into files, because a full pipe would stop the program.
            Process process = program
                    .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")))
                    .redirectOutput(stdout.toFile())
                    .redirectError(stderr.toFile())
                    .start();
            if (!process.waitFor(TIMEOUT.toSeconds(), TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
                fail(String.join(" ", program.command()) + " has not ended within " + TIMEOUT + ": " + text(stderr));
            }
            return new Output(process.exitValue(), text(stdout), text(stderr));
        } finally {
            Files.delete(stdout);
            Files.delete(stderr);
        }
    }

    private static boolean isInstalled(String program) {
        // What formats and mounts disks is found where other users do not look.
        return Stream.concat(Stream.of(System.getenv("PATH").split(File.pathSeparator)), Stream.of("/usr/sbin", "/sbin"))
                .anyMatch(folder -> Files.isExecutable(Path.of(folder, program)));
    }

    private static String text(Path file) throws IOException {
        return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    }
}
