package cairn.server;

import static java.util.concurrent.TimeUnit.MINUTES;

import cairn.Digest;
import java.io.File;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Two real Debian disks, the second made from the first by a few more packages, and what it takes to boot them
 * without a boot loader. Both are raw, sparse, 2 GiB and one ext4 from end to end; the host's own apt sources say
 * where the packages come from.
 *
 * <p>They are built once, in about a minute and a half, and kept in {@code target/debian-disks}, or in the folder
 * that the system property or else the environment variable {@code CAIRN_TEST_DISKS} names.
 *
 * @param base kernel, systemd and little else
 * @param more {@code base}, changed in place: what did not change stays where it is, as on a machine that was used
 */
record DebianDisks(Path base, Path more, Path kernel, Path initrd) {
    private static final String FOLDER_SETTING = "CAIRN_TEST_DISKS";
    private static final Path FOLDER_DEFAULT = Path.of("target", "debian-disks");
    private static final int MINUTES_MAX = 15;
    private static final int OUTPUT_SHOWN_CHARS = 4_000;

    private static final String SIZE = "2G";
    /** Part of both disks: what is derived keeps its file system's name, and checksums are seeded with it. */
    private static final String UUID = "6c1b7a52-0c6e-4a5e-9d0a-3a2f1d0b9c11";
    /** 2026-01-01; whatever is made while building gets this time, so that equal files are equal on both disks. */
    private static final long BUILT_AT_SECONDS = 1_767_225_600;
    private static final String BASE_PACKAGES = "linux-image-cloud-amd64,initramfs-tools,systemd-sysv,udev,kmod";
    private static final String MORE_PACKAGES = BASE_PACKAGES + ",python3-minimal,openssh-server,curl,less";
    private static final List<String> HOOKS = List.of(
            "chroot \"$1\" passwd --quiet --delete root",
            "echo cairn >\"$1/etc/hostname\"",
            "echo 'LABEL=root / ext4 defaults 0 1' >\"$1/etc/fstab\"",
            // The host's own, as mmdebstrap copied it.
            "rm -f \"$1/etc/resolv.conf\"");
    /** Settings of the host's apt that say how its mirror is reached and whether it may be old. */
    private static final List<String> APT_SETTINGS =
            List.of("Acquire::http", "Acquire::https", "Acquire::Check-", "Acquire::Retries");

    /** What a program wrote to its two streams. */
    private record Said(String output, String errors) {}

    /** The disks, built if they are not there yet. Skips the test where they cannot be. */
    static synchronized DebianDisks get() throws IOException, InterruptedException {
        Path folder = folder();
        Files.createDirectories(folder);
        Path finished = folder.resolve(recipeName());
        try (FileChannel channel = FileChannel.open(
                        folder.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                FileLock lock = channel.lock()) {
            if (!Files.exists(finished)) {
                build(lock, folder.resolve(recipeName() + ".part"), finished);
            }
        }
        return in(finished);
    }

    private static void build(FileLock lock, Path part, Path finished) throws IOException, InterruptedException {
        if (!lock.isValid()) {
            throw new IllegalStateException("somebody else may be building " + finished);
        }
        Tools.require("mmdebstrap", "mke2fs", "debugfs", "e2fsck", "apt-get", "apt-config");
        Tools.requireThat(
                System.getProperty("user.name").equals("root") && System.getProperty("os.arch").equals("amd64"),
                "Debian disks are built as root, on amd64: this is another user or machine");
        remove(part);
        Files.createDirectories(part);
        Path sources = part.resolve("sources.list");
        Files.write(sources, debianSources(part));
        Path aptSettings = part.resolve("apt.conf");
        Files.write(aptSettings, aptSettings(part));

        Path baseTree = part.resolve("base-tree");
        Path moreTree = part.resolve("more-tree");
        buildTree(part, BASE_PACKAGES, baseTree, sources, aptSettings);
        buildTree(part, MORE_PACKAGES, moreTree, sources, aptSettings);

        DebianDisks disks = in(part);
        makeBase(part, baseTree, disks.base);
        makeMore(part, baseTree, moreTree, disks);
        Files.copy(baseTree.resolve("vmlinuz"), disks.kernel);
        Files.copy(baseTree.resolve("initrd.img"), disks.initrd);

        remove(baseTree);
        remove(moreTree);
        Files.move(part, finished, StandardCopyOption.ATOMIC_MOVE);
    }

    private static void buildTree(Path part, String packages, Path tree, Path sources, Path aptSettings)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("mmdebstrap", "--variant=minbase", "--include=" + packages));
        command.add("--setup-hook=cat '" + aptSettings + "' >>\"$MMDEBSTRAP_APT_CONFIG\"");
        HOOKS.forEach(hook -> command.add("--customize-hook=" + hook));
        command.addAll(List.of("--format=directory", codename(), tree.toString(), sources.toString()));
        run(part, command);

