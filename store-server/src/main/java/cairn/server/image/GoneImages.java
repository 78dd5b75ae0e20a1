package cairn.server.image;

import cairn.image.ImageId;
import cairn.server.account.Access;
import cairn.server.account.Access.Right;
import cairn.server.account.Caller;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The images that were removed lately: whoever asks for one of them by its id, as EC2's clients do until it is gone, is
 * told so instead of that there never was one. Kept in memory alone. Safe for threads.
 */
final class GoneImages {
    private static final int IMAGES_MAX = 4096;
    private static final Duration KEPT = Duration.ofHours(1);

    private final Clock clock;
    private final Map<ImageId, Gone> images = new LinkedHashMap<>();

    private record Gone(RegisteredImage image, Instant at) {}

    GoneImages(Clock clock) {
        this.clock = clock;
    }

    synchronized void add(RegisteredImage image) {
        images.remove(image.id());
        if (images.size() == IMAGES_MAX) {
            images.remove(images.keySet().iterator().next());
        }
        // Without what may be large.
        RegisteredImage slim = image.with(ImageSettings.NEW).withTags(Map.of());
        images.put(image.id(), new Gone(slim, clock.instant()));
    }

    synchronized void forget(ImageId id) {
        images.remove(id);
    }

    synchronized boolean knows(Caller caller, ImageId id) {
        Gone gone = images.get(id);
        return gone != null
                && clock.instant().isBefore(gone.at.plus(KEPT))
                && Access.may(caller, Right.SEE, gone.image);
    }
}
