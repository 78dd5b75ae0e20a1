package cairn.server.upload;

import cairn.image.AccountId;
import cairn.image.Region;
import cairn.image.SnapshotId;
import cairn.server.account.Access;
import cairn.server.account.Sharing;
import cairn.server.image.SnapshotSettings;
import cairn.server.storage.DomainId;
import cairn.tree.TreeRoot;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * A snapshot that is being written block by block, as the catalog keeps it.
 *
 * @param domain of its owner; its chunks and its tree are put there
 * @param base what it shows where no block was written; empty: zeros
 * @param isCompleting all its blocks are there, and its tree is made as soon as may be, also after a restart
 * @param failure why it will never be completed
 */
record PendingSnapshot(
        SnapshotId id,
        AccountId owner,
        Region region,
        DomainId domain,
        int sizeGib,
        Optional<SnapshotId> parent,
        Optional<Base> base,
        String description,
        Map<String, String> tags,
        Duration timeout,
        Instant startedAt,
        SnapshotSettings settings,
        boolean isCompleting,
        Optional<Failure> failure)
        implements Access.Owned {
    private static final int NUMBER_DIGITS = 16;

    /** A tree that is sealed, and where. */
    record Base(TreeRoot root, DomainId domain) {}

    /** Why something ended, and when. */
    record Failure(String why, Instant at) {}

    PendingSnapshot {
        tags = Map.copyOf(tags);
    }

    /** By which its blocks are kept: the last 64 of the id's 68 random bits. */
    long number() {
        return number(id);
    }

    static long number(SnapshotId id) {
        String digits = id.value();
        return Long.parseUnsignedLong(digits, digits.length() - NUMBER_DIGITS, digits.length(), NUMBER_DIGITS);
    }

    long sizeBytes() {
        return (long) sizeGib << 30;
    }

    /** How many blocks there are, written or not. */
    int blockCount() {
        return Math.toIntExact(sizeBytes() / BlockUploads.BLOCK_BYTES);
    }

    PendingSnapshot completing(boolean nowCompleting) {
        return new PendingSnapshot(id, owner, region, domain, sizeGib, parent, base, description, tags, timeout, startedAt,
                settings, nowCompleting, failure);
    }

    PendingSnapshot withTags(Map<String, String> newTags) {
        return new PendingSnapshot(id, owner, region, domain, sizeGib, parent, base, description, newTags, timeout,
                startedAt, settings, isCompleting, failure);
    }

    PendingSnapshot failed(Failure newFailure) {
        return new PendingSnapshot(id, owner, region, domain, sizeGib, parent, base, description, tags, timeout, startedAt,
                settings, false, Optional.of(newFailure));
    }

    @Override
    public Sharing sharing() {
        return Sharing.NONE;
    }
}
