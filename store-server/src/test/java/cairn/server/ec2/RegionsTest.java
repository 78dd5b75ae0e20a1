package cairn.server.ec2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import cairn.server.AwsUser;
import cairn.server.TestStore;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.AccountAttribute;
import software.amazon.awssdk.services.ec2.model.AvailabilityZone;
import software.amazon.awssdk.services.ec2.model.AvailabilityZoneState;
import software.amazon.awssdk.services.ec2.model.Ec2Exception;
import software.amazon.awssdk.services.ec2.model.Filter;
import software.amazon.awssdk.services.ec2.model.Region;

/** Regions and zones, through the SDK and the command line. */
class RegionsTest {
    @TempDir
    private Path folder;

    private TestStore store;
    private AwsUser user;

    @BeforeEach
    void start() throws Exception {
        store = new TestStore(folder.resolve("data"));
        user = store.newAccount("ci").user();
    }

    @AfterEach
    void stop() {
        store.close();
    }

    @Test
    void listsTheAskedRegionAndLocal() {
        try (Ec2Client ec2 = user.in("eu-west-1").ec2()) {
            List<Region> regions = ec2.describeRegions().regions();

            assertEquals(List.of("eu-west-1", "local"), regions.stream().map(Region::regionName).toList());
            assertEquals("opt-in-not-required", regions.get(0).optInStatus());
            assertEquals(user.endpoint().getAuthority(), regions.get(0).endpoint());
        }
    }

    @Test
    void filtersRegions() {
        try (Ec2Client ec2 = user.in("eu-west-1").ec2()) {
            List<Region> regions = ec2.describeRegions(r -> r.filters(filter("region-name", "us-*", "e?-west-*")))
                    .regions();

            assertEquals(List.of("eu-west-1"), regions.stream().map(Region::regionName).toList());
        }
    }

    @Test
    void dryRunSaysThatItWouldHaveBeenDone() {
        try (Ec2Client ec2 = user.ec2()) {
            Ec2Exception failure = assertThrows(Ec2Exception.class, () -> ec2.describeRegions(r -> r.dryRun(true)));

            assertEquals("DryRunOperation", failure.awsErrorDetails().errorCode());
            assertEquals(412, failure.statusCode());
        }
    }

    @Test
    void takesEveryWellFormedRegionForOne() {
        try (Ec2Client ec2 = user.ec2()) {
            assertEquals(
                    List.of("mars-1"),
                    ec2.describeRegions(r -> r.regionNames("mars-1")).regions().stream().map(Region::regionName).toList());
            assertFails("InvalidParameterValue", () -> ec2.describeRegions(r -> r.regionNames("Mars 1")));
        }
    }

    @Test
    void listsThreeZones() {
        try (Ec2Client ec2 = user.in("eu-west-1").ec2()) {
            List<AvailabilityZone> zones = ec2.describeAvailabilityZones().availabilityZones();

            assertEquals(
                    List.of("eu-west-1a", "eu-west-1b", "eu-west-1c"),
                    zones.stream().map(AvailabilityZone::zoneName).toList());
            assertEquals(
                    List.of("eu-west-1-az1", "eu-west-1-az2", "eu-west-1-az3"),
                    zones.stream().map(AvailabilityZone::zoneId).toList());
            assertEquals(AvailabilityZoneState.AVAILABLE, zones.get(0).state());
            assertEquals(
                    List.of("eu-west-1b"),
                    ec2.describeAvailabilityZones(r -> r.zoneNames("eu-west-1a", "eu-west-1b")
                                    .filters(filter("zone-id", "*-az[23]", "*-az2")))
                            .availabilityZones()
                            .stream()
                            .map(AvailabilityZone::zoneName)
                            .toList());
            assertFails(
                    "InvalidParameterValue", () -> ec2.describeAvailabilityZones(r -> r.zoneNames("us-east-1a")));
        }
    }

    @Test
    void tellsThatThereIsNoDefaultNetwork() {
        try (Ec2Client ec2 = user.ec2()) {
            List<AccountAttribute> attributes = ec2.describeAccountAttributes(r -> r.attributeNamesWithStrings(
                            "default-vpc"))
                    .accountAttributes();

            assertEquals(List.of("default-vpc"), attributes.stream().map(AccountAttribute::attributeName).toList());
            assertEquals("none", attributes.get(0).attributeValues().get(0).attributeValue());
            assertEquals(2, ec2.describeAccountAttributes().accountAttributes().size());
            assertFails("InvalidParameterValue", () -> ec2.describeAccountAttributes(
                    r -> r.attributeNamesWithStrings("favourite-colour")));
        }
    }

    private static Filter filter(String name, String... values) {
        return Filter.builder().name(name).values(values).build();
    }

    private static void assertFails(String code, Executable request) {
        Ec2Exception failure = assertThrows(Ec2Exception.class, request);
        assertEquals(code, failure.awsErrorDetails().errorCode(), failure.getMessage());
    }

    @Test
    void theCommandLineListsRegions() throws Exception {
        JsonNode answer = new ObjectMapper().readTree(
                user.in("us-east-1").aws("ec2", "describe-regions", "--region-names", "us-east-1").success());

        assertEquals("us-east-1", answer.at("/Regions/0/RegionName").asText());
        assertEquals(1, answer.at("/Regions").size());
    }
}
