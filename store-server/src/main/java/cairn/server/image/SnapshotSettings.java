package cairn.server.image;

import cairn.image.Region;
import cairn.image.SnapshotId;
import cairn.server.account.Encryption;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What may change about a snapshot, beside its tags and whom it is shared with, and what is said of it beside its
 * content.
 *
 * @param isEncrypted the operator has said that what is stored lies encrypted; it is never taken back
 * @param keyId the label of the key, where one was named
 * @param completedAt empty in records that were made before this was kept
 * @param copyOf what it was copied from
 * @param lock keeps it from being deleted
 * @param archival if it was ever archived
 * @param fastRestores the zones in which volumes of it are to be quick from the start, as a set of their names
 * @param recycled it lies in the recycle bin
 */
public record SnapshotSettings(
        boolean isEncrypted,
        Optional<String> keyId,
        Optional<Instant> completedAt,
        Optional<CopySource> copyOf,
        Optional<SnapshotLock> lock,
        Optional<Archival> archival,
        Map<String, FastRestore> fastRestores,
        Optional<Recycled> recycled) {
    public static final SnapshotSettings NEW = of(false, Optional.empty(), Optional.empty());

    /** What a snapshot was copied from, which may be gone since. */
    public record CopySource(SnapshotId snapshot, Region region) {}

    public SnapshotSettings {
        fastRestores = fastRestores == null ? Map.of() : Map.copyOf(fastRestores);
    }

    /** Of a snapshot that is completed now. @param keyId as {@link #keyId()} */
    public static SnapshotSettings completed(boolean isEncrypted, Optional<String> keyId, Instant at) {
        return of(isEncrypted, keyId, Optional.of(at));
    }

    /** Of one of which nothing else is said. */
    public static SnapshotSettings of(Encryption.Choice encryption) {
        return of(encryption.isEncrypted(), encryption.keyId(), Optional.empty());
    }

    public Encryption.Choice encryption() {
        return new Encryption.Choice(isEncrypted, keyId);
    }

    private static SnapshotSettings of(boolean isEncrypted, Optional<String> keyId, Optional<Instant> completedAt) {
        return new SnapshotSettings(
                isEncrypted,
                keyId,
                completedAt,
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Map.of(),
                Optional.empty());
    }

    /** Whether it can be made volumes from, read and copied, and need not be restored first. */
    public boolean isUsable(Instant now) {
        return archival.map(each -> each.isUsable(now)).orElse(true);
    }

    /** Whether it cannot be deleted. */
    public boolean isLocked(Instant now) {
        return lock.map(each -> each.isInForce(now)).orElse(false);
    }

    public SnapshotSettings withCompletedAt(Instant at) {
        return new SnapshotSettings(
                isEncrypted, keyId, Optional.of(at), copyOf, lock, archival, fastRestores, recycled);
    }

    public SnapshotSettings withCopyOf(CopySource source) {
        return new SnapshotSettings(
                isEncrypted, keyId, completedAt, Optional.of(source), lock, archival, fastRestores, recycled);
    }

    public SnapshotSettings withLock(Optional<SnapshotLock> newLock) {
        return new SnapshotSettings(
                isEncrypted, keyId, completedAt, copyOf, newLock, archival, fastRestores, recycled);
    }

    public SnapshotSettings withArchival(Archival newArchival) {
        return new SnapshotSettings(
                isEncrypted, keyId, completedAt, copyOf, lock, Optional.of(newArchival), fastRestores, recycled);
    }

    /** @param restore empty: no longer in this zone */
    public SnapshotSettings withFastRestore(String zone, Optional<FastRestore> restore) {
        Map<String, FastRestore> restores = new TreeMap<>(fastRestores);
        restores.remove(zone);
        restore.ifPresent(each -> restores.put(zone, each));
        return new SnapshotSettings(isEncrypted, keyId, completedAt, copyOf, lock, archival, restores, recycled);
    }

    public SnapshotSettings withRecycled(Optional<Recycled> newRecycled) {
        return new SnapshotSettings(
                isEncrypted, keyId, completedAt, copyOf, lock, archival, fastRestores, newRecycled);
    }
}
