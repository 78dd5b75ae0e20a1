package cairn.bench;

import cairn.Fault;
import cairn.StoreException;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

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

    long bytes() {
        return reads.stream().mapToLong(Read::lengthBytes).sum();
    }
}
