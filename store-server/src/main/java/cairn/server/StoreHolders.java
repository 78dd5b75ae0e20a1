package cairn.server;

import cairn.Digest;
import cairn.image.SnapshotId;
import cairn.server.gc.Holder;
import cairn.server.gc.Holder.Stay;
import cairn.server.gc.Holder.Tree;
import cairn.server.gc.Holders;
import cairn.server.image.ImageRegistry;
import cairn.server.image.Recycled;
import cairn.server.image.RegisteredImage;
import cairn.server.image.RegisteredVolume;
import cairn.server.image.Snapshot;
import cairn.server.image.SnapshotRegistry;
import cairn.server.image.VolumeRegistry;
import cairn.server.storage.Catalog;
import cairn.server.storage.OpenTrees;
import cairn.server.upload.BlockUploads;
import cairn.tree.TreeRoot;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** What keeps trees in this store: images with their snapshots, and what no image names. */
final class StoreHolders implements Holders {
    private static final List<String> PREFIXES = List.of(
            SnapshotRegistry.PREFIX, VolumeRegistry.VOLUME_PREFIX, BlockUploads.PREFIX, ImageRegistry.IMAGE_PREFIX);

    private final Catalog catalog;
    private final OpenTrees openTrees;
    private final Clock clock;

    StoreHolders(Catalog catalog, OpenTrees openTrees, Clock clock) {
        this.catalog = catalog;
        this.openTrees = openTrees;
        this.clock = clock;
    }

    /** Records as they are at one moment, by their ids. */
    private static final class Records {
        final List<RegisteredImage> images = new ArrayList<>();
        final Map<String, Snapshot> snapshots = new TreeMap<>();
        final List<RegisteredVolume> volumes = new ArrayList<>();
        final List<BlockUploads.Kept> pending = new ArrayList<>();

        void add(Catalog.Entry entry) {
            String key = entry.key();
            if (key.startsWith(ImageRegistry.IMAGE_PREFIX)) {
                images.add(ImageRegistry.decode(entry));
            } else if (key.startsWith(SnapshotRegistry.PREFIX)) {
                Snapshot snapshot = SnapshotRegistry.decode(entry);
                snapshots.put(snapshot.id().value(), snapshot);
            } else if (key.startsWith(VolumeRegistry.VOLUME_PREFIX)) {
                volumes.add(VolumeRegistry.decode(entry));
            } else {
                BlockUploads.kept(entry).ifPresent(pending::add);
            }
        }
    }

    @Override
    public View read() {
        Records records = new Records();
        catalog.forEach(PREFIXES, records::add);
        Instant now = clock.instant();
        List<Holder> holders = new ArrayList<>();
        Set<String> named = new HashSet<>();
        for (RegisteredImage image : records.images) {
            holders.add(holder(image, records.snapshots, now));
            image.snapshots().forEach(id -> named.add(id.value()));
        }
        records.snapshots.values().stream()
                .filter(snapshot -> !named.contains(snapshot.id().value()))
                .forEach(snapshot -> holders.add(holder(snapshot, now)));
        records.volumes.forEach(volume -> holders.add(holder(volume)));
        records.pending.forEach(each -> holders.add(holder(each)));
        Set<OpenTree> open = new HashSet<>();
        openTrees.forEach((domain, root) -> open.add(new OpenTree(domain, root)));
        return new View(holders, open);
    }

    private static Holder holder(RegisteredImage image, Map<String, Snapshot> snapshots, Instant now) {
        List<Tree> trees = new ArrayList<>();
        List<Stay> stays = new ArrayList<>(inBin(image.id().value(), image.settings().recycled()));
        for (SnapshotId id : image.snapshots()) {
            Snapshot snapshot = snapshots.get(id.value());
            if (snapshot != null) {
                trees.add(tree(snapshot));
                stays.addAll(stays(snapshot, now));
            }
        }
        return new Holder(
                Holder.Kind.IMAGE,
                image.id().value(),
                image.manifest().name().value(),
                image.owner(),
                image.region(),
                trees,
                Optional.empty(),
                stays);
    }

    private static Holder holder(Snapshot snapshot, Instant now) {
        return new Holder(
                Holder.Kind.SNAPSHOT,
                snapshot.id().value(),
                snapshot.description(),
                snapshot.owner(),
                snapshot.region(),
                List.of(tree(snapshot)),
                Optional.empty(),
                stays(snapshot, now));
    }

    private static Tree tree(Snapshot snapshot) {
        return new Tree(
                snapshot.id().value(), snapshot.root().sizeBytes(), snapshot.domain(), snapshot.root());
    }

    private static List<Stay> stays(Snapshot snapshot, Instant now) {
        List<Stay> stays = new ArrayList<>(inBin(snapshot.id().value(), snapshot.settings().recycled()));
        snapshot.settings()
                .lock()
                .filter(lock -> lock.isInForce(now))
                .ifPresent(lock -> stays.add(new Stay(Stay.LOCK, snapshot.id().value(), lock.expiresAt())));
        return stays;
    }

    private static List<Stay> inBin(String id, Optional<Recycled> recycled) {
        return recycled.map(each -> new Stay(Stay.RECYCLE_BIN, id, each.exitsAt())).stream().toList();
    }

    private static Holder holder(RegisteredVolume volume) {
        String id = volume.id().value();
        return new Holder(
                Holder.Kind.VOLUME,
                id,
                "",
                volume.owner(),
                volume.region(),
                List.of(new Tree(id, volume.sizeBytes(), volume.state().domain(), volume.state().base())),
                Optional.empty(),
                inBin(id, volume.settings().recycled()));
    }

    private static Holder holder(BlockUploads.Kept pending) {
        String id = pending.id().value();
        Tree base = pending.base()
                .map(each -> new Tree(id, pending.sizeBytes(), each.domain(), each.root()))
                .orElseGet(() -> new Tree(
                        id,
                        pending.sizeBytes(),
                        pending.domain(),
                        TreeRoot.of(pending.sizeBytes(), Digest.ZERO)));
        return new Holder(
                Holder.Kind.UPLOAD,
                id,
                "",
                pending.owner(),
                pending.region(),
                List.of(base),
                Optional.of(new Holder.Pending(pending.domain(), pending.number())),
                List.of());
    }
}
