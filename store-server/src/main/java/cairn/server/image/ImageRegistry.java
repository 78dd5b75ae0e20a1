package cairn.server.image;

import static cairn.Fault.CONFLICT;
import static cairn.Fault.FORBIDDEN;
import static cairn.Fault.INVALID_REQUEST;
import static cairn.Fault.NOT_FOUND;

import cairn.StoreException;
import cairn.Text;
import cairn.image.AccountId;
import cairn.image.ImageId;
import cairn.image.ImageManifest.BlockDevice;
import cairn.image.ImageManifest;
import cairn.image.ImageName;
import cairn.image.NewImage;
import cairn.image.SnapshotId;
import cairn.image.StoreKey;
import cairn.image.VolumeId;
import cairn.server.account.Caller;
import cairn.server.storage.Catalog.Change;
import cairn.server.storage.Catalog;
import cairn.tree.TreeRoot;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * The images and snapshots of a store. Whoever may not see one is told that it does not exist. Safe for threads: what
 * must hold together is committed together, on conditions.
 */
public final class ImageRegistry {
    private static final String IMAGE_PREFIX = "image/";
    private static final String NAME_PREFIX = "image-name/";
    private static final String SNAPSHOT_PREFIX = "snapshot/";
    /** Which image names a snapshot: {@code snapshot-use/SNAPSHOT/IMAGE}, so that deleting one asks nobody else. */
    private static final String USE_PREFIX = "snapshot-use/";
    private static final String ROOT_DEVICE = "/dev/vda";
    private static final int REMOVE_TRIES_MAX = 8;
    private static final int USERS_MAX = 1000;
    /** Most ancestors that are told of one image. */
    public static final int LINEAGE_MAX = 1000;

    private final Catalog catalog;
    private final StoreKey storeKey;
    private final Clock clock;
    private final SecureRandom random = new SecureRandom();

    public ImageRegistry(Catalog catalog, StoreKey storeKey, Clock clock) {
        this.catalog = catalog;
        this.storeKey = storeKey;
        this.clock = clock;
    }

    /** The key that proves this store's images: 32 bytes. */
    public byte[] publicKey() {
        return storeKey.publicKey();
    }

    /**
     * Makes a snapshot of a tree that is sealed, and an image of that snapshot.
     *
     * @param others changes that are to be made if and only if the image is
     * @throws StoreException CONFLICT if the name is taken, NOT_FOUND for an unknown parent
     */
    public RegisteredImage register(Caller caller, NewImage wanted, TreeRoot root, List<Change> others) {
        requireFree(caller, wanted.name());
        Optional<RegisteredImage> parent = wanted.parent().map(id -> read(caller, id));
        Snapshot snapshot = new Snapshot(
                newSnapshotId(),
                caller.account(),
                caller.domain(),
                root,
                parent.map(image -> image.manifest().root().snapshot()),
                now(),
                "",
                Optional.empty(),
                Map.of());
        Registration registration = registration(caller, wanted, snapshot);
        List<Change> changes = new ArrayList<>(others);
        changes.add(keep(snapshot));
        changes.addAll(registration.changes());
        catalog.commit(changes);
        return registration.image();
    }

    SnapshotId newSnapshotId() {
        return SnapshotId.random(random);
    }

    Instant now() {
        return clock.instant().truncatedTo(ChronoUnit.MILLIS);
    }

    Change keep(Snapshot snapshot) {
        return new Change.PutIfAbsent(SNAPSHOT_PREFIX + snapshot.id(), ImageRecords.encode(snapshot));
    }

    /** An image that is signed, and there once the changes have been committed, together with its snapshot. */
    record Registration(RegisteredImage image, List<Change> changes) {}

    Registration registration(Caller caller, NewImage wanted, Snapshot snapshot) {
        TreeRoot root = snapshot.root();
        ImageManifest manifest = new ImageManifest(
                wanted.name(),
                wanted.description(),
                caller.account(),
                wanted.architecture(),
                wanted.bootMode(),
                ROOT_DEVICE,
                List.of(new BlockDevice(ROOT_DEVICE, snapshot.id(), root.digest(), root.sizeBytes())),
                wanted.parent(),
                now());
        RegisteredImage image = new RegisteredImage(storeKey.sign(manifest), false, List.of(), wanted.tags());
        byte[] id = image.id().value().getBytes(StandardCharsets.US_ASCII);
        return new Registration(
                image,
                List.of(
                        new Change.PutIfAbsent(IMAGE_PREFIX + image.id(), ImageRecords.encode(image)),
                        new Change.PutIfAbsent(nameKey(caller, wanted.name()), id),
                        new Change.PutIfAbsent(useKey(snapshot.id(), image.id()), id)));
    }

