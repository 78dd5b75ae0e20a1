package cairn.server.ec2;

import static cairn.server.ec2.ImageWorld.assertFails;
import static cairn.server.ec2.ImageWorld.describe;
import static cairn.server.ec2.ImageWorld.device;
import static cairn.server.ec2.ImageWorld.tagged;
import static cairn.server.ec2.ImageWorld.user;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.services.ec2.model.ArchitectureValues;
import software.amazon.awssdk.services.ec2.model.BlockDeviceMapping;
import software.amazon.awssdk.services.ec2.model.BootModeValues;
import software.amazon.awssdk.services.ec2.model.CopyImageRequest;
import software.amazon.awssdk.services.ec2.model.Image;
import software.amazon.awssdk.services.ec2.model.ImageAttributeName;
import software.amazon.awssdk.services.ec2.model.ImageState;
import software.amazon.awssdk.services.ec2.model.ImdsSupportValues;
import software.amazon.awssdk.services.ec2.model.RegisterImageRequest;
import software.amazon.awssdk.services.ec2.model.ResourceType;
import software.amazon.awssdk.services.ec2.model.Tag;
import software.amazon.awssdk.services.ec2.model.TpmSupportValues;
import software.amazon.awssdk.services.ec2.model.VolumeType;

/** Images made of snapshots, copied, and removed, through the SDK. */
class RegisterImageTest {
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

    private static Consumer<RegisterImageRequest.Builder> mapped(BlockDeviceMapping... mappings) {
        return r -> r.blockDeviceMappings(mappings);
    }

    private static Map<String, String> tags(List<Tag> tags) {
        return tags.stream().collect(Collectors.toMap(Tag::key, Tag::value));
    }

    @Test
    void whatIsRegisteredIsDescribed() {
        String snapshot = world.newSnapshot();
        String other = world.newSnapshot();

        String id = world.register("web (1)", snapshot, r -> r.description("for the web")
                .architecture(ArchitectureValues.X86_64)
                .bootMode(BootModeValues.UEFI)
                .tpmSupport(TpmSupportValues.V2_0)
                .uefiData("QU1aTlVFRkk=")
                .imdsSupport(ImdsSupportValues.V2_0)
                .enaSupport(true)
                .sriovNetSupport("simple")
                .virtualizationType("hvm")
                .tagSpecifications(tagged(ResourceType.IMAGE, "Name", "web"))
                .rootDeviceName("/dev/xvda")
                .blockDeviceMappings(
                        device("/dev/xvda", e -> e.snapshotId(snapshot)
                                .volumeSize(8)
                                .volumeType(VolumeType.IO2)
                                .iops(4000)
                                .deleteOnTermination(false)),
                        device("/dev/sdb", e -> e.snapshotId(other)),
                        device("/dev/sdc", e -> e.volumeSize(3).throughput(200)),
                        BlockDeviceMapping.builder().deviceName("/dev/sdd").virtualName("ephemeral0").build(),
                        BlockDeviceMapping.builder().deviceName("/dev/sde").noDevice("").build()));

        Image image = describe(world.ourEc2, id);
        assertTrue(id.matches("ami-[0-9a-f]{17}"), id);
        assertEquals("web (1)", image.name());
        assertEquals("for the web", image.description());
        assertEquals(ImageState.AVAILABLE, image.state());
        assertEquals(world.us(), image.ownerId());
        assertEquals(world.us() + "/web (1)", image.imageLocation());
        assertEquals(ArchitectureValues.X86_64, image.architecture());
        assertEquals(BootModeValues.UEFI, image.bootMode());
        assertEquals("v2.0", image.tpmSupportAsString());
        assertEquals("v2.0", image.imdsSupportAsString());
        assertTrue(image.enaSupport());
        assertEquals("simple", image.sriovNetSupport());
        assertFalse(image.publicLaunchPermissions());
        assertEquals("/dev/xvda", image.rootDeviceName());
        assertEquals("2026-11-23T10:00:00.000Z", image.creationDate());
        assertEquals(Map.of("Name", "web"), tags(image.tags()));
        assertEquals("disabled", image.deregistrationProtection());
        assertNull(image.sourceImageId());
        assertEquals(
                List.of(
                        device("/dev/xvda", e -> e.snapshotId(snapshot).volumeSize(8).volumeType(VolumeType.IO2)
                                .iops(4000).deleteOnTermination(false).encrypted(false)),
                        device("/dev/sdb", e -> e.snapshotId(other).volumeSize(1).volumeType(VolumeType.GP3)
                                .deleteOnTermination(true).encrypted(false)),
                        device("/dev/sdc", e -> e.volumeSize(3).volumeType(VolumeType.GP3).throughput(200)
                                .deleteOnTermination(true).encrypted(false)),
                        BlockDeviceMapping.builder().deviceName("/dev/sdd").virtualName("ephemeral0").build()),
                image.blockDeviceMappings());
        assertEquals(
                "QU1aTlVFRkk=",
                world.ourEc2.describeImageAttribute(r -> r.imageId(id).attribute(ImageAttributeName.UEFI_DATA))
                        .uefiData()
                        .value());
        assertEquals(ArchitectureValues.I386, describe(world.ourEc2, world.newImage("plain")).architecture());
    }

