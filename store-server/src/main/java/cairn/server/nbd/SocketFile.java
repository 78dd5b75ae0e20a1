package cairn.server.nbd;

import cairn.Fault;
import cairn.StoreException;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The file of a unix socket, which its owner alone may open (mode 0600).
 *
 * <p>A socket is made with whatever mode the process happens to give, and changed afterwards; so that nobody slips in
 * between, it is made in a folder of mode 0700 and moved to its place when it is guarded.
 */
final class SocketFile implements AutoCloseable {
    /** Of a path, as Linux takes it; macOS takes four fewer. */
    private static final int PATH_BYTES_MAX = 107;

    private static final Logger log = LoggerFactory.getLogger(SocketFile.class);

    /** Listens on a socket made at a path. */
    interface Binder {
        void bind(Path socket) throws IOException;
    }

    private final Path path;
    private final Object fileKey;

    private SocketFile(Path path, Object fileKey) {
        this.path = path;
        this.fileKey = fileKey;
    }

    /**
     * Makes the file, in place of one to which nobody listens any more.
     *
     * @throws StoreException CONFLICT if somebody listens there, or if the file is no socket; INVALID_REQUEST if the
     *     path is too long
     */
    static SocketFile bind(Path wanted, Binder binder) throws IOException {
        Path path = wanted.toAbsolutePath().normalize();
        requireShort(path);
        requireFree(path);
        if (!Files.isDirectory(path.getParent())) {
            throw new StoreException(Fault.INVALID_REQUEST,
                    "cannot make the socket " + path + ": there is no folder " + path.getParent());
        }
        Path folder = Files.createDirectory(
                path.resolveSibling(String.format(".nbd%06x", new SecureRandom().nextInt(1 << 24))),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        Path made = folder.resolve("s");
        try {
            requireShort(made);
            binder.bind(made);
            Files.setPosixFilePermissions(made, PosixFilePermissions.fromString("rw-------"));
            Files.move(made, path, StandardCopyOption.ATOMIC_MOVE);
            return new SocketFile(path, fileKey(path));
        } finally {
            Files.deleteIfExists(made);
            Files.deleteIfExists(folder);
        }
    }

    Path path() {
        return path;
    }

    private static void requireFree(Path path) throws IOException {
        if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        if (!attributes(path).isOther()) {
            throw new StoreException(Fault.CONFLICT, path + " is there, and is not a socket");
        }
        if (isListenedTo(path)) {
            throw new StoreException(Fault.CONFLICT, "another process listens on " + path);
        }
        log.info("replacing {}, to which nobody listens", path);
    }

    private static boolean isListenedTo(Path path) {
        try {
            SocketChannel.open(UnixDomainSocketAddress.of(path)).close();
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    private static void requireShort(Path path) {
        int bytes = NbdText.bytes(path.toString()).length;
        if (bytes > PATH_BYTES_MAX) {
            throw new StoreException(Fault.INVALID_REQUEST,
                    "the path of a socket may have some " + PATH_BYTES_MAX + " bytes, and " + path + " has " + bytes
                            + "; name a shorter one with --nbd-socket");
        }
    }

    private static BasicFileAttributes attributes(Path path) throws IOException {
        return Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    }

    private static Object fileKey(Path path) throws IOException {
        return attributes(path).fileKey();
    }

    /** Removes the file, unless another process has meanwhile put its own there. */
    @Override
    public void close() {
        try {
            if (Files.exists(path, LinkOption.NOFOLLOW_LINKS) && fileKey(path).equals(fileKey)) {
                Files.delete(path);
            }
        } catch (IOException e) {
            log.warn("could not remove {}: {}", path, e.getMessage());
        }
    }
}
