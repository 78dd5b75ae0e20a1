package cairn.server.image;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * Whether an image may be removed.
 *
 * @param hasCooldown once it is lifted it holds for {@link #COOLDOWN} still
 * @param until it was lifted, and holds until then
 */
public record Protection(boolean isOn, boolean hasCooldown, Optional<Instant> until) {
    public static final Duration COOLDOWN = Duration.ofHours(24);
    public static final Protection OFF = new Protection(false, false, Optional.empty());

    public static Protection on(boolean hasCooldown) {
        return new Protection(true, hasCooldown, Optional.empty());
    }

    /** The same once it was lifted. One that was lifted before holds no longer for that. */
    public Protection lifted(Instant now) {
        return isOn ? new Protection(false, hasCooldown, hasCooldown ? Optional.of(now.plus(COOLDOWN)) : Optional.empty()) : this;
    }

    public boolean holds(Instant now) {
        return isOn || until.filter(now::isBefore).isPresent();
    }
}
