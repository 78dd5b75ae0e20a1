package cairn.server.upload;

import cairn.image.AccountId;
import java.time.Instant;

/**
 * An upload in progress.
 *
 * @param leaseUntil until then at least it keeps what it has stored
 */
public record Upload(String id, AccountId account, long sizeBytes, Instant startedAt, Instant leaseUntil) {}