    @Test
    void refusesWhatCannotBeAnImage() {
        String snapshot = world.newSnapshot();
        String theirs = world.newSnapshot(world.them.user(), ImageWorld.MIB);
        String large = world.newSnapshot(world.us.user(), 1025 * ImageWorld.MIB);
        String taken = world.register("taken", snapshot, r -> {});

        assertFails("InvalidAMIName.Malformed", () -> world.register("no", snapshot, r -> {}));
        assertFails("InvalidAMIName.Malformed", () -> world.register("no\"quotes\"", snapshot, r -> {}));
        assertFails("InvalidAMIName.Malformed", () -> world.register("x".repeat(129), snapshot, r -> {}));
        assertFails("InvalidAMIName.Duplicate", "AMI name taken is already in use by AMI " + taken,
                () -> world.register("taken", snapshot, r -> {}));
        assertFails("InvalidSnapshot.NotFound", "The snapshot '" + theirs + "' does not exist.",
                () -> world.register("web", theirs, r -> {}));
        assertFails("InvalidSnapshotID.Malformed", () -> world.register("web", "snap-x", r -> {}));
        assertFails("InvalidSnapshot.NotFound", () -> world.register("web", "snap-12345678", r -> {}));
        assertFails("MissingParameter", () -> world.register("web", snapshot, r -> r.rootDeviceName(null)));
        assertFails("InvalidBlockDeviceMapping",
                () -> world.register("web", snapshot, r -> r.rootDeviceName("/dev/sdb")));
        assertFails("InvalidBlockDeviceMapping", () -> world.register("web", snapshot, mapped(
                device("/dev/sda1", e -> e.snapshotId(snapshot)), device("/dev/sda1", e -> e.volumeSize(1)))));
        assertFails("InvalidBlockDeviceMapping",
                "Volume of size 1GB is smaller than snapshot '" + large + "', expect size >= 2GB",
                () -> world.register("web", large,
                        mapped(device("/dev/sda1", e -> e.snapshotId(large).volumeSize(1)))));
        assertFails("InvalidBlockDeviceMapping", () -> world.register("web", snapshot,
                mapped(device("/dev/sda1", e -> e.snapshotId(snapshot).encrypted(true)))));
        assertFails("UnsupportedOperation", () -> world.register("web", snapshot, mapped(
                device("/dev/sda1", e -> e.snapshotId(snapshot)),
                device("/dev/sdb", e -> e.volumeSize(1).encrypted(true)))));
        assertFails("InvalidParameterDependency", () -> world.register("web", snapshot, mapped(
                device("/dev/sda1", e -> e.snapshotId(snapshot)),
                device("/dev/sdb", e -> e.volumeSize(1).kmsKeyId("alias/ours")))));
        assertFails("InvalidParameterDependency", () -> world.register("web", snapshot, mapped(
                device("/dev/sda1", e -> e.snapshotId(snapshot).volumeType(VolumeType.GP2).throughput(200)))));
        assertFails("MissingParameter", () -> world.register("web", snapshot, mapped(
                device("/dev/sda1", e -> e.snapshotId(snapshot)), device("/dev/sdb", e -> e.volumeType("gp3")))));
        assertFails("MissingParameter", () -> world.register("web", snapshot,
                mapped(device("/dev/sda1", e -> e.snapshotId(snapshot).volumeType(VolumeType.IO1)))));
        assertFails("InvalidParameterCombination",
                () -> world.register("web", snapshot, r -> r.tpmSupport(TpmSupportValues.V2_0)));
        assertFails("InvalidParameterValue", () -> world.register("web", snapshot, r -> r.uefiData("not base64!")));
        assertFails("UnsupportedOperation", () -> world.register("web", snapshot, r -> r.imageLocation("bucket/x")));
        assertFails("UnsupportedOperation", () -> world.register("web", snapshot, r -> r.billingProducts("bp-1")));
        assertFails("UnsupportedOperation", () -> world.register("web", snapshot, r -> r.kernelId("aki-1")));
        assertFails("InvalidParameterValue",
                () -> world.register("web", snapshot, r -> r.virtualizationType("paravirtual")));
        assertFails("InvalidParameterValue",
                () -> world.register("web", snapshot, r -> r.architecture(ArchitectureValues.ARM64_MAC)));
        assertFails("DryRunOperation", () -> world.register("web", snapshot, r -> r.dryRun(true)));
        assertEquals(
                List.of("taken"), ImageWorld.names(world.ourEc2, r -> r.owners("self")), "nothing of it was done");
    }

