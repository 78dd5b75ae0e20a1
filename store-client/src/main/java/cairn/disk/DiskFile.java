package cairn.disk;

import cairn.Fault;
import cairn.StoreException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;

/** The open file that holds a disk: reads by position, knows the file's holes, notices changes. For several threads. */
final class DiskFile implements AutoCloseable {
    /** The JDK copies through a direct buffer as large as the piece, and keeps one for each thread. */
    private static final int PIECE_BYTES = 1 << 20;

    /**
     * So old a file's last change must be when it is opened. File systems take the time from a clock that ticks every
     * 1 to 10 ms: a change made in the tick of the one before could not be told from it.
     */
    static final Duration SETTLE_TIME = Duration.ofMillis(20);

    /** What changes when a file does. Where a system has no {@code ctime}, of a change of any kind, it is mtime. */
    private record Stamp(long sizeBytes, FileTime mtime, Object fileKey, FileTime ctime) {}

    private static final int MODE_KIND_BITS = 0170000;
    private static final int MODE_BLOCK_DEVICE = 0060000;

    private final Path path;
    private final Stamp stamp;
    private final FileChannel channel;
    private final long sizeBytes;
    /** Null where holes cannot be told. */
    private final FileHoles holes;

    private final LongAdder readBytes = new LongAdder();
    /** The run of data found last; saves asking for it again while it is being read. */
    private volatile DiskRange lastData;

    private DiskFile(Path path, Stamp stamp, FileChannel channel, FileHoles holes) throws IOException {
        this.path = path;
        this.stamp = stamp;
        this.channel = channel;
        this.holes = holes;
        this.sizeBytes = channel.size();
    }

    /**
     * Opens a file, once its last change is older than {@code settleTime}.
     *
     * @throws StoreException NOT_FOUND, FORBIDDEN, or INVALID_REQUEST if it is no file or is empty
     */
    static DiskFile open(Path path, Duration settleTime) {
        String name = shown(path);
        FileChannel channel = null;
        FileHoles holes = null;
        try {
            requireFileOrBlockDevice(path, name);
            Stamp stamp = settledStampOf(path, settleTime);
            channel = FileChannel.open(path, StandardOpenOption.READ);
            holes = FileHoles.open(path).orElse(null);
            DiskFile file = new DiskFile(path, stamp, channel, holes);
            // The path was opened twice; this proves that both times it was the same file.
            file.requireUnchanged();
            if (file.sizeBytes == 0) {
                throw file.refused("is empty");
            }
            return file;
        } catch (IOException e) {
            closeAll(channel, holes);
            throw unopened(name, e);
        } catch (RuntimeException e) {
            closeAll(channel, holes);
            throw e;
        }
    }

    /** What the user called it. */
    String name() {
        return shown(path);
    }

    long sizeBytes() {
        return sizeBytes;
    }

    /** How many bytes have been read so far. */
    long readBytes() {
        return readBytes.sum();
    }

    /** Reads what the file must have. @throws StoreException CORRUPT if it ends before */
    void read(long offset, byte[] to, int toOffset, int lengthBytes) {
        requireInside(offset, lengthBytes, "what is stored");
        readThere(offset, to, toOffset, lengthBytes);
    }

    byte[] read(long offset, int lengthBytes) {
        requireInside(offset, lengthBytes, "what is stored");
        byte[] bytes = new byte[lengthBytes];
        readThere(offset, bytes, 0, lengthBytes);
        return bytes;
    }

    /** Fills {@code to}; behind the file's end the bytes stay as they are. */
    void readUpToEnd(long offset, byte[] to) {
        readThere(offset, to, 0, Math.toIntExact(Math.max(0, Math.min(to.length, sizeBytes - offset))));
    }

    /** Fills all of the range; zeros, without reading, in the file's holes and behind its end. */
    void readSparse(long offset, byte[] to, int toOffset, int lengthBytes) {
        long end = Math.addExact(offset, lengthBytes);
        long at = offset;
        while (at < end) {
            long dataStart = end;
            long dataEnd = end;
            Optional<DiskRange> data = nextData(at, end);
            if (data.isPresent()) {
                dataStart = data.get().offset();
                dataEnd = data.get().endOffset();
            }
            int place = toOffset + Math.toIntExact(at - offset);
            int zeroBytes = Math.toIntExact(dataStart - at);
            Arrays.fill(to, place, place + zeroBytes, (byte) 0);
            readThere(dataStart, to, place + zeroBytes, Math.toIntExact(dataEnd - dataStart));
            at = dataEnd;
        }
    }

    /** The first bytes from {@code offset} to before {@code end} that the file does not have as a hole. */
    Optional<DiskRange> nextData(long offset, long end) {
        long stop = Math.min(end, sizeBytes);
        if (offset >= stop) {
            return Optional.empty();
        }
        DiskRange data = lastData;
        if (data == null || offset < data.offset() || offset >= data.endOffset()) {
            data = holes == null ? new DiskRange(0, sizeBytes) : holes.nextData(offset, sizeBytes, this).orElse(null);
            if (data == null) {
                return Optional.empty();
            }
            lastData = data;
        }
        long start = Math.max(offset, data.offset());
        return start >= stop
                ? Optional.empty()
                : Optional.of(new DiskRange(start, Math.min(stop, data.endOffset()) - start));
    }

