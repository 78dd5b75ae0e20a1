package cairn.disk;

import com.sun.jna.LastErrorException;
import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.Platform;
import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * Where a file has holes, as Linux tells by {@code lseek} with SEEK_DATA and SEEK_HOLE. The JDK has no such call, so it
 * goes to libc, with a descriptor of its own. For several threads.
 *
 * @see <a href="https://man7.org/linux/man-pages/man2/lseek.2.html">lseek(2)</a>
 */
final class FileHoles implements AutoCloseable {
    private static final int O_RDONLY = 0;
    private static final int O_CLOEXEC = 02000000;
    private static final int SEEK_DATA = 3;
    private static final int SEEK_HOLE = 4;
    /** Behind this offset there is no more data. */
    private static final int ENXIO = 6;

    /** The calls we need. They are public because JNA implements them by a proxy. */
    public interface LibC extends Library {
        int open(String path, int flags) throws LastErrorException;

        long lseek(int descriptor, long offset, int whence) throws LastErrorException;

        int close(int descriptor) throws LastErrorException;
    }

    private final LibC libC;
    private final int descriptor;
    private boolean isClosed;

    private FileHoles(LibC libC, int descriptor) {
        this.libC = libC;
        this.descriptor = descriptor;
    }

    /** Empty where the platform, or the file's file system, does not tell; everything is data then. */
    static Optional<FileHoles> open(Path path) {
        // Only where off_t is known to be a long, and the numbers above are known to hold.
        boolean isKnown = Platform.isLinux() && Platform.is64Bit() && (Platform.isIntel() || Platform.isARM());
        if (!isKnown || path.getFileSystem() != FileSystems.getDefault()) {
            return Optional.empty();
        }
        FileHoles holes = null;
        try {
            LibC libC = Native.load("c", LibC.class, Map.of(Library.OPTION_STRING_ENCODING, fileNameEncoding()));
            holes = new FileHoles(libC, libC.open(path.toString(), O_RDONLY | O_CLOEXEC));
            holes.seek(0, SEEK_HOLE);
            return Optional.of(holes);
        } catch (UnsatisfiedLinkError | NoClassDefFoundError | LastErrorException e) {
            if (holes != null) {
                holes.close();
            }
            return Optional.empty();
        }
    }

    /** The run of data that {@code offset} is in, from there on; else the next one. Empty if only a hole follows. */
    Optional<DiskRange> nextData(long offset, long fileBytes, DiskFile file) {
        try {
            long start = seek(offset, SEEK_DATA);
            long end = Math.min(seek(start, SEEK_HOLE), fileBytes);
            return start >= end ? Optional.empty() : Optional.of(new DiskRange(start, end - start));
        } catch (LastErrorException e) {
            if (e.getErrorCode() == ENXIO) {
                return Optional.empty();
            }
            throw file.failed("looking for holes at byte " + offset, e);
        }
    }

    @Override
    public synchronized void close() {
        if (!isClosed) {
            isClosed = true;
            libC.close(descriptor);
        }
    }

    /** One at a time, and never after closing: by then the number may be somebody else's file. */
    private synchronized long seek(long offset, int whence) {
        if (isClosed) {
            throw new IllegalStateException("the disk is closed");
        }
        return libC.lseek(descriptor, offset, whence);
    }

    private static String fileNameEncoding() {
        return System.getProperty("sun.jnu.encoding", "UTF-8");
    }
}
