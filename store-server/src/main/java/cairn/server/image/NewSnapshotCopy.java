package cairn.server.image;

import cairn.server.account.Encryption;
import java.util.Map;

/**
 * What somebody says of a copy of a snapshot that is to be made.
 *
 * @param encryption where the source is encrypted the copy is in any case
 */
public record NewSnapshotCopy(String description, Map<String, String> tags, Encryption.Choice encryption) {
    public NewSnapshotCopy {
        tags = Map.copyOf(tags);
    }
}
