package cairn.server.image;

import static cairn.Fault.CONFLICT;

import cairn.StoreException;
import cairn.image.ImageId;
import cairn.image.Region;
import cairn.image.SnapshotId;
import cairn.server.account.Access;
import cairn.server.account.Access.Right;
import cairn.server.account.AccountSettings.SnapshotBlock;
import cairn.server.account.AccountSettingsRegistry;
import cairn.server.account.Caller;
import cairn.server.account.Encryption;
import cairn.server.account.Retention;
import cairn.server.account.Sharing;
import cairn.server.storage.Catalog;
import cairn.server.storage.Catalog.Change;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The completed snapshots of a store. Whoever may not see one is told that it does not exist. Safe for threads: what
 * must hold together is committed together, on conditions.
 *
 * <p>One in the recycle bin is found by {@link #readRecycled} and {@link #recycled} alone; one that is archived is not
 * read, copied or made a volume of, by whatever door.
 */
public final class SnapshotRegistry {
    /** What keys of snapshots' records begin with. */
    public static final String PREFIX = "snapshot/";

    private static final Logger log = LoggerFactory.getLogger(SnapshotRegistry.class);
    /** Which image names a snapshot: {@code snapshot-use/SNAPSHOT/IMAGE}, so that deleting one asks nobody else. */
    private static final String USE_PREFIX = "snapshot-use/";
    private static final int USERS_MAX = 1000;
    /** How far up parents are followed. */
    static final int LINEAGE_MAX = 1000;

    private final Catalog catalog;
    private final AccountSettingsRegistry settings;
    private final Retention retention;
    private final Clock clock;
    private final SecureRandom random = new SecureRandom();

    /** Of accounts that have chosen nothing. */
    public SnapshotRegistry(Catalog catalog) {
        this(catalog, new AccountSettingsRegistry(catalog), Retention.NONE, Clock.systemUTC());
    }

    /** @param retention what goes into the recycle bin when it is removed */
    public SnapshotRegistry(Catalog catalog, AccountSettingsRegistry settings, Retention retention, Clock clock) {
        this.catalog = catalog;
        this.settings = settings;
        this.retention = retention;
        this.clock = clock;
    }

    public SnapshotId newId() {
        return SnapshotId.random(random);
    }

    Instant now() {
        return clock.instant().truncatedTo(ChronoUnit.MILLIS);
    }

    /** A snapshot as it is recorded, whatever its state. @throws StoreException CORRUPT, naming the key */
    public static Snapshot decode(Catalog.Entry entry) {
        return ImageRecords.snapshot(entry);
    }

    /** A snapshot, whoever's it is and whatever its state. */
    public Optional<Snapshot> findRecorded(SnapshotId id) {
        return catalog.find(key(id)).map(ImageRecords::snapshot);
    }

    /** The change that makes a snapshot whose tree is sealed. */
    public static Change keep(Snapshot snapshot) {
        return new Change.PutIfAbsent(key(snapshot.id()), ImageRecords.encode(snapshot));
    }

    /** Nothing if there is none that the caller may see. */
    public Optional<Snapshot> find(Caller caller, SnapshotId id) {
        return catalog.find(key(id)).map(ImageRecords::snapshot).filter(snapshot -> isThere(caller, snapshot));
    }

    /**
     * @throws StoreException NOT_FOUND if there is none that the caller may see, FORBIDDEN without the right; CONFLICT
     *     where its content is wanted and it is archived
     */
    public Snapshot read(Caller caller, Right right, SnapshotId id) {
        Snapshot snapshot = find(caller, id).orElseThrow(() -> ImageRegistry.notFound("snapshot", id.value()));
        ImageRegistry.require(caller, right, inForce(snapshot), id.value());
        return switch (right) {
            case READ, LAUNCH, COPY -> requireUsable(snapshot);
            case SEE, MANAGE -> snapshot;
        };
    }

    /**
     * The content of a snapshot that an image names: to be asked for only for whom the image is.
     *
     * @throws StoreException NOT_FOUND; CONFLICT if it is archived
     */
    Snapshot readKept(SnapshotId id) {
        return requireUsable(catalog.find(key(id))
                .map(ImageRecords::snapshot)
                .orElseThrow(() -> ImageRegistry.notFound("snapshot", id.value())));
    }

    boolean isEncrypted(SnapshotId id) {
        return catalog.find(key(id))
                .map(ImageRecords::snapshot)
                .filter(each -> each.settings().isEncrypted())
                .isPresent();
    }

    /** Every door comes through here before it touches what a snapshot holds. */
    private Snapshot requireUsable(Snapshot snapshot) {
        if (!snapshot.settings().isUsable(now())) {
            throw new StoreException(
                    CONFLICT, "snapshot " + snapshot.id() + " is archived; it has to be restored first");
        }
        return snapshot;
    }

    /**
     * For what names a snapshot from the same commit on: fails if it is changed or removed meanwhile, and makes whoever
     * would remove it meanwhile fail, since that looks for its users only. Ask for it before the snapshot is read.
     *
     * @throws StoreException NOT_FOUND
     */
    Change holding(SnapshotId id) {
        return holding(entry(id));
    }

    /** The same, of a snapshot's record. */
    static Change holding(Catalog.Entry entry) {
        return new Change.PutIfVersion(entry.key(), entry.version(), entry.value());
    }

    /**
     * For what needs a snapshot until the commit, and not from then on: fails if it is changed or removed meanwhile,
     * and is in nobody's way. Ask for it before the snapshot is read.
     *
     * @throws StoreException NOT_FOUND
     */
    public Change requiring(SnapshotId id) {
        Catalog.Entry entry = entry(id);
        return new Change.Require(entry.key(), entry.version());
    }

    private Catalog.Entry entry(SnapshotId id) {
        return catalog.find(key(id)).orElseThrow(() -> ImageRegistry.notFound("snapshot", id.value()));
    }

    /** Snapshots that the caller may see, in the order of their ids. @param after only ids after this; may be empty */
    public List<Snapshot> list(Caller caller, String after, int snapshotsMax) {
        return pages().list(after, snapshotsMax, ImageRecords::snapshot, snapshot -> isThere(caller, snapshot));
    }

    /** The same, read as they are wanted. */
    public Stream<Snapshot> stream(Caller caller, String after) {
        return pages().stream(after).map(ImageRecords::snapshot).filter(snapshot -> isThere(caller, snapshot));
    }

    private boolean isThere(Caller caller, Snapshot snapshot) {
        return snapshot.settings().recycled().isEmpty() && Access.may(caller, Right.SEE, inForce(snapshot));
    }

    /** As it is shared, less what its owner's settings take back. */
    private Snapshot inForce(Snapshot snapshot) {
        boolean isHidden = snapshot.sharing().isPublic()
                && settings.read(snapshot.owner(), snapshot.region()).snapshotBlock() == SnapshotBlock.ALL_SHARING;
        return isHidden ? snapshot.with(new Sharing(false, snapshot.sharing().accounts())) : snapshot;
    }

    /**
     * Changes what may change about a snapshot.
     *
     * @param change may be called more than once, where others change the snapshot too; what it throws is passed on
     * @throws StoreException NOT_FOUND, or FORBIDDEN for one that is not the caller's to change
     */
    public Snapshot change(Caller caller, SnapshotId id, UnaryOperator<Snapshot> change) {
        read(caller, Right.MANAGE, id);
        return changeRecord(id, before -> {
            // It may have been removed since, into the recycle bin.
            if (!isThere(caller, before)) {
                throw ImageRegistry.notFound("snapshot", id.value());
            }
            Snapshot after = change.apply(before);
            requireMaySharing(before, after);
            return after;
        });
    }

    private void requireMaySharing(Snapshot before, Snapshot after) {
        boolean becomesPublic = after.sharing().isPublic() && !before.sharing().isPublic();
        if (becomesPublic && after.settings().isEncrypted()) {
            throw new StoreException(
                    CONFLICT, "snapshot " + after.id() + " is encrypted, and cannot become public");
        }
        if (becomesPublic && settings.read(after.owner(), after.region()).snapshotBlock() != SnapshotBlock.UNBLOCKED) {
            throw new StoreException(
                    CONFLICT,
                    "snapshot " + after.id() + " cannot become public: account " + after.owner()
                            + " blocks public access to its snapshots in region " + after.region());
        }
    }

    /** As {@link #change}, for whoever has made sure that it may. */
    Snapshot changeRecord(SnapshotId id, UnaryOperator<Snapshot> change) {
        return ImageRecords.snapshot(Changes.change(
                catalog, key(id), entry -> ImageRecords.encode(change.apply(ImageRecords.snapshot(entry)))));
    }

    /** The tags of completed snapshots. */
    public TaggedResources tagged() {
        return new TaggedRecords<>(
                catalog,
                PREFIX,
                SnapshotId.PREFIX,
                new TaggedRecords.Form<>(
                        ImageRecords::snapshot, ImageRecords::encode, Snapshot::tags, Snapshot::withTags),
                this::isThere);
    }

    /**
     * Makes a snapshot of the same content, the caller's own, in its region. No data moves: one record more, and it is
     * completed at once.
     *
     * @param from where the source lies
     * @param others changes that are to be made if and only if the copy is
     * @throws StoreException NOT_FOUND, or FORBIDDEN without the right to copy; CONFLICT for an archived source
     */
    public Snapshot copy(
            Caller caller,
            SnapshotId source,
            Region from,
            NewSnapshotCopy wanted,
            Function<Snapshot, List<Change>> others) {
        return Changes.make(catalog, () -> {
            Change required = requiring(source);
            Snapshot copy = copyOf(caller, read(caller.in(from), Right.COPY, source), wanted);
            List<Change> changes = new ArrayList<>(others.apply(copy));
            changes.add(required);
            changes.add(keep(copy));
            return new Changes.Prepared<>(copy, changes);
        });
    }

    /** A copy that is there once it has been {@linkplain #keep kept}. @param source that the caller may copy */
    Snapshot copyOf(Caller caller, Snapshot source, NewSnapshotCopy wanted) {
        Instant now = now();
        return new Snapshot(
                newId(),
                caller.account(),
                caller.region(),
                source.domain(),
                source.root(),
                Optional.empty(),
                now,
                wanted.description(),
                Optional.empty(),
                Sharing.NONE,
                SnapshotSettings.of(wanted.encryption().over(encryptionFor(caller, source)))
                        .withCompletedAt(now)
                        .withCopyOf(new SnapshotSettings.CopySource(source.id(), source.region())),
                wanted.tags());
    }

    /** As what the caller makes of a snapshot begins: the label of another account's key is not passed on. */
    public Encryption.Choice encryptionFor(Caller caller, Snapshot source) {
        Encryption.Choice theirs = source.settings().encryption();
        if (source.owner().equals(caller.account()) || !theirs.isEncrypted()) {
            return theirs;
        }
        return new Encryption.Choice(true, settings.read(caller).defaultKeyId());
    }

    /**
     * Locks a snapshot, or changes its lock.
     *
     * @throws StoreException NOT_FOUND, FORBIDDEN; as {@link #requireLockable}
     */
    public Snapshot lock(Caller caller, SnapshotId id, SnapshotLock.Wanted wanted) {
        return change(caller, id, snapshot -> locked(snapshot, wanted));
    }

    /** @throws StoreException as {@link SnapshotLock#of} says */
    public void requireLockable(Snapshot snapshot, SnapshotLock.Wanted wanted) {
        locked(snapshot, wanted);
    }

    private Snapshot locked(Snapshot snapshot, SnapshotLock.Wanted wanted) {
        SnapshotLock lock = SnapshotLock.of(snapshot.settings().lock(), wanted, now());
        return snapshot.with(snapshot.settings().withLock(Optional.of(lock)));
    }

    /** Takes a lock off. @throws StoreException NOT_FOUND, FORBIDDEN; or as {@link #requireUnlockable} says */
    public Snapshot unlock(Caller caller, SnapshotId id) {
        return change(caller, id, snapshot -> {
            requireUnlockable(snapshot);
            return snapshot.with(snapshot.settings().withLock(Optional.empty()));
        });
    }

    /** @throws StoreException CONFLICT if it is not locked, or nobody can unlock it */
    public void requireUnlockable(Snapshot snapshot) {
        snapshot.settings()
                .lock()
                .filter(each -> each.isInForce(now()))
                .orElseThrow(() -> new StoreException(CONFLICT, "snapshot " + snapshot.id() + " is not locked"))
                .requireRemovable(now());
    }

    /**
     * Archives a snapshot.
     *
     * @throws StoreException NOT_FOUND, FORBIDDEN; or as {@link #requireArchivable} says, also CONFLICT where an image
     *     that is not disabled names it
     */
    public Snapshot archive(Caller caller, SnapshotId id) {
        return change(caller, id, snapshot -> {
            requireUnused(id, imagesOf(id).stream().filter(this::isEnabled).toList());
            return archived(snapshot);
        });
    }

    private boolean isEnabled(ImageId id) {
        return catalog.find(ImageRegistry.key(id))
                .map(ImageRecords::image)
                .filter(image -> !image.settings().isDisabled())
                .isPresent();
    }

    private static void requireUnused(SnapshotId id, List<ImageId> users) {
        if (!users.isEmpty()) {
            throw new StoreException(
                    CONFLICT,
                    "snapshot " + id + " is in use by "
                            + users.stream().map(ImageId::value).collect(Collectors.joining(", ")));
        }
    }

    /** @throws StoreException CONFLICT if it is archived, or is to be restored fast */
    public void requireArchivable(Snapshot snapshot) {
        archived(snapshot);
    }

    private Snapshot archived(Snapshot snapshot) {
        SnapshotSettings before = snapshot.settings();
        if (!before.fastRestores().isEmpty()) {
            throw new StoreException(
                    CONFLICT,
                    "fast restore of snapshot " + snapshot.id() + " is enabled in " + before.fastRestores().keySet());
        }
        Optional<Archival> archival = before.archival().map(each -> each.at(now()));
        return snapshot.with(before.withArchival(Archival.archived(archival, now())));
    }

    /** Restores a snapshot. @throws StoreException NOT_FOUND, FORBIDDEN; or as {@link #requireRestorable} says */
    public Snapshot restore(Caller caller, SnapshotId id, Optional<Integer> days) {
        return change(caller, id, snapshot -> restored(snapshot, days));
    }

    /** @param days empty: for good. @throws StoreException as {@link Archival#restored} says */
    public void requireRestorable(Snapshot snapshot, Optional<Integer> days) {
        restored(snapshot, days);
    }

    private Snapshot restored(Snapshot snapshot, Optional<Integer> days) {
        Optional<Archival> archival = snapshot.settings().archival().map(each -> each.at(now()));
        return snapshot.with(snapshot.settings().withArchival(Archival.restored(archival, days, now())));
    }

    /**
     * Whether two snapshots are of one lineage: they were made of one volume, or one of their ancestors, themselves
     * included, is the same. Ancestors count by their ids, whether they are there still or not; at most
     * {@link #LINEAGE_MAX} of each are looked at.
     */
    public boolean areRelated(Snapshot one, Snapshot other) {
        if (one.volume().isPresent() && one.volume().equals(other.volume())) {
            return true;
        }
        Set<SnapshotId> lineage = lineage(one);
        return lineage(other).stream().anyMatch(lineage::contains);
    }

    private Set<SnapshotId> lineage(Snapshot snapshot) {
        Set<SnapshotId> ids = new LinkedHashSet<>(Set.of(snapshot.id()));
        Optional<SnapshotId> parent = snapshot.parent();
        while (parent.isPresent() && ids.size() < LINEAGE_MAX && ids.add(parent.get())) {
            parent = catalog.find(key(parent.get())).map(ImageRecords::snapshot).flatMap(Snapshot::parent);
        }
        return ids;
    }

    /** The images that name a snapshot. */
    public List<ImageId> imagesOf(SnapshotId id) {
        String prefix = USE_PREFIX + id + '/';
        return catalog.list(prefix, "", USERS_MAX).stream()
                .map(entry -> new ImageId(entry.key().substring(prefix.length())))
                .toList();
    }

    /**
     * Removes a snapshot, into the recycle bin where a rule of its owner says so.
     *
     * @throws StoreException NOT_FOUND; FORBIDDEN; CONFLICT where an image names it, or it is locked
     */
    public void remove(Caller caller, SnapshotId id) {
        Changes.commit(catalog, () -> List.of(removal(caller, id)));
    }

    private Change removal(Caller caller, SnapshotId id) {
        // Its version first: who uses it after that changes it.
        Optional<Change> removal = removal(id);
        read(caller, Right.MANAGE, id);
        requireUnused(id, imagesOf(id));
        return removal.orElseThrow(() -> new StoreException(CONFLICT, "snapshot " + id + " is locked"));
    }

    /** The change that removes a snapshot, into the recycle bin perhaps; nothing for one that is locked, or gone. */
    Optional<Change> removal(SnapshotId id) {
        return catalog.find(key(id))
                .filter(entry -> !ImageRecords.snapshot(entry).settings().isLocked(now()))
                .map(this::removal);
    }

    private Change removal(Catalog.Entry entry) {
        Snapshot snapshot = ImageRecords.snapshot(entry);
        Optional<Duration> kept = retention.retentionFor(snapshot, Retention.Kind.SNAPSHOT, snapshot.tags());
        return kept.<Change>map(each -> {
                    Recycled recycled = new Recycled(now(), now().plus(each));
                    SnapshotSettings after = snapshot.settings().withRecycled(Optional.of(recycled));
                    return new Change.PutIfVersion(
                            entry.key(), entry.version(), ImageRecords.encode(snapshot.with(after)));
                })
                .orElseGet(() -> new Change.Delete(entry.key(), entry.version()));
    }

    /** The caller's snapshots in the recycle bin, in the order of their ids. @param after as in {@link #list} */
    public Stream<Snapshot> recycled(Caller caller, String after) {
        return pages().stream(after).map(ImageRecords::snapshot).filter(snapshot -> isInBin(caller, snapshot));
    }

    private boolean isInBin(Caller caller, Snapshot snapshot) {
        return snapshot.settings().recycled().filter(each -> now().isBefore(each.exitsAt())).isPresent()
                && Access.may(caller, Right.MANAGE, snapshot);
    }

    /** One in the recycle bin. @throws StoreException NOT_FOUND if it is not there, or not the caller's */
    public Snapshot readRecycled(Caller caller, SnapshotId id) {
        return catalog.find(key(id))
                .map(ImageRecords::snapshot)
                .filter(snapshot -> isInBin(caller, snapshot))
                .orElseThrow(() -> ImageRegistry.notFound("snapshot in the recycle bin", id.value()));
    }

    /** Takes one out of the recycle bin, as it was. @throws StoreException NOT_FOUND as {@link #readRecycled} */
    public Snapshot takeBack(Caller caller, SnapshotId id) {
        readRecycled(caller, id);
        return changeRecord(id, snapshot -> snapshot.with(snapshot.settings().withRecycled(Optional.empty())));
    }

    /** Removes what has been in the recycle bin for as long as it was to be. @return how many */
    public int removeExpired() {
        List<String> expired =
                pages().stream("").filter(this::isExpired).map(Catalog.Entry::key).toList();
        return (int) expired.stream().filter(this::removeIfExpired).count();
    }

    /** Somebody may have taken it back meanwhile; one that cannot be removed keeps no other from it. */
    private boolean removeIfExpired(String key) {
        Optional<Catalog.Entry> entry = catalog.find(key).filter(this::isExpired);
        try {
            entry.ifPresent(each -> catalog.commit(List.of(new Change.Delete(key, each.version()))));
        } catch (StoreException e) {
            log.warn("{} stays in the recycle bin for now: {}", key, e.getMessage());
            return false;
        }
        return entry.isPresent();
    }

    /** What is locked stays, however it came into the bin. */
    private boolean isExpired(Catalog.Entry entry) {
        SnapshotSettings settings = ImageRecords.snapshot(entry).settings();
        return settings.recycled().filter(each -> !now().isBefore(each.exitsAt())).isPresent()
                && !settings.isLocked(now());
    }

    /** Visits every snapshot of the store, those in the recycle bin too. */
    public void forEach(Consumer<Snapshot> visitor) {
        pages().forEach(entry -> visitor.accept(ImageRecords.snapshot(entry)));
    }

    private CatalogPages pages() {
        return new CatalogPages(catalog, PREFIX);
    }

    static String key(SnapshotId id) {
        return PREFIX + id;
    }

    static String useKey(SnapshotId snapshot, ImageId image) {
        return USE_PREFIX + snapshot + '/' + image;
    }
}
