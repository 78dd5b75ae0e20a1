package cairn.server.image;

import cairn.Digest;
import cairn.image.AccountId;
import cairn.image.SignedManifest;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import cairn.server.storage.Catalog;
import cairn.server.storage.DomainId;
import cairn.server.storage.JsonRecords;
import cairn.tree.TreeRoot;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Images and snapshots as the catalog keeps them: JSON objects, described in docs/formats.md. */
final class ImageRecords {
    private record ImageRecord(
            byte[] signedManifest, boolean isPublic, List<String> sharedWith, Map<String, String> tags) {}

    /** Description and volume are null in records that were made before there were volumes. */
    private record SnapshotRecord(
            String id,
            String owner,
            int domain,
            long sizeBytes,
            String topPage,
            String parent,
            String startedAt,
            String description,
            String volume,
            Map<String, String> tags) {}

    private ImageRecords() {}

    static byte[] encode(RegisteredImage image) {
        return JsonRecords.encode(new ImageRecord(
                image.signed().encode(),
                image.isPublic(),
                image.sharedWith().stream().map(AccountId::value).toList(),
                new TreeMap<>(image.tags())));
    }

    static byte[] encode(Snapshot snapshot) {
        return JsonRecords.encode(new SnapshotRecord(
                snapshot.id().value(),
                snapshot.owner().value(),
                snapshot.domain().number(),
                snapshot.root().sizeBytes(),
                snapshot.root().top().digest().toString(),
                snapshot.parent().map(SnapshotId::value).orElse(null),
                snapshot.startedAt().toString(),
                snapshot.description(),
                snapshot.volume().map(VolumeId::value).orElse(null),
                new TreeMap<>(snapshot.tags())));
    }

    static RegisteredImage image(Catalog.Entry entry) {
        ImageRecord read = JsonRecords.decode(entry, ImageRecord.class);
        return new RegisteredImage(
                SignedManifest.decode(read.signedManifest),
                read.isPublic,
                read.sharedWith.stream().map(AccountId::new).toList(),
                read.tags);
    }

    static Snapshot snapshot(Catalog.Entry entry) {
        SnapshotRecord read = JsonRecords.decode(entry, SnapshotRecord.class);
        return new Snapshot(
                new SnapshotId(read.id),
                new AccountId(read.owner),
                new DomainId(read.domain),
                TreeRoot.of(read.sizeBytes, Digest.parse(read.topPage)),
                Optional.ofNullable(read.parent).map(SnapshotId::new),
                Instant.parse(read.startedAt),
                Optional.ofNullable(read.description).orElse(""),
                Optional.ofNullable(read.volume).map(VolumeId::new),
                read.tags);
    }
}
