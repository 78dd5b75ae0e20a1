package cairn.server.ec2;

import static cairn.server.ec2.ImageWorld.assertFails;
import static cairn.server.ec2.ImageWorld.device;
import static cairn.server.ec2.ImageWorld.everybody;
import static cairn.server.ec2.ImageWorld.filter;
import static cairn.server.ec2.ImageWorld.names;
import static cairn.server.ec2.ImageWorld.tagged;
import static cairn.server.ec2.ImageWorld.user;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.server.AwsUser;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.services.ec2.model.ArchitectureValues;
import software.amazon.awssdk.services.ec2.model.BootModeValues;
import software.amazon.awssdk.services.ec2.model.DescribeImagesResponse;
import software.amazon.awssdk.services.ec2.model.Ec2Exception;
import software.amazon.awssdk.services.ec2.model.Image;
import software.amazon.awssdk.services.ec2.model.ResourceType;

/** Images found: by id, owner, permission, filter, and page by page. */
class ImageListingTest {
    @TempDir
    private Path folder;

    private ImageWorld world;

    @BeforeEach
    void start() throws Exception {
        world = new ImageWorld(folder.resolve("data"));
    }

    @AfterEach
    void stop() {
        world.close();
    }

    private void share(String image, String account) {
        world.ourEc2.modifyImageAttribute(r -> r.imageId(image).launchPermission(p -> p.add(user(account))));
    }

    private void publish(String image) {
        world.ourEc2.modifyImageAttribute(r -> r.imageId(image).launchPermission(p -> p.add(everybody())));
    }

    @Test
    void filtersByAllThatItShows() {
        String rootSnapshot = world.newSnapshot();
        String web = world.register("web", rootSnapshot, r -> r.description("[for] the web")
                .architecture(ArchitectureValues.ARM64)
                .bootMode(BootModeValues.UEFI)
                .enaSupport(true)
                .sriovNetSupport("simple")
                .tagSpecifications(tagged(ResourceType.IMAGE, "team", "ci"))
                .rootDeviceName("/dev/xvda")
                .blockDeviceMappings(
                        device("/dev/xvda", e -> e.snapshotId(rootSnapshot)),
                        device("/dev/sdb", e -> e.volumeSize(17).volumeType("st1").deleteOnTermination(false))));
        world.clock.forward(Duration.ofMinutes(1));
        String plain = world.newImage("plain");
        String copy = world.ourEc2.copyImage(r -> r.name("copy").sourceImageId(plain).sourceRegion("local")).imageId();
        publish(plain);

        Map<String, String> onlyWeb = Map.ofEntries(
                Map.entry("architecture", "arm64"),
                Map.entry("block-device-mapping.delete-on-termination", "false"),
                Map.entry("block-device-mapping.device-name", "/dev/xv*"),
                Map.entry("block-device-mapping.snapshot-id", rootSnapshot),
                Map.entry("block-device-mapping.volume-size", "17"),
                Map.entry("block-device-mapping.volume-type", "st1"),
                Map.entry("boot-mode", "uefi"),
                Map.entry("creation-date", "2026-11-23T10:00*"),
                Map.entry("description", "[for]*"),
                Map.entry("ena-support", "true"),
                Map.entry("image-id", web),
                Map.entry("manifest-location", world.us() + "/web"),
                Map.entry("name", "w?b"),
                Map.entry("root-device-name", "/dev/xvda"),
                Map.entry("sriov-net-support", "simple"),
                Map.entry("tag:team", "ci"),
                Map.entry("tag-key", "team"));
        onlyWeb.forEach((name, value) ->
                assertEquals(List.of("web"), names(world.ourEc2, r -> r.filters(filter(name, value))), name));
        assertEquals(List.of("plain"), names(world.ourEc2, r -> r.filters(filter("is-public", "true"))));
        assertEquals(List.of("copy"), names(world.ourEc2, r -> r.filters(filter("source-image-id", plain))));
        assertEquals(List.of("copy"), names(world.ourEc2, r -> r.filters(filter("source-image-region", "local"))));
        for (Map.Entry<String, String> all : Map.of(
                        "block-device-mapping.encrypted", "false",
                        "hypervisor", "xen",
                        "image-type", "machine",
                        "owner-id", world.us(),
                        "root-device-type", "ebs",
                        "state", "available",
                        "virtualization-type", "hvm")
                .entrySet()) {
            assertEquals(3, names(world.ourEc2, r -> r.filters(filter(all.getKey(), all.getValue()))).size(),
                    all.getKey());
        }
        for (String nothing : List.of("kernel-id", "owner-alias", "platform", "product-code", "product-code.type",
                "ramdisk-id", "source-instance-id", "state-reason-code", "state-reason-message")) {
            assertEquals(List.of(), names(world.ourEc2, r -> r.filters(filter(nothing, "*"))), nothing);
        }
        assertEquals(
                List.of("plain", "web"), names(world.ourEc2, r -> r.filters(filter("name", "web", "plain"))), "or");
        assertEquals(
                List.of(),
                names(world.ourEc2, r -> r.filters(filter("name", "web"), filter("is-public", "true"))),
                "and");
        assertFails("InvalidParameterValue", "The filter 'color' is invalid",
                () -> world.ourEc2.describeImages(r -> r.filters(filter("color", "red"))));
        assertEquals(copy, world.ourEc2.describeImages(r -> r.filters(filter("name", "copy"))).images().get(0).imageId());
    }

