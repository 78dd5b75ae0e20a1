package cairn.server.image;

import cairn.StoreException;
import cairn.image.ImageManifest;
import cairn.image.ImageManifest.BlockDevice;
import cairn.image.NewImage;
import cairn.image.SnapshotId;
import cairn.server.account.Access.Right;
import cairn.server.account.Caller;
import cairn.server.account.Encryption;
import cairn.server.account.Sharing;
import cairn.server.storage.Catalog;
import cairn.server.storage.Catalog.Change;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * Copies images, across accounts and regions. No data moves: a copy has snapshots of its own, records that name the
 * same trees where these lie. Safe for threads.
 */
public final class ImageCopies {
    private final Catalog catalog;
    private final ImageRegistry images;
    private final SnapshotRegistry snapshots;

    public ImageCopies(Catalog catalog, ImageRegistry images, SnapshotRegistry snapshots) {
        this.catalog = catalog;
        this.images = images;
        this.snapshots = snapshots;
    }

    /** A disk of the source, and the snapshot that the copy has for it. */
    private record DiskCopy(BlockDevice disk, Snapshot from, SnapshotId to) {}

    /**
     * Makes a copy in the caller's account and region, whose parent is the source.
     *
     * @param others changes that are to be made if and only if the copy is
     * @throws StoreException NOT_FOUND or FORBIDDEN for a source that the caller may not copy; CONFLICT if the name is
     *     taken, or the source goes meanwhile
     */
    public RegisteredImage copy(Caller caller, NewCopy wanted, Function<RegisteredImage, List<Change>> others) {
        return Changes.make(catalog, () -> prepared(caller, wanted, others));
    }

    private Changes.Prepared<RegisteredImage> prepared(
            Caller caller, NewCopy wanted, Function<RegisteredImage, List<Change>> others) {
        RegisteredImage source = images.read(caller.in(wanted.sourceRegion()), Right.COPY, wanted.source());
        images.requireFree(caller, wanted.name());
        List<Change> changes = new ArrayList<>();
        new HashSet<>(source.snapshots()).forEach(each -> changes.add(snapshots.requiring(each)));
        List<DiskCopy> disks = source.manifest().blockDevices().stream()
                .map(disk -> new DiskCopy(disk, snapshots.readKept(disk.snapshot()), snapshots.newId()))
                .toList();
        ImageRegistry.Registration copy = images.registration(
                caller,
                described(caller, source, wanted),
                source.manifest().rootDevice(),
                disks.stream().map(ImageCopies::blockDevice).toList(),
                settings(caller, source, wanted, disks));

        changes.addAll(copy.changes());
        Instant now = images.now();
        for (DiskCopy disk : disks) {
            changes.add(SnapshotRegistry.keep(snapshot(caller, wanted, disk, copy.image(), now)));
        }
        changes.addAll(others.apply(copy.image()));
        return new Changes.Prepared<>(copy.image(), changes);
    }

    private static BlockDevice blockDevice(DiskCopy copy) {
        return new BlockDevice(copy.disk.device(), copy.to, copy.disk.root(), copy.disk.sizeBytes());
    }

    private static NewImage described(Caller caller, RegisteredImage source, NewCopy wanted) {
        Map<String, String> tags = new HashMap<>();
        if (wanted.copiesTags() && (caller.isRoot() || source.owner().equals(caller.account()))) {
            tags.putAll(source.tags());
        }
        tags.putAll(wanted.tags());
        ImageManifest manifest = source.manifest();
        return new NewImage(
                wanted.name(),
                wanted.description().orElse(source.description()),
                manifest.architecture(),
                manifest.bootMode(),
                Optional.of(source.id()),
                tags);
    }

    /** What the machine needs stays; what its owner has decided about the source is not passed on. */
    private ImageSettings settings(Caller caller, RegisteredImage source, NewCopy wanted, List<DiskCopy> disks) {
        Map<String, DeviceSettings> devices = new HashMap<>(source.settings().devices());
        for (DiskCopy copy : disks) {
            Encryption.Choice encryption = encryption(caller, copy.from, wanted);
            devices.merge(
                    copy.disk.device(),
                    DeviceSettings.NEW.with(encryption),
                    (said, ignored) -> said.with(encryption));
        }
        return ImageSettings.NEW
                .with(source.settings().features())
                .withParentRegion(Optional.of(source.region()))
                .withDevices(devices);
    }

    private Encryption.Choice encryption(Caller caller, Snapshot source, NewCopy wanted) {
        return wanted.encryption().over(snapshots.encryptionFor(caller, source));
    }

    /** Its parent is none: who may see the copy may perhaps not see the source's snapshots. */
    private Snapshot snapshot(
            Caller caller, NewCopy wanted, DiskCopy disk, RegisteredImage copy, Instant now) {
        return new Snapshot(
                disk.to,
                caller.account(),
                caller.region(),
                disk.from.domain(),
                disk.from.root(),
                Optional.empty(),
                now,
                "Copied for DestinationAmi " + copy.id() + " from SourceAmi " + wanted.source() + " for SourceSnapshot "
                        + disk.from.id() + '.',
                Optional.empty(),
                Sharing.NONE,
                SnapshotSettings.of(encryption(caller, disk.from, wanted))
                        .withCompletedAt(now)
                        .withCopyOf(new SnapshotSettings.CopySource(disk.from.id(), disk.from.region())),
                wanted.snapshotTags());
    }
}
