package cairn.server.image;

import static cairn.Fault.INVALID_REQUEST;

import cairn.StoreException;
import cairn.image.ImageId;
import cairn.server.account.Caller;
import cairn.server.account.Sharing;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.Optional;

/** What an image's owner decides about it once it is there. Safe for threads. */
public final class ImageLifecycle {
    private static final int DEPRECATION_YEARS_MAX = 10;
    private static final int PUBLIC_DEPRECATION_YEARS_MAX = 2;
    private static final int HALF_A_MINUTE_SECONDS = 30;

    private final ImageRegistry images;
    private final Clock clock;

    public ImageLifecycle(ImageRegistry images, Clock clock) {
        this.images = images;
        this.clock = clock;
    }

    /**
     * Lets an image be deprecated from a moment on, rounded to the minute.
     *
     * @throws StoreException INVALID_REQUEST for one that is past, or more than 10 years ahead, or for a public image
     *     more than two years after it was made
     */
    public RegisteredImage deprecate(Caller caller, ImageId id, Instant at) {
        Instant minute = minute(at);
        return images.change(caller, id, image -> {
            requireDeprecation(image, minute);
            return image.with(image.settings().withDeprecateAt(Optional.of(minute)));
        });
    }

    /** A moment as {@link #deprecate} rounds it. */
    public static Instant minute(Instant at) {
        return at.plusSeconds(HALF_A_MINUTE_SECONDS).truncatedTo(ChronoUnit.MINUTES);
    }

    /** @param at to the minute. @throws StoreException INVALID_REQUEST as {@link #deprecate} does */
    public void requireDeprecation(RegisteredImage image, Instant at) {
        Instant now = clock.instant();
        if (at.isBefore(now.truncatedTo(ChronoUnit.MINUTES))) {
            throw new StoreException(INVALID_REQUEST, "an image cannot be deprecated from " + at + " on: that is past");
        }
        Instant last = image.sharing().isPublic()
                ? years(image.manifest().createdAt(), PUBLIC_DEPRECATION_YEARS_MAX)
                : years(now, DEPRECATION_YEARS_MAX);
        if (at.isAfter(last)) {
            throw new StoreException(
                    INVALID_REQUEST,
                    "an image cannot be deprecated from " + at + " on: the last moment for "
                            + (image.sharing().isPublic() ? "this one, which is public, is " : "it is ") + last);
        }
    }

    private static Instant years(Instant from, int years) {
        return from.atOffset(ZoneOffset.UTC).plusYears(years).toInstant();
    }

    public RegisteredImage cancelDeprecation(Caller caller, ImageId id) {
        return images.change(caller, id, image -> image.with(image.settings().withDeprecateAt(Optional.empty())));
    }

    /** Takes an image out of use: nobody launches it, and nobody but its owner sees it any more. */
    public RegisteredImage disable(Caller caller, ImageId id) {
        return images.change(
                caller, id, image -> image.with(image.settings().withDisabled(true)).with(Sharing.NONE));
    }

    /** Ends that. Who had lost the image does not get it back. */
    public RegisteredImage enable(Caller caller, ImageId id) {
        return images.change(caller, id, image -> image.with(image.settings().withDisabled(false)));
    }

    /** Keeps an image from being removed. @param hasCooldown for a day still, once that is lifted */
    public RegisteredImage protect(Caller caller, ImageId id, boolean hasCooldown) {
        return images.change(caller, id, image -> image.with(image.settings().with(Protection.on(hasCooldown))));
    }

    public RegisteredImage unprotect(Caller caller, ImageId id) {
        return images.change(
                caller,
                id,
                image -> image.with(image.settings().with(image.settings().protection().lifted(images.now()))));
    }
}