    @Test
    void showsOthersWhatIsSharedWithThemAndNoMore() {
        String secret = world.newImage("secret");
        String shared = world.register(
                "shared", world.newSnapshot(), r -> r.tagSpecifications(tagged(ResourceType.IMAGE, "team", "ci")));
        String open = world.newImage("open");
        share(shared, world.them());
        publish(open);
        world.theirEc2.registerImage(r -> r.name("own").rootDeviceName("/dev/sda1").blockDeviceMappings(
                device("/dev/sda1", e -> e.snapshotId(world.newSnapshot(world.them.user(), ImageWorld.MIB)))));

        assertEquals(List.of("open", "own", "shared"), names(world.theirEc2, r -> {}));
        assertEquals(List.of("own"), names(world.theirEc2, r -> r.owners("self")));
        assertEquals(List.of("own"), names(world.theirEc2, r -> r.owners(world.them())));
        assertEquals(List.of("open", "shared"), names(world.theirEc2, r -> r.owners(world.us())));
        assertEquals(List.of("open", "own", "shared"), names(world.theirEc2, r -> r.owners("self", world.us())));
        assertEquals(List.of(), names(world.theirEc2, r -> r.owners("amazon")));
        assertFails("InvalidUserID.Malformed", () -> names(world.theirEc2, r -> r.owners("nobody")));
        assertEquals(List.of("open"), names(world.theirEc2, r -> r.executableUsers("all")));
        assertEquals(List.of("shared"), names(world.theirEc2, r -> r.executableUsers("self")));
        assertEquals(List.of("open", "shared"), names(world.theirEc2, r -> r.executableUsers("self", "all")));
        assertEquals(List.of("shared"), names(world.ourEc2, r -> r.executableUsers(world.them())));
        assertEquals(List.of(), names(world.theirEc2, r -> r.executableUsers(world.us())));
        assertFails("InvalidUserID.Malformed", () -> names(world.theirEc2, r -> r.executableUsers("nobody")));
        assertEquals(List.of(), names(world.theirWest, r -> {}));

        Image seen = ImageWorld.describe(world.theirEc2, shared);
        assertEquals(List.of(), seen.tags());
        assertEquals(List.of(), names(world.theirEc2, r -> r.filters(filter("tag:team", "ci"))));
        assertFails("InvalidAMIID.NotFound", "The image id '[" + secret + "]' does not exist",
                () -> world.theirEc2.describeImages(r -> r.imageIds(secret, open)));
        Ec2Exception several = assertFails("InvalidAMIID.NotFound",
                () -> world.theirEc2.describeImages(r -> r.imageIds(secret, "ami-12345678")));
        assertTrue(several.awsErrorDetails().errorMessage().startsWith("The image ids '["), several.getMessage());
        assertFails("InvalidAMIID.Malformed", "Invalid id: \"image-1\" (expecting \"ami-...\")",
                () -> world.theirEc2.describeImages(r -> r.imageIds("image-1")));
    }