    /** @throws StoreException CONFLICT */
    void requireUnchanged() {
        Stamp now;
        long sizeNowBytes;
        try {
            now = stampOf(path);
            sizeNowBytes = channel.size();
        } catch (NoSuchFileException e) {
            throw changed("it is gone");
        } catch (IOException e) {
            throw failed("looking whether it changed", e);
        }
        if (sizeNowBytes != sizeBytes) {
            throw changed("it had " + sizeBytes + " bytes and has " + sizeNowBytes);
        }
        if (!now.equals(stamp)) {
            boolean isReplaced = now.fileKey != null && !now.fileKey.equals(stamp.fileKey);
            throw changed(isReplaced ? "another file has its name" : "last changed " + now.mtime);
        }
    }

    /** @throws StoreException CORRUPT unless the file has those bytes */
    void requireInside(long offset, long lengthBytes, String what) {
        if (offset < 0 || lengthBytes < 0 || offset > sizeBytes - lengthBytes) {
            throw corrupt(what + " would be " + lengthBytes + " bytes at " + offset + ", but the file has " + sizeBytes
                    + "; was it copied whole?");
        }
    }

    /** A disk that we do not read, and what to do instead. */
    StoreException refused(String why) {
        return new StoreException(Fault.INVALID_REQUEST, name() + " " + why);
    }

    /** A file that contradicts its format. */
    StoreException corrupt(String why) {
        return new StoreException(Fault.CORRUPT, name() + " is damaged: " + why);
    }

    StoreException failed(String doing, Exception cause) {
        return new StoreException(Fault.INTERNAL, name() + ": " + doing + " failed: " + cause.getMessage(), cause);
    }

    @Override
    public void close() {
        closeAll(channel, holes);
    }

    private void readThere(long offset, byte[] to, int toOffset, int lengthBytes) {
        ByteBuffer buffer = ByteBuffer.wrap(to, toOffset, lengthBytes);
        int end = toOffset + lengthBytes;
        long at = offset;
        while (buffer.position() < end) {
            buffer.limit(Math.min(end, buffer.position() + PIECE_BYTES));
            int count;
            try {
                count = channel.read(buffer, at);
            } catch (IOException e) {
                throw failed("reading at byte " + at, e);
            }
            if (count < 0) {
                throw changed("it had " + sizeBytes + " bytes and ends at " + at);
            }
            at += count;
            readBytes.add(count);
        }
    }

    private StoreException changed(String how) {
        return new StoreException(
                Fault.CONFLICT,
                name() + " was changed while it was read: " + how + "; read it while nobody writes to it");
    }

    private static void requireFileOrBlockDevice(Path path, String name) throws IOException {
        // Looked at before it is opened: opening a pipe would wait for its other end.
        BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
        if (attributes.isDirectory()) {
            throw new StoreException(Fault.INVALID_REQUEST, name + " is a directory; name the disk's file inside it");
        }
        boolean isBlockDevice = attributes.isOther()
                && hasUnixAttributes(path)
                && ((int) Files.getAttribute(path, "unix:mode") & MODE_KIND_BITS) == MODE_BLOCK_DEVICE;
        if (!attributes.isRegularFile() && !isBlockDevice) {
            throw new StoreException(Fault.INVALID_REQUEST, name + " is neither a file nor a block device");
        }
    }

    private static Stamp settledStampOf(Path path, Duration settleTime) throws IOException {
        Stamp stamp = stampOf(path);
        Duration age = Duration.between(stamp.ctime.toInstant(), Instant.now());
        if (age.isNegative() || age.compareTo(settleTime) >= 0) {
            return stamp;
        }
        try {
            Thread.sleep(settleTime.minus(age).toMillis() + 1);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted");
        }
        return stampOf(path);
    }

    private static Stamp stampOf(Path path) throws IOException {
        BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
        FileTime mtime = attributes.lastModifiedTime();
        FileTime ctime = hasUnixAttributes(path) ? (FileTime) Files.getAttribute(path, "unix:ctime") : mtime;
        return new Stamp(attributes.size(), mtime, attributes.fileKey(), ctime);
    }

    private static boolean hasUnixAttributes(Path path) {
        return path.getFileSystem().supportedFileAttributeViews().contains("unix");
    }

    private static StoreException unopened(String name, IOException e) {
        if (e instanceof NoSuchFileException) {
            return new StoreException(Fault.NOT_FOUND, name + " does not exist", e);
        }
        if (e instanceof AccessDeniedException) {
            return new StoreException(
                    Fault.FORBIDDEN, name + " may not be read by this user; check its permissions", e);
        }
        return new StoreException(Fault.INVALID_REQUEST, name + " cannot be opened: " + e.getMessage(), e);
    }

    private static void closeAll(FileChannel channel, FileHoles holes) {
        if (holes != null) {
            holes.close();
        }
        if (channel != null) {
            try {
                channel.close();
            } catch (IOException e) {
                // It was only read from: nothing can be lost.
            }
        }
    }

    private static String shown(Path path) {
        return path.toString().replaceAll("\\p{Cntrl}", "?");
    }
}
