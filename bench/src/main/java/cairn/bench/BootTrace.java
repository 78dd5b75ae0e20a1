package cairn.bench;

import cairn.Fault;
import cairn.StoreException;
import cairn.chunk.Chunk;
import cairn.client.NbdReader;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BiConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * The reads of a machine that booted, as nbdkit's log filter wrote them down.
 *
 * @see <a href="https://libguestfs.org/nbdkit-log-filter.1.html">nbdkit-log-filter</a>
 */
record BootTrace(List<Read> reads) {
    private static final int READS_MAX = 1_000_000;
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss.SSSSSS");
    private static final Pattern BEGIN =
            Pattern.compile("^(\\S+ \\S+) connection=\\d+ Read id=\\d+"
                    + " offset=0x([0-9a-f]{1,15}) count=0x([0-9a-f]{1,7})\\b.*");
    private static final Pattern END = Pattern.compile("^(\\S+ \\S+) connection=\\d+ \\.\\.\\.Read .*");

    /** @param think the time since the read before was answered, or nothing if this one did not wait for that */
    record Read(long offset, int lengthBytes, Duration think) {}

    BootTrace {
        reads = List.copyOf(reads);
    }

    /** @throws StoreException INVALID_REQUEST if there is no read in this file */
    static BootTrace read(Path log) throws IOException {
        List<Read> reads = new ArrayList<>();
        LocalDateTime answered = null;
        int pending = 0;
        try (BufferedReader lines = Files.newBufferedReader(log)) {
            for (String line = lines.readLine(); line != null && reads.size() < READS_MAX; line = lines.readLine()) {
                Matcher begin = BEGIN.matcher(line);
                Matcher end = END.matcher(line);
                if (begin.matches()) {
                    LocalDateTime began = LocalDateTime.parse(begin.group(1), TIME);
                    Duration think =
                            pending > 0 || answered == null ? Duration.ZERO : Duration.between(answered, began);
                    reads.add(new Read(
                            Long.parseLong(begin.group(2), 16), Integer.parseInt(begin.group(3), 16), think));
                    pending++;
                } else if (end.matches()) {
                    answered = LocalDateTime.parse(end.group(1), TIME);
                    pending--;
                }
            }
        }
        if (reads.isEmpty()) {
            throw new StoreException(
                    Fault.INVALID_REQUEST, log + " has no reads in it; it should be what nbdkit's log filter wrote");
        }
        return new BootTrace(reads);
    }

    /**
     * Reads of one size here and there where a disk has data, but for its last chunk, which may be shorter.
     *
     * @param dataChunks at least two
     */
    static BootTrace madeUp(long[] dataChunks, int reads, int lengthBytes, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        return new BootTrace(IntStream.range(0, reads)
                .mapToLong(n -> dataChunks[random.nextInt(dataChunks.length - 1)] * Chunk.SIZE_BYTES)
                .mapToObj(offset -> new Read(offset, lengthBytes, Duration.ZERO))
                .toList());
    }

    /**
     * Reads it all again, one after the other.
     *
     * @param thinkScale how much of the recorded time between reads to wait
     * @return the time that each read took, in nanoseconds
     */
    long[] replay(NbdReader from, double thinkScale) {
        return replay(from, thinkScale, (read, bytes) -> {});
    }

    /** @param check gets what was read, which is used again by the next read; its time is not counted */
    long[] replay(NbdReader from, double thinkScale, BiConsumer<Read, ByteBuffer> check) {
        long[] nanos = new long[reads.size()];
        for (int n = 0; n < nanos.length; n++) {
            Read read = reads.get(n);
            think(read.think, thinkScale);
            long start = System.nanoTime();
            ByteBuffer bytes = from.read(read.offset, read.lengthBytes);
            nanos[n] = System.nanoTime() - start;
            check.accept(read, bytes);
        }
        return nanos;
    }

    private static void think(Duration recorded, double scale) {
        long nanos = (long) (recorded.toNanos() * scale);
        long end = System.nanoTime() + nanos;
        for (long left = nanos; left > 0; left = end - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }

    long bytes() {
        return reads.stream().mapToLong(Read::lengthBytes).sum();
    }
}
