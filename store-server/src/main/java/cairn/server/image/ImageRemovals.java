package cairn.server.image;

import static cairn.Fault.CONFLICT;

import cairn.StoreException;
import cairn.image.ImageId;
import cairn.image.SnapshotId;
import cairn.server.account.Caller;
import cairn.server.account.Retention;
import cairn.server.storage.Catalog;
import cairn.server.storage.Catalog.Change;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Removes images: for good, or into the recycle bin and out of it. What is in the bin keeps its record and its boot
 * profile; its name is free, and its snapshots may be removed too. Safe for threads.
 */
final class ImageRemovals {
    private static final Logger log = LoggerFactory.getLogger(ImageRemovals.class);

    private final Catalog catalog;
    private final ImageRegistry images;
    private final SnapshotRegistry snapshots;
    private final Retention retention;
    private final Clock clock;
    private final GoneImages gone;

    ImageRemovals(
            Catalog catalog, ImageRegistry images, SnapshotRegistry snapshots, Retention retention, Clock clock) {
        this.catalog = catalog;
        this.images = images;
        this.snapshots = snapshots;
        this.retention = retention;
        this.clock = clock;
        this.gone = new GoneImages(clock);
    }

    /**
     * Removes an image.
     *
     * @param read finds it, and proves that the caller may; called again where others have changed it meanwhile
     * @param withSnapshots that no other image names, unless the image goes into the bin
     * @return as it was
     */
    RegisteredImage remove(ImageId id, Supplier<RegisteredImage> read, boolean withSnapshots) {
        RegisteredImage removed = trying(id, read, (image, version) -> removal(image, version, withSnapshots));
        gone.add(removed);
        return removed;
    }

    private List<Change> removal(RegisteredImage image, long version, boolean withSnapshots) {
        requireUnprotected(image);
        List<Change> changes = unnaming(image);
        Optional<Duration> kept = retention.retentionFor(image, Retention.Kind.IMAGE, image.tags());
        if (kept.isPresent()) {
            Instant now = images.now();
            Recycled recycled = new Recycled(now, now.plus(kept.get()));
            changes.add(replacing(image.with(image.settings().withRecycled(Optional.of(recycled))), version));
            return changes;
        }
        changes.addAll(deleting(image.id(), version));
        if (withSnapshots) {
            changes.addAll(deletingSnapshots(image));
        }
        return changes;
    }

    private void requireUnprotected(RegisteredImage image) {
        Protection protection = image.settings().protection();
        if (protection.holds(clock.instant())) {
            throw new StoreException(
                    CONFLICT,
                    "image " + image.id() + " is protected from being removed"
                            + protection.until().map(until -> " until " + until).orElse(""));
        }
    }

    /** What frees an image's name, and lets go of its snapshots. */
    private List<Change> unnaming(RegisteredImage image) {
        List<Change> changes = new ArrayList<>();
        findDelete(ImageRegistry.nameKey(image)).ifPresent(changes::add);
        image.snapshots()
                .forEach(each -> findDelete(SnapshotRegistry.useKey(each, image.id())).ifPresent(changes::add));
        return changes;
    }

    private List<Change> deleting(ImageId id, long version) {
        List<Change> changes = new ArrayList<>();
        changes.add(new Change.Delete(ImageRegistry.key(id), version));
        findDelete(BootProfileRegistry.key(id)).ifPresent(changes::add);
        return changes;
    }

    private List<Change> deletingSnapshots(RegisteredImage image) {
        List<Change> changes = new ArrayList<>();
        for (SnapshotId each : image.snapshots()) {
            // Its version first: who uses it after that changes it.
            Optional<Change> removal = snapshots.removal(each);
            if (snapshots.imagesOf(each).equals(List.of(image.id()))) {
                removal.ifPresent(changes::add);
            }
        }
        return changes;
    }

    boolean wasLatelyThere(Caller caller, ImageId id) {
        return gone.knows(caller, id);
    }

    /** Takes an image out of the bin. @param read as in {@link #remove} */
    RegisteredImage restore(ImageId id, Supplier<RegisteredImage> read) {
        RegisteredImage recycled = trying(id, read, this::restoring);
        gone.forget(id);
        return restored(recycled);
    }

    private static RegisteredImage restored(RegisteredImage recycled) {
        return recycled.with(recycled.settings().withRecycled(Optional.empty()));
    }

    private List<Change> restoring(RegisteredImage recycled, long version) {
        images.requireFree(recycled.owner(), recycled.region(), recycled.manifest().name());
        List<Change> changes = ImageRegistry.naming(recycled);
        changes.add(replacing(restored(recycled), version));
        for (SnapshotId each : recycled.snapshots()) {
            changes.add(requireSnapshot(recycled, each));
        }
        return changes;
    }

    private Change requireSnapshot(RegisteredImage image, SnapshotId id) {
        String refusal = "image " + image.id() + " cannot be restored: its snapshot " + id;
        Catalog.Entry entry = catalog.find(SnapshotRegistry.key(id))
                .orElseThrow(() -> new StoreException(CONFLICT, refusal + " is gone"));
        if (ImageRecords.snapshot(entry).settings().recycled().isPresent()) {
            throw new StoreException(CONFLICT, refusal + " is in the recycle bin; restore that first");
        }
        return SnapshotRegistry.holding(entry);
    }

    boolean isExpired(RegisteredImage image) {
        return image.settings().recycled().filter(each -> !each.exitsAt().isAfter(clock.instant())).isPresent();
    }

    /**
     * Removes for good what the bin has kept long enough, unless it was restored meanwhile. One that cannot be removed
     * now keeps no other from it.
     */
    void removeExpired(RegisteredImage image) {
        try {
            trying(
                    image.id(),
                    () -> catalog.find(ImageRegistry.key(image.id())).map(ImageRecords::image).orElse(image),
                    (found, version) -> isExpired(found) ? deleting(found.id(), version) : List.of());
        } catch (StoreException e) {
            log.warn("image {} stays in the recycle bin for now: {}", image.id(), e.getMessage());
        }
    }

    private interface Changing {
        /** @param version that the image's record must still have */
        List<Change> of(RegisteredImage image, long version);
    }

    /** Makes the changes that an image needs; others, who add a boot to its profile perhaps, may be quicker. */
    private RegisteredImage trying(ImageId id, Supplier<RegisteredImage> read, Changing changing) {
        return Changes.make(catalog, () -> {
            // The version first: where the image is another one by the time it is read, the commit fails.
            long version = catalog.find(ImageRegistry.key(id))
                    .map(Catalog.Entry::version)
                    .orElseThrow(() -> ImageRegistry.notFound("image", id.value()));
            RegisteredImage image = read.get();
            return new Changes.Prepared<>(image, changing.of(image, version));
        });
    }

    private static Change replacing(RegisteredImage image, long version) {
        return new Change.PutIfVersion(ImageRegistry.key(image.id()), version, ImageRecords.encode(image));
    }

    private Optional<Change> findDelete(String key) {
        return catalog.find(key).map(entry -> new Change.Delete(key, entry.version()));
    }
}
