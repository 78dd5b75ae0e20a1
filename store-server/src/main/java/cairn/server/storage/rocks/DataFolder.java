package cairn.server.storage.rocks;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.nio.file.StandardCopyOption.ATOMIC_MOVE;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.TRUNCATE_EXISTING;
import static java.nio.file.StandardOpenOption.WRITE;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * The folder that a store lives in: what is where, which version of it, and who has it open.
 *
 * <p>The lock that keeps a second server out is RocksDB's own, on {@code rocks/LOCK}: an {@code fcntl} lock between
 * processes, a list of held files within one. A lock of ours taken through {@link FileChannel} would be lost as soon as
 * anything in this process opened that file and closed it again, as a second, refused server in the same process does.
 * {@code pid} only says who.
 */
final class DataFolder {
    static final String VERSION = "cairn store 2";
    /** Lacks families that are made when it is opened; what it has is as it is in {@link #VERSION}. */
    static final String OLD_VERSION = "cairn store 1";

    private static final int VERSION_BYTES_MAX = 64;
    private static final String VERSION_FILE = "VERSION";
    private static final String NEW_VERSION_FILE = "VERSION.new";
    private static final String PID_FILE = "pid";
    /** What may lie in a folder that we make a store of: a crash of ours, or mkfs, left it. */
    private static final Set<String> IGNORED = Set.of(NEW_VERSION_FILE, "lost+found");

    private final Path root;

    private DataFolder(Path root) {
        this.root = root;
    }

    /** Makes the folder, for its owner alone, or checks the one that is there. */
    static DataFolder open(Path path) {
        try {
            if (!Files.exists(path)) {
                make(path);
            }
            if (!Files.isDirectory(path)) {
                throw new StoreException(Fault.INVALID_REQUEST, "data folder " + path + " is not a folder");
            }
            // One spelling for one folder: RocksDB tells by the name whether this process holds a lock already.
            DataFolder folder = new DataFolder(path.toRealPath());
            folder.claimOrCheck();
            // Closed to others even where the folder, having been there before, is not: secrets are kept in them.
            makeForOwner(folder.rocks());
            makeForOwner(folder.segments());
            makeForOwner(folder.notes());
            return folder;
        } catch (IOException e) {
            throw new StoreException(Fault.INTERNAL, "cannot use data folder " + path + ": " + reason(e), e);
        }
    }

    private static void make(Path path) throws IOException {
        Path parent = path.toAbsolutePath().getParent();
        if (parent != null) {
            Files.createDirectories(parent);
        }
        makeForOwner(path);
    }

    static void makeForOwner(Path path) throws IOException {
        boolean isPosix = path.getFileSystem().supportedFileAttributeViews().contains("posix");
        FileAttribute<?>[] owners = isPosix
                ? new FileAttribute<?>[] {PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"))}
                : new FileAttribute<?>[0];
        Files.createDirectories(path, owners);
    }

    private void claimOrCheck() throws IOException {
        Path version = root.resolve(VERSION_FILE);
        if (Files.exists(version)) {
            checkVersion(version);
            return;
        }
        Set<String> others = new TreeSet<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(root)) {
            files.forEach(file -> others.add(file.getFileName().toString()));
        }
        others.removeAll(IGNORED);
        if (!others.isEmpty()) {
            throw new StoreException(Fault.INVALID_REQUEST, "folder " + root + " is not a cairn store and not empty: it holds "
                    + Text.shown(others.iterator().next()) + " and no " + VERSION_FILE + "; name an empty or a new folder");
        }
        writeVersion(root);
    }

    private static void checkVersion(Path file) throws IOException {
        String version = version(file);
        if (!version.equals(VERSION) && !version.equals(OLD_VERSION)) {
            throw new StoreException(Fault.INVALID_REQUEST, "folder " + file.getParent() + " holds a store of version \""
                    + Text.shown(version) + "\"; this program reads \"" + VERSION + "\" and, to make it that, \""
                    + OLD_VERSION + '"');
        }
    }

    private static String version(Path file) throws IOException {
        return Files.size(file) > VERSION_BYTES_MAX ? "" : Files.readString(file, UTF_8).strip();
    }

    /**
     * Says that the store is of {@link #VERSION}. Only for who holds the lock, once the database has all families: a
     * program that knows the old version alone cannot open it any more.
     */
    void upgrade() {
        try {
            if (!version(root.resolve(VERSION_FILE)).equals(VERSION)) {
                writeVersion(root);
            }
        } catch (IOException e) {
            throw cannotWrite(VERSION_FILE, e);
        }
    }

    private StoreException cannotWrite(String name, IOException e) {
        return failure("write " + root.resolve(name), e);
    }

