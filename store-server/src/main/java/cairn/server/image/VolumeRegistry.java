package cairn.server.image;

import static cairn.Fault.CONFLICT;
import static cairn.Fault.INVALID_REQUEST;

import cairn.Digest;
import cairn.image.ImageId;
import cairn.image.InstanceId;
import cairn.image.NewVolume;
import cairn.image.VolumeId;
import cairn.server.account.Access;
import cairn.server.account.Access.Right;
import cairn.server.account.Caller;
import cairn.server.account.Retention;
import cairn.server.storage.Catalog;
import cairn.server.storage.Catalog.Change;
import cairn.server.storage.DomainId;
import cairn.server.storage.VolumeBlocks;
import cairn.server.volume.LiveVolume;
import cairn.server.volume.Volume;
import cairn.server.volume.Volumes;
import cairn.server.volume.VolumeState;
import cairn.StoreException;
import cairn.Text;
import cairn.tree.TreeRoot;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The volumes of a store: one catalog record each, and nothing else until something is written. A volume is its owner's
 * and the root account's; all others are told that it does not exist. Safe for threads.
 *
 * <p>A volume is gone when its record is; its blocks are removed after that, and where the server ends in between, by
 * {@link #removeLeftovers}.
 */
public final class VolumeRegistry {
    /** What keys of volumes' records begin with. */
    public static final String VOLUME_PREFIX = "volume/";

    private static final Logger log = LoggerFactory.getLogger(VolumeRegistry.class);
    /** How many may have a volume at once that is for several: as EC2 has it. */
    private static final int INSTANCES_MAX = 16;

    private final Catalog catalog;
    private final ImageRegistry images;
    private final Volumes volumes;
    private final VolumeBlocks blocks;
    private final Clock clock;
    private final Retention retention;
    private final SecureRandom random = new SecureRandom();
    private final AttachedVolumes attached = new AttachedVolumes();
    /** Ephemeral volumes that a client has left while others, or a snapshot, still used them. */
    private final Set<VolumeId> left = ConcurrentHashMap.newKeySet();

    /** Without a recycle bin. */
    public VolumeRegistry(Catalog catalog, ImageRegistry images, Volumes volumes, VolumeBlocks blocks, Clock clock) {
        this(catalog, images, volumes, blocks, clock, Retention.NONE);
    }

    /** @param retention what goes into the recycle bin when it is removed */
    public VolumeRegistry(
            Catalog catalog,
            ImageRegistry images,
            Volumes volumes,
            VolumeBlocks blocks,
            Clock clock,
            Retention retention) {
        this.catalog = catalog;
        this.images = images;
        this.volumes = volumes;
        this.blocks = blocks;
        this.clock = clock;
        this.retention = retention;
        pages().stream("").map(VolumeRecords::volume).forEach(attached::add);
    }

    /** A volume as it is recorded, whatever its state. @throws StoreException CORRUPT, naming the key */
    public static RegisteredVolume decode(Catalog.Entry entry) {
        return VolumeRecords.volume(entry);
    }

    /**
     * Makes a volume, whatever its size by writing one record.
     *
     * @throws StoreException NOT_FOUND for a source that is not there, or not the caller's to see; INVALID_REQUEST for
     *     a size that is missing, or smaller than the source's
     */
    public RegisteredVolume create(Caller caller, NewVolume wanted) {
        return create(caller, VolumePlan.of(wanted, VolumeSettings.in(caller.region())), made -> List.of());
    }

    /**
     * As {@link #create(Caller, NewVolume)}, with all that may be said of it.
     *
     * @param others changes that are to be made if and only if the volume is, such as that a client token is remembered
     */
    public RegisteredVolume create(
            Caller caller, VolumePlan plan, Function<RegisteredVolume, List<Change>> others) {
        return Changes.make(catalog, () -> {
            Creation creation = prepare(caller, plan);
            List<Change> changes = new ArrayList<>(others.apply(creation.volume));
            changes.add(creation.change);
            creation.required.ifPresent(changes::add);
            return new Changes.Prepared<>(creation.volume, changes);
        });
    }

    /**
     * A volume that is there once the change has been committed, together with whatever else is.
     *
     * @param required what it begins as must still be there then: to be committed too, though once for several volumes
     */
    public record Creation(RegisteredVolume volume, Change change, Optional<Change> required) {}

    /** Checks all that {@link #create(Caller, VolumePlan, Function)} does, and changes nothing. */
    public Creation prepare(Caller caller, VolumePlan plan) {
        NewVolume wanted = plan.wanted();
        Origin origin =
                wanted.source().map(id -> originOf(caller, id, plan.device())).orElseGet(() -> blank(caller, wanted));
        long baseBytes = origin.root.sizeBytes();
        long sizeBytes = wanted.sizeBytes().orElse(baseBytes);
        if (sizeBytes < baseBytes) {
            throw new StoreException(
                    INVALID_REQUEST,
                    "a volume made from " + wanted.source().orElseThrow() + " has at least its " + baseBytes
                            + " bytes, not " + sizeBytes);
        }
        if (wanted.isEphemeral() && !plan.settings().attachments().isEmpty()) {
            throw new StoreException(INVALID_REQUEST, "an instance has no volume that goes with its last client");
        }
        VolumeId id = VolumeId.random(random);
        RegisteredVolume volume = new RegisteredVolume(
                id,
                caller.account(),
                caller.region(),
                new VolumeState(id.number(), sizeBytes, origin.domain, origin.root, 0),
                origin.image,
                origin.snapshot().map(Snapshot::id),
                wanted.isReadOnly(),
                wanted.isEphemeral(),
                clock.instant().truncatedTo(ChronoUnit.MILLIS),
                inherited(caller, origin, plan.settings()),
                wanted.tags());
        attached.add(volume);
        return new Creation(
                volume,
                new Change.PutIfAbsent(VOLUME_PREFIX + id, VolumeRecords.encode(volume)),
                origin.source.map(ImageRegistry.Source::required));
    }

    /** What a volume begins as. */
    private record Origin(
            TreeRoot root, DomainId domain, Optional<ImageId> image, Optional<ImageRegistry.Source> source) {
        Origin(Optional<ImageId> image, ImageRegistry.Source source) {
            this(source.snapshot().root(), source.snapshot().domain(), image, Optional.of(source));
        }

        Optional<Snapshot> snapshot() {
            return source.map(ImageRegistry.Source::snapshot);
        }
    }

    /** What is encrypted stays so. */
    private VolumeSettings inherited(Caller caller, Origin origin, VolumeSettings settings) {
        return origin.snapshot()
                .map(source -> settings.with(settings.encryption().over(images.encryptionFor(caller, source))))
                .orElse(settings);
    }

    private Origin originOf(Caller caller, String source, Optional<String> device) {
        boolean isImage = source.startsWith(ImageId.PREFIX);
        return new Origin(
                isImage ? Optional.of(new ImageId(source)) : Optional.empty(),
                images.source(caller, Right.LAUNCH, source, device));
    }

    private static Origin blank(Caller caller, NewVolume wanted) {
        long sizeBytes = wanted.sizeBytes()
                .orElseThrow(() -> new StoreException(
                        INVALID_REQUEST, "a volume that is made from no image and no snapshot needs a size"));
        return new Origin(
                TreeRoot.of(sizeBytes, Digest.ZERO), caller.domain(), Optional.empty(), Optional.empty());
    }

    /** @throws StoreException NOT_FOUND if there is none that the caller may see */
    public RegisteredVolume read(Caller caller, VolumeId id) {
        return read(caller, Right.SEE, id);
    }

    /** @throws StoreException NOT_FOUND if there is none that the caller may see, FORBIDDEN without the right */
    public RegisteredVolume read(Caller caller, Right right, VolumeId id) {
        RegisteredVolume volume = VolumeRecords.volume(entry(id));
        if (!isThere(caller, volume)) {
            throw ImageRegistry.notFound("volume", id.value());
        }
        ImageRegistry.require(caller, right, volume, id.value());
        return volume;
    }

    private static boolean isThere(Caller caller, RegisteredVolume volume) {
        return volume.settings().recycled().isEmpty() && Access.may(caller, Right.SEE, volume);
    }

    /** Nothing if there is none that the caller may see. */
    public Optional<RegisteredVolume> find(Caller caller, VolumeId id) {
        return catalog.find(VOLUME_PREFIX + id)
                .map(VolumeRecords::volume)
                .filter(volume -> isThere(caller, volume));
    }

    /** As {@link #list}, all of them, read as they are wanted. */
    public Stream<RegisteredVolume> stream(Caller caller, String after) {
        return pages().stream(after).map(VolumeRecords::volume).filter(volume -> isThere(caller, volume));
    }

    /** Volumes that the caller may see, in the order of their ids. @param after only ids after this; may be empty */
    public List<RegisteredVolume> list(Caller caller, String after, int volumesMax) {
        return pages().list(
                after, volumesMax, VolumeRecords::volume, volume -> isThere(caller, volume));
    }

    /** The first ids of all volumes that stay: of ephemeral ones whoever made them knows. */
    public List<VolumeId> firstKept(int idsMax) {
        return pages().list("", idsMax, VolumeRecords::volume, VolumeRegistry::isKept).stream()
                .map(RegisteredVolume::id)
                .toList();
    }

    private static boolean isKept(RegisteredVolume volume) {
        return !volume.isEphemeral() && volume.settings().recycled().isEmpty();
    }

    /** How many volumes the store has, those in the recycle bin too. */
    public int count() {
        int[] count = {0};
        pages().forEach(entry -> count[0]++);
        return count[0];
    }

    /**
     * Changes what may change about a volume.
     *
     * @param change may be called more than once, where others change the volume too; what it throws is passed on
     * @throws StoreException NOT_FOUND, or FORBIDDEN for one that is not the caller's to change
     */
    public RegisteredVolume change(Caller caller, VolumeId id, UnaryOperator<RegisteredVolume> change) {
        read(caller, Right.MANAGE, id);
        return changeRecord(id, volume -> change.apply(requireKept(volume)));
    }

    /** The tags of volumes. */
    public TaggedResources tagged() {
        return new TaggedRecords<>(
                catalog,
                VOLUME_PREFIX,
                VolumeId.PREFIX,
                new TaggedRecords.Form<>(
                        VolumeRecords::volume,
                        VolumeRecords::encode,
                        RegisteredVolume::tags,
                        RegisteredVolume::withTags),
                VolumeRegistry::isThere);
    }

    /**
     * Gives a volume to an instance: to one at a time, unless the volume is for several. From then on it is not
     * removed, whether or not the instance has it open.
     *
     * @param zone of the instance
     * @throws StoreException NOT_FOUND; FORBIDDEN; CONFLICT if an instance has it already, or it is ephemeral;
     *     INVALID_REQUEST for one reason alone: it lies in another zone
     */
    public RegisteredVolume attach(Caller caller, VolumeId id, String zone, VolumeAttachment attachment) {
        RegisteredVolume given = change(caller, id, volume -> {
            requireAttachable(volume, zone, attachment.instance());
            attached.add(attachment.instance(), id);
            return volume.with(volume.settings().with(attachment));
        });
        // Again, where it was being taken from the same instance meanwhile.
        attached.add(attachment.instance(), id);
        return given;
    }

    private static void requireAttachable(RegisteredVolume volume, String zone, InstanceId instance) {
        VolumeSettings settings = volume.settings();
        if (!settings.zone().equals(zone)) {
            throw new StoreException(
                    INVALID_REQUEST,
                    "volume " + volume.id() + " lies in zone " + settings.zone() + ", instance " + instance + " in "
                            + Text.shown(zone));
        }
        if (volume.isEphemeral()) {
            throw new StoreException(
                    CONFLICT, "volume " + volume.id() + " is ephemeral, and goes with its last client");
        }
        int instancesMax = settings.isMultiAttach() ? INSTANCES_MAX : 1;
        if (settings.findAttachment(instance).isPresent() || settings.attachments().size() >= instancesMax) {
            throw attached(volume);
        }
    }

    private static StoreException attached(RegisteredVolume volume) {
        return new StoreException(
                CONFLICT,
                "volume " + volume.id() + " is in use: attached to "
                        + volume.settings().attachments().stream()
                                .map(each -> each.instance().value())
                                .collect(Collectors.joining(", ")));
    }

    /**
     * Takes a volume from an instance. Whoever has it open keeps it open.
     *
     * @throws StoreException NOT_FOUND; FORBIDDEN; CONFLICT if the instance does not have it
     */
    public RegisteredVolume detach(Caller caller, VolumeId id, InstanceId instance) {
        RegisteredVolume taken = change(caller, id, volume -> {
            if (volume.settings().findAttachment(instance).isEmpty()) {
                throw new StoreException(CONFLICT, "volume " + id + " is not attached to " + instance);
            }
            return volume.with(volume.settings().without(instance));
        });
        attached.remove(instance, id);
        return taken;
    }

    /** The volumes that an instance has, of those that the caller may see, in the order of their ids. */
    public List<RegisteredVolume> attachedTo(Caller caller, InstanceId instance) {
        return attached.of(instance).stream()
                .flatMap(id -> catalog.find(VOLUME_PREFIX + id).stream())
                .map(VolumeRecords::volume)
                .filter(volume -> volume.settings().findAttachment(instance).isPresent())
                .filter(volume -> Access.may(caller, Right.SEE, volume))
                .toList();
    }

    private CatalogPages pages() {
        return new CatalogPages(catalog, VOLUME_PREFIX);
    }

    private static VolumeId idOf(Catalog.Entry entry) {
        return new VolumeId(entry.key().substring(VOLUME_PREFIX.length()));
    }

    /** A volume's record, to be changed on its version. */
    Catalog.Entry entry(VolumeId id) {
        return catalog.find(VOLUME_PREFIX + id).orElseThrow(() -> ImageRegistry.notFound("volume", id.value()));
    }

    /** How much of a volume no snapshot has yet: in bytes. */
    public long dirtyBytes(VolumeId id) {
        try (LiveVolume live = live(id)) {
            return live.dirtyBytes();
        } finally {
            // Its last client may have left during this.
            removeIfLeft(id);
        }
    }

    /** How many clients have a volume open. */
    public int clients(VolumeId id) {
        return volumes.clients(id.number());
    }

    /**
     * Gives a volume to one more client. When that has closed an ephemeral one, {@link #left} is to be called, or
     * {@link #removeIfLeft} if it has only looked.
     *
     * @param volume as {@link #read} has given it
     * @throws StoreException NOT_FOUND if it has been removed
     */
    public Volume connect(RegisteredVolume volume) {
        try (LiveVolume live = live(volume.id())) {
            return live.connect(
                    !volume.isReadOnly(), volume.image().map(id -> images.booted(id, image -> image.owner().equals(volume.owner()))));
        }
    }

    /** Begins one more use of a volume. @throws StoreException NOT_FOUND if it has been removed */
    LiveVolume live(VolumeId id) {
        return volumes.live(id.number(), () -> requireKept(VolumeRecords.volume(entry(id))).state());
    }

    /** Whoever may do something with a volume may come too late: it may be in the recycle bin by then. */
    private static RegisteredVolume requireKept(RegisteredVolume volume) {
        if (volume.settings().recycled().isPresent()) {
            throw ImageRegistry.notFound("volume", volume.id().value());
        }
        return volume;
    }

    /** As {@link Volumes#freeze}, of uses that {@link #live} has begun. */
    List<LiveVolume.PointInTime> freeze(List<LiveVolume.Freezing> wanted) {
        return volumes.freeze(wanted);
    }

    /**
     * Removes a volume, into the recycle bin where a rule of its owner says so.
     *
     * @throws StoreException NOT_FOUND, FORBIDDEN, or CONFLICT where an instance has it or somebody uses it
     */
    public void remove(Caller caller, VolumeId id) {
        requireDetached(read(caller, Right.MANAGE, id));
        volumes.whileUnused(id.number(), () -> retire(id, volume -> volume));
    }

    /**
     * Removes a volume that one instance has, and nobody else, as {@link #remove} does.
     *
     * @throws StoreException NOT_FOUND, FORBIDDEN, or CONFLICT where another instance has it or somebody uses it
     */
    public void removeFrom(Caller caller, VolumeId id, InstanceId instance) {
        read(caller, Right.MANAGE, id);
        volumes.whileUnused(
                id.number(),
                () -> retire(id, volume -> volume.with(volume.settings().without(instance))));
        attached.remove(instance, id);
    }

    /** @param detached the volume without whoever may have it still */
    private void retire(VolumeId id, UnaryOperator<RegisteredVolume> detached) {
        RegisteredVolume volume = requireKept(VolumeRecords.volume(entry(id)));
        Optional<Duration> kept = volume.isEphemeral()
                ? Optional.empty()
                : retention.retentionFor(volume, Retention.Kind.VOLUME, volume.tags());
        if (kept.isEmpty()) {
            removeUnused(id, each -> requireDetached(detached.apply(each)));
            return;
        }
        Recycled recycled = new Recycled(now(), now().plus(kept.get()));
        changeRecord(id, each -> {
            RegisteredVolume retired = detached.apply(requireKept(each));
            requireDetached(retired);
            return retired.with(retired.settings().withRecycled(Optional.of(recycled)));
        });
    }

    private Instant now() {
        return clock.instant().truncatedTo(ChronoUnit.MILLIS);
    }

    private RegisteredVolume changeRecord(VolumeId id, UnaryOperator<RegisteredVolume> change) {
        return VolumeRecords.volume(Changes.change(
                catalog,
                VOLUME_PREFIX + id,
                entry -> VolumeRecords.encode(change.apply(VolumeRecords.volume(entry)))));
    }

    /** The caller's volumes in the recycle bin, in the order of their ids. @param after as in {@link #list} */
    public Stream<RegisteredVolume> recycled(Caller caller, String after) {
        return pages().stream(after).map(VolumeRecords::volume).filter(volume -> isInBin(caller, volume));
    }

    private boolean isInBin(Caller caller, RegisteredVolume volume) {
        return volume.settings().recycled().filter(each -> now().isBefore(each.exitsAt())).isPresent()
                && Access.may(caller, Right.MANAGE, volume);
    }

    /** One in the recycle bin; nothing if it is not there, or not the caller's. */
    public Optional<RegisteredVolume> findRecycled(Caller caller, VolumeId id) {
        return catalog.find(VOLUME_PREFIX + id).map(VolumeRecords::volume).filter(volume -> isInBin(caller, volume));
    }

    /** Takes one out of the recycle bin, as it was. @throws StoreException NOT_FOUND if it is not there */
    public RegisteredVolume takeBack(Caller caller, VolumeId id) {
        findRecycled(caller, id).orElseThrow(() -> ImageRegistry.notFound("volume", id.value()));
        return changeRecord(id, volume -> volume.with(volume.settings().withRecycled(Optional.empty())));
    }

    /** Removes what has been in the recycle bin for as long as it was to be. */
    public void removeExpired() {
        pages().stream("")
                .map(VolumeRecords::volume)
                .filter(this::isExpired)
                .map(RegisteredVolume::id)
                .toList()
                .forEach(this::removeExpired);
    }

    /** One that cannot be removed now keeps no other from it. */
    private void removeExpired(VolumeId id) {
        try {
            volumes.whileUnused(id.number(), () -> removeUnused(id, this::requireExpired));
        } catch (StoreException e) {
            log.warn("volume {} stays in the recycle bin for now: {}", id, e.getMessage());
        }
    }

    private boolean isExpired(RegisteredVolume volume) {
        return volume.settings().recycled().filter(each -> !now().isBefore(each.exitsAt())).isPresent();
    }

    private void requireExpired(RegisteredVolume volume) {
        if (!isExpired(volume)) {
            throw new StoreException(CONFLICT, "volume " + volume.id() + " has been taken out of the recycle bin");
        }
    }

    private static void requireDetached(RegisteredVolume volume) {
        if (!volume.settings().attachments().isEmpty()) {
            throw attached(volume);
        }
    }

    private void removeUnused(VolumeId id) {
        removeUnused(id, VolumeRegistry::requireDetached);
    }

    private void removeUnused(VolumeId id, Consumer<RegisteredVolume> check) {
        Changes.remove(catalog, VOLUME_PREFIX + id, entry -> check.accept(VolumeRecords.volume(entry)));
        left.remove(id);
        removeBlocks(id.number());
    }

    /** The volume is gone already, so this must not fail; what is left is removed at the next start. */
    private void removeBlocks(long number) {
        try {
            blocks.removeVolume(number);
        } catch (StoreException e) {
            log.warn("blocks of {}, which is removed, are still there: {}", VolumeId.of(number), e.getMessage());
        }
    }

    /** A client has closed an ephemeral volume: removes it, unless others, or a snapshot, still use it. */
    public void left(VolumeId id) {
        left.add(id);
        removeIfLeft(id);
    }

    /**
     * Removes an ephemeral volume if a client has left it and nobody uses it any more. To be called by everybody whose
     * use may have kept {@link #left} from it.
     */
    public void removeIfLeft(VolumeId id) {
        if (!left.contains(id)) {
            return;
        }
        try {
            volumes.whileUnused(id.number(), () -> removeUnused(id));
        } catch (StoreException e) {
            switch (e.fault()) {
                // Whoever uses it comes here too when that ends.
                case CONFLICT -> { }
                case NOT_FOUND -> left.remove(id);
                default -> log.info("ephemeral volume {} is removed at the next start: {}", id, e.getMessage());
            }
        }
    }

    /**
     * Removes, when the server starts, what an earlier one has left: ephemeral volumes, and blocks of volumes that are
     * gone. Nobody may use a volume yet.
     */
    public void removeLeftovers() {
        List<VolumeId> ephemeral = new ArrayList<>();
        pages().forEach(entry -> {
            if (VolumeRecords.volume(entry).isEphemeral()) {
                ephemeral.add(idOf(entry));
            }
        });
        for (VolumeId id : ephemeral) {
            removeUnused(id);
            log.info("removed ephemeral volume {}: none outlives a start of the server", id);
        }
        List<Long> unknown = new ArrayList<>();
        blocks.forEachVolume(number -> {
            if (catalog.find(VOLUME_PREFIX + VolumeId.of(number)).isEmpty()) {
                unknown.add(number);
            }
        });
        unknown.forEach(this::removeBlocks);
    }
}