    /**
     * Refuses early what {@link #register} would refuse once a disk has been sent.
     *
     * @throws StoreException CONFLICT if the name is taken, NOT_FOUND for an unknown parent
     */
    public void requireRoomFor(Caller caller, Optional<ImageName> name, Optional<ImageId> parent) {
        name.ifPresent(each -> requireFree(caller, each));
        parent.ifPresent(each -> read(caller, each));
    }

    void requireFree(Caller caller, ImageName name) {
        catalog.find(nameKey(caller, name)).ifPresent(taken -> {
            throw new StoreException(
                    CONFLICT,
                    "there is an image named \"" + name + "\" already: "
                            + new String(taken.value(), StandardCharsets.US_ASCII));
        });
    }

    /** @throws StoreException NOT_FOUND if there is none that the caller may see */
    public RegisteredImage read(Caller caller, ImageId id) {
        return find(caller, id).orElseThrow(() -> notFound("image", id.value()));
    }

    /** Nothing if there is none that the caller may see. */
    Optional<RegisteredImage> find(Caller caller, ImageId id) {
        return catalog.find(IMAGE_PREFIX + id).map(ImageRecords::image).filter(image -> maySee(caller, image));
    }

    /** Images that the caller may see, in the order of their ids. @param after only ids after this one; may be empty */
    public List<RegisteredImage> list(Caller caller, String after, int imagesMax) {
        return list(IMAGE_PREFIX, after, imagesMax, ImageRecords::image, image -> maySee(caller, image));
    }

    /** Snapshots that the caller may see, likewise. */
    public List<Snapshot> listSnapshots(Caller caller, String after, int snapshotsMax) {
        return list(
                SNAPSHOT_PREFIX,
                after,
                snapshotsMax,
                ImageRecords::snapshot,
                snapshot -> maySee(caller, snapshot.owner()));
    }

    private <T> List<T> list(
            String prefix, String after, int itemsMax, Function<Catalog.Entry, T> decode, Predicate<T> maySee) {
        return new CatalogPages(catalog, prefix).list(after, itemsMax, decode, maySee);
    }

    /** An image from which another descends. @param name empty if it is gone, or not the asker's to see */
    public record Ancestor(ImageId id, Optional<ImageName> name) {}

    /**
     * From an image's parent on, whose parent, and so on: up to a root image, to one that is gone or that the caller
     * may not see, or to the {@link #LINEAGE_MAX}th.
     */
    public List<Ancestor> lineage(Caller caller, RegisteredImage image) {
        List<Ancestor> lineage = new ArrayList<>();
        Optional<ImageId> next = image.manifest().parent();
        while (next.isPresent() && lineage.size() < LINEAGE_MAX) {
            Optional<ImageManifest> parent = find(caller, next.get()).map(RegisteredImage::manifest);
            lineage.add(new Ancestor(next.get(), parent.map(ImageManifest::name)));
            next = parent.flatMap(ImageManifest::parent);
        }
        return lineage;
    }

    /**
     * Removes an image with its boot profile, and its snapshots where no other image names them.
     *
     * @throws StoreException NOT_FOUND, or FORBIDDEN for an image that is only shared with the caller
     */
    public void remove(Caller caller, ImageId id) {
        for (int tries = 1; ; tries++) {
            try {
                tryRemove(caller, id);
                return;
            } catch (StoreException e) {
                // A boot may have been added to its profile meanwhile.
                if (e.fault() != CONFLICT || tries == REMOVE_TRIES_MAX) {
                    throw e;
                }
            }
        }
    }

    private void tryRemove(Caller caller, ImageId id) {
        RegisteredImage image = read(caller, id);
        requireOwner(caller, image.manifest().owner().equals(caller.account()), id.value());
        List<Change> changes = new ArrayList<>();
        changes.add(delete(IMAGE_PREFIX + id));
        changes.add(delete(NAME_PREFIX + image.manifest().owner() + '/' + image.manifest().name()));
        for (BlockDevice device : image.manifest().blockDevices()) {
            changes.add(delete(useKey(device.snapshot(), id)));
            if (users(device.snapshot()).equals(List.of(id.value()))) {
                changes.add(delete(SNAPSHOT_PREFIX + device.snapshot()));
            }
        }
        catalog.find(BootProfileRegistry.key(id))
                .ifPresent(profile -> changes.add(new Change.Delete(profile.key(), profile.version())));
        catalog.commit(changes);
    }