    Path root() {
        return root;
    }

    Path rocks() {
        return root.resolve("rocks");
    }

    /** Of who makes the index anew. */
    Path places() {
        return root.resolve("places");
    }

    Path segments() {
        return root.resolve("segments");
    }

    Path notes() {
        return root.resolve("notes");
    }

    Path segment(long number) {
        return segments().resolve("segment-" + number + ".sst");
    }

    /** A file of the database. @param name as RocksDB gives it, with a slash before it */
    Path databaseFile(String name) {
        return rocks().resolve(name.substring(name.lastIndexOf('/') + 1));
    }

    /** Keeps a file of the database, by a link, once the database has it no more. @param name as RocksDB gives it */
    void setAside(String name) {
        Path kept = root.resolve("damaged");
        Path file = databaseFile(name);
        Path link = kept.resolve(file.getFileName());
        try {
            makeForOwner(kept);
            Files.deleteIfExists(link);
            Files.createLink(link, file);
            sync(kept);
        } catch (IOException e) {
            throw failure("keep " + link, e);
        }
    }

    /** Where a file of rewritten items is made. @param number no other has in this run */
    Path rewritten(long number) {
        return segments().resolve("rewritten-" + number + ".sst");
    }

    /** Where a backup's files are gathered, by links, before they leave the folder. */
    Path checkpoint() {
        return root.resolve("checkpoint");
    }

    /** An empty place for a backup's files. */
    void makeCheckpoint() {
        removeCheckpoint();
        try {
            makeForOwner(checkpoint());
        } catch (IOException e) {
            throw failure("make " + checkpoint(), e);
        }
    }

    /** Removes what a backup has gathered. Only for who holds the lock. */
    void removeCheckpoint() {
        if (!Files.exists(checkpoint())) {
            return;
        }
        try (Stream<Path> files = Files.walk(checkpoint())) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        } catch (IOException | UncheckedIOException e) {
            throw new StoreException(Fault.INTERNAL, "cannot remove " + checkpoint() + ": " + e.getMessage(), e);
        }
    }

    /** Makes a store of a folder that holds a database: from now on it can be opened. */
    static void writeVersion(Path root) throws IOException {
        Path fresh = root.resolve(NEW_VERSION_FILE);
        write(fresh, VERSION + "\n");
        Files.move(fresh, root.resolve(VERSION_FILE), ATOMIC_MOVE);
        sync(root);
    }

    /** Makes sure that a file, or what a folder lists, is still there after a loss of power. */
    static void sync(Path path) throws IOException {
        try (FileChannel channel = FileChannel.open(path, READ)) {
            channel.force(true);
        }
    }

    /** Removes what an earlier run has left unsealed. Only for who holds the lock. */
    void removeUnsealed() {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(segments())) {
            for (Path file : files) {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new StoreException(Fault.INTERNAL, "cannot clear " + segments() + ": " + reason(e), e);
        }
    }

    /** Says who has the folder open. Only for who holds the lock. */
    void writePid() {
        try {
            write(root.resolve(PID_FILE), ProcessHandle.current().pid() + "\n");
        } catch (IOException e) {
            throw cannotWrite(PID_FILE, e);
        }
    }

    void removePid() {
        try {
            Files.deleteIfExists(root.resolve(PID_FILE));
        } catch (IOException e) {
            // It only tells people who holds the lock, and nobody does any more.
        }
    }

    StoreException inUse(Throwable cause) {
        return new StoreException(Fault.CONFLICT, "data folder " + root + " is in use by " + holder(), cause);
    }

    private String holder() {
        try {
            Path file = root.resolve(PID_FILE);
            List<String> lines = Files.size(file) > VERSION_BYTES_MAX ? List.of() : Files.readAllLines(file, UTF_8);
            if (!lines.isEmpty() && lines.get(0).matches("[0-9]{1,20}")) {
                return "process " + lines.get(0);
            }
        } catch (IOException e) {
            // The holder has not written it yet, or is just going.
        }
        return "another process";
    }

    private static void write(Path file, String text) throws IOException {
        try (FileChannel channel = FileChannel.open(file, CREATE, WRITE, TRUNCATE_EXISTING)) {
            ByteBuffer bytes = UTF_8.encode(text);
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
            channel.force(true);
        }
    }

    static StoreException failure(String what, IOException e) {
        Fault fault = e.getMessage() != null && e.getMessage().contains("No space left") ? Fault.NO_SPACE : Fault.INTERNAL;
        return new StoreException(fault, "cannot " + what + ": " + reason(e), e);
    }

    private static String reason(IOException e) {
        return e.getClass().getSimpleName() + (e.getMessage() == null ? "" : " " + e.getMessage());
    }
}
