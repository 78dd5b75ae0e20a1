package cairn.server.image;

import static cairn.Fault.CONFLICT;
import static cairn.Fault.FORBIDDEN;
import static cairn.Fault.INVALID_REQUEST;
import static cairn.Fault.NOT_FOUND;

import cairn.Digest;
import cairn.StoreException;
import cairn.Text;
import cairn.image.AccountId;
import cairn.image.ImageId;
import cairn.image.ImageManifest;
import cairn.image.ImageManifest.BlockDevice;
import cairn.image.ImageName;
import cairn.image.NewImage;
import cairn.image.Region;
import cairn.image.SnapshotId;
import cairn.image.StoreKey;
import cairn.image.VolumeId;
import cairn.server.account.Access;
import cairn.server.account.Access.Right;
import cairn.server.account.AccountSettingsRegistry;
import cairn.server.account.Caller;
import cairn.server.account.Encryption;
import cairn.server.account.Retention;
import cairn.server.account.Sharing;
import cairn.server.storage.Catalog;
import cairn.server.storage.Catalog.Change;
import cairn.server.volume.BootedImage;
import cairn.tree.RootDigest;
import cairn.tree.TreeRoot;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/**
 * The images of a store. Whoever may not see one is told that it does not exist. Safe for threads: what
 * must hold together is committed together, on conditions.
 */
public final class ImageRegistry {
    /** What keys of images' records begin with. */
    public static final String IMAGE_PREFIX = "image/";

    private static final String NAME_PREFIX = "image-name/";
    private static final String ROOT_DEVICE = "/dev/vda";
    /** Most ancestors that are told of one image. */
    public static final int LINEAGE_MAX = 1000;

    private final Catalog catalog;
    private final SnapshotRegistry snapshots;
    private final StoreKey storeKey;
    private final Clock clock;
    private final SecureRandom random = new SecureRandom();
    private final AccountSettingsRegistry accountSettings;
    private final ImageRemovals removals;

    /** @param retention what goes into the recycle bin when it is removed */
    public ImageRegistry(
            Catalog catalog, SnapshotRegistry snapshots, StoreKey storeKey, Clock clock, Retention retention) {
        this.catalog = catalog;
        this.snapshots = snapshots;
        this.storeKey = storeKey;
        this.clock = clock;
        this.accountSettings = new AccountSettingsRegistry(catalog);
        this.removals = new ImageRemovals(catalog, this, snapshots, retention, clock);
    }

    /** Without a recycle bin. */
    public ImageRegistry(Catalog catalog, SnapshotRegistry snapshots, StoreKey storeKey, Clock clock) {
        this(catalog, snapshots, storeKey, clock, Retention.NONE);
    }

    /** An image as it is recorded, whatever its state. @throws StoreException CORRUPT, naming the key */
    public static RegisteredImage decode(Catalog.Entry entry) {
        return ImageRecords.image(entry);
    }

    /** The key that proves this store's images: 32 bytes. */
    public byte[] publicKey() {
        return storeKey.publicKey();
    }

    /**
     * Makes a snapshot of a tree that is sealed, and an image of that snapshot.
     *
     * @param encryption of the snapshot
     * @param others changes that are to be made if and only if the image is
     * @throws StoreException CONFLICT if the name is taken, NOT_FOUND for an unknown parent
     */
    public RegisteredImage register(
            Caller caller, NewImage wanted, TreeRoot root, Encryption.Choice encryption, List<Change> others) {
        return Changes.make(catalog, () -> prepared(caller, wanted, root, encryption, others));
    }

