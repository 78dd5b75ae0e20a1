package cairn.bench;

import cairn.Fault;
import cairn.StoreException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Runs programs that are not ours to their end. */
final class Programs {
    private static final long SECONDS_MAX = 600;

    private Programs() {}

    /**
     * Runs a program.
     *
     * @param folder for what it says, meanwhile
     * @return what it said on stdout
     * @throws StoreException UNAVAILABLE if it can not be run; INTERNAL, with what it said on stderr, if it failed
     */
    static String run(Path folder, String... command) {
        Path said = folder.resolve("said.txt");
        Path failed = folder.resolve("failed.txt");
        try {
            Process process = new ProcessBuilder(List.of(command))
                    .redirectOutput(said.toFile())
                    .redirectError(failed.toFile())
                    .start();
            if (!process.waitFor(SECONDS_MAX, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new StoreException(Fault.INTERNAL, command[0] + " has not ended within " + SECONDS_MAX + " s");
            }
            if (process.exitValue() != 0) {
                throw new StoreException(Fault.INTERNAL,
                        String.join(" ", command) + " failed: "
                                + Files.readString(failed, StandardCharsets.UTF_8).strip());
            }
            return Files.readString(said, StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new StoreException(Fault.UNAVAILABLE, "cannot run " + command[0] + ": " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StoreException(Fault.SHUTTING_DOWN, "interrupted", e);
        }
    }
}
