package cairn.server.image;

import java.util.Optional;

/**
 * What may change about a snapshot, beside its tags and whom it is shared with.
 *
 * @param isEncrypted the operator has said that what is stored lies encrypted; it is never taken back
 * @param keyId the label of the key, where one was named
 * @param recycled it lies in the recycle bin
 */
public record SnapshotSettings(boolean isEncrypted, Optional<String> keyId, Optional<Recycled> recycled) {
    public static final SnapshotSettings NEW = new SnapshotSettings(false, Optional.empty(), Optional.empty());

    /** Of one of which nothing else is said. */
    public static SnapshotSettings encrypted(boolean isEncrypted, Optional<String> keyId) {
        return new SnapshotSettings(isEncrypted, keyId, Optional.empty());
    }
}
