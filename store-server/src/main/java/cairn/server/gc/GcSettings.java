package cairn.server.gc;

import java.time.Duration;
import java.util.Optional;

/**
 * How garbage is collected in the background.
 *
 * @param every how long after one cycle the next begins, if anything has changed; empty: only when somebody asks
 * @param first how long after the start the first one begins
 * @param budget of what goes on in the background; who asks does not have to wait for it
 * @param isSettling whether what has been there for a while is packed as small as may be
 */
public record GcSettings(Optional<Duration> every, Duration first, Budget budget, boolean isSettling) {
    public static final GcSettings DEFAULT =
            new GcSettings(Optional.of(Duration.ofHours(1)), Duration.ofMinutes(10), Budget.BACKGROUND, true);
    /** Nothing goes on unless somebody asks. */
    public static final GcSettings WHEN_ASKED =
            new GcSettings(Optional.empty(), Duration.ZERO, Budget.NONE, false);
}
