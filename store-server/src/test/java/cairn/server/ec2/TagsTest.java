package cairn.server.ec2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.api.Messages;
import cairn.client.Retry;
import cairn.client.SnapshotWatch;
import cairn.client.StoreClient;
import cairn.client.TransferProgress;
import cairn.image.VolumeId;
import cairn.server.AwsUser;
import cairn.server.TestStore;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.services.ebs.EbsClient;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.CreateTagsRequest;
import software.amazon.awssdk.services.ec2.model.DescribeTagsRequest;
import software.amazon.awssdk.services.ec2.model.DescribeTagsResponse;
import software.amazon.awssdk.services.ec2.model.Ec2Exception;
import software.amazon.awssdk.services.ec2.model.Filter;
import software.amazon.awssdk.services.ec2.model.ResourceType;
import software.amazon.awssdk.services.ec2.model.Tag;
import software.amazon.awssdk.services.ec2.model.TagDescription;

/** Tags of everything that has them, through the SDK and the command line. */
class TagsTest {
    private static final long VOLUME_BYTES = 1 << 20;
    private static final String UNKNOWN = "vol-00123456789abcdef";

    @TempDir
    private Path folder;

    private TestStore store;
    private AwsUser user;
    private Ec2Client ec2;

    @BeforeEach
    void start() throws Exception {
        store = new TestStore(folder.resolve("data"));
        user = store.newAccount("ci").user();
        ec2 = user.ec2();
    }

    @AfterEach
    void stop() {
        ec2.close();
        store.close();
    }

    private String newVolume() {
        return user.store().createVolume(new Messages.CreateVolume(null, VOLUME_BYTES, null, null, null)).id();
    }

    /** An image with its snapshot. */
    private Messages.Snapshot newImage(String name) {
        StoreClient client = user.store();
        Messages.Snapshot started = client.startImage(
                new VolumeId(newVolume()), new Messages.CreateImage(name, null, null, null, null));
        return new SnapshotWatch(client, Retry.never()).await(started, TransferProgress.none());
    }

    private static Tag tag(String key, String value) {
        return Tag.builder().key(key).value(value).build();
    }

    private void create(List<String> resources, Tag... tags) {
        ec2.createTags(r -> r.resources(resources).tags(tags));
    }

    private Map<String, String> tagsOf(String resource) {
        Map<String, String> tags = new TreeMap<>();
        described(r -> r.filters(filter("resource-id", resource)))
                .forEach(tag -> tags.put(tag.key(), tag.value()));
        return tags;
    }

    private List<TagDescription> described(Consumer<DescribeTagsRequest.Builder> request) {
        return ec2.describeTags(request).tags();
    }

    private static Filter filter(String name, String... values) {
        return Filter.builder().name(name).values(values).build();
    }

    private static void assertFails(String code, Executable request) {
        Ec2Exception failure = assertThrows(Ec2Exception.class, request);
        assertEquals(code, failure.awsErrorDetails().errorCode(), failure.getMessage());
    }

    @Test
    void tagsResourcesOfSeveralKindsAtOnce() {
        Messages.Snapshot snapshot = newImage("web");
        List<String> resources = List.of(snapshot.id(), snapshot.image(), newVolume());

        create(resources, tag("Name", "web"), tag("empty", ""));

        for (String resource : resources) {
            assertEquals(Map.of("Name", "web", "empty", ""), tagsOf(resource));
        }
        assertEquals(
                Map.of(
                        ResourceType.IMAGE, snapshot.image(),
                        ResourceType.SNAPSHOT, snapshot.id(),
                        ResourceType.VOLUME, resources.get(2)),
                described(r -> r.filters(filter("key", "Name"))).stream()
                        .collect(Collectors.toMap(
                                TagDescription::resourceType, TagDescription::resourceId)));
    }

    @Test
    void replacesTheValueOfATagThatIsThere() {
        String volume = newVolume();

        create(List.of(volume), tag("a", "1"), tag("b", "1"));
        create(List.of(volume), tag("a", "2"));

        assertEquals(Map.of("a", "2", "b", "1"), tagsOf(volume));
    }

    @Test
    void deletesByKeyByKeyAndValueOrAll() {
        String volume = newVolume();
        create(List.of(volume), tag("a", "1"), tag("b", "1"), tag("c", "1"), tag("d", ""));

        ec2.deleteTags(r -> r.resources(volume).tags(Tag.builder().key("a").build(), tag("b", "2"), tag("d", "")));
        assertEquals(Map.of("b", "1", "c", "1"), tagsOf(volume));

        ec2.deleteTags(r -> r.resources(volume));
        assertEquals(Map.of(), tagsOf(volume));
    }