    @Test
    void removesAnImageAndLeavesItsSnapshots() {
        String snapshot = world.newSnapshot();
        String id = world.register("web", snapshot, r -> {});
        assertFails("InvalidAMIID.NotFound", "The image id '[" + id + "]' does not exist",
                () -> world.theirEc2.deregisterImage(r -> r.imageId(id)));
        world.ourEc2.modifyImageAttribute(r -> r.imageId(id).launchPermission(p -> p.add(user(world.them()))));
        assertFails("UnauthorizedOperation", () -> world.theirEc2.deregisterImage(r -> r.imageId(id)));

        assertTrue(world.ourEc2.deregisterImage(r -> r.imageId(id)).returnValue());

        assertEquals(List.of(), world.ourEc2.describeImages(r -> r.imageIds(id)).images());
        assertEquals(List.of(), world.theirEc2.describeImages(r -> r.imageIds(id)).images());
        assertFails("InvalidAMIID.NotFound", () -> world.ourWest.describeImages(r -> r.imageIds(id)));
        assertFails("InvalidAMIID.Unavailable", () -> world.ourEc2.deregisterImage(r -> r.imageId(id)));
        world.register("web", snapshot, r -> {});
    }

    @Test
    void removesItsSnapshotsWhereThatIsAskedFor() {
        String shared = world.newSnapshot();
        String own = world.newSnapshot();
        world.register("other", shared, r -> {});
        String id = world.register("web", own, mapped(
                device("/dev/sda1", e -> e.snapshotId(own)),
                device("/dev/sdb", e -> e.snapshotId(shared)),
                device("/dev/sdc", e -> e.snapshotId(own))));

        Map<String, String> results = world.ourEc2
                .deregisterImage(r -> r.imageId(id).deleteAssociatedSnapshots(true))
                .deleteSnapshotResults()
                .stream()
                .collect(Collectors.toMap(each -> each.snapshotId(), each -> each.returnCodeAsString()));

        assertEquals(Map.of(own, "success", shared, "skipped"), results);
        assertFails("InvalidSnapshot.NotFound", () -> world.register("web", own, r -> {}));
        world.register("web", shared, r -> {});
    }

    @Test
    void copiesIntoAnotherRegionAndAnotherAccount() {
        String snapshot = world.newSnapshot();
        String source = world.register("web", snapshot, r -> r.description("for the web")
                .enaSupport(true)
                .tagSpecifications(tagged(ResourceType.IMAGE, "Name", "web")));
        Consumer<CopyImageRequest.Builder> plain =
                r -> r.sourceImageId(source).sourceRegion("local").name("web copy");
        assertFails("InvalidAMIID.NotFound", () -> world.theirWest.copyImage(plain));
        assertFails("InvalidAMIID.NotFound", () -> world.ourWest.copyImage(plain.andThen(r -> r.sourceRegion(ImageWorld.WEST))));

        String ours = world.ourWest.copyImage(plain.andThen(r -> r.copyImageTags(true)
                        .description("moved")
                        .tagSpecifications(
                                tagged(ResourceType.IMAGE, "x", "1"),
                                tagged(ResourceType.SNAPSHOT, "y", "2"))))
                .imageId();
        world.ourEc2.modifyImageAttribute(
                r -> r.imageId(source).launchPermission(p -> p.add(user(world.them()))));
        String theirs = world.theirWest.copyImage(plain.andThen(r -> r.copyImageTags(true))).imageId();

        Image copy = describe(world.ourWest, ours);
        assertEquals(Map.of("Name", "web", "x", "1"), tags(copy.tags()));
        assertEquals("moved", copy.description());
        assertTrue(copy.enaSupport());
        assertEquals(source, copy.sourceImageId());
        assertEquals("local", copy.sourceImageRegion());
        assertEquals(ImageState.AVAILABLE, copy.state());
        String copied = copy.blockDeviceMappings().get(0).ebs().snapshotId();
        assertFalse(copied.equals(snapshot));
        Image shared = describe(world.theirWest, theirs);
        assertEquals(world.them(), shared.ownerId());
        assertEquals("for the web", shared.description());
        assertEquals(Map.of(), tags(shared.tags()));
        assertFails("InvalidAMIID.NotFound", () -> world.ourWest.describeImages(r -> r.imageIds(theirs)));
        assertFails("InvalidAMIID.NotFound", () -> world.ourEc2.describeImages(r -> r.imageIds(ours)));
        assertFails("InvalidAMIName.Duplicate", () -> world.ourWest.copyImage(plain));
        assertFails("UnsupportedOperation",
                () -> world.ourWest.copyImage(plain.andThen(r -> r.name("secret").encrypted(true))));
        assertFails("InvalidParameterDependency",
                () -> world.ourWest.copyImage(plain.andThen(r -> r.name("secret").kmsKeyId("alias/x"))));
    }

    @Test
    void aClientTokenCopiesOnce() {
        String source = world.newImage("web");
        Consumer<CopyImageRequest.Builder> request =
                r -> r.sourceImageId(source).sourceRegion("local").name("copy").clientToken("token-1");

        String copy = world.ourEc2.copyImage(request).imageId();

        assertEquals(copy, world.ourEc2.copyImage(request).imageId());
        assertFails("IdempotentParameterMismatch",
                () -> world.ourEc2.copyImage(request.andThen(r -> r.name("another"))));
        assertFalse(copy.equals(world.ourWest.copyImage(request).imageId()), "a region has tokens of its own");
    }
}
