package cairn.server.ec2;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import cairn.client.DiskId;
import cairn.client.ImageUploader;
import cairn.client.Retry;
import cairn.client.SnapshotWatch;
import cairn.client.TransferProgress;
import cairn.disk.DiskSource;
import cairn.image.ImageName;
import cairn.image.NewImage;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import cairn.server.AwsUser;
import cairn.server.NbdDisk;
import cairn.server.TestStore;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.retries.api.BackoffStrategy;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.BlockDeviceMapping;
import software.amazon.awssdk.services.ec2.model.CopyTagsFromSource;
import software.amazon.awssdk.services.ec2.model.Ec2Exception;
import software.amazon.awssdk.services.ec2.model.Image;
import software.amazon.awssdk.services.ec2.model.Instance;
import software.amazon.awssdk.services.ec2.model.InstanceBlockDeviceMapping;
import software.amazon.awssdk.services.ec2.model.ResourceType;
import software.amazon.awssdk.services.ec2.model.SnapshotInfo;
import software.amazon.awssdk.services.ec2.model.Tag;
import software.amazon.awssdk.services.ec2.model.TagSpecification;

/** Images and snapshots of instances, through the AWS SDK. */
class InstanceImagesTest {
    private static final String ROOT = "/dev/vda";
    private static final String DATA = "/dev/vdb";
    private static final int DISK_BYTES = 1 << 20;
    private static final int NOTE_BYTES = 4096;

    @TempDir
    private Path folder;

    private final byte[] content = new byte[DISK_BYTES];
    private TestStore store;
    private AwsUser user;
    private Ec2Client ec2;
    private String image;
    private Instance instance;

    @BeforeEach
    void launch() throws Exception {
        store = new TestStore(folder.resolve("data"));
        user = store.newAccount("ops").user();
        ec2 = user.ec2();
        new Random(1).nextBytes(content);
        Path disk = Files.write(folder.resolve("disk.raw"), content);
        try (DiskSource source = DiskSource.open(disk)) {
            image = new ImageUploader(user.store())
                    .upload(source, NewImage.of(new ImageName("debian")), TransferProgress.none())
                    .image()
                    .id();
        }
        instance = run(image, mapping(DATA, 1));
    }

    @AfterEach
    void stop() {
        ec2.close();
        store.close();
    }

    private Instance run(String ofImage, BlockDeviceMapping... mappings) {
        return ec2.runInstances(request ->
                        request.imageId(ofImage).minCount(1).maxCount(1).blockDeviceMappings(mappings))
                .instances()
                .get(0);
    }

    private static BlockDeviceMapping mapping(String device, int sizeGib) {
        return BlockDeviceMapping.builder().deviceName(device).ebs(ebs -> ebs.volumeSize(sizeGib)).build();
    }

    private static String volume(Instance of, String device) {
        return of.blockDeviceMappings().stream()
                .filter(each -> each.deviceName().equals(device))
                .findFirst()
                .orElseThrow()
                .ebs()
                .volumeId();
    }

    private static NbdDisk open(Instance of, String device) throws Exception {
        String uri = of.tags().stream()
                .filter(each -> each.key().equals("cairn:nbd:" + device))
                .findFirst()
                .orElseThrow()
                .value();
        return NbdDisk.open(URI.create(uri));
    }

    private static byte[] note(int seed) {
        byte[] note = new byte[NOTE_BYTES];
        new Random(seed).nextBytes(note);
        return note;
    }

    private Image awaitImage(String id) {
        ec2.waiter().waitUntilImageAvailable(
                request -> request.imageIds(id),
                settings -> settings.backoffStrategyV2(BackoffStrategy.fixedDelay(Duration.ofMillis(50))));
        return ec2.describeImages(request -> request.imageIds(id)).images().get(0);
    }

    private static TagSpecification tagged(ResourceType type, String value) {
        return TagSpecification.builder()
                .resourceType(type)
                .tags(Tag.builder().key("name").value(value).build())
                .build();
    }

