package cairn.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/** Folders that are gone when a measurement has ended. */
final class ScratchFolder {
    private static final int REMOVALS_MAX = 50;
    private static final long REMOVE_AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private ScratchFolder() {}

    /**
     * Makes a folder where the environment's {@code TMPDIR} says, else where Java does. If it is not removed before
     * this process ends, it is then.
     */
    static Path make() throws IOException {
        String parent = System.getenv().getOrDefault("TMPDIR", "");
        Path folder = (parent.isEmpty()
                        ? Files.createTempDirectory("cairn-bench-")
                        : Files.createTempDirectory(Path.of(parent), "cairn-bench-"))
                .toAbsolutePath();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> removeWhatIsLeft(folder)));
        return folder;
    }

    /** Those that work in it are ended at the same time, and may still write. */
    private static void removeWhatIsLeft(Path folder) {
        for (int n = 0; n < REMOVALS_MAX && Files.exists(folder); n++) {
            try {
                remove(folder);
            } catch (IOException | UncheckedIOException e) {
                LockSupport.parkNanos(REMOVE_AGAIN_NANOS);
            }
        }
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
