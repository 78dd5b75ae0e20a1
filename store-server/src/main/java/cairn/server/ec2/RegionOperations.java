package cairn.server.ec2;

import cairn.image.Region;
import cairn.server.account.Regions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** Regions, their zones, and what there is to say of an account. */
public final class RegionOperations {
    private static final String NOT_OPTED = "opt-in-not-required";

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

    public void addTo(Operations all) {
        Filters<ListedRegion> regionFilters = all.filters("DescribeRegions", regionValues());
        all.add("DescribeRegions", request -> () -> describeRegions(request, regionFilters));
    }

    private static Map<String, Function<ListedRegion, Stream<String>>> regionValues() {
        return Map.of(
                "region-name", each -> Stream.of(each.region.name()),
                "endpoint", each -> Stream.of(each.endpoint),
                "opt-in-status", each -> Stream.of(NOT_OPTED));
    }

    private Answer describeRegions(Ec2Request request, Filters<ListedRegion> filters) {
        List<String> asked = request.arguments().texts("RegionName");
        Predicate<ListedRegion> passes = filters.of(request);
        return Answer.of().put("regionInfo", listed(request).stream()
                .filter(each -> asked.isEmpty() || asked.contains(each.region.name()))
                .filter(passes)
                .map(ListedRegion::shown)
                .toList());
    }

    private List<ListedRegion> listed(Ec2Request request) {
        TreeSet<String> names = new TreeSet<>();
        names.add(request.caller().region().name());
        names.add(Region.LOCAL.name());
        regions.named().forEach(each -> names.add(each.name()));
        names.removeIf(name -> !regions.offers(new Region(name)));
        List<ListedRegion> listed = new ArrayList<>();
        names.forEach(name -> listed.add(new ListedRegion(new Region(name), request.host())));
        return listed;
    }
}
