package cairn.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;

/** Folders that are gone when a measurement has ended. */
final class ScratchFolder {
    private ScratchFolder() {}

    /** Makes a folder where the environment's {@code TMPDIR} says, else where Java does. */
    static Path make() throws IOException {
        String parent = System.getenv().getOrDefault("TMPDIR", "");
        return (parent.isEmpty()
                        ? Files.createTempDirectory("cairn-bench-")
                        : Files.createTempDirectory(Path.of(parent), "cairn-bench-"))
                .toAbsolutePath();
    }

    /** Removes a folder with all that is in it. */
    static void remove(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }
}
