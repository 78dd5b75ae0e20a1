package cairn.server.image;

import java.util.Map;
import java.util.Optional;

/**
 * What somebody says of a copy of a snapshot that is to be made.
 *
 * @param isEncrypted whatever the source is; what is encrypted stays so
 * @param keyId the label of the key; empty: the source's
 */
public record NewSnapshotCopy(
        String description, Map<String, String> tags, boolean isEncrypted, Optional<String> keyId) {
    public NewSnapshotCopy {
        tags = Map.copyOf(tags);
    }
}