    /** @throws StoreException NOT_FOUND if there is none that the caller may see */
    public Snapshot readSnapshot(Caller caller, SnapshotId id) {
        return catalog.find(SNAPSHOT_PREFIX + id)
                .map(ImageRecords::snapshot)
                .filter(snapshot -> maySee(caller, snapshot.owner()))
                .orElseThrow(() -> notFound("snapshot", id.value()));
    }

    /** An image that names a snapshot. */
    public Optional<ImageId> findImageOf(SnapshotId id) {
        return users(id).stream().findFirst().map(ImageId::new);
    }

    /** @throws StoreException NOT_FOUND, or CONFLICT where an image names it */
    public void removeSnapshot(Caller caller, SnapshotId id) {
        readSnapshot(caller, id);
        List<String> users = users(id);
        if (!users.isEmpty()) {
            throw new StoreException(CONFLICT, "snapshot " + id + " is in use by " + String.join(", ", users));
        }
        catalog.commit(List.of(delete(SNAPSHOT_PREFIX + id)));
    }

    /**
     * The content of an image's root device, or of a snapshot.
     *
     * @param id {@code ami-...} or {@code snap-...}
     * @throws StoreException NOT_FOUND, or INVALID_REQUEST for a malformed id
     */
    public Disk disk(Caller caller, String id) {
        Snapshot snapshot;
        if (id.startsWith(ImageId.PREFIX)) {
            BlockDevice root = read(caller, new ImageId(id)).manifest().root();
            snapshot = catalog.find(SNAPSHOT_PREFIX + root.snapshot())
                    .map(ImageRecords::snapshot)
                    .orElseThrow(() -> notFound("snapshot", root.snapshot().value()));
        } else if (id.startsWith(SnapshotId.PREFIX)) {
            snapshot = readSnapshot(caller, new SnapshotId(id));
        } else if (id.startsWith(VolumeId.PREFIX)) {
            throw new StoreException(
                    INVALID_REQUEST,
                    "volume " + new VolumeId(id)
                            + " may change at any time; make a snapshot of it first, and take that");
        } else {
            throw new StoreException(
                    INVALID_REQUEST, "\"" + Text.shown(id) + "\" is no id (expecting \"ami-...\" or \"snap-...\")");
        }
        return new Disk(snapshot.root(), snapshot.domain());
    }

    /** Visits every snapshot of the store. */
    public void forEachSnapshot(Consumer<Snapshot> visitor) {
        forEach(SNAPSHOT_PREFIX, entry -> visitor.accept(ImageRecords.snapshot(entry)));
    }

    /** Visits the ids of all images of the store. */
    public void forEachImageId(Consumer<ImageId> visitor) {
        forEach(IMAGE_PREFIX, entry -> visitor.accept(new ImageId(entry.key().substring(IMAGE_PREFIX.length()))));
    }

    private void forEach(String prefix, Consumer<Catalog.Entry> visitor) {
        new CatalogPages(catalog, prefix).forEach(visitor);
    }

    private List<String> users(SnapshotId id) {
        String prefix = USE_PREFIX + id + '/';
        return catalog.list(prefix, "", USERS_MAX).stream()
                .map(entry -> entry.key().substring(prefix.length()))
                .toList();
    }

    private Change delete(String key) {
        return new Change.Delete(
                key,
                catalog.find(key).map(Catalog.Entry::version).orElseThrow(() -> notFound("record", key)));
    }

    private static boolean maySee(Caller caller, RegisteredImage image) {
        return maySee(caller, image.manifest().owner())
                || image.isPublic()
                || image.sharedWith().contains(caller.account());
    }

    /** Of snapshots and volumes, which are nobody else's to see. */
    static boolean maySee(Caller caller, AccountId owner) {
        return caller.isRoot() || owner.equals(caller.account());
    }

    private static void requireOwner(Caller caller, boolean isOwner, String id) {
        if (!isOwner && !caller.isRoot()) {
            throw new StoreException(FORBIDDEN, id + " belongs to another account");
        }
    }

    static StoreException notFound(String what, String id) {
        return new StoreException(NOT_FOUND, "there is no " + what + ' ' + id);
    }

    static String key(ImageId image) {
        return IMAGE_PREFIX + image;
    }

    private static String nameKey(Caller caller, ImageName name) {
        return NAME_PREFIX + caller.account() + '/' + name;
    }

    private static String useKey(SnapshotId snapshot, ImageId image) {
        return USE_PREFIX + snapshot + '/' + image;
    }
}
