package cairn.server.upload;

import static cairn.Fault.CORRUPT;

import cairn.Digest;
import cairn.StoreException;
import cairn.image.AccountId;
import cairn.image.Region;
import cairn.image.SnapshotId;
import cairn.server.image.SnapshotSettings;
import cairn.server.storage.Catalog;
import cairn.server.storage.DomainId;
import cairn.server.storage.JsonRecords;
import cairn.tree.TreeRoot;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Snapshots being written as the catalog keeps them: JSON objects, described in docs/formats.md. */
final class PendingRecords {
    private record PendingRecord(
            String id,
            String owner,
            String region,
            int domain,
            int sizeGib,
            Optional<String> parent,
            Optional<BaseRecord> base,
            String description,
            Map<String, String> tags,
            long timeoutMinutes,
            Instant startedAt,
            SnapshotSettings settings,
            boolean isCompleting,
            Optional<FailureRecord> failure) {}

    private record BaseRecord(long sizeBytes, String topPage, int domain) {}

    private record FailureRecord(String why, Instant at) {}

    private PendingRecords() {}

    static byte[] encode(PendingSnapshot snapshot) {
        return JsonRecords.encode(new PendingRecord(
                snapshot.id().value(),
                snapshot.owner().value(),
                snapshot.region().name(),
                snapshot.domain().number(),
                snapshot.sizeGib(),
                snapshot.parent().map(SnapshotId::value),
                snapshot.base().map(base -> new BaseRecord(
                        base.root().sizeBytes(), base.root().top().digest().toString(), base.domain().number())),
                snapshot.description(),
                new TreeMap<>(snapshot.tags()),
                snapshot.timeout().toMinutes(),
                snapshot.startedAt(),
                snapshot.settings(),
                snapshot.isCompleting(),
                snapshot.failure().map(failure -> new FailureRecord(failure.why(), failure.at()))));
    }

    static PendingSnapshot decode(Catalog.Entry entry) {
        PendingRecord read = JsonRecords.decode(entry, PendingRecord.class);
        try {
            return new PendingSnapshot(
                    new SnapshotId(read.id),
                    new AccountId(read.owner),
                    new Region(read.region),
                    new DomainId(read.domain),
                    read.sizeGib,
                    read.parent.map(SnapshotId::new),
                    read.base.map(base -> new PendingSnapshot.Base(
                            TreeRoot.of(base.sizeBytes, Digest.parse(base.topPage)), new DomainId(base.domain))),
                    read.description,
                    read.tags,
                    Duration.ofMinutes(read.timeoutMinutes),
                    read.startedAt,
                    read.settings,
                    read.isCompleting,
                    read.failure.map(failure -> new PendingSnapshot.Failure(failure.why, failure.at)));
        } catch (NullPointerException e) {
            throw new StoreException(CORRUPT, "record " + entry.key() + " is not complete", e);
        } catch (StoreException | DateTimeException e) {
            throw new StoreException(CORRUPT, "record " + entry.key() + ": " + e.getMessage(), e);
        }
    }
}
