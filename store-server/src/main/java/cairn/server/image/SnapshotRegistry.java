package cairn.server.image;

import static cairn.Fault.CONFLICT;

import cairn.StoreException;
import cairn.image.ImageId;
import cairn.image.SnapshotId;
import cairn.server.account.Access.Right;
import cairn.server.account.Access;
import cairn.server.account.Caller;
import cairn.server.storage.Catalog.Change;
import cairn.server.storage.Catalog;
import java.security.SecureRandom;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

/**
 * The completed snapshots of a store. Whoever may not see one is told that it does not exist. Safe for threads: what
 * must hold together is committed together, on conditions.
 */
public final class SnapshotRegistry {
    private static final String PREFIX = "snapshot/";
    /** Which image names a snapshot: {@code snapshot-use/SNAPSHOT/IMAGE}, so that deleting one asks nobody else. */
    private static final String USE_PREFIX = "snapshot-use/";
    private static final int USERS_MAX = 1000;

    private final Catalog catalog;
    private final SecureRandom random = new SecureRandom();

    public SnapshotRegistry(Catalog catalog) {
        this.catalog = catalog;
    }

    public SnapshotId newId() {
        return SnapshotId.random(random);
    }

    /** The change that makes a snapshot whose tree is sealed. */
    public static Change keep(Snapshot snapshot) {
        return new Change.PutIfAbsent(key(snapshot.id()), ImageRecords.encode(snapshot));
    }

    /** Nothing if there is none that the caller may see. */
    public Optional<Snapshot> find(Caller caller, SnapshotId id) {
        return catalog.find(key(id)).map(ImageRecords::snapshot).filter(snapshot -> isThere(caller, snapshot));
    }

    /** @throws StoreException NOT_FOUND if there is none that the caller may see, FORBIDDEN without the right */
    public Snapshot read(Caller caller, Right right, SnapshotId id) {
        Snapshot snapshot = find(caller, id).orElseThrow(() -> ImageRegistry.notFound("snapshot", id.value()));
        ImageRegistry.require(caller, right, snapshot, id.value());
        return snapshot;
    }

    /** A snapshot that an image names: to be asked for only for whom the image is. @throws StoreException NOT_FOUND */
    Snapshot readKept(SnapshotId id) {
        return catalog.find(key(id))
                .map(ImageRecords::snapshot)
                .orElseThrow(() -> ImageRegistry.notFound("snapshot", id.value()));
    }

    /**
     * The change that changes nothing, and fails if a snapshot is changed or removed meanwhile: for what names it from
     * the same commit on.
     *
     * @throws StoreException NOT_FOUND
     */
    Change holding(SnapshotId id) {
        Catalog.Entry entry =
                catalog.find(key(id)).orElseThrow(() -> ImageRegistry.notFound("snapshot", id.value()));
        return new Change.PutIfVersion(entry.key(), entry.version(), entry.value());
    }

    /** Snapshots that the caller may see, in the order of their ids. @param after only ids after this; may be empty */
    public List<Snapshot> list(Caller caller, String after, int snapshotsMax) {
        return new CatalogPages(catalog, PREFIX)
                .list(after, snapshotsMax, ImageRecords::snapshot, snapshot -> isThere(caller, snapshot));
    }

    private static boolean isThere(Caller caller, Snapshot snapshot) {
        return snapshot.settings().recycled().isEmpty() && Access.may(caller, Right.SEE, snapshot);
    }

    /**
     * Changes what may change about a snapshot.
     *
     * @param change may be called more than once, where others change the snapshot too; what it throws is passed on
     * @throws StoreException NOT_FOUND, or FORBIDDEN for one that is not the caller's to change
     */
    public Snapshot change(Caller caller, SnapshotId id, UnaryOperator<Snapshot> change) {
        read(caller, Right.MANAGE, id);
        return ImageRecords.snapshot(Changes.change(
                catalog, key(id), entry -> ImageRecords.encode(change.apply(ImageRecords.snapshot(entry)))));
    }

    /** The images that name a snapshot. */
    public List<ImageId> imagesOf(SnapshotId id) {
        String prefix = USE_PREFIX + id + '/';
        return catalog.list(prefix, "", USERS_MAX).stream()
                .map(entry -> new ImageId(entry.key().substring(prefix.length())))
                .toList();
    }

    /** @throws StoreException NOT_FOUND; FORBIDDEN; CONFLICT where an image names it */
    public void remove(Caller caller, SnapshotId id) {
        read(caller, Right.MANAGE, id);
        List<ImageId> users = imagesOf(id);
        if (!users.isEmpty()) {
            throw new StoreException(
                    CONFLICT,
                    "snapshot " + id + " is in use by "
                            + users.stream().map(ImageId::value).collect(Collectors.joining(", ")));
        }
        Catalog.Entry entry = catalog.find(key(id))
                .orElseThrow(() -> ImageRegistry.notFound("snapshot", id.value()));
        catalog.commit(List.of(new Change.Delete(entry.key(), entry.version())));
    }

    /** Visits every snapshot of the store. */
    public void forEach(Consumer<Snapshot> visitor) {
        new CatalogPages(catalog, PREFIX).forEach(entry -> visitor.accept(ImageRecords.snapshot(entry)));
    }

    static String key(SnapshotId id) {
        return PREFIX + id;
    }

    static String useKey(SnapshotId snapshot, ImageId image) {
        return USE_PREFIX + snapshot + '/' + image;
    }
}