    @Test
    void hidesWhatIsDeprecatedFromOthersAndWhatIsDisabledFromAll() {
        String image = world.newImage("web");
        publish(image);
        world.ourEc2.enableImageDeprecation(
                r -> r.imageId(image).deprecateAt(Instant.parse("2026-11-23T11:00:00Z")));
        assertEquals(List.of("web"), names(world.theirEc2, r -> {}));

        world.clock.forward(Duration.ofHours(2));

        assertEquals(List.of(), names(world.theirEc2, r -> {}));
        assertEquals(List.of("web"), names(world.theirEc2, r -> r.includeDeprecated(true)));
        assertEquals(List.of("web"), names(world.ourEc2, r -> {}));
        assertEquals("2026-11-23T11:00:00.000Z", ImageWorld.describe(world.ourEc2, image).deprecationTime());
        world.ourEc2.disableImage(r -> r.imageId(image));
        assertEquals(List.of(), names(world.ourEc2, r -> {}));
        assertEquals(List.of("web"), names(world.ourEc2, r -> r.includeDisabled(true)));
        assertEquals(
                List.of("web"), names(world.ourEc2, r -> r.includeDisabled(true).filters(filter("state", "disabled"))));
        assertEquals(List.of(), names(world.theirEc2, r -> r.includeDisabled(true).includeDeprecated(true)));
    }

    @Test
    void listsPageByPage() {
        String snapshot = world.newSnapshot();
        for (int i = 0; i < 7; i++) {
            world.register("image-" + i, snapshot, r -> {});
        }
        List<String> found = new ArrayList<>();
        String token = null;
        int pages = 0;
        do {
            String next = token;
            DescribeImagesResponse page = world.ourEc2.describeImages(
                    r -> r.maxResults(3).nextToken(next).filters(filter("name", "image-[0-9]", "image-*")));
            page.images().forEach(image -> found.add(image.name()));
            token = page.nextToken();
            pages++;
        } while (token != null);

        assertEquals(3, pages);
        assertEquals(7, found.stream().distinct().count());
        assertEquals(7, found.size());
        assertFails("InvalidParameterValue", () -> world.ourEc2.describeImages(r -> r.nextToken("made up")));
        assertFails("InvalidParameterValue", () -> world.ourEc2.describeImages(r -> r.maxResults(0)));
    }

    @Test
    void theCommandLineRegistersWaitsFindsAndDeregisters() throws Exception {
        String snapshot = world.newSnapshot();
        AwsUser us = world.us.user();
        String image = us.aws(
                        "ec2", "register-image", "--name", "cli", "--root-device-name", "/dev/sda1", "--architecture",
                        "x86_64", "--ena-support", "--block-device-mappings",
                        "DeviceName=/dev/sda1,Ebs={SnapshotId=" + snapshot + ",VolumeSize=4}",
                        "--tag-specifications", "ResourceType=image,Tags=[{Key=Name,Value=cli}]", "--query", "ImageId",
                        "--output", "text")
                .success()
                .strip();

        us.aws("ec2", "wait", "image-available", "--image-ids", image).success();
        us.aws("ec2", "wait", "image-exists", "--image-ids", image).success();
        String found = us.aws(
                        "ec2", "describe-images", "--owners", "self", "--filters", "Name=tag:Name,Values=cl*",
                        "--query", "Images[].[ImageId,State,BlockDeviceMappings[0].Ebs.VolumeSize]", "--output", "text")
                .success();
        assertEquals(image + "\tavailable\t4", found.strip());
        us.aws("ec2", "modify-image-attribute", "--image-id", image, "--launch-permission",
                        "Add=[{UserId=" + world.them() + "}]")
                .success();
        world.them
                .user()
                .in(ImageWorld.WEST)
                .aws("ec2", "copy-image", "--source-image-id", image, "--source-region", "local", "--name", "cli copy")
                .success();
        String removed = us.aws("ec2", "deregister-image", "--image-id", image, "--delete-associated-snapshots").success();
        assertTrue(removed.contains("success"), removed);
        assertEquals(List.of("cli copy"), names(world.theirWest, r -> r.owners("self")));
    }
}