    private static Map<String, String> tags(List<Tag> tags) {
        return tags.stream().collect(Collectors.toMap(Tag::key, Tag::value));
    }

    @Test
    void anImageHoldsAllDisksAsTheyAreAndInstancesOfItToo() throws Exception {
        try (NbdDisk root = open(instance, ROOT);
                NbdDisk data = open(instance, DATA)) {
            root.write(8192, note(2), true);
            data.write(0, note(3), true);
        }

        String id = ec2.createImage(request -> request.instanceId(instance.instanceId())
                        .name("web 1")
                        .description("with notes")
                        .noReboot(true)
                        .tagSpecifications(tagged(ResourceType.IMAGE, "i"), tagged(ResourceType.SNAPSHOT, "s")))
                .imageId();
        Image made = awaitImage(id);

        assertEquals("web 1", made.name());
        assertEquals("with notes", made.description());
        assertEquals(instance.instanceId(), made.sourceInstanceId());
        assertEquals(image, made.sourceImageId());
        assertEquals(Map.of("name", "i"), tags(made.tags()));
        assertEquals(
                List.of(ROOT, DATA),
                made.blockDeviceMappings().stream().map(BlockDeviceMapping::deviceName).toList());
        for (BlockDeviceMapping each : made.blockDeviceMappings()) {
            var snapshot = user.store().snapshot(new SnapshotId(each.ebs().snapshotId()));
            assertEquals("Created by CreateImage(" + instance.instanceId() + ") for " + id, snapshot.description());
            assertEquals(Map.of("name", "s"), snapshot.tags());
        }
        byte[] expected = content.clone();
        System.arraycopy(note(2), 0, expected, 8192, NOTE_BYTES);
        Instance second = run(id);
        assertEquals(2, second.blockDeviceMappings().size());
        try (NbdDisk root = open(second, ROOT);
                NbdDisk data = open(second, DATA)) {
            assertArrayEquals(expected, root.read(0, DISK_BYTES));
            assertArrayEquals(note(3), data.read(0, NOTE_BYTES));
        }
    }

    @Test
    void mappingsLeaveDisksOutAndAddThem() {
        String id = ec2.createImage(request -> request.instanceId(instance.instanceId())
                        .name("web 2")
                        .blockDeviceMappings(
                                BlockDeviceMapping.builder()
                                        .deviceName(ROOT)
                                        .ebs(ebs -> ebs.volumeSize(4).deleteOnTermination(false))
                                        .build(),
                                BlockDeviceMapping.builder().deviceName(DATA).noDevice("").build(),
                                mapping("/dev/vdc", 2)))
                .imageId();
        awaitImage(id);

        Instance second = run(id);

        assertEquals(
                List.of(ROOT, "/dev/vdc"),
                second.blockDeviceMappings().stream().map(InstanceBlockDeviceMapping::deviceName).toList());
        InstanceBlockDeviceMapping root = second.blockDeviceMappings().get(0);
        assertFalse(root.ebs().deleteOnTermination());
        assertEquals(
                4L << 30,
                user.store().volume(new VolumeId(root.ebs().volumeId())).sizeBytes());
    }

