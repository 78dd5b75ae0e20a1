package cairn.server.image;

import cairn.image.ImageId;
import cairn.image.NewImage;
import cairn.image.SnapshotId;
import java.util.List;
import java.util.Map;

/**
 * An image that is to be made of volumes, all as they are at one moment.
 *
 * @param id that the image will have; {@link ImageRegistry#newId} gives one
 * @param wanted with the image that the machine was launched from as its parent
 * @param rootDevice one of the devices
 * @param disks at least one, in the order in which the image will have them
 * @param others devices whose content is a snapshot that is there, of the caller's own; they come behind the disks
 * @param settings beside others, what is said of the devices, those without content included
 */
public record ImagePlan(
        ImageId id,
        NewImage wanted,
        String rootDevice,
        List<Disk> disks,
        Map<String, SnapshotId> others,
        ImageSettings settings) {

    /** A device, and the volume of which its content is made. */
    public record Disk(String device, WantedSnapshot content) {}

    public ImagePlan {
        disks = List.copyOf(disks);
        others = Map.copyOf(others);
    }
}
