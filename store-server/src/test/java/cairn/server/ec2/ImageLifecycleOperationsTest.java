package cairn.server.ec2;

import static cairn.server.ec2.ImageWorld.assertFails;
import static cairn.server.ec2.ImageWorld.describe;
import static cairn.server.ec2.ImageWorld.everybody;
import static cairn.server.ec2.ImageWorld.names;
import static cairn.server.ec2.ImageWorld.tagged;
import static cairn.server.ec2.ImageWorld.user;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.services.ec2.model.Image;
import software.amazon.awssdk.services.ec2.model.ImageAncestryEntry;
import software.amazon.awssdk.services.ec2.model.ImageAttributeName;
import software.amazon.awssdk.services.ec2.model.ImageRecycleBinInfo;
import software.amazon.awssdk.services.ec2.model.ImageReference;
import software.amazon.awssdk.services.ec2.model.ImageReferenceResourceType;
import software.amazon.awssdk.services.ec2.model.ImageState;
import software.amazon.awssdk.services.ec2.model.ResourceType;
import software.amazon.awssdk.services.ec2.model.ResourceTypeOption;
import software.amazon.awssdk.services.ec2.model.ResourceTypeRequest;

/** What an image's owner decides about it, and what becomes of it. */
class ImageLifecycleOperationsTest {
    @TempDir
    private Path folder;

    private ImageWorld world;
    private String image;

    @BeforeEach
    void start() throws Exception {
        world = new ImageWorld(folder.resolve("data"));
        image = world.register(
                "web", world.newSnapshot(), r -> r.tagSpecifications(tagged(ResourceType.IMAGE, "team", "ci")));
    }

    @AfterEach
    void stop() {
        world.close();
    }

    private void share() {
        world.ourEc2.modifyImageAttribute(r -> r.imageId(image).launchPermission(p -> p.add(user(world.them()))));
    }

    @Test
    void deprecatesAndStopsThat() {
        Instant at = Instant.parse("2027-01-01T00:00:29Z");

        assertTrue(world.ourEc2.enableImageDeprecation(r -> r.imageId(image).deprecateAt(at)).returnValue());
        assertEquals("2027-01-01T00:00:00.000Z", describe(world.ourEc2, image).deprecationTime());
        assertTrue(world.ourEc2.disableImageDeprecation(r -> r.imageId(image)).returnValue());
        assertNull(describe(world.ourEc2, image).deprecationTime());

        for (String wrong : List.of("2026-11-23T09:58:00Z", "2036-11-23T10:02:00Z")) {
            assertFails("InvalidParameterValue", () -> world.ourEc2.enableImageDeprecation(
                    r -> r.imageId(image).deprecateAt(Instant.parse(wrong)).dryRun(true)));
        }
        share();
        assertFails("UnauthorizedOperation",
                () -> world.theirEc2.enableImageDeprecation(r -> r.imageId(image).deprecateAt(at)));
    }

    @Test
    void aDisabledImageIsOutOfUseUntilItIsEnabled() {
        share();

        assertTrue(world.ourEc2.disableImage(r -> r.imageId(image)).returnValue());

        assertEquals(List.of(), world.theirEc2.describeImages(r -> r.includeDisabled(true)).images());
        assertFails("InvalidAMIID.NotFound", () -> world.theirEc2.copyImage(
                r -> r.sourceImageId(image).sourceRegion("local").name("copy")));
        assertFails("InvalidAMIID.Unavailable", () -> world.ourEc2.modifyImageAttribute(
                r -> r.imageId(image).launchPermission(p -> p.add(user(world.them())))));
        assertFails("InvalidAMIID.Unavailable",
                () -> world.ourEc2.runInstances(r -> r.imageId(image).minCount(1).maxCount(1).instanceType("t3.micro")));
        List<Image> disabled = world.ourEc2.describeImages(r -> r.includeDisabled(true)).images();
        assertEquals(List.of(ImageState.DISABLED), disabled.stream().map(Image::state).toList());

        assertTrue(world.ourEc2.enableImage(r -> r.imageId(image)).returnValue());
        assertEquals(ImageState.AVAILABLE, describe(world.ourEc2, image).state());
        assertEquals(List.of(), world.theirEc2.describeImages(r -> {}).images(), "whoever lost it has not got it back");
    }