        String time = "@" + BUILT_AT_SECONDS;
        run(part, List.of(
                "find", tree.toString(), "-xdev", "-newermt", time,
                "-exec", "touch", "--no-dereference", "--date=" + time, "{}", "+"));
    }

    private static void makeBase(Path part, Path tree, Path disk) throws IOException, InterruptedException {
        run(part, List.of(
                "mke2fs", "-q", "-t", "ext4", "-L", "root", "-U", UUID,
                // Nothing is left for the kernel to do when it first mounts the disk.
                "-E", "lazy_itable_init=0,root_owner=0:0,hash_seed=" + UUID,
                "-d", tree.toString(), disk.toString(), SIZE));
        run(part, List.of("e2fsck", "-fn", disk.toString()));
    }

    /**
     * Changes a copy of the first disk, by the file system's own debugger: no loop device, no mount. Another
     * {@code mke2fs -d} would lay out every file anew and share next to nothing with the first.
     */
    private static void makeMore(Path part, Path baseTree, Path moreTree, DebianDisks disks)
            throws IOException, InterruptedException {
        Path edits = part.resolve("edits");
        Files.write(edits, Ext4Edits.between(baseTree, moreTree, BUILT_AT_SECONDS));
        run(part, List.of("cp", "--sparse=always", disks.base.toString(), disks.more.toString()));
        Ext4Edits.requireNoComplaint(
                run(part, List.of("debugfs", "-w", "-f", edits.toString(), disks.more.toString())).errors);
        run(part, List.of("e2fsck", "-fn", disks.more.toString()));
    }

    private static List<String> debianSources(Path part) throws IOException, InterruptedException {
        List<String> sources = run(part, List.of(
                        "apt-get", "indextargets", "--format", "deb $(REPO_URI) $(RELEASE) $(COMPONENT)",
                        "Created-By: Packages", "Origin: Debian", "Architecture: amd64"))
                .output
                .lines()
                .distinct()
                .toList();
        Tools.requireThat(!sources.isEmpty(), "apt knows no source of Debian's (has apt-get update been run?)");
        return sources;
    }

    private static List<String> aptSettings(Path part) throws IOException, InterruptedException {
        return run(part, List.of("apt-config", "dump"))
                .output
                .lines()
                .filter(line -> APT_SETTINGS.stream().anyMatch(line::startsWith))
                .toList();
    }

    private static String codename() throws IOException {
        String key = "VERSION_CODENAME=";
        return Files.readAllLines(Path.of("/etc/os-release")).stream()
                .filter(line -> line.startsWith(key))
                .map(line -> line.substring(key.length()))
                .findFirst()
                .orElseThrow();
    }

    private static DebianDisks in(Path folder) {
        return new DebianDisks(
                folder.resolve("base.raw"),
                folder.resolve("more.raw"),
                folder.resolve("vmlinuz"),
                folder.resolve("initrd.img"));
    }

    private static Path folder() {
        String set = System.getProperty(FOLDER_SETTING, System.getenv(FOLDER_SETTING));
        return (set == null || set.isBlank() ? FOLDER_DEFAULT : Path.of(set)).toAbsolutePath();
    }

    /** Changes with the recipe, so that disks of an older one are not taken for these. */
    private static String recipeName() {
        String recipe = String.join("\n", HOOKS) + SIZE + UUID + BUILT_AT_SECONDS + MORE_PACKAGES + Ext4Edits.VERSION;
        return "debian-" + Digest.of(recipe.getBytes()).toString().substring(0, 12);
    }

    /** A tree may hold mounts while it is being built: what is mounted is never removed. */
    private static void remove(Path tree) throws IOException, InterruptedException {
        run(tree.getParent(), List.of("rm", "-rf", "--one-file-system", tree.toString()));
    }

    /** Runs a program to its end. @throws IOException if it fails, with the end of what it said */
    private static Said run(Path folder, List<String> command) throws IOException, InterruptedException {
        Path output = Files.createTempFile("cairn-disks", ".out");
        Path errors = Files.createTempFile("cairn-disks", ".err");
        try {
            ProcessBuilder builder = new ProcessBuilder(command)
                    .directory(folder.toFile())
                    .redirectInput(new File("/dev/null"))
                    .redirectOutput(output.toFile())
                    .redirectError(errors.toFile());
            builder.environment().putAll(Map.of(
                    "LC_ALL", "C.UTF-8",
                    "DEBIAN_FRONTEND", "noninteractive",
                    "SOURCE_DATE_EPOCH", Long.toString(BUILT_AT_SECONDS),
                    "E2FSPROGS_FAKE_TIME", Long.toString(BUILT_AT_SECONDS)));
            Process process = builder.start();
            boolean ended;
            try {
                ended = process.waitFor(MINUTES_MAX, MINUTES);
            } finally {
                process.destroy();
            }
            Said said = new Said(Files.readString(output), Files.readString(errors));
            if (!ended || process.exitValue() != 0) {
                String all = said.output + said.errors;
                throw new IOException(String.join(" ", command)
                        + (ended ? " ended with " + process.exitValue() : " took over " + MINUTES_MAX + " minutes")
                        + ":\n" + all.substring(Math.max(0, all.length() - OUTPUT_SHOWN_CHARS)));
            }
            return said;
        } finally {
            Files.delete(output);
            Files.delete(errors);
        }
    }
}
