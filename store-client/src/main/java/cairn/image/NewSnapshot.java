package cairn.image;

import cairn.StoreException;
import java.util.Map;

/** What its maker says of a snapshot that is to be made of a volume. */
public record NewSnapshot(String description, Map<String, String> tags) {
    /** @throws StoreException INVALID_REQUEST for a description or tags beyond their limits */
    public NewSnapshot {
        ImageManifest.requireDescription(description);
        tags = NewImage.requireTags(tags);
    }

    /** A snapshot of which nothing is said. */
    public static NewSnapshot plain() {
        return new NewSnapshot("", Map.of());
    }
}
