package cairn.server.storage.rocks;

import static java.nio.file.StandardCopyOption.ATOMIC_MOVE;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.TRUNCATE_EXISTING;
import static java.nio.file.StandardOpenOption.WRITE;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import cairn.server.storage.Notes;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.zip.CRC32C;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Notes as files of a folder, one each. Numbers are big-endian.
 * <pre>
 *   offset  size  field
 *        0     4  magic, "CNOT"
 *        4     n  the blob
 *      4+n     4  CRC-32C of everything before it
 * </pre>
 */
final class FolderNotes implements Notes {
    private static final Logger log = LoggerFactory.getLogger(FolderNotes.class);
    private static final int MAGIC = 0x434e4f54;
    private static final int FRAME_BYTES = 8;
    private static final Pattern NAME = Pattern.compile("[a-z-]{1,32}");

    private final Path folder;
    private final FreeSpace space;
    /** Guarded by {@code this}. */
    private boolean isClosed;

    /** @param folder that is there, and has nothing else in it */
    FolderNotes(Path folder, FreeSpace space) {
        this.folder = folder;
        this.space = space;
    }

    @Override
    public synchronized Optional<byte[]> find(String name) {
        Path file = file(name);
        try {
            if (Files.size(file) > BYTES_MAX + (long) FRAME_BYTES) {
                return damaged(name, "it is too long");
            }
            return unframed(name, ByteBuffer.wrap(Files.readAllBytes(file)));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            return damaged(name, e.toString());
        }
    }

    private Optional<byte[]> unframed(String name, ByteBuffer framed) {
        int end = framed.capacity() - Integer.BYTES;
        if (end < Integer.BYTES || framed.getInt(0) != MAGIC || framed.getInt(end) != crc(framed.array(), end)) {
            return damaged(name, "its checksum is another");
        }
        return Optional.of(Arrays.copyOfRange(framed.array(), Integer.BYTES, end));
    }

    private static int crc(byte[] bytes, int lengthBytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, 0, lengthBytes);
        return (int) crc.getValue();
    }

    private static Optional<byte[]> damaged(String name, String why) {
        log.warn("what was remembered as \"{}\" is damaged, and found out anew: {}", name, why);
        return Optional.empty();
    }

    @Override
    public synchronized void put(String name, byte[] bytes) {
        Path file = file(name);
        if (bytes.length > BYTES_MAX) {
            throw new StoreException(
                    Fault.TOO_LARGE,
                    "note " + Text.shown(name) + " would be " + bytes.length + " bytes, at most " + BYTES_MAX);
        }
        space.requireForRecords(bytes.length);
        ByteBuffer framed = ByteBuffer.allocate(FRAME_BYTES + bytes.length);
        framed.putInt(MAGIC).put(bytes);
        framed.putInt(crc(framed.array(), framed.position())).flip();
        Path fresh = file.resolveSibling(name + ".new");
        try {
            try (FileChannel channel = FileChannel.open(fresh, CREATE, WRITE, TRUNCATE_EXISTING)) {
                while (framed.hasRemaining()) {
                    channel.write(framed);
                }
                channel.force(true);
            }
            Files.move(fresh, file, ATOMIC_MOVE);
            syncNames();
        } catch (IOException e) {
            boolean isFull = String.valueOf(e.getMessage()).contains("No space left");
            throw new StoreException(isFull ? Fault.NO_SPACE : Fault.INTERNAL, "cannot write " + file + ": " + e, e);
        }
    }

    @Override
    public synchronized void remove(String name) {
        Path file = file(name);
        try {
            Files.deleteIfExists(file);
            syncNames();
        } catch (IOException e) {
            throw new StoreException(Fault.INTERNAL, "cannot remove " + file + ": " + e, e);
        }
    }

    private void syncNames() throws IOException {
        try (FileChannel names = FileChannel.open(folder, READ)) {
            names.force(true);
        }
    }

    private Path file(String name) {
        if (isClosed) {
            throw new StoreException(Fault.SHUTTING_DOWN, "the storage is closed");
        }
        if (!NAME.matcher(name).matches()) {
            throw new StoreException(Fault.INVALID_REQUEST, "a note is not named " + Text.shown(name));
        }
        return folder.resolve(name);
    }

    /** Nothing is written from then on. */
    synchronized void close() {
        isClosed = true;
    }
}