    @Test
    void aProtectedImageIsNotDeregistered() {
        world.ourEc2.enableImageDeregistrationProtection(r -> r.imageId(image).withCooldown(true));
        assertEquals("enabled-with-cooldown", describe(world.ourEc2, image).deregistrationProtection());
        assertFails("OperationNotPermitted", () -> world.ourEc2.deregisterImage(r -> r.imageId(image)));
        assertFails("OperationNotPermitted", () -> world.ourEc2.deregisterImage(r -> r.imageId(image).dryRun(true)));

        world.ourEc2.disableImageDeregistrationProtection(r -> r.imageId(image));
        assertEquals("disabled", describe(world.ourEc2, image).deregistrationProtection());
        assertFails("OperationNotPermitted", () -> world.ourEc2.deregisterImage(r -> r.imageId(image)));
        world.clock.forward(Duration.ofHours(24));
        world.ourEc2.deregisterImage(r -> r.imageId(image));

        String other = world.newImage("other");
        world.ourEc2.enableImageDeregistrationProtection(r -> r.imageId(other));
        assertEquals(
                "enabled-without-cooldown",
                world.ourEc2.describeImageAttribute(r -> r.imageId(other)
                                .attribute(ImageAttributeName.DEREGISTRATION_PROTECTION))
                        .deregistrationProtection()
                        .value());
        world.ourEc2.disableImageDeregistrationProtection(r -> r.imageId(other));
        world.ourEc2.deregisterImage(r -> r.imageId(other));
    }

    @Test
    void anAccountBlocksPublicAccessInOneRegion() {
        String before = world.newImage("before");
        world.ourEc2.modifyImageAttribute(r -> r.imageId(before).launchPermission(p -> p.add(everybody())));
        assertEquals("unblocked",
                world.ourEc2.getImageBlockPublicAccessState(r -> {}).imageBlockPublicAccessState());

        assertEquals("block-new-sharing",
                world.ourEc2.enableImageBlockPublicAccess(r -> r.imageBlockPublicAccessState("block-new-sharing"))
                        .imageBlockPublicAccessStateAsString());

        assertFails("OperationNotPermitted", () -> world.ourEc2.modifyImageAttribute(
                r -> r.imageId(image).launchPermission(p -> p.add(everybody()))));
        share();
        assertEquals(List.of("before", "web"), names(world.theirEc2, r -> {}), "what was public stays so");
        assertEquals("unblocked",
                world.ourWest.getImageBlockPublicAccessState(r -> {}).imageBlockPublicAccessState());
        assertEquals("unblocked",
                world.theirEc2.getImageBlockPublicAccessState(r -> {}).imageBlockPublicAccessState());
        world.ourEc2.disableImageBlockPublicAccess(r -> {});
        world.ourEc2.modifyImageAttribute(r -> r.imageId(image).launchPermission(p -> p.add(everybody())));
        assertEquals("account", world.ourEc2.getImageBlockPublicAccessState(r -> {}).managedByAsString());
    }

    @Test
    void goesIntoTheRecycleBinAndComesBackAsItWas() throws Exception {
        world.recycleImages(7, "team", "ci");
        share();
        Image before = describe(world.ourEc2, image);

        world.ourEc2.deregisterImage(r -> r.imageId(image));

        assertEquals(List.of(), world.ourEc2.describeImages(r -> r.imageIds(image)).images());
        ImageRecycleBinInfo recycled =
                world.ourEc2.listImagesInRecycleBin(r -> r.imageIds(image)).images().get(0);
        assertEquals("web", recycled.name());
        assertEquals(Duration.ofDays(7),
                Duration.between(recycled.recycleBinEnterTime(), recycled.recycleBinExitTime()));
        assertEquals(List.of(), world.theirEc2.listImagesInRecycleBin(r -> {}).images());
        assertFails("InvalidAMIID.NotFound",
                () -> world.theirEc2.restoreImageFromRecycleBin(r -> r.imageId(image)));
        assertFails("InvalidAMIID.NotFound", () -> world.theirEc2.listImagesInRecycleBin(r -> r.imageIds(image)));
        String next = world.newImage("web");
        assertFails("InvalidAMIName.Duplicate", "AMI name web is already in use by AMI " + next,
                () -> world.ourEc2.restoreImageFromRecycleBin(r -> r.imageId(image)));
        world.ourEc2.deregisterImage(r -> r.imageId(next));

        assertTrue(world.ourEc2.restoreImageFromRecycleBin(r -> r.imageId(image)).returnValue());

        assertEquals(before, describe(world.ourEc2, image));
        assertEquals("web", describe(world.theirEc2, image).name());
        assertEquals(List.of(), world.ourEc2.listImagesInRecycleBin(r -> {}).images());
        assertFails("InvalidAMIID.NotFound", () -> world.ourEc2.restoreImageFromRecycleBin(r -> r.imageId(image)));
    }

