package cairn.server.image;

import java.time.Instant;
import java.util.Optional;

/**
 * What is done so that volumes of a snapshot are quick from the start: what its last boots have read is read into the
 * chunk cache. Times tell how far that is; the cache forgets what is not used.
 *
 * @param enablingAt when it was asked for
 * @param optimizingAt when the reading began
 * @param enabledAt when it was done
 */
public record FastRestore(Instant enablingAt, Optional<Instant> optimizingAt, Optional<Instant> enabledAt) {
    /** How far it is. */
    public enum State {
        ENABLING,
        OPTIMIZING,
        ENABLED
    }

    public static FastRestore begun(Instant now) {
        return new FastRestore(now, Optional.empty(), Optional.empty());
    }

    FastRestore reading(Instant now) {
        return new FastRestore(enablingAt, Optional.of(now), Optional.empty());
    }

    FastRestore done(Instant now) {
        return new FastRestore(enablingAt, optimizingAt.or(() -> Optional.of(now)), Optional.of(now));
    }

    public State state() {
        if (enabledAt.isPresent()) {
            return State.ENABLED;
        }
        return optimizingAt.isPresent() ? State.OPTIMIZING : State.ENABLING;
    }
}
