package cairn.server.instance;

import cairn.image.Architecture;
import cairn.image.BootMode;
import cairn.image.ImageId;
import java.util.List;
import java.util.Optional;

/**
 * What an instance was launched as. Some of it is only kept to be told again: Cairn has no networks of its own, and
 * gives a machine neither keys nor user data.
 *
 * @param reservationId of all instances that one request has launched
 * @param index among those
 * @param architecture the image's, which may be gone by now
 * @param bootMode likewise
 * @param rootDevice likewise
 * @param type of {@link InstanceType}
 * @param isEndedByShutdown a machine that powers itself off is terminated; else stopped
 * @param keyName only kept
 * @param userData only kept, in Base64 as it came
 * @param subnetId only kept
 * @param securityGroupIds only kept
 * @param clientToken of the request, may be empty
 */
public record Launch(
        String reservationId,
        int index,
        String zone,
        ImageId image,
        Architecture architecture,
        Optional<BootMode> bootMode,
        String rootDevice,
        String type,
        boolean isEndedByShutdown,
        Optional<String> keyName,
        Optional<String> userData,
        Optional<String> subnetId,
        List<String> securityGroupIds,
        String clientToken) {
    public Launch {
        securityGroupIds = List.copyOf(securityGroupIds);
    }
}