    @Test
    void refusesImagesThatCannotBe() {
        assertCode("InvalidAMIName.Malformed", () -> create("x"));
        assertCode("InvalidAMIName.Duplicate", () -> create("debian"));
        assertCode("InvalidInstanceID.NotFound", () -> ec2.createImage(
                request -> request.instanceId("i-00000000000000000").name("web")));
        assertCode("InvalidBlockDeviceMapping", () -> create("web", BlockDeviceMapping.builder()
                .deviceName(ROOT)
                .noDevice("")
                .build()));
        assertCode("InvalidBlockDeviceMapping", () -> create("web", mapping(DATA, 1), mapping(DATA, 1)));
        assertCode("InvalidBlockDeviceMapping", () -> create("web", BlockDeviceMapping.builder()
                .deviceName("/dev/vdz")
                .noDevice("")
                .build()));
        assertCode("UnsupportedOperation", () -> create("web", BlockDeviceMapping.builder()
                .deviceName(ROOT)
                .ebs(ebs -> ebs.encrypted(true))
                .build()));
        assertCode("DryRunOperation", () -> ec2.createImage(
                request -> request.instanceId(instance.instanceId()).name("web").dryRun(true)));
        ec2.terminateInstances(request -> request.instanceIds(instance.instanceId()));
        assertCode("IncorrectState", () -> create("web"));
        assertEquals(1, ec2.describeImages().images().size());
    }

    private void create(String name, BlockDeviceMapping... mappings) {
        ec2.createImage(request ->
                request.instanceId(instance.instanceId()).name(name).blockDeviceMappings(mappings));
    }

    private static void assertCode(String code, Runnable call) {
        Ec2Exception failure = assertThrows(Ec2Exception.class, call::run);
        assertEquals(code, failure.awsErrorDetails().errorCode(), failure.getMessage());
    }

    @Test
    void snapshotsOfAllVolumesShowOneMoment() throws Exception {
        List<SnapshotInfo> both = new ArrayList<>();
        try (NbdDisk root = open(instance, ROOT);
                NbdDisk data = open(instance, DATA)) {
            for (int i = 1; i <= 20; i++) {
                root.write(0, note(i), false);
                if (i == 10) {
                    both.addAll(snapshots(true));
                }
                data.write(0, note(i), false);
            }
        }
        both.forEach(each -> awaitSnapshot(each.snapshotId()));

        assertEquals(
                List.of(volume(instance, ROOT), volume(instance, DATA)),
                both.stream().map(SnapshotInfo::volumeId).toList());
        assertArrayEquals(note(10), Arrays.copyOf(read(both.get(0)), NOTE_BYTES));
        assertArrayEquals(note(9), Arrays.copyOf(read(both.get(1)), NOTE_BYTES));
        assertEquals(Map.of("name", "all"), tags(both.get(0).tags()));
    }

    private List<SnapshotInfo> snapshots(boolean withBoot, String... excluded) {
        return ec2.createSnapshots(request -> request.description("nightly")
                        .copyTagsFromSource(CopyTagsFromSource.VOLUME)
                        .tagSpecifications(tagged(ResourceType.SNAPSHOT, "all"))
                        .instanceSpecification(of -> of.instanceId(instance.instanceId())
                                .excludeBootVolume(!withBoot)
                                .excludeDataVolumeIds(excluded)))
                .snapshots();
    }

    private void awaitSnapshot(String id) {
        new SnapshotWatch(user.store(), Retry.usual())
                .await(user.store().snapshot(new SnapshotId(id)), TransferProgress.none());
    }

    private byte[] read(SnapshotInfo snapshot) throws Exception {
        String uri = user.store().exportUri(new DiskId(snapshot.snapshotId())).uri();
        try (NbdDisk disk = NbdDisk.open(URI.create(uri))) {
            return disk.read(0, DISK_BYTES);
        }
    }

    @Test
    void leavesOutWhatIsExcluded() {
        String root = volume(instance, ROOT);
        String data = volume(instance, DATA);

        assertEquals(List.of(data), snapshots(false).stream().map(SnapshotInfo::volumeId).toList());
        assertEquals(List.of(root), snapshots(true, data).stream().map(SnapshotInfo::volumeId).toList());
        assertCode("InvalidParameterCombination", () -> snapshots(false, data));
        assertCode("InvalidParameterValue", () -> snapshots(true, root));
        assertCode("InvalidParameterValue", () -> snapshots(true, "vol-00000000000000000"));
        assertEquals(1, ec2.describeInstances().reservations().size());
    }
}
