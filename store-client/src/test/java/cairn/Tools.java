package cairn;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Assumptions;

/** Other people's programs, against which we test. */
public final class Tools {
    private static final Duration TIMEOUT = Duration.ofSeconds(120);

    /** What a program gave back: both of its outputs as they came. */
    public record Result(int exitCode, String output) {}

    private Tools() {}

    /** Skips the test if a program is not installed; with CAIRN_REQUIRE_TOOLS=1 in the environment fails it. */
    public static void require(String... programs) {
        for (String program : programs) {
            String missing = program + " is not installed";
            if (!isInstalled(program)) {
                if ("1".equals(System.getenv("CAIRN_REQUIRE_TOOLS"))) {
                    Assertions.fail(missing);
                }
                Assumptions.abort(missing);
            }
        }
    }

    public static boolean isInstalled(String program) {
        String path = System.getenv().getOrDefault("PATH", "");
        return List.of(path.split(File.pathSeparator)).stream()
                .filter(folder -> !folder.isEmpty())
                .anyMatch(folder -> Files.isExecutable(Path.of(folder, program)));
    }

    /** Runs a program that must succeed, and gives what it said. */
    public static String run(String... command) {
        Result result = tryRun(command);
        if (result.exitCode != 0) {
            Assertions.fail(String.join(" ", command) + " ended with " + result.exitCode + ": " + result.output);
        }
        return result.output;
    }

    /** Runs a program that may fail; ends it, and fails the test, if it takes longer than two minutes. */
    public static Result tryRun(String... command) {
        try {
            Process process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")))
                    .start();
            CompletableFuture<String> output = CompletableFuture.supplyAsync(() -> all(process.getInputStream()));
            if (!process.waitFor(TIMEOUT.toSeconds(), TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
                Assertions.fail(String.join(" ", command) + " took longer than " + TIMEOUT + ": " + output.join());
            }
            return new Result(process.exitValue(), output.join());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while running " + command[0], e);
        }
    }

    private static String all(InputStream stream) {
        try (stream) {
            return new String(stream.readAllBytes(), UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
