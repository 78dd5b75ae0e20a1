package cairn.server;

import java.time.Duration;
import java.util.Optional;

/**
 * How the store is scrubbed.
 *
 * @param every how often by itself; empty: only when somebody asks
 * @param bytesPerSecond that are read at most
 */
public record Scrubbing(Optional<Duration> every, long bytesPerSecond) {
    public static final int DEFAULT_DAYS = 30;
    public static final int DEFAULT_MIB_PER_SECOND = 64;
    /** Of one processor, at most: proving 64 MiB takes a tenth of a second or so. */
    static final int CPU_PERCENT = 50;

    public static final Scrubbing DEFAULT =
            new Scrubbing(Optional.of(Duration.ofDays(DEFAULT_DAYS)), (long) DEFAULT_MIB_PER_SECOND << 20);
}
