package cairn.server.instance;

import cairn.image.Architecture;
import cairn.image.BootMode;
import cairn.image.InstanceId;
import cairn.image.VolumeId;
import java.util.List;
import java.util.Optional;

/**
 * What a launcher has to run.
 *
 * @param disks what boots comes first
 */
public record Machine(
        InstanceId id,
        Architecture architecture,
        Optional<BootMode> bootMode,
        InstanceType type,
        List<VolumeId> disks) {
    public Machine {
        disks = List.copyOf(disks);
    }
}
