package cairn.bench;

import cairn.bench.MeasuredProgram.Used;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Another program that keeps disks; its defaults, but for what its name here says. */
final class PeerArchive implements Archive {
    private final Words words;
    private final Path folder;
    private final Map<String, String> environment;

    /** What a program is told. Its repository is {@code repository} in the folder where it runs. */
    private interface Words {
        /** Nothing where there is nothing to make first. */
        List<String> make();

        List<String> put(Path disk, int number);

        /** @param folder where it then runs */
        List<String> get(int number, Path folder);

        /** Where the disk is then. */
        Path restored(Path disk, Path folder);
    }

    private PeerArchive(Words words, Path folder, Map<String, String> environment) {
        this.words = words;
        this.folder = folder;
        this.environment = environment;
        if (!words.make().isEmpty()) {
            new MeasuredProgram(folder, environment).run(words.make());
        }
    }

    /** It always encrypts. What it keeps beside the repository, for speed, is as fresh. */
    static Archive restic(Path folder) {
        return new PeerArchive(
                new Restic(),
                folder,
                Map.of(
                        "RESTIC_REPOSITORY", folder.resolve("repository").toString(),
                        "RESTIC_PASSWORD", "bench",
                        "RESTIC_CACHE_DIR", folder.resolve("cache").toString()));
    }

    /** Unencrypted. @param compression as borg takes it */
    static Archive borg(Path folder, String compression) {
        return new PeerArchive(
                new Borg(folder.resolve("repository"), compression),
                folder,
                Map.of("BORG_BASE_DIR", folder.toString(), "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK", "yes"));
    }

    static Archive casync(Path folder) throws IOException {
        Files.createDirectory(folder.resolve("repository"));
        return new PeerArchive(new Casync(folder.resolve("repository")), folder, Map.of());
    }

    private static final class Restic implements Words {
        @Override
        public List<String> make() {
            return List.of("restic", "init", "-q");
        }

        @Override
        public List<String> put(Path disk, int number) {
            return List.of("restic", "backup", "-q", "--force", "--tag", tag(number), disk.toString());
        }

        @Override
        public List<String> get(int number, Path to) {
            return List.of("restic", "restore", "-q", "latest", "--tag", tag(number), "--target", to.toString());
        }

        private static String tag(int number) {
            return "disk-" + number;
        }

        @Override
        public Path restored(Path disk, Path to) {
            return under(to, disk);
        }
    }

    private record Borg(Path repository, String compression) implements Words {
        @Override
        public List<String> make() {
            return List.of("borg", "init", "-e", "none", repository.toString());
        }

        @Override
        public List<String> put(Path disk, int number) {
            return List.of(
                    "borg", "create", "--files-cache=disabled", "-C", compression, archive(number), disk.toString());
        }

        @Override
        public List<String> get(int number, Path to) {
            return List.of("borg", "extract", "--sparse", archive(number));
        }

        private String archive(int number) {
            return repository + "::disk-" + number;
        }

        @Override
        public Path restored(Path disk, Path to) {
            return under(to, disk);
        }
    }

    private record Casync(Path repository) implements Words {
        @Override
        public List<String> make() {
            return List.of();
        }

        @Override
        public List<String> put(Path disk, int number) {
            return List.of("casync", "make", store(), index(number), disk.toString());
        }

        @Override
        public List<String> get(int number, Path to) {
            return List.of("casync", "extract", store(), index(number), file(to).toString());
        }

        private String store() {
            return "--store=" + repository.resolve("chunks.castr");
        }

        private String index(int number) {
            return repository.resolve("disk-" + number + ".caibx").toString();
        }

        @Override
        public Path restored(Path disk, Path to) {
            return file(to);
        }

        private static Path file(Path folder) {
            return folder.resolve("disk.raw");
        }
    }

    /** Both give a file back with the whole path that it had. */
    private static Path under(Path folder, Path disk) {
        return folder.resolve(disk.getRoot().relativize(disk));
    }

    @Override
    public Used put(Path disk, int number) {
        return new MeasuredProgram(folder, environment).run(words.put(disk, number));
    }

    @Override
    public Restored get(Path disk, int number, Path to) {
        Used used = new MeasuredProgram(to, environment).run(words.get(number, to));
        return new Restored(used, words.restored(disk, to));
    }

    @Override
    public Path repository() {
        return folder.resolve("repository");
    }

    /** Nothing of it runs on. */
    @Override
    public void close() {}
}
