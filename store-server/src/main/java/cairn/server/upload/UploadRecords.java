package cairn.server.upload;

import cairn.image.AccountId;
import cairn.server.storage.Catalog;
import cairn.server.storage.JsonRecords;
import java.time.Instant;

/** Uploads as the catalog keeps them: JSON objects, described in docs/formats.md. */
final class UploadRecords {
    /** @param floorSegment 0 in those of version 1 */
    private record UploadRecord(
            String id, String account, long sizeBytes, String startedAt, String leaseUntil, long floorSegment) {}

    private UploadRecords() {}

    static byte[] encode(Upload upload) {
        return JsonRecords.encode(new UploadRecord(
                upload.id(),
                upload.account().value(),
                upload.sizeBytes(),
                upload.startedAt().toString(),
                upload.leaseUntil().toString(),
                upload.floorSegment()));
    }

    static Upload upload(Catalog.Entry entry) {
        UploadRecord read = JsonRecords.decode(entry, UploadRecord.class);
        return new Upload(
                read.id,
                new AccountId(read.account),
                read.sizeBytes,
                Instant.parse(read.startedAt),
                Instant.parse(read.leaseUntil),
                read.floorSegment);
    }
}
