package cairn.client;

import cairn.Fault;
import cairn.StoreException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/**
 * A file being written in any order, beside the place where it will stand; it gets its name when it is whole. What was
 * not written is a hole. Writing is for several threads. Closed before {@link #seal}, nothing is left of it, and
 * neither when the process is told to end.
 */
final class SparseFile implements AutoCloseable {
    private final Path target;
    private final Path unfinished;
    private final boolean mayReplace;
    private final RandomAccessFile file;
    private final FileChannel channel;
    private final Thread endOfProcess;

    /** @throws StoreException CONFLICT if the target exists and may not be replaced, or is no regular file */
    static SparseFile create(Path target, long sizeBytes, boolean mayReplace) {
        requireFree(target, mayReplace);
        Path folder = target.toAbsolutePath().getParent();
        Path unfinished = folder.resolve('.' + target.getFileName().toString() + '.' + UUID.randomUUID() + ".part");
        try {
            Files.createFile(unfinished);
            return new SparseFile(target, unfinished, sizeBytes, mayReplace);
        } catch (IOException e) {
            throw failed(target, e);
        }
    }

    private SparseFile(Path target, Path unfinished, long sizeBytes, boolean mayReplace) throws IOException {
        this.target = target;
        this.unfinished = unfinished;
        this.mayReplace = mayReplace;
        this.endOfProcess = new Thread(() -> deleteQuietly(unfinished));
        Runtime.getRuntime().addShutdownHook(endOfProcess);
        this.file = new RandomAccessFile(unfinished.toFile(), "rw");
        this.channel = file.getChannel();
        try {
            file.setLength(sizeBytes);
        } catch (IOException e) {
            close();
            throw e;
        }
    }

    private static void requireFree(Path target, boolean mayReplace) {
        if (target.getFileName() == null || Files.isDirectory(target)) {
            throw new StoreException(Fault.CONFLICT, target + " is a directory; name a file");
        }
        if (Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
            if (!Files.isRegularFile(target, LinkOption.NOFOLLOW_LINKS)) {
                throw new StoreException(Fault.CONFLICT, target + " exists and is no regular file");
            }
            if (!mayReplace) {
                throw new StoreException(Fault.CONFLICT, target + " exists already; --force replaces it");
            }
        }
    }

    void write(long offset, byte[] from, int fromOffset, int lengthBytes) {
        try {
            ByteBuffer left = ByteBuffer.wrap(from, fromOffset, lengthBytes);
            long at = offset;
            while (left.hasRemaining()) {
                at += channel.write(left, at);
            }
        } catch (IOException e) {
            throw failed(target, e);
        }
    }

    /** Brings the file to the disk, then gives it its name. */
    void seal() {
        try {
            channel.force(true);
            requireFree(target, mayReplace);
            Files.move(unfinished, target, StandardCopyOption.ATOMIC_MOVE);
            try (FileChannel names = FileChannel.open(target.toAbsolutePath().getParent(), StandardOpenOption.READ)) {
                names.force(true);
            }
        } catch (IOException e) {
            throw failed(target, e);
        }
    }

    /** Harmless after {@link #seal}. */
    @Override
    public void close() {
        try {
            file.close();
        } catch (IOException e) {
            throw failed(target, e);
        } finally {
            deleteQuietly(unfinished);
            removeHook();
        }
    }

    private void removeHook() {
        try {
            Runtime.getRuntime().removeShutdownHook(endOfProcess);
        } catch (IllegalStateException processIsEnding) {
            // Then the hook runs anyway.
        }
    }

    private static void deleteQuietly(Path unfinished) {
        try {
            Files.deleteIfExists(unfinished);
        } catch (IOException e) {
            // It was to be removed on the way out; why we are on the way out matters more.
        }
    }

    private static StoreException failed(Path target, IOException e) {
        if (e instanceof NoSuchFileException) {
            return new StoreException(
                    Fault.NOT_FOUND,
                    "cannot write " + target + ": there is no folder " + target.toAbsolutePath().getParent(),
                    e);
        }
        if (e instanceof AccessDeniedException) {
            return new StoreException(Fault.FORBIDDEN, "cannot write " + target + ": no permission", e);
        }
        String reason = e instanceof FileSystemException f && f.getReason() != null ? f.getReason() : e.getMessage();
        boolean isFull = reason != null && reason.contains("No space left");
        return new StoreException(
                isFull ? Fault.NO_SPACE : Fault.INTERNAL, "cannot write " + target + ": " + reason, e);
    }
}
