package cairn.server.image;

import static cairn.Fault.INVALID_REQUEST;

import cairn.Digest;
import cairn.image.ImageId;
import cairn.image.NewVolume;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import cairn.server.account.Access;
import cairn.server.account.Access.Right;
import cairn.server.account.Caller;
import cairn.server.storage.Catalog;
import cairn.server.storage.Catalog.Change;
import cairn.server.storage.VolumeBlocks;
import cairn.server.volume.LiveVolume;
import cairn.server.volume.Volume;
import cairn.server.volume.Volumes;
import cairn.server.volume.VolumeState;
import cairn.StoreException;
import cairn.tree.TreeRoot;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.UnaryOperator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
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
    private static final Logger log = LoggerFactory.getLogger(VolumeRegistry.class);
    private static final String VOLUME_PREFIX = "volume/";

    private final Catalog catalog;
    private final ImageRegistry images;
    private final Volumes volumes;
    private final VolumeBlocks blocks;
    private final Clock clock;
    private final SecureRandom random = new SecureRandom();
    /** Ephemeral volumes that a client has left while others, or a snapshot, still used them. */
    private final Set<VolumeId> left = ConcurrentHashMap.newKeySet();

    public VolumeRegistry(Catalog catalog, ImageRegistry images, Volumes volumes, VolumeBlocks blocks, Clock clock) {
        this.catalog = catalog;
        this.images = images;
        this.volumes = volumes;
        this.blocks = blocks;
        this.clock = clock;
    }

    /**
     * Makes a volume, whatever its size by writing one record.
     *
     * @throws StoreException NOT_FOUND for a source that is not there, or not the caller's to see; INVALID_REQUEST for
     *     a size that is missing, or smaller than the source's
     */
    public RegisteredVolume create(Caller caller, NewVolume wanted) {
        Origin origin = wanted.source().map(id -> originOf(caller, id)).orElseGet(() -> blank(caller, wanted));
        long baseBytes = origin.disk.root().sizeBytes();
        long sizeBytes = wanted.sizeBytes().orElse(baseBytes);
        if (sizeBytes < baseBytes) {
            throw new StoreException(
                    INVALID_REQUEST,
                    "a volume made from " + wanted.source().orElseThrow() + " has at least its " + baseBytes
                            + " bytes, not " + sizeBytes);
        }
        VolumeId id = VolumeId.random(random);
        RegisteredVolume volume = new RegisteredVolume(
                id,
                caller.account(),
                caller.region(),
                new VolumeState(id.number(), sizeBytes, origin.disk.domain(), origin.disk.root(), 0),
                origin.image,
                origin.snapshot,
                wanted.isReadOnly(),
                wanted.isEphemeral(),
                clock.instant().truncatedTo(ChronoUnit.MILLIS),
                VolumeSettings.in(caller.region()),
                wanted.tags());
        catalog.commit(List.of(new Change.PutIfAbsent(VOLUME_PREFIX + id, VolumeRecords.encode(volume))));
        return volume;
    }

    /** What a volume begins as. */
    private record Origin(Disk disk, Optional<ImageId> image, Optional<SnapshotId> snapshot) {}

    private Origin originOf(Caller caller, String source) {
        if (source.startsWith(ImageId.PREFIX)) {
            RegisteredImage image = images.read(caller, new ImageId(source));
            return new Origin(
                    images.disk(caller, Right.LAUNCH, source),
                    Optional.of(image.id()),
                    Optional.of(image.manifest().root().snapshot()));
        }
        return new Origin(images.disk(caller, Right.LAUNCH, source), Optional.empty(), Optional.of(new SnapshotId(source)));
    }

    private static Origin blank(Caller caller, NewVolume wanted) {
        long sizeBytes = wanted.sizeBytes()
                .orElseThrow(() -> new StoreException(
                        INVALID_REQUEST, "a volume that is made from no image and no snapshot needs a size"));
        return new Origin(
                new Disk(TreeRoot.of(sizeBytes, Digest.ZERO), caller.domain()), Optional.empty(), Optional.empty());
    }

    /** @throws StoreException NOT_FOUND if there is none that the caller may see */
    public RegisteredVolume read(Caller caller, VolumeId id) {
        RegisteredVolume volume = VolumeRecords.volume(entry(id));
        if (!Access.may(caller, Right.SEE, volume)) {
            throw ImageRegistry.notFound("volume", id.value());
        }
        return volume;
    }

    /** Volumes that the caller may see, in the order of their ids. @param after only ids after this; may be empty */
    public List<RegisteredVolume> list(Caller caller, String after, int volumesMax) {
        return pages().list(
                after, volumesMax, VolumeRecords::volume, volume -> Access.may(caller, Right.SEE, volume));
    }

    /** The first ids of all volumes that stay: of ephemeral ones whoever made them knows. */
    public List<VolumeId> firstKept(int idsMax) {
        return pages().list("", idsMax, VolumeRecords::volume, volume -> !volume.isEphemeral()).stream()
                .map(RegisteredVolume::id)
                .toList();
    }

    /** How many volumes the store has. */
    public int count() {
        int[] count = {0};
        pages().forEach(entry -> count[0]++);
        return count[0];
    }

    /**
     * Changes what may change about a volume.
     *
     * @param change may be called more than once, where others change the volume too; what it throws is passed on
     * @throws StoreException NOT_FOUND if there is none that the caller may see
     */
    public RegisteredVolume change(Caller caller, VolumeId id, UnaryOperator<RegisteredVolume> change) {
        read(caller, id);
        return VolumeRecords.volume(Changes.change(
                catalog,
                VOLUME_PREFIX + id,
                entry -> VolumeRecords.encode(change.apply(VolumeRecords.volume(entry)))));
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
            return live.connect(!volume.isReadOnly(), volume.image());
        }
    }

    /** Begins one more use of a volume. @throws StoreException NOT_FOUND if it has been removed */
    LiveVolume live(VolumeId id) {
        return volumes.live(id.number(), () -> VolumeRecords.volume(entry(id)).state());
    }

    /** @throws StoreException NOT_FOUND, or CONFLICT where somebody uses it */
    public void remove(Caller caller, VolumeId id) {
        read(caller, id);
        volumes.whileUnused(id.number(), () -> removeUnused(id));
    }

    private void removeUnused(VolumeId id) {
        Catalog.Entry entry = entry(id);
        catalog.commit(List.of(new Change.Delete(entry.key(), entry.version())));
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