    @Test
    void tagsASnapshotWhileItIsWritten() {
        try (EbsClient ebs = user.ebs()) {
            String pending = ebs.startSnapshot(r -> r.volumeSize(1L)).snapshotId();
            String volume = newVolume();

            create(List.of(pending, volume), tag("a", "1"));
            assertEquals(Map.of("a", "1"), tagsOf(pending));

            ebs.completeSnapshot(r -> r.snapshotId(pending).changedBlocksCount(0));
            create(List.of(pending), tag("b", "2"));
            assertEquals(Map.of("a", "1", "b", "2"), tagsOf(pending));
            assertEquals(Map.of("a", "1"), tagsOf(volume));
        }
    }

    @Test
    void tagsAddedAtTheSameTimeAllStay() {
        String volume = newVolume();
        List<String> keys = IntStream.range(0, 40).mapToObj(i -> "key" + i).toList();

        keys.parallelStream().forEach(key -> create(List.of(volume), tag(key, "")));

        assertEquals(new TreeSet<>(keys), tagsOf(volume).keySet());
    }

    @Test
    void oneUnknownResourceLeavesAllOthersUntouched() {
        String volume = newVolume();

        assertFails("InvalidID", () -> create(List.of(volume, UNKNOWN), tag("a", "1")));
        assertFails("InvalidID", () -> create(List.of(volume, "nonsense"), tag("a", "1")));
        assertFails("InvalidID", () -> create(List.of(volume, "vol-1"), tag("a", "1")));
        assertFails("InvalidID", () -> ec2.deleteTags(r -> r.resources(UNKNOWN)));

        assertEquals(Map.of(), tagsOf(volume));
    }

    @Test
    void keepsFiftyTagsAndNoMore() {
        String full = newVolume();
        String other = newVolume();
        Tag[] fifty = IntStream.range(0, 50).mapToObj(i -> tag("key" + i, "")).toArray(Tag[]::new);

        create(List.of(full), fifty);
        create(List.of(full), tag("key7", "again"));

        assertFails("TagLimitExceeded", () -> create(List.of(other, full), tag("one", "more")));
        Tag[] tooMany = IntStream.range(0, 51).mapToObj(i -> tag("key" + i, "")).toArray(Tag[]::new);
        assertFails("TagLimitExceeded", () -> create(List.of(other), tooMany));
        assertEquals(50, tagsOf(full).size());
        assertEquals(Map.of(), tagsOf(other));
    }

    @Test
    void refusesReservedAndRepeatedKeys() {
        String volume = newVolume();

        assertFails("InvalidParameterValue", () -> create(List.of(volume), tag("aws:me", "1")));
        assertFails("InvalidParameterValue", () -> create(List.of(volume), tag("AWS:me", "1")));
        assertFails("InvalidParameterValue", () -> create(List.of(volume), tag("a", "1"), tag("a", "2")));
        assertFails("InvalidParameterValue", () -> create(List.of(volume), tag("k".repeat(128), "1")));
        assertFails("InvalidParameterValue", () -> create(List.of(volume), tag("a", "v".repeat(257))));
        assertFails("InvalidParameterValue", () -> create(List.of(volume), tag("a", "line\nline")));
        assertFails("MissingParameter", () -> create(List.of(volume)));
        assertFails("MissingParameter", () -> create(List.of(), tag("a", "1")));
    }

    @Test
    void anyTextComesBackAsItWas() {
        String volume = newVolume();
        String odd = "<&>\"' ünï \uD83D\uDE00 %41 +*?\\";

        create(List.of(volume), tag(odd, odd + odd));

        assertEquals(Map.of(odd, odd + odd), tagsOf(volume));
    }

    @Test
    void tagsAThousandResourcesAtOnce() {
        List<String> volumes = IntStream.range(0, 1000).parallel().mapToObj(i -> newVolume()).toList();

        create(volumes, tag("a", "1"));

        List<String> tagged = new ArrayList<>();
        String token = null;
        do {
            String next = token;
            DescribeTagsResponse page = ec2.describeTags(r -> r.maxResults(300).nextToken(next));
            page.tags().forEach(tag -> tagged.add(tag.resourceId()));
            token = page.nextToken();
        } while (token != null);
        assertEquals(volumes.stream().sorted().toList(), tagged);
        assertFails(
                "InvalidParameterValue",
                () -> create(IntStream.range(0, 1001).mapToObj(i -> volumes.get(0)).toList(), tag("a", "2")));
    }

