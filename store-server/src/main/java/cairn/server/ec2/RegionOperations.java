package cairn.server.ec2;

import cairn.StoreException;
import cairn.Text;
import cairn.image.Region;
import cairn.server.account.Regions;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** Regions, their zones, and what there is to say of an account. */
public final class RegionOperations {
    private static final String NOT_OPTED = "opt-in-not-required";
    private static final Map<String, String> ATTRIBUTES =
            Collections.unmodifiableMap(new TreeMap<>(Map.of("supported-platforms", "VPC", "default-vpc", "none")));

    private final Regions regions;

    public RegionOperations(Regions regions) {
        this.regions = regions;
    }

    /** A region as it is listed. @param endpoint where this server was reached: the same for all */
    private record ListedRegion(Region region, String endpoint) {
        Answer shown() {
            return Answer.of()
                    .put("regionName", region.name())
                    .put("regionEndpoint", endpoint)
                    .put("optInStatus", NOT_OPTED);
        }
    }

    /** A zone as it is listed. */
    private record Zone(Region region, String name) {
        private static final String STATE = "available";
        private static final String TYPE = "availability-zone";

        /** Names the same zone in every account. */
        String id() {
            return region + "-az" + (1 + region.zones().indexOf(name));
        }

        Answer shown() {
            return Answer.of()
                    .put("zoneName", name)
                    .put("zoneId", id())
                    .put("zoneState", STATE)
                    .put("zoneType", TYPE)
                    .put("regionName", region.name())
                    .put("groupName", region.name())
                    .put("networkBorderGroup", region.name())
                    .put("optInStatus", NOT_OPTED)
                    .put("messageSet", List.of());
        }
    }

    public void addTo(Operations all) {
        Filters<ListedRegion> regionFilters = all.filters("DescribeRegions", regionValues());
        all.add("DescribeRegions", request -> describeRegions(request, regionFilters));
        Filters<Zone> zoneFilters = all.filters("DescribeAvailabilityZones", zoneValues());
        all.add("DescribeAvailabilityZones", request -> describeZones(request, zoneFilters));
        all.add("DescribeAccountAttributes", RegionOperations::describeAttributes);
    }

    private static Map<String, Function<ListedRegion, Stream<String>>> regionValues() {
        return Map.of(
                "region-name", each -> Stream.of(each.region.name()),
                "endpoint", each -> Stream.of(each.endpoint),
                "opt-in-status", each -> Stream.of(NOT_OPTED));
    }

    private static Map<String, Function<Zone, Stream<String>>> zoneValues() {
        return Map.of(
                "group-name", zone -> Stream.of(zone.region.name()),
                "message", zone -> Stream.empty(),
                "opt-in-status", zone -> Stream.of(NOT_OPTED),
                "parent-zone-id", zone -> Stream.empty(),
                "parent-zone-name", zone -> Stream.empty(),
                "region-name", zone -> Stream.of(zone.region.name()),
                "state", zone -> Stream.of(Zone.STATE),
                "zone-id", zone -> Stream.of(zone.id()),
                "zone-name", zone -> Stream.of(zone.name),
                "zone-type", zone -> Stream.of(Zone.TYPE));
    }

    private Effect describeRegions(Ec2Request request, Filters<ListedRegion> filters) {
        List<String> asked = request.arguments().texts("RegionName");
        Predicate<ListedRegion> passes = filters.of(request);
        List<Answer> regionInfo = (asked.isEmpty() ? known(request) : asked.stream().map(this::offered))
                .distinct()
                .sorted(Comparator.comparing(Region::name))
                .map(region -> new ListedRegion(region, request.host()))
                .filter(passes)
                .map(ListedRegion::shown)
                .toList();
        return () -> Answer.of().put("regionInfo", regionInfo);
    }

    private Stream<Region> known(Ec2Request request) {
        return Stream.concat(Stream.of(request.caller().region(), Region.LOCAL), regions.named().stream())
                .filter(regions::offers);
    }

    private Region offered(String name) {
        try {
            Region region = new Region(name);
            if (regions.offers(region)) {
                return region;
            }
        } catch (StoreException e) {
            // Told below, like one that is not offered.
        }
        throw Ec2Failure.invalidValue("RegionName", name, "There is no such region here");
    }

    private static Effect describeZones(Ec2Request request, Filters<Zone> filters) {
        Region region = request.caller().region();
        List<Zone> all = region.zones().stream().map(name -> new Zone(region, name)).toList();
        List<String> names = known(request, "ZoneName", all.stream().map(Zone::name).toList());
        List<String> ids = known(request, "ZoneId", all.stream().map(Zone::id).toList());
        List<Answer> zones = all.stream()
                .filter(zone -> names.contains(zone.name) && ids.contains(zone.id()))
                .filter(filters.of(request))
                .map(Zone::shown)
                .toList();
        return () -> Answer.of().put("availabilityZoneInfo", zones);
    }

    /** Those that are asked for; all if none are. @throws Ec2Failure InvalidParameterValue for one that is not there */
    private static List<String> known(Ec2Request request, String parameter, List<String> all) {
        List<String> asked = request.arguments().texts(parameter);
        for (String name : asked) {
            if (!all.contains(name)) {
                throw new Ec2Failure("InvalidParameterValue", "Invalid availability zone: [" + Text.shown(name) + ']');
            }
        }
        return asked.isEmpty() ? all : asked;
    }

    private static Effect describeAttributes(Ec2Request request) {
        List<String> asked = request.arguments().texts("AttributeName");
        List<Answer> attributes = ATTRIBUTES.entrySet().stream()
                .filter(each -> asked.isEmpty() || asked.contains(each.getKey()))
                .map(each -> Answer.of()
                        .put("attributeName", each.getKey())
                        .put("attributeValueSet", List.of(Answer.of().put("attributeValue", each.getValue()))))
                .toList();
        return () -> Answer.of().put("accountAttributeSet", attributes);
    }
}
