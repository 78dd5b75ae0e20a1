package cairn.server.image;

import cairn.image.NewVolume;
import java.util.Optional;

/**
 * A volume that is to be made, with what EC2 says of it.
 *
 * @param wanted what it begins as, and how large it is
 * @param device of the image that is named there, the one whose content it begins as; empty: the root device
 * @param settings an encrypted source's volume is encrypted whatever they say; one to be attached at once names that
 */
public record VolumePlan(NewVolume wanted, Optional<String> device, VolumeSettings settings) {
    /** Of the root device, or of a snapshot, or of zeros. */
    public static VolumePlan of(NewVolume wanted, VolumeSettings settings) {
        return new VolumePlan(wanted, Optional.empty(), settings);
    }
}
