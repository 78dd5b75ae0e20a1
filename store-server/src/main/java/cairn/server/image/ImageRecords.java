package cairn.server.image;

import cairn.Digest;
import cairn.image.AccountId;
import cairn.image.Region;
import cairn.image.SignedManifest;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import cairn.server.account.Sharing;
import cairn.server.storage.Catalog;
import cairn.server.storage.DomainId;
import cairn.server.storage.JsonRecords;
import cairn.tree.TreeRoot;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** Images and snapshots as the catalog keeps them: JSON objects, described in docs/formats.md. */
final class ImageRecords {
    /** Region and settings are null in records that were made before there were regions. */
    private record ImageRecord(
            byte[] signedManifest,
            Region region,
            boolean isPublic,
            List<AccountId> sharedWith,
            ImageSettings settings,
            Map<String, String> tags) {}

    /**
     * Description and volume are null in records that were made before there were volumes; region, sharing and settings
     * in those before there were regions.
     */
    private record SnapshotRecord(
            String id,
            String owner,
            Region region,
            int domain,
            long sizeBytes,
            String topPage,
            String parent,
            String startedAt,
            String description,
            String volume,
            boolean isPublic,
            List<AccountId> sharedWith,
            SnapshotSettings settings,
            Map<String, String> tags) {}

    private ImageRecords() {}

    static byte[] encode(RegisteredImage image) {
        return JsonRecords.encode(new ImageRecord(
                image.signed().encode(),
                image.region(),
                image.sharing().isPublic(),
                sorted(image.sharing()),
                image.settings(),
                new TreeMap<>(image.tags())));
    }

    static byte[] encode(Snapshot snapshot) {
        return JsonRecords.encode(new SnapshotRecord(
                snapshot.id().value(),
                snapshot.owner().value(),
                snapshot.region(),
                snapshot.domain().number(),
                snapshot.root().sizeBytes(),
                snapshot.root().top().digest().toString(),
                snapshot.parent().map(SnapshotId::value).orElse(null),
                snapshot.startedAt().toString(),
                snapshot.description(),
                snapshot.volume().map(VolumeId::value).orElse(null),
                snapshot.sharing().isPublic(),
                sorted(snapshot.sharing()),
                snapshot.settings(),
                new TreeMap<>(snapshot.tags())));
    }

    static RegisteredImage image(Catalog.Entry entry) {
        ImageRecord read = JsonRecords.decode(entry, ImageRecord.class);
        return new RegisteredImage(
                SignedManifest.decode(read.signedManifest),
                region(read.region),
                sharing(read.isPublic, read.sharedWith),
                Optional.ofNullable(read.settings).orElse(ImageSettings.NEW),
                read.tags);
    }

    static Snapshot snapshot(Catalog.Entry entry) {
        SnapshotRecord read = JsonRecords.decode(entry, SnapshotRecord.class);
        return new Snapshot(
                new SnapshotId(read.id),
                new AccountId(read.owner),
                region(read.region),
                new DomainId(read.domain),
                TreeRoot.of(read.sizeBytes, Digest.parse(read.topPage)),
                Optional.ofNullable(read.parent).map(SnapshotId::new),
                Instant.parse(read.startedAt),
                Optional.ofNullable(read.description).orElse(""),
                Optional.ofNullable(read.volume).map(VolumeId::new),
                sharing(read.isPublic, read.sharedWith),
                Optional.ofNullable(read.settings).orElse(SnapshotSettings.NEW),
                read.tags);
    }

    /** @param recorded null in records that were made before there were regions */
    static Region region(Region recorded) {
        return Optional.ofNullable(recorded).orElse(Region.LOCAL);
    }

    private static List<AccountId> sorted(Sharing sharing) {
        return sharing.accounts().stream().sorted(Comparator.comparing(AccountId::value)).toList();
    }

    private static Sharing sharing(boolean isPublic, List<AccountId> accounts) {
        return new Sharing(isPublic, accounts == null ? Set.of() : Set.copyOf(accounts));
    }
}
