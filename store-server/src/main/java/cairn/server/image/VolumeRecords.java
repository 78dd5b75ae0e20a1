package cairn.server.image;

import cairn.Digest;
import cairn.image.AccountId;
import cairn.image.ImageId;
import cairn.image.Region;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import cairn.server.storage.Catalog;
import cairn.server.storage.DomainId;
import cairn.server.storage.JsonRecords;
import cairn.server.volume.VolumeState;
import cairn.tree.TreeRoot;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Volumes as the catalog keeps them: JSON objects, described in docs/formats.md. */
final class VolumeRecords {
    /** Region and settings are null in records that were made before there were regions. */
    private record VolumeRecord(
            String id,
            String owner,
            Region region,
            int domain,
            long sizeBytes,
            long baseSizeBytes,
            String baseTopPage,
            int firstLayer,
            String image,
            String snapshot,
            boolean readOnly,
            boolean ephemeral,
            String createdAt,
            VolumeSettings settings,
            Map<String, String> tags) {}

    private VolumeRecords() {}

    static byte[] encode(RegisteredVolume volume) {
        VolumeState state = volume.state();
        return JsonRecords.encode(new VolumeRecord(
                volume.id().value(),
                volume.owner().value(),
                volume.region(),
                state.domain().number(),
                state.sizeBytes(),
                state.base().sizeBytes(),
                state.base().top().digest().toString(),
                state.firstLayer(),
                volume.image().map(ImageId::value).orElse(null),
                volume.snapshot().map(SnapshotId::value).orElse(null),
                volume.isReadOnly(),
                volume.isEphemeral(),
                volume.createdAt().toString(),
                volume.settings(),
                new TreeMap<>(volume.tags())));
    }

    static RegisteredVolume volume(Catalog.Entry entry) {
        VolumeRecord read = JsonRecords.decode(entry, VolumeRecord.class);
        VolumeId id = new VolumeId(read.id);
        Region region = ImageRecords.region(read.region);
        return new RegisteredVolume(
                id,
                new AccountId(read.owner),
                region,
                new VolumeState(
                        id.number(),
                        read.sizeBytes,
                        new DomainId(read.domain),
                        TreeRoot.of(read.baseSizeBytes, Digest.parse(read.baseTopPage)),
                        read.firstLayer),
                Optional.ofNullable(read.image).map(ImageId::new),
                Optional.ofNullable(read.snapshot).map(SnapshotId::new),
                read.readOnly,
                read.ephemeral,
                Instant.parse(read.createdAt),
                Optional.ofNullable(read.settings).orElseGet(() -> VolumeSettings.in(region)),
                read.tags);
    }
}
