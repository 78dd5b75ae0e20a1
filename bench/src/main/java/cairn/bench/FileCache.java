package cairn.bench;

import cairn.Fault;
import cairn.StoreException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Has the system forget what it holds of files, so that whoever reads them next waits for the disk. Linux. */
final class FileCache {
    private static final Path DROP_CACHES = Path.of("/proc/sys/vm/drop_caches");
    /** Pages, and what is known of folders and files. */
    private static final String EVERYTHING = "3";

    private FileCache() {}

    /** Everything where this user may ask for it, which root may; else the bytes of the files below a folder. */
    static void cool(Path folder) throws IOException {
        run(List.of("sync"));
        if (Files.isWritable(DROP_CACHES)) {
            Files.writeString(DROP_CACHES, EVERYTHING);
        } else {
            coolFiles(folder);
        }
    }

    /** The bytes of the files below a folder, by dd's nocache: what is not on the disk yet stays. */
    static void coolFiles(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                int exit = run(List.of("dd", "if=" + file, "iflag=nocache", "count=0", "status=none"));
                // The database removes what it needs no more when it likes.
                if (exit != 0 && Files.exists(file)) {
                    throw new StoreException(Fault.UNAVAILABLE, "dd can not put " + file + " out of the page cache");
                }
            }
        }
    }

    private static int run(List<String> command) throws IOException {
        try {
            return new ProcessBuilder(command).start().waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StoreException(Fault.SHUTTING_DOWN, "interrupted", e);
        }
    }
}
