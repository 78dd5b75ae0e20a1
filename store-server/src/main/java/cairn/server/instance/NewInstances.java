package cairn.server.instance;

import cairn.StoreException;
import cairn.image.ImageId;
import cairn.server.image.VolumePlan;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Instances that are to be launched, all alike.
 *
 * @param devices the disks of each
 * @param isEndedByShutdown as in {@link Launch}, like what follows it
 * @param tags of each instance
 */
public record NewInstances(
        ImageId image,
        int count,
        String zone,
        String type,
        List<Device> devices,
        boolean isEndedByShutdown,
        Optional<String> keyName,
        Optional<String> userData,
        Optional<String> subnetId,
        List<String> securityGroupIds,
        String clientToken,
        Map<String, String> tags) {
    /** Most that are launched at a time. */
    public static final int COUNT_MAX = 100;

    /** A disk of an instance. @param plan of its volume, which names no attachment yet */
    public record Device(String name, VolumePlan plan, boolean isDeletedOnTermination) {}

    /** @throws StoreException INVALID_REQUEST for a type that is none */
    public NewInstances {
        InstanceType.of(type);
        devices = List.copyOf(devices);
        tags = Map.copyOf(tags);
        securityGroupIds = List.copyOf(securityGroupIds);
    }

    /** The same, so many times. */
    public NewInstances times(int newCount) {
        return new NewInstances(
                image, newCount, zone, type, devices, isEndedByShutdown, keyName, userData, subnetId, securityGroupIds,
                clientToken, tags);
    }
}
