package cairn.server.upload;

import cairn.image.AccountId;
import java.time.Instant;

/**
 * An upload in progress.
 *
 * @param leaseUntil until then at least it keeps what it has stored
 * @param floorSegment what it has stored lies in no segment before this
 */
public record Upload(
        String id, AccountId account, long sizeBytes, Instant startedAt, Instant leaseUntil, long floorSegment) {
    Upload renewed(Instant newLeaseUntil) {
        return new Upload(id, account, sizeBytes, startedAt, newLeaseUntil, floorSegment);
    }
}
