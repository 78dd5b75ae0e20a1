package cairn.server.image;

import cairn.image.Region;
import java.util.Optional;

/**
 * What EC2 says of a volume, beside its content.
 *
 * @param zone in which it may be attached
 * @param type as EC2 names it: gp3 and the like; here they are all the same
 * @param isEncrypted as {@link SnapshotSettings#isEncrypted}
 * @param keyId as {@link SnapshotSettings#keyId}
 */
public record VolumeSettings(String zone, String type, boolean isEncrypted, Optional<String> keyId) {

    /** Of a volume of which nothing is said. */
    public static VolumeSettings in(Region region) {
        return new VolumeSettings(region + "a", "gp3", false, Optional.empty());
    }
}
