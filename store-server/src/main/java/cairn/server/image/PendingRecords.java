package cairn.server.image;

import static java.util.Comparator.comparing;

import cairn.image.ImageId;
import cairn.image.SnapshotId;
import cairn.server.storage.Catalog;
import cairn.server.storage.Catalog.Change;
import cairn.server.storage.JsonRecords;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * What the catalog has of snapshots of volumes, and of images of them, that are not completed: one record each, removed
 * by the commit that completes them. A record that says of no failure, though nobody is at work on it, is what a server
 * has left that ended.
 */
final class PendingRecords {
    private static final String SNAPSHOT_PREFIX = "pending-snapshot/";
    private static final String IMAGE_PREFIX = "pending-image/";
    /** So many that have failed are kept, of each kind: then those go that were begun first. */
    private static final int FAILED_KEPT_MAX = 1000;

    private final Catalog catalog;

    PendingRecords(Catalog catalog) {
        this.catalog = catalog;
    }

    private static String key(SnapshotId id) {
        return SNAPSHOT_PREFIX + id;
    }

    private static String key(ImageId id) {
        return IMAGE_PREFIX + id;
    }

    private static SnapshotInProgress snapshot(Catalog.Entry entry) {
        return JsonRecords.decode(entry, SnapshotInProgress.class);
    }

    private static ImageInProgress image(Catalog.Entry entry) {
        return JsonRecords.decode(entry, ImageInProgress.class);
    }

    static Change begin(SnapshotInProgress snapshot) {
        return new Change.PutIfAbsent(key(snapshot.id()), JsonRecords.encode(snapshot));
    }

    static Change begin(ImageInProgress image) {
        return new Change.PutIfAbsent(key(image.id()), JsonRecords.encode(image));
    }

    Optional<SnapshotInProgress> find(SnapshotId id) {
        return catalog.find(key(id)).map(PendingRecords::snapshot);
    }

    Optional<ImageInProgress> find(ImageId id) {
        return catalog.find(key(id)).map(PendingRecords::image);
    }

    List<SnapshotInProgress> snapshots() {
        return new CatalogPages(catalog, SNAPSHOT_PREFIX)
                .list("", Integer.MAX_VALUE, PendingRecords::snapshot, each -> true);
    }

    List<ImageInProgress> images() {
        return new CatalogPages(catalog, IMAGE_PREFIX)
                .list("", Integer.MAX_VALUE, PendingRecords::image, each -> true);
    }

    /** A record as it was read, and the change that removes that and no other. */
    record Ending<T>(T record, Change removal) {}

    /** @throws cairn.StoreException NOT_FOUND */
    Ending<SnapshotInProgress> end(SnapshotId id) {
        Catalog.Entry entry = entry(key(id));
        return new Ending<>(snapshot(entry), new Change.Delete(entry.key(), entry.version()));
    }

    /** @throws cairn.StoreException NOT_FOUND */
    Ending<ImageInProgress> end(ImageId id) {
        Catalog.Entry entry = entry(key(id));
        return new Ending<>(image(entry), new Change.Delete(entry.key(), entry.version()));
    }

    private Catalog.Entry entry(String key) {
        return catalog.find(key).orElseThrow(() -> ImageRegistry.notFound("record", key));
    }

    /** The change that removes a snapshot's record, if there is one. */
    Optional<Change> findRemoval(SnapshotId id) {
        return catalog.find(key(id)).map(entry -> new Change.Delete(entry.key(), entry.version()));
    }

    /** The changes that remove an image's record, if there is one, and free its name. */
    List<Change> withdrawing(ImageId id) {
        List<Change> changes = new ArrayList<>();
        catalog.find(key(id)).ifPresent(entry -> {
            changes.add(new Change.Delete(entry.key(), entry.version()));
            changes.addAll(freeing(image(entry)));
        });
        return changes;
    }

    private List<Change> freeing(ImageInProgress image) {
        return catalog.find(ImageRegistry.nameKey(image.owner(), image.region(), image.name())).stream()
                .<Change>map(name -> new Change.Delete(name.key(), name.version()))
                .toList();
    }

    /** @throws cairn.StoreException NOT_FOUND if it has been completed */
    SnapshotInProgress tag(SnapshotId id, UnaryOperator<Map<String, String>> change) {
        return snapshot(Changes.change(catalog, key(id), entry -> {
            SnapshotInProgress before = snapshot(entry);
            return JsonRecords.encode(before.withTags(change.apply(before.tags())));
        }));
    }

    /** @throws cairn.StoreException NOT_FOUND if it has been completed */
    ImageInProgress tag(ImageId id, UnaryOperator<Map<String, String>> change) {
        return image(Changes.change(catalog, key(id), entry -> {
            ImageInProgress before = image(entry);
            return JsonRecords.encode(before.withTags(change.apply(before.tags())));
        }));
    }

    /** The change that says why a snapshot could not be made; none if its record is gone. */
    List<Change> failing(SnapshotId id, String why) {
        return catalog.find(key(id)).stream()
                .filter(entry -> snapshot(entry).failure().isEmpty())
                .<Change>map(entry -> new Change.PutIfVersion(
                        entry.key(), entry.version(), JsonRecords.encode(snapshot(entry).failed(why))))
                .toList();
    }

    /** The changes that say why an image could not be made, and free its name; none if its record is gone. */
    List<Change> failing(ImageId id, String why) {
        List<Change> changes = new ArrayList<>();
        catalog.find(key(id)).filter(entry -> image(entry).failure().isEmpty()).ifPresent(entry -> {
            ImageInProgress image = image(entry);
            changes.add(new Change.PutIfVersion(
                    entry.key(), entry.version(), JsonRecords.encode(image.failed(why))));
            changes.addAll(freeing(image));
        });
        return changes;
    }

    /** Forgets the oldest failures, where there are too many. */
    void trim() {
        List<Catalog.Entry> snapshots = new ArrayList<>();
        new CatalogPages(catalog, SNAPSHOT_PREFIX).forEach(entry -> {
            if (snapshot(entry).failure().isPresent()) {
                snapshots.add(entry);
            }
        });
        snapshots.sort(comparing(entry -> snapshot(entry).startedAt()));
        List<Catalog.Entry> images = new ArrayList<>();
        new CatalogPages(catalog, IMAGE_PREFIX).forEach(entry -> {
            if (image(entry).failure().isPresent()) {
                images.add(entry);
            }
        });
        images.sort(comparing(entry -> image(entry).createdAt()));
        List<Change> changes = new ArrayList<>();
        for (List<Catalog.Entry> failed : List.of(snapshots, images)) {
            failed.subList(0, Math.max(0, failed.size() - FAILED_KEPT_MAX))
                    .forEach(entry -> changes.add(new Change.Delete(entry.key(), entry.version())));
        }
        if (!changes.isEmpty()) {
            catalog.commit(changes);
        }
    }

    void remove(SnapshotId id) {
        Changes.remove(catalog, key(id), entry -> {});
    }

    void remove(ImageId id) {
        Changes.remove(catalog, key(id), entry -> {});
    }
}
