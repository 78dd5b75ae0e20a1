package cairn.server.ec2;

import cairn.Text;
import cairn.image.Region;
import java.util.Optional;

/** The zones that requests name. */
final class Zones {
    private Zones() {}

    /** @throws Ec2Failure InvalidZone.NotFound for one that the region does not have */
    static String require(Region region, String zone) {
        if (!region.zones().contains(zone)) {
            throw new Ec2Failure("InvalidZone.NotFound", "The zone '" + Text.shown(zone) + "' does not exist.");
        }
        return zone;
    }

    /** The zone's id, the same in every account. */
    static String id(Region region, String zone) {
        return region + "-az" + (1 + region.zones().indexOf(zone));
    }

    /** @throws Ec2Failure InvalidZone.NotFound, MissingParameter */
    static String require(Region region, Optional<String> zone, Optional<String> zoneId) {
        if (zone.isEmpty() && zoneId.isPresent()) {
            return region.zones().stream()
                    .filter(each -> id(region, each).equals(zoneId.get()))
                    .findFirst()
                    .orElseThrow(() -> new Ec2Failure(
                            "InvalidZone.NotFound", "The zone '" + Text.shown(zoneId.get()) + "' does not exist."));
        }
        return require(region, zone.orElseThrow(() -> Ec2Failure.missing("AvailabilityZone")));
    }
}