    @Test
    void tellsWhereAnImageComesFrom() {
        share();
        String second = world.theirWest
                .copyImage(r -> r.sourceImageId(image).sourceRegion("local").name("second"))
                .imageId();
        String third = world.theirEc2
                .copyImage(r -> r.sourceImageId(second).sourceRegion(ImageWorld.WEST).name("third"))
                .imageId();

        List<ImageAncestryEntry> ancestry =
                world.theirEc2.getImageAncestry(r -> r.imageId(third)).imageAncestryEntries();

        assertEquals(List.of(third, second, image), ancestry.stream().map(ImageAncestryEntry::imageId).toList());
        assertEquals(
                Arrays.asList(second, image, null),
                ancestry.stream().map(ImageAncestryEntry::sourceImageId).toList());
        assertEquals(
                Arrays.asList(ImageWorld.WEST, "local", null),
                ancestry.stream().map(ImageAncestryEntry::sourceImageRegion).toList());
        world.ourEc2.deregisterImage(r -> r.imageId(image));
        assertEquals(2, world.theirEc2.getImageAncestry(r -> r.imageId(third)).imageAncestryEntries().size());
        assertFails("InvalidAMIID.NotFound", () -> world.ourEc2.getImageAncestry(r -> r.imageId(third)));
    }

    @Test
    void tellsWhoUsesAnImageAndWhenItWasLaunchedLast() {
        String other = world.newImage("other");
        String instance = world.ourEc2
                .runInstances(r -> r.imageId(image).minCount(1).maxCount(1).instanceType("t3.micro"))
                .instances()
                .get(0)
                .instanceId();

        List<ImageReference> users = world.ourEc2
                .describeImageReferences(r -> r.imageIds(image, other).includeAllResourceTypes(true))
                .imageReferences();

        assertEquals(List.of(ImageReference.builder()
                .imageId(image)
                .resourceType(ImageReferenceResourceType.EC2_INSTANCE)
                .arn("arn:aws:ec2:local:" + world.us() + ":instance/" + instance)
                .build()), users);
        assertEquals("2026-11-23T10:00:00.000Z", describe(world.ourEc2, image).lastLaunchedTime());
        ResourceTypeRequest stopped = ResourceTypeRequest.builder()
                .resourceType(ImageReferenceResourceType.EC2_INSTANCE)
                .resourceTypeOptions(ResourceTypeOption.builder()
                        .optionName("state-name")
                        .optionValues("stopped")
                        .build())
                .build();
        assertEquals(List.of(), world.ourEc2
                .describeImageReferences(r -> r.imageIds(image).resourceTypes(stopped))
                .imageReferences());
        assertFails("MissingParameter", () -> world.ourEc2.describeImageReferences(r -> r.imageIds(image)));
        assertFails("InvalidAMIID.NotFound", () -> world.theirEc2.describeImageReferences(
                r -> r.imageIds(image).includeAllResourceTypes(true)));
        share();
        assertEquals(List.of(), world.theirEc2
                .describeImageReferences(r -> r.imageIds(image).includeAllResourceTypes(true))
                .imageReferences());
        assertNull(describe(world.theirEc2, image).lastLaunchedTime());
    }

    @Test
    void theCommandLineRetiresAnImage() throws Exception {
        for (List<String> command : List.of(
                List.of("enable-image-deprecation", "--deprecate-at", "2028-01-01T00:00:00Z"),
                List.of("enable-image-deregistration-protection"),
                List.of("disable-image-deregistration-protection"),
                List.of("disable-image"),
                List.of("enable-image"),
                List.of("get-image-ancestry"),
                List.of("deregister-image"))) {
            List<String> whole = new ArrayList<>(List.of("ec2"));
            whole.addAll(command);
            whole.addAll(List.of("--image-id", image));
            world.us.user().aws(whole.toArray(String[]::new)).success();
        }

        assertEquals(List.of(), world.ourEc2.describeImages(r -> r.imageIds(image)).images());
    }
}
