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
import cairn.image.Region;
import cairn.image.SnapshotId;
import cairn.image.StoreKey;
import cairn.image.VolumeId;
import cairn.server.account.Access.Right;
import cairn.server.account.Access;
import cairn.server.account.Caller;
import cairn.server.account.Sharing;
import cairn.server.storage.Catalog.Change;
import cairn.server.storage.Catalog;
import cairn.tree.TreeRoot;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/**
 * The images of a store. Whoever may not see one is told that it does not exist. Safe for threads: what
 * must hold together is committed together, on conditions.
 */
public final class ImageRegistry {
    private static final String IMAGE_PREFIX = "image/";
    private static final String NAME_PREFIX = "image-name/";
    private static final String ROOT_DEVICE = "/dev/vda";
    private static final int REMOVE_TRIES_MAX = 8;
    /** Most ancestors that are told of one image. */
    public static final int LINEAGE_MAX = 1000;

    private final Catalog catalog;
    private final SnapshotRegistry snapshots;
    private final StoreKey storeKey;
    private final Clock clock;

    public ImageRegistry(Catalog catalog, SnapshotRegistry snapshots, StoreKey storeKey, Clock clock) {
        this.catalog = catalog;
        this.snapshots = snapshots;
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
                snapshots.newId(),
                caller.account(),
                caller.region(),
                caller.domain(),
                root,
                parent.map(image -> image.manifest().root().snapshot()),
                now(),
                "",
                Optional.empty(),
                Sharing.NONE,
                SnapshotSettings.NEW,
                Map.of());
        Registration registration = registration(caller, wanted, snapshot);
        List<Change> changes = new ArrayList<>(others);
        changes.add(SnapshotRegistry.keep(snapshot));
        changes.addAll(registration.changes());
        catalog.commit(changes);
        return registration.image();
    }

    Instant now() {
        return clock.instant().truncatedTo(ChronoUnit.MILLIS);
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
        RegisteredImage image = new RegisteredImage(
                storeKey.sign(manifest), caller.region(), Sharing.NONE, ImageSettings.NEW, wanted.tags());
        byte[] id = image.id().value().getBytes(StandardCharsets.US_ASCII);
        return new Registration(
                image,
                List.of(
                        new Change.PutIfAbsent(key(image.id()), ImageRecords.encode(image)),
                        new Change.PutIfAbsent(nameKey(image), id),
                        new Change.PutIfAbsent(SnapshotRegistry.useKey(snapshot.id(), image.id()), id)));
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
        catalog.find(nameKey(caller.account(), caller.region(), name)).ifPresent(taken -> {
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

    /** @throws StoreException NOT_FOUND if there is none that the caller may see, FORBIDDEN without the right */
    public RegisteredImage read(Caller caller, Right right, ImageId id) {
        RegisteredImage image = read(caller, id);
        require(caller, right, image, id.value());
        return image;
    }

    static void require(Caller caller, Right right, Access.Owned owned, String id) {
        if (!Access.may(caller, right, owned)) {
            throw new StoreException(FORBIDDEN, id + " belongs to another account");
        }
    }

    /** Nothing if there is none that the caller may see. */
    public Optional<RegisteredImage> find(Caller caller, ImageId id) {
        return catalog.find(key(id)).map(ImageRecords::image).filter(image -> isThere(caller, image));
    }

    /** Images that the caller may see, in the order of their ids. @param after only ids after this one; may be empty */
    public List<RegisteredImage> list(Caller caller, String after, int imagesMax) {
        return new CatalogPages(catalog, IMAGE_PREFIX)
                .list(after, imagesMax, ImageRecords::image, image -> isThere(caller, image));
    }

    private static boolean isThere(Caller caller, RegisteredImage image) {
        // Of one that is disabled only who manages it still knows.
        Right right = image.settings().isDisabled() ? Right.MANAGE : Right.SEE;
        return image.settings().recycled().isEmpty() && Access.may(caller, right, image);
    }

    /**
     * Changes what may change about an image.
     *
     * @param change may be called more than once, where others change the image too; what it throws is passed on
     * @throws StoreException NOT_FOUND, or FORBIDDEN for one that is not the caller's to change
     */
    public RegisteredImage change(Caller caller, ImageId id, UnaryOperator<RegisteredImage> change) {
        read(caller, Right.MANAGE, id);
        return ImageRecords.image(
                Changes.change(catalog, key(id), entry -> ImageRecords.encode(change.apply(ImageRecords.image(entry)))));
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
        RegisteredImage image = read(caller, Right.MANAGE, id);
        List<Change> changes = new ArrayList<>();
        changes.add(delete(key(id)));
        catalog.find(nameKey(image))
                .ifPresent(name -> changes.add(new Change.Delete(name.key(), name.version())));
        for (BlockDevice device : image.manifest().blockDevices()) {
            changes.add(delete(SnapshotRegistry.useKey(device.snapshot(), id)));
            if (snapshots.imagesOf(device.snapshot()).equals(List.of(id))) {
                changes.add(delete(SnapshotRegistry.key(device.snapshot())));
            }
        }
        catalog.find(BootProfileRegistry.key(id))
                .ifPresent(profile -> changes.add(new Change.Delete(profile.key(), profile.version())));
        catalog.commit(changes);
    }

    /**
     * The content of an image's root device, or of a snapshot.
     *
     * @param id {@code ami-...} or {@code snap-...}
     * @param right READ for its content, LAUNCH to make a volume from it
     * @throws StoreException NOT_FOUND, FORBIDDEN without the right, or INVALID_REQUEST for a malformed id
     */
    public Disk disk(Caller caller, Right right, String id) {
        Snapshot snapshot = content(caller, right, id, Optional.empty());
        return new Disk(snapshot.root(), snapshot.domain());
    }

    /**
     * As {@link #disk}: the snapshot itself.
     *
     * @param device of an image; empty: the root device
     * @throws StoreException also INVALID_REQUEST for a device that the image does not have
     */
    Snapshot content(Caller caller, Right right, String id, Optional<String> device) {
        if (id.startsWith(ImageId.PREFIX)) {
            ImageManifest manifest = read(caller, right, new ImageId(id)).manifest();
            return snapshots.readKept(device.map(name -> device(manifest, name)).orElseGet(manifest::root).snapshot());
        }
        if (id.startsWith(SnapshotId.PREFIX)) {
            return snapshots.read(caller, right, new SnapshotId(id));
        }
        if (id.startsWith(VolumeId.PREFIX)) {
            throw new StoreException(
                    INVALID_REQUEST,
                    "volume " + new VolumeId(id)
                            + " may change at any time; make a snapshot of it first, and take that");
        }
        throw new StoreException(
                INVALID_REQUEST, "\"" + Text.shown(id) + "\" is no id (expecting \"ami-...\" or \"snap-...\")");
    }

    private static BlockDevice device(ImageManifest manifest, String name) {
        return manifest.blockDevices().stream()
                .filter(each -> each.device().equals(name))
                .findFirst()
                .orElseThrow(() -> new StoreException(
                        INVALID_REQUEST, "image " + manifest.id() + " has no device " + Text.shown(name)));
    }

    /** Visits the ids of all images of the store. */
    public void forEachImageId(Consumer<ImageId> visitor) {
        new CatalogPages(catalog, IMAGE_PREFIX).forEach(entry -> visitor.accept(new ImageId(entry.key().substring(IMAGE_PREFIX.length()))));
    }

    private Change delete(String key) {
        return new Change.Delete(
                key,
                catalog.find(key).map(Catalog.Entry::version).orElseThrow(() -> notFound("record", key)));
    }

    static StoreException notFound(String what, String id) {
        return new StoreException(NOT_FOUND, "there is no " + what + ' ' + id);
    }

    static String key(ImageId image) {
        return IMAGE_PREFIX + image;
    }

    private static String nameKey(RegisteredImage image) {
        return nameKey(image.owner(), image.region(), image.manifest().name());
    }

    private static String nameKey(AccountId owner, Region region, ImageName name) {
        return NAME_PREFIX + owner + '/' + region + '/' + name;
    }
}