    private Changes.Prepared<RegisteredImage> prepared(
            Caller caller, NewImage wanted, TreeRoot root, Encryption.Choice encryption, List<Change> others) {
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
                SnapshotSettings.of(encryption).withCompletedAt(now()),
                Map.of());
        Registration registration = registration(caller, wanted, snapshot);
        List<Change> changes = new ArrayList<>(others);
        changes.add(SnapshotRegistry.keep(snapshot));
        changes.addAll(registration.changes());
        return new Changes.Prepared<>(registration.image(), changes);
    }

    Instant now() {
        return clock.instant().truncatedTo(ChronoUnit.MILLIS);
    }

    /** An image that is signed, and there once the changes have been committed, together with its snapshot. */
    record Registration(RegisteredImage image, List<Change> changes) {}

    Registration registration(Caller caller, NewImage wanted, Snapshot snapshot) {
        return registration(
                caller, wanted, ROOT_DEVICE, List.of(blockDevice(ROOT_DEVICE, snapshot)), ImageSettings.NEW);
    }

    /** @param disks whose snapshots are there, or are made by the same commit */
    Registration registration(
            Caller caller, NewImage wanted, String rootDevice, List<BlockDevice> disks, ImageSettings settings) {
        RegisteredImage image = sign(caller, Optional.empty(), now(), wanted, rootDevice, disks, settings);
        List<Change> changes = new ArrayList<>();
        changes.add(new Change.PutIfAbsent(key(image.id()), ImageRecords.encode(image)));
        changes.addAll(naming(image));
        return new Registration(image, changes);
    }

    /** An id that no image has, for one that is not known yet. */
    public ImageId newId() {
        return ImageId.random(random);
    }

    /** The change that keeps a name for an image that is to come. */
    static Change reserving(ImageInProgress image) {
        return new Change.PutIfAbsent(
                nameKey(image.owner(), image.region(), image.name()),
                image.id().value().getBytes(StandardCharsets.US_ASCII));
    }

    /**
     * An image whose id and name were reserved before.
     *
     * @param disks as {@link #registration(Caller, NewImage, String, List, ImageSettings)}
     */
    Registration registration(Caller caller, ImageInProgress reserved, List<BlockDevice> disks) {
        NewImage wanted = new NewImage(
                reserved.name(),
                reserved.description(),
                reserved.architecture(),
                reserved.bootMode(),
                reserved.parent(),
                Map.of());
        RegisteredImage image = sign(
                        caller,
                        Optional.of(reserved.id()),
                        reserved.createdAt(),
                        wanted,
                        reserved.rootDevice(),
                        disks,
                        reserved.settings())
                .withTags(reserved.tags());
        List<Change> changes = new ArrayList<>();
        changes.add(new Change.PutIfAbsent(key(image.id()), ImageRecords.encode(image)));
        changes.addAll(holding(image));
        return new Registration(image, changes);
    }

    /** What its manifest will say; all but what is on the disks is known. @throws StoreException INVALID_REQUEST */
    static ImageManifest manifest(ImageInProgress image) {
        RootDigest unknown = new RootDigest(Digest.ZERO);
        return new ImageManifest(
                Optional.of(image.id()),
                image.name(),
                image.description(),
                image.owner(),
                image.architecture(),
                image.bootMode(),
                image.rootDevice(),
                image.disks().stream()
                        .map(each -> new BlockDevice(each.device(), each.snapshot(), unknown, each.sizeBytes()))
                        .toList(),
                image.parent(),
                image.createdAt());
    }

    /** An image that is not there yet, as it will be but for what is on its disks: to be shown, and not to be kept. */
    public RegisteredImage foreseen(ImageInProgress image) {
        return new RegisteredImage(
                storeKey.sign(manifest(image)), image.region(), Sharing.NONE, image.settings(), image.tags());
    }

    private RegisteredImage sign(
            Caller caller,
            Optional<ImageId> reservedId,
            Instant createdAt,
            NewImage wanted,
            String rootDevice,
            List<BlockDevice> disks,
            ImageSettings settings) {
        ImageManifest manifest = new ImageManifest(
                reservedId,
                wanted.name(),
                wanted.description(),
                caller.account(),
                wanted.architecture(),
                wanted.bootMode(),
                rootDevice,
                disks,
                wanted.parent(),
                createdAt);
        return new RegisteredImage(storeKey.sign(manifest), caller.region(), Sharing.NONE, settings, wanted.tags());
    }

    /** What takes an image's name, and holds its snapshots. */
    static List<Change> naming(RegisteredImage image) {
        List<Change> changes = new ArrayList<>(holding(image));
        changes.add(new Change.PutIfAbsent(
                nameKey(image), image.id().value().getBytes(StandardCharsets.US_ASCII)));
        return changes;
    }

    private static List<Change> holding(RegisteredImage image) {
        byte[] id = image.id().value().getBytes(StandardCharsets.US_ASCII);
        return image.snapshots().stream()
                .<Change>map(each -> new Change.PutIfAbsent(SnapshotRegistry.useKey(each, image.id()), id))
                .toList();
    }

    static BlockDevice blockDevice(String name, Snapshot snapshot) {
        return new BlockDevice(name, snapshot.id(), snapshot.root().digest(), snapshot.root().sizeBytes());
    }

    /**
     * Makes an image of snapshots that are there.
     *
     * @param disks the snapshot of each device, of the caller's own
     * @param settings beside others, of devices without a snapshot
     * @throws StoreException CONFLICT if the name is taken; NOT_FOUND for a snapshot that the caller may not see,
     *     FORBIDDEN for one that is another's, CONFLICT for one that is archived; INVALID_REQUEST if no disk is the
     *     root device's
     */
    public RegisteredImage register(
            Caller caller,
            NewImage wanted,
            String rootDevice,
            Map<String, SnapshotId> disks,
            ImageSettings settings) {
        return Changes.make(catalog, () -> prepared(caller, wanted, rootDevice, disks, settings));
    }

    private Changes.Prepared<RegisteredImage> prepared(
            Caller caller,
            NewImage wanted,
            String rootDevice,
            Map<String, SnapshotId> disks,
            ImageSettings settings) {
        requireFree(caller, wanted.name());
        List<Change> changes = new ArrayList<>();
        new HashSet<>(disks.values()).forEach(each -> changes.add(snapshots.holding(each)));
        List<BlockDevice> devices = new ArrayList<>();
        Map<String, DeviceSettings> said = new HashMap<>(settings.devices());
        disks.forEach((name, id) -> {
            snapshots.read(caller, Right.MANAGE, id);
            Snapshot snapshot = snapshots.read(caller, Right.COPY, id);
            devices.add(blockDevice(name, snapshot));
            said.put(
                    name,
                    said.getOrDefault(name, DeviceSettings.NEW)
                            .with(snapshot.settings().encryption()));
        });
        Registration registration =
                registration(caller, wanted, rootDevice, devices, settings.withDevices(said));
        changes.addAll(registration.changes());
        return new Changes.Prepared<>(registration.image(), changes);
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

    /** The caller's own image of a name. */
    public Optional<ImageId> findNamed(Caller caller, ImageName name) {
        return findNamed(caller.account(), caller.region(), name);
    }

    /** The image that has a name in an account and a region. */
    public Optional<ImageId> findNamed(AccountId owner, Region region, ImageName name) {
        return catalog.find(nameKey(owner, region, name))
                .map(taken -> new ImageId(new String(taken.value(), StandardCharsets.US_ASCII)));
    }

    void requireFree(Caller caller, ImageName name) {
        requireFree(caller.account(), caller.region(), name);
    }

    void requireFree(AccountId owner, Region region, ImageName name) {
        findNamed(owner, region, name).ifPresent(taken -> {
            throw new StoreException(CONFLICT, "there is an image named \"" + name + "\" already: " + taken);
        });
    }

    /** @throws StoreException NOT_FOUND if there is none that the caller may see */
    public RegisteredImage read(Caller caller, ImageId id) {
        return find(caller, id).orElseThrow(() -> notFound("image", id.value()));
    }

    /** @throws StoreException NOT_FOUND if there is none that the caller may see, FORBIDDEN without the right, CONFLICT for
     * launching one that is disabled */
    public RegisteredImage read(Caller caller, Right right, ImageId id) {
        RegisteredImage image = read(caller, id);
        require(caller, right, image, id.value());
        if (right == Right.LAUNCH && image.settings().isDisabled()) {
            throw new StoreException(CONFLICT, "image " + id + " is disabled");
        }
        return image;
    }

    /** An image as a machine boots from it. @param isTheirs whether that is one of its owner's machines */
    public BootedImage booted(ImageId id, Predicate<RegisteredImage> isTheirs) {
        return new BootedImage(
                id, catalog.find(key(id)).map(ImageRecords::image).filter(isTheirs).isPresent());
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
     * @throws StoreException NOT_FOUND, or FORBIDDEN for one that is not the caller's to change; CONFLICT where it
     *     would be shared and is disabled, or would become public and its owner's account blocks that
     */
    public RegisteredImage change(Caller caller, ImageId id, UnaryOperator<RegisteredImage> change) {
        read(caller, Right.MANAGE, id);
        return changeRecord(id, before -> {
            // It may have been removed since, into the recycle bin.
            requireThere(caller, before);
            RegisteredImage after = change.apply(before);
            requireMaySharing(before, after);
            return after;
        });
    }

    private static void requireThere(Caller caller, RegisteredImage image) {
        if (!isThere(caller, image)) {
            throw notFound("image", image.id().value());
        }
    }

    private void requireMaySharing(RegisteredImage before, RegisteredImage after) {
        if (after.settings().isDisabled() && !after.sharing().equals(Sharing.NONE)) {
            throw new StoreException(CONFLICT, "image " + after.id() + " is disabled, and cannot be shared");
        }
        boolean becomesPublic = after.sharing().isPublic() && !before.sharing().isPublic();
        if (becomesPublic && hasEncryptedSnapshot(after)) {
            throw new StoreException(
                    CONFLICT, "image " + after.id() + " has an encrypted snapshot, and cannot become public");
        }
        if (becomesPublic && blocksPublicImages(after)) {
            throw new StoreException(
                    CONFLICT,
                    "image " + after.id() + " cannot become public: account " + after.owner()
                            + " blocks public access to its images in region " + after.region());
        }
    }

    /** As {@link SnapshotRegistry#encryptionFor}. */
    Encryption.Choice encryptionFor(Caller caller, Snapshot source) {
        return snapshots.encryptionFor(caller, source);
    }

    /** Whether a snapshot of an image is encrypted: then it never becomes public. */
    public boolean hasEncryptedSnapshot(RegisteredImage image) {
        return image.snapshots().stream().anyMatch(snapshots::isEncrypted);
    }

    /** Whether the account that owns an image keeps it from becoming public. */
    public boolean blocksPublicImages(RegisteredImage image) {
        return accountSettings.read(image.owner(), image.region()).blocksPublicImages();
    }

    /**
     * Ends that an image is shared with the caller's account.
     *
     * @throws StoreException NOT_FOUND; CONFLICT where it is not shared with this account by name
     */
    public void leave(Caller caller, ImageId id) {
        requireSharedByName(caller, read(caller, id));
        changeRecord(id, image -> {
            requireThere(caller, image);
            requireSharedByName(caller, image);
            Set<AccountId> others = new HashSet<>(image.sharing().accounts());
            others.remove(caller.account());
            return image.with(new Sharing(image.sharing().isPublic(), others));
        });
    }

    private static void requireSharedByName(Caller caller, RegisteredImage image) {
        if (!image.sharing().accounts().contains(caller.account())) {
            throw new StoreException(
                    CONFLICT, "image " + image.id() + " is not shared with account " + caller.account() + " by name");
        }
    }

    /** Notes that an instance was made from an image, whoever made it. Nothing if the image is gone meanwhile. */
    public void launched(ImageId id) {
        if (catalog.find(key(id)).isPresent()) {
            changeRecord(id, image -> image.with(image.settings().withLastLaunchedAt(now())));
        }
    }

    RegisteredImage changeRecord(ImageId id, UnaryOperator<RegisteredImage> change) {
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
        List<RegisteredImage> ancestors = ancestors(caller, image);
        ancestors.forEach(each -> lineage.add(new Ancestor(each.id(), Optional.of(each.manifest().name()))));
        RegisteredImage last = ancestors.isEmpty() ? image : ancestors.get(ancestors.size() - 1);
        if (lineage.size() < LINEAGE_MAX) {
            last.manifest().parent().ifPresent(each -> lineage.add(new Ancestor(each, Optional.empty())));
        }
        return lineage;
    }

    /** The same of which more is told: those that are there and that the caller may see, in whatever region. */
    public List<RegisteredImage> ancestors(Caller caller, RegisteredImage image) {
        List<RegisteredImage> ancestors = new ArrayList<>();
        Optional<RegisteredImage> next = findParent(caller, image);
        while (next.isPresent() && ancestors.size() < LINEAGE_MAX) {
            ancestors.add(next.get());
            next = findParent(caller, next.get());
        }
        return ancestors;
    }

    private Optional<RegisteredImage> findParent(Caller caller, RegisteredImage image) {
        return image.manifest().parent().flatMap(id -> find(caller.in(image.parentRegion()), id));
    }

    /**
     * Removes an image with its boot profile, and its snapshots where no other image names them and they are not
     * locked. Where its owner's rules say so it goes into the recycle bin, and its snapshots stay.
     *
     * @throws StoreException NOT_FOUND, or FORBIDDEN for an image that is only shared with the caller; CONFLICT if it
     *     is protected
     */
    public void remove(Caller caller, ImageId id) {
        removals.remove(id, () -> read(caller, Right.MANAGE, id), true);
    }

    /** As {@link #remove}, but all its snapshots stay. @return the image that was */
    public RegisteredImage deregister(Caller caller, ImageId id) {
        return removals.remove(id, () -> read(caller, Right.MANAGE, id), false);
    }

    /** Whether the caller might have seen an image that was removed lately, as far as this server remembers. */
    public boolean wasLatelyThere(Caller caller, ImageId id) {
        return removals.wasLatelyThere(caller, id);
    }

    /** The caller's images in the recycle bin, in the order of their ids. */
    public List<RegisteredImage> listRecycled(Caller caller) {
        return new CatalogPages(catalog, IMAGE_PREFIX)
                .list("", Integer.MAX_VALUE, ImageRecords::image, image -> isInBin(caller, image));
    }

    /** One of the caller's in the recycle bin. */
    public Optional<RegisteredImage> findRecycled(Caller caller, ImageId id) {
        return catalog.find(key(id)).map(ImageRecords::image).filter(image -> isInBin(caller, image));
    }

    private boolean isInBin(Caller caller, RegisteredImage image) {
        return image.settings().recycled().filter(each -> now().isBefore(each.exitsAt())).isPresent()
                && Access.may(caller, Right.MANAGE, image);
    }

    /**
     * Takes an image out of the recycle bin, as it was.
     *
     * @throws StoreException NOT_FOUND if it is not there; CONFLICT if its name is taken meanwhile, or one of its
     *     snapshots is gone or in the bin itself
     */
    public RegisteredImage restore(Caller caller, ImageId id) {
        return removals.restore(id, () -> findRecycled(caller, id).orElseThrow(() -> notFound("image", id.value())));
    }

    /** Removes for good what the recycle bin has kept long enough. */
    public void removeExpired() {
        new CatalogPages(catalog, IMAGE_PREFIX)
                .list("", Integer.MAX_VALUE, ImageRecords::image, removals::isExpired)
                .forEach(removals::removeExpired);
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

    /** A snapshot whose content something else begins as, and what the commit that makes that requires. */
    record Source(Snapshot snapshot, Change required) {}

    /** As {@link #content}, for a copy of what it names: the snapshot must still be there when that is committed. */
    Source source(Caller caller, Right right, String id, Optional<String> device) {
        Change required = snapshots.requiring(content(caller, right, id, device).id());
        return new Source(content(caller, right, id, device), required);
    }

    private static BlockDevice device(ImageManifest manifest, String name) {
        return manifest.blockDevices().stream()
                .filter(each -> each.device().equals(name))
                .findFirst()
                .orElseThrow(() -> new StoreException(
                        INVALID_REQUEST, "image " + manifest.id() + " has no device " + Text.shown(name)));
    }

    /**
     * Visits all images of the store, those in the recycle bin too.
     *
     * @param damaged told of those whose records cannot be read, or are not what was signed
     */
    public void forEach(Consumer<RegisteredImage> visitor, BiConsumer<ImageId, StoreException> damaged) {
        new CatalogPages(catalog, IMAGE_PREFIX).forEach(entry -> {
            ImageId id = new ImageId(entry.key().substring(IMAGE_PREFIX.length()));
            RegisteredImage image;
            try {
                image = ImageRecords.image(entry);
            } catch (StoreException e) {
                damaged.accept(id, e);
                return;
            }
            visitor.accept(image);
        });
    }

    /** Visits the ids of all images of the store. */
    public void forEachImageId(Consumer<ImageId> visitor) {
        new CatalogPages(catalog, IMAGE_PREFIX).forEach(entry -> visitor.accept(new ImageId(entry.key().substring(IMAGE_PREFIX.length()))));
    }

    /** Visits all images of the store, those in the recycle bin too. */
    public void forEach(Consumer<RegisteredImage> visitor) {
        new CatalogPages(catalog, IMAGE_PREFIX).forEach(entry -> visitor.accept(ImageRecords.image(entry)));
    }

    /** The tags of images. */
    public TaggedResources tagged() {
        return new TaggedRecords<>(
                catalog,
                IMAGE_PREFIX,
                ImageId.PREFIX,
                new TaggedRecords.Form<>(
                        ImageRecords::image, ImageRecords::encode, RegisteredImage::tags, RegisteredImage::withTags),
                ImageRegistry::isThere);
    }

    static StoreException notFound(String what, String id) {
        return new StoreException(NOT_FOUND, "there is no " + what + ' ' + id);
    }

    static String key(ImageId image) {
        return IMAGE_PREFIX + image;
    }

    static String nameKey(RegisteredImage image) {
        return nameKey(image.owner(), image.region(), image.manifest().name());
    }

    static String nameKey(AccountId owner, Region region, ImageName name) {
        return NAME_PREFIX + owner + '/' + region + '/' + name;
    }
}
