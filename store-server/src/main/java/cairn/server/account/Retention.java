package cairn.server.account;

import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/** Says what goes into the recycle bin when it is removed, and for how long. */
@FunctionalInterface
public interface Retention {
    /** Nothing does: what is removed is gone. */
    Retention NONE = (resource, kind, tags) -> Optional.empty();

    /** What there are rules for. */
    enum Kind {
        IMAGE,
        SNAPSHOT,
        VOLUME
    }

    /** By the rules of whoever owns it, in its region. @return empty: it is gone at once */
    Optional<Duration> retentionFor(Access.Owned resource, Kind kind, Map<String, String> tags);
}