    @Test
    void pagesEndInTheMiddleOfAResource() {
        List<String> volumes = List.of(newVolume(), newVolume());
        Tag[] tags = IntStream.range(0, 7).mapToObj(i -> tag("key" + i, "")).toArray(Tag[]::new);
        create(volumes, tags);

        List<TagDescription> paged = ec2.describeTagsPaginator(r -> r.maxResults(5)).tags().stream().toList();

        assertEquals(described(r -> {}), paged);
        assertEquals(14, paged.size());
    }

    @Test
    void aTokenIsGoodForTheSameRequestOfTheSameAccountInTheSameRegion() throws Exception {
        String volume = newVolume();
        create(List.of(volume), IntStream.range(0, 9).mapToObj(i -> tag("key" + i, "")).toArray(Tag[]::new));
        String token = ec2.describeTags(r -> r.maxResults(5)).nextToken();

        assertEquals(4, described(r -> r.maxResults(6).nextToken(token)).size());

        assertFails("InvalidParameterValue", () -> described(r -> r.nextToken("nonsense")));
        assertFails("InvalidParameterValue", () -> described(r -> r.nextToken(token)
                .filters(filter("key", "key1"))));
        try (Ec2Client elsewhere = user.in("eu-west-1").ec2();
                Ec2Client other = store.newAccount("other").user().ec2()) {
            assertFails("InvalidParameterValue", () -> elsewhere.describeTags(r -> r.nextToken(token)));
            assertFails("InvalidParameterValue", () -> other.describeTags(r -> r.nextToken(token)));
        }
    }

    @Test
    void filtersByKeyValueTypeAndTag() {
        String first = newVolume();
        String second = newVolume();
        create(List.of(first), tag("env", "prod"), tag("team", "web*"));
        create(List.of(second), tag("env", "test"), tag("team", "webs"));

        assertEquals(List.of("prod"), values(r -> r.filters(filter("tag:env", "p*", "nothing"))));
        assertEquals(List.of("web*"), values(r -> r.filters(filter("value", "web\\*"))));
        assertEquals(List.of("webs"), values(r -> r.filters(
                filter("key", "te?m"), filter("resource-id", second))));
        assertEquals(List.of(), values(r -> r.filters(filter("resource-type", "image"))));
        assertFails("InvalidParameterValue", () -> described(r -> r.filters(filter("colour", "red"))));
        assertFails("InvalidParameterValue", () -> described(r -> r.filters(
                filter("key", "a"), filter("key", "b"))));
    }

    private List<String> values(Consumer<DescribeTagsRequest.Builder> request) {
        return described(request).stream().map(TagDescription::value).toList();
    }

    @Test
    void anotherAccountAndAnotherRegionSeeNothing() throws Exception {
        String volume = newVolume();
        create(List.of(volume), tag("a", "1"));

        try (Ec2Client elsewhere = user.in("eu-west-1").ec2();
                Ec2Client other = store.newAccount("other").user().ec2();
                Ec2Client root = store.root().ec2()) {
            for (Ec2Client stranger : List.of(elsewhere, other)) {
                assertEquals(List.of(), stranger.describeTags().tags());
                assertFails("InvalidID", () -> stranger.createTags(r -> r.resources(volume).tags(tag("b", "1"))));
            }
            assertEquals(1, root.describeTags().tags().size());
        }
        assertEquals(Map.of("a", "1"), tagsOf(volume));
    }

    @Test
    void dryRunChecksAllAndDoesNothing() {
        String volume = newVolume();
        CreateTagsRequest request =
                CreateTagsRequest.builder().resources(volume).tags(tag("a", "1")).dryRun(true).build();

        assertFails("DryRunOperation", () -> ec2.createTags(request));
        assertFails("InvalidID", () -> ec2.createTags(request.toBuilder().resources(UNKNOWN).build()));

        assertEquals(Map.of(), tagsOf(volume));
    }

    @Test
    void theCommandLineTagsListsAndDeletes() throws Exception {
        String volume = newVolume();

        user.aws("ec2", "create-tags", "--resources", volume, "--tags", "Key=Name,Value=a b").success();
        String listed = user.aws("ec2", "describe-tags", "--filters", "Name=resource-id,Values=" + volume).success();
        user.aws("ec2", "delete-tags", "--resources", volume, "--tags", "Key=Name").success();

        assertTrue(listed.contains("\"Value\": \"a b\""), listed);
        assertEquals(Map.of(), tagsOf(volume));
    }
}
