package cairn.server.ec2;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.client.ImageUploader;
import cairn.client.StoreClient;
import cairn.client.TransferProgress;
import cairn.disk.DiskSource;
import cairn.image.ImageName;
import cairn.image.NewImage;
import cairn.image.VolumeId;
import cairn.server.AwsUser;
import cairn.server.NbdDisk;
import cairn.server.SetClock;
import cairn.server.TestStore;
import cairn.server.Tools;
import cairn.StoreException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.retries.api.BackoffStrategy;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.AttachVolumeResponse;
import software.amazon.awssdk.services.ec2.model.BlockDeviceMapping;
import software.amazon.awssdk.services.ec2.model.Ec2Exception;
import software.amazon.awssdk.services.ec2.model.Filter;
import software.amazon.awssdk.services.ec2.model.Instance;
import software.amazon.awssdk.services.ec2.model.InstanceAttributeName;
import software.amazon.awssdk.services.ec2.model.InstanceBlockDeviceMapping;
import software.amazon.awssdk.services.ec2.model.InstanceState;
import software.amazon.awssdk.services.ec2.model.InstanceStateChange;
import software.amazon.awssdk.services.ec2.model.InstanceStateName;
import software.amazon.awssdk.services.ec2.model.Reservation;
import software.amazon.awssdk.services.ec2.model.ResourceType;
import software.amazon.awssdk.services.ec2.model.RunInstancesRequest;
import software.amazon.awssdk.services.ec2.model.RunInstancesResponse;
import software.amazon.awssdk.services.ec2.model.ShutdownBehavior;
import software.amazon.awssdk.services.ec2.model.Tag;
import software.amazon.awssdk.services.ec2.model.TagSpecification;
import software.amazon.awssdk.services.ec2.model.VolumeType;

/** Instances that the operator's hypervisor runs, through the AWS SDK. */
class InstancesTest {
    private static final int DISK_BYTES = (1 << 20) + 512;
    private static final String ROOT = "/dev/vda";
    private static final String DATA = "/dev/vdb";

    @TempDir
    private Path folder;

    private final SetClock clock = new SetClock();
    private final byte[] content = new byte[DISK_BYTES];
    private TestStore store;
    private AwsUser user;
    private Ec2Client ec2;
    private String image;

    @BeforeEach
    void start() throws Exception {
        store = new TestStore(folder.resolve("data"), clock);
        user = store.newAccount("ops").user();
        ec2 = user.ec2();
        new Random(1).nextBytes(content);
        image = push(user.store(), "debian");
    }

    @AfterEach
    void stop() {
        ec2.close();
        store.close();
    }

    private String push(StoreClient client, String name) throws Exception {
        Path disk = Files.write(folder.resolve("disk.raw"), content);
        try (DiskSource source = DiskSource.open(disk)) {
            return new ImageUploader(client)
                    .upload(source, NewImage.of(new ImageName(name)), TransferProgress.none())
                    .image()
                    .id();
        }
    }

    private RunInstancesResponse run(Consumer<RunInstancesRequest.Builder> more) {
        return ec2.runInstances(request -> {
            request.imageId(image).minCount(1).maxCount(1);
            more.accept(request);
        });
    }

    @Test
    void volumesComeAndGoWhileItRuns() {
        Instance instance = runOne(request -> { });
        String id = instance.instanceId();
        String zone = instance.placement().availabilityZone();
        String data = blank(zone);
        String other = blank(zone);

        assertEquals("attached", attach(data, id, DATA).stateAsString());
        assertCode("VolumeInUse", () -> attach(data, id, "/dev/vdc"));
        assertCode("InvalidParameterValue", () -> attach(other, id, DATA));
        assertCode("InvalidVolume.ZoneMismatch", () -> attach(blank("localb"), id, "/dev/vdc"));
        assertCode("InvalidInstanceID.NotFound", () -> attach(other, "i-00000000000000001", "/dev/vdc"));
        assertCode("IncorrectState", () -> ec2.detachVolume(r -> r.volumeId(other)));
        assertCode("InvalidAttachment.NotFound", () -> ec2.detachVolume(r -> r.volumeId(data).device("/dev/vdc")));
        assertCode("InvalidAttachment.NotFound", () -> ec2.detachVolume(
                r -> r.volumeId(data).instanceId("i-00000000000000001")));
        assertCode("OperationNotPermitted", () -> ec2.detachVolume(
                r -> r.volumeId(instance.blockDeviceMappings().get(0).ebs().volumeId()).force(true)));
        assertEquals("detached", ec2.detachVolume(r -> r.volumeId(data).instanceId(id).device(DATA)).stateAsString());
        assertEquals("attached", attach(other, id, DATA).stateAsString());
        ec2.terminateInstances(r -> r.instanceIds(id));
        assertCode("IncorrectState", () -> attach(data, id, "/dev/vdc"));
        assertEquals(
                "available", ec2.describeVolumes(r -> r.volumeIds(other)).volumes().get(0).stateAsString());
    }

    private String blank(String zone) {
        return ec2.createVolume(r -> r.size(1).availabilityZone(zone)).volumeId();
    }

    private AttachVolumeResponse attach(String volume, String instance, String device) {
        return ec2.attachVolume(r -> r.volumeId(volume).instanceId(instance).device(device));
    }

    private Instance runOne(Consumer<RunInstancesRequest.Builder> more) {
        return run(more).instances().get(0);
    }

    private Instance instance(String id) {
        return ec2.describeInstances(request -> request.instanceIds(id)).reservations().get(0).instances().get(0);
    }

    private static String volume(Instance instance, String device) {
        return instance.blockDeviceMappings().stream()
                .filter(each -> each.deviceName().equals(device))
                .findFirst()
                .orElseThrow()
                .ebs()
                .volumeId();
    }

    private static Map<String, String> tags(List<Tag> tags) {
        return tags.stream().collect(Collectors.toMap(Tag::key, Tag::value));
    }

    private static BlockDeviceMapping mapping(
            String device, Consumer<software.amazon.awssdk.services.ec2.model.EbsBlockDevice.Builder> ebs) {
        return BlockDeviceMapping.builder().deviceName(device).ebs(ebs).build();
    }

    private static void assertCode(String code, Runnable call) {
        Ec2Exception failure = assertThrows(Ec2Exception.class, call::run);
        assertEquals(code, failure.awsErrorDetails().errorCode(), failure.getMessage());
    }

    private void assertNoVolume(String id) {
        assertThrows(StoreException.class, () -> user.store().volume(new VolumeId(id)));
    }

    private byte[] readOverNbd(String uri, int lengthBytes) throws Exception {
        Tools.require("nbdcopy");
        Path copy = folder.resolve("copy.raw");
        Tools.run("nbdcopy", uri, copy.toString()).success();
        return Arrays.copyOf(Files.readAllBytes(copy), lengthBytes);
    }

    @Test
    void anInstanceHasVolumesOfItsOwnThatHoldWhatTheImageHolds() throws Exception {
        RunInstancesResponse reservation = run(request -> request.keyName("ops")
                .instanceType("m7g.large")
                .userData(Base64.getEncoder().encodeToString("hello".getBytes()))
                .subnetId("subnet-1")
                .securityGroupIds("sg-1")
                .tagSpecifications(
                        tagged(ResourceType.INSTANCE, "name", "web"), tagged(ResourceType.VOLUME, "of", "web")));

        Instance instance = instance(reservation.instances().get(0).instanceId());
        assertTrue(reservation.reservationId().matches("r-[0-9a-f]{17}"), reservation.reservationId());
        assertTrue(instance.instanceId().matches("i-[0-9a-f]{17}"), instance.instanceId());
        assertEquals(InstanceStateName.RUNNING, instance.state().name());
        assertEquals(16, instance.state().code());
        assertEquals(image, instance.imageId());
        assertEquals("m7g.large", instance.instanceTypeAsString());
        assertEquals(clock.instant(), instance.launchTime());
        assertEquals("locala", instance.placement().availabilityZone());
        assertEquals("ops", instance.keyName());
        assertEquals("subnet-1", instance.subnetId());
        assertEquals("sg-1", instance.securityGroups().get(0).groupId());
        assertEquals("x86_64", instance.architectureAsString());
        assertEquals(ROOT, instance.rootDeviceName());
        InstanceBlockDeviceMapping root = instance.blockDeviceMappings().get(0);
        assertEquals(ROOT, root.deviceName());
        assertTrue(root.ebs().deleteOnTermination());
        assertEquals("attached", root.ebs().statusAsString());
        Map<String, String> tags = tags(instance.tags());
        assertEquals("web", tags.get("name"));
        assertArrayEquals(content, readOverNbd(tags.get("cairn:nbd:" + ROOT), DISK_BYTES));
        assertArrayEquals(content, readOverNbd(tags.get("cairn:nbd-socket:" + ROOT), DISK_BYTES));
        assertEquals(
                Map.of("of", "web"), user.store().volume(new VolumeId(root.ebs().volumeId())).tags());
    }

    private static TagSpecification tagged(ResourceType type, String key, String value) {
        return TagSpecification.builder()
                .resourceType(type)
                .tags(Tag.builder().key(key).value(value).build())
                .build();
    }

    @Test
    void mappingsChangeAndAddDisks() {
        Instance instance = runOne(request -> request.blockDeviceMappings(
                mapping(ROOT, ebs -> ebs.volumeSize(3).deleteOnTermination(false).volumeType(VolumeType.GP2)),
                mapping(DATA, ebs -> ebs.volumeSize(1)),
                BlockDeviceMapping.builder().deviceName("/dev/vdc").virtualName("ephemeral0").build()));

        assertEquals(
                List.of(ROOT, DATA),
                instance.blockDeviceMappings().stream().map(InstanceBlockDeviceMapping::deviceName).toList());
        assertEquals(3L << 30, user.store().volume(new VolumeId(volume(instance, ROOT))).sizeBytes());
        assertEquals(1L << 30, user.store().volume(new VolumeId(volume(instance, DATA))).sizeBytes());
        ec2.terminateInstances(request -> request.instanceIds(instance.instanceId()));
        assertEquals(InstanceStateName.TERMINATED, instance(instance.instanceId()).state().name());
        assertEquals("available", user.store().volume(new VolumeId(volume(instance, ROOT))).state());
        assertNoVolume(volume(instance, DATA));
    }

    @Test
    void refusesMappingsThatMakeNoSense() {
        assertCode("InvalidBlockDeviceMapping", () -> run(request -> request.blockDeviceMappings(
                mapping(DATA, ebs -> ebs.volumeSize(1)), mapping(DATA, ebs -> ebs.volumeSize(2)))));
        assertCode("InvalidBlockDeviceMapping", () -> run(request -> request.blockDeviceMappings(
                BlockDeviceMapping.builder().deviceName(ROOT).noDevice("").build())));
        assertCode("InvalidBlockDeviceMapping", () -> run(request -> request.blockDeviceMappings(
                BlockDeviceMapping.builder().deviceName(DATA).noDevice("").build())));
        assertCode("MissingParameter", () -> run(request -> request.blockDeviceMappings(
                mapping(DATA, ebs -> ebs.deleteOnTermination(true)))));
        assertCode("InvalidSnapshot.NotFound", () -> run(request -> request.blockDeviceMappings(
                mapping(DATA, ebs -> ebs.snapshotId("snap-00000000000000000")))));
        assertCode("UnsupportedOperation", () -> run(request -> request.blockDeviceMappings(
                mapping(ROOT, ebs -> ebs.encrypted(true)))));
        assertCode("InvalidParameterDependency", () -> run(request -> request.blockDeviceMappings(
                mapping(ROOT, ebs -> ebs.kmsKeyId("k")))));
        assertEquals(List.of(), ec2.describeInstances().reservations());
        assertEquals(List.of(), user.store().volumes("").volumes());
    }

    @Test
    void refusesWhatCannotBeLaunched() {
        assertCode("InvalidAMIID.NotFound", () -> run(request -> request.imageId("ami-00000000000000000")));
        assertCode("InvalidAMIID.Malformed", () -> run(request -> request.imageId("ami-x")));
        assertCode("InvalidParameterCombination", () -> run(request -> request.minCount(2)));
        assertCode("InvalidParameterValue", () -> run(request -> request.placement(p -> p.availabilityZone("locald"))));
        assertCode("InvalidParameterValue", () -> run(request -> request.instanceType("no type!")));
        assertCode("UnsupportedOperation", () -> run(request -> request.iamInstanceProfile(p -> p.name("x"))));
        assertCode("UnsupportedOperation", () -> run(request -> request.disableApiTermination(true)));
        assertCode("DryRunOperation", () -> run(request -> request.dryRun(true)));
        run(request -> request.disableApiTermination(false)
                .ebsOptimized(true)
                .hibernationOptions(h -> h.configured(false)));
        user.store().removeImage(new cairn.image.ImageId(image));
        assertCode("InvalidAMIID.Unavailable", () -> run(request -> { }));
        assertEquals(1, ec2.describeInstances().reservations().size());
    }

    @Test
    void anImageKnowsWhenItWasLaunchedAndIsNotLaunchedWhileItIsDisabled() {
        clock.forward(Duration.ofHours(1));
        run(request -> { });
        var launched = ec2.describeImages(request -> request.imageIds(image)).images().get(0).lastLaunchedTime();
        ec2.disableImage(request -> request.imageId(image));

        assertEquals(clock.instant(), Instant.parse(launched));
        assertCode("InvalidAMIID.Unavailable", () -> run(request -> { }));
    }

    @Test
    void anotherAccountLaunchesOnlyWhatItMay() throws Exception {
        Instance ours = runOne(request -> { });
        AwsUser other = store.newAccount("others").user();
        try (Ec2Client theirs = other.ec2(); Ec2Client elsewhere = user.in("eu-1").ec2()) {
            assertCode("InvalidAMIID.NotFound", () -> theirs.runInstances(
                    request -> request.imageId(image).minCount(1).maxCount(1)));
            assertCode("InvalidInstanceID.NotFound", () -> theirs.describeInstances(
                    request -> request.instanceIds(ours.instanceId())));
            assertCode("InvalidInstanceID.NotFound", () -> theirs.terminateInstances(
                    request -> request.instanceIds(ours.instanceId())));
            assertCode("InvalidInstanceID.NotFound", () -> elsewhere.describeInstances(
                    request -> request.instanceIds(ours.instanceId())));
            assertEquals(List.of(), theirs.describeInstances().reservations());
        }
    }

    @Test
    void stopsStartsAndTerminates() {
        Instance launched = runOne(request -> { });
        String id = launched.instanceId();
        String volume = volume(launched, ROOT);

        InstanceStateChange stopped = ec2.stopInstances(request -> request.instanceIds(id)).stoppingInstances().get(0);
        assertEquals(InstanceStateName.RUNNING, stopped.previousState().name());
        assertEquals(InstanceStateName.STOPPED, stopped.currentState().name());
        assertEquals("Client.UserInitiatedShutdown", instance(id).stateReason().code());
        assertEquals(80, ec2.stopInstances(r -> r.instanceIds(id)).stoppingInstances().get(0).currentState().code());
        assertThrows(StoreException.class, () -> user.store().removeVolume(new VolumeId(volume)));

        clock.forward(Duration.ofMinutes(5));
        InstanceStateChange started = ec2.startInstances(request -> request.instanceIds(id)).startingInstances().get(0);
        assertEquals(InstanceStateName.RUNNING, started.currentState().name());
        assertEquals(clock.instant(), instance(id).launchTime());
        assertEquals(volume, volume(instance(id), ROOT));

        InstanceState ended = ec2.terminateInstances(request -> request.instanceIds(id))
                .terminatingInstances()
                .get(0)
                .currentState();
        assertEquals(48, ended.code());
        assertNoVolume(volume);
        assertEquals(List.of(), instance(id).blockDeviceMappings());
        assertCode("IncorrectInstanceState", () -> ec2.startInstances(request -> request.instanceIds(id)));
        assertCode("IncorrectInstanceState", () -> ec2.stopInstances(request -> request.instanceIds(id)));
        ec2.terminateInstances(request -> request.instanceIds(id));

        clock.forward(Duration.ofMinutes(59));
        assertEquals(InstanceStateName.TERMINATED, instance(id).state().name());
        clock.forward(Duration.ofMinutes(1));
        assertCode("InvalidInstanceID.NotFound", () -> instance(id));
        assertEquals(List.of(), ec2.describeInstances().reservations());
    }

    @Test
    void nothingIsDoneWhereOneOfSeveralIsNotThereOrInTheWrongState() {
        String running = runOne(request -> { }).instanceId();
        String ended = runOne(request -> { }).instanceId();
        ec2.terminateInstances(request -> request.instanceIds(ended));

        assertCode("InvalidInstanceID.NotFound", () -> ec2.terminateInstances(
                request -> request.instanceIds(running, "i-00000000000000000")));
        assertCode("InvalidInstanceID.Malformed", () -> ec2.terminateInstances(
                request -> request.instanceIds(running, "i-zzz")));
        assertCode("IncorrectInstanceState", () -> ec2.stopInstances(request -> request.instanceIds(running, ended)));
        assertCode("DryRunOperation", () -> ec2.terminateInstances(
                request -> request.instanceIds(running).dryRun(true)));

        assertEquals(InstanceStateName.RUNNING, instance(running).state().name());
    }

    @Test
    void aTokenLaunchesOnce() {
        RunInstancesResponse first = run(request -> request.clientToken("t").maxCount(2));
        RunInstancesResponse second = run(request -> request.clientToken("t").maxCount(2));

        assertEquals(2, first.instances().size());
        assertEquals(first.reservationId(), second.reservationId());
        assertEquals(ids(first.instances()), ids(second.instances()));
        assertEquals(List.of(0, 1), second.instances().stream().map(Instance::amiLaunchIndex).toList());
        assertCode("IdempotentParameterMismatch", () -> run(request -> request.clientToken("t")));
        assertNotEquals(first.reservationId(), run(request -> request.clientToken("u").maxCount(2)).reservationId());
    }

    private static List<String> ids(List<Instance> instances) {
        return instances.stream().map(Instance::instanceId).toList();
    }

    @Test
    void findsInstancesByFiltersAPageAtATime() {
        for (int i = 0; i < 7; i++) {
            String name = "n" + i;
            run(request -> request.tagSpecifications(tagged(ResourceType.INSTANCE, "name", name)));
        }
        Instance large = runOne(request -> request.instanceType("t3.large").maxCount(3));
        ec2.stopInstances(request -> request.instanceIds(large.instanceId()));

        assertEquals(List.of(large.instanceId()), found(filter("instance-state-name", "stopped")));
        assertEquals(3, found(filter("instance-type", "*.large")).size());
        assertEquals(2, found(filter("instance-type", "t3.*"), filter("launch-index", "1", "2")).size());
        assertEquals(2, found(filter("tag:name", "n1", "n2")).size());
        assertEquals(7, found(filter("tag-key", "name")).size());
        assertEquals(
                List.of(large.instanceId()),
                found(filter("block-device-mapping.volume-id", volume(large, ROOT))));
        assertEquals(10, found(filter("image-id", image)).size());
        assertCode("InvalidParameterValue", () -> found(filter("vpc-id", "x")));
        List<Reservation> paged = ec2.describeInstancesPaginator(request -> request.maxResults(5))
                .stream().flatMap(page -> page.reservations().stream()).toList();
        assertEquals(ec2.describeInstances().reservations().size(), paged.size());
        assertEquals(8, paged.stream().map(Reservation::reservationId).distinct().count());
    }

    private static Filter filter(String name, String... values) {
        return Filter.builder().name(name).values(values).build();
    }

    private List<String> found(Filter... filters) {
        return ec2.describeInstances(request -> request.filters(filters)).reservations().stream()
                .flatMap(each -> each.instances().stream())
                .map(Instance::instanceId)
                .toList();
    }

    @Test
    void saysHowInstancesAreAndWhatTheyWereLaunchedAs() {
        Instance running = runOne(request -> request
                .instanceInitiatedShutdownBehavior(ShutdownBehavior.TERMINATE)
                .userData(Base64.getEncoder().encodeToString("hello".getBytes())));
        String stopped = runOne(request -> { }).instanceId();
        ec2.stopInstances(request -> request.instanceIds(stopped));

        var statuses = ec2.describeInstanceStatus().instanceStatuses();
        assertEquals(List.of(running.instanceId()), statuses.stream().map(each -> each.instanceId()).toList());
        assertEquals("insufficient-data", statuses.get(0).instanceStatus().statusAsString());
        assertEquals("ok", statuses.get(0).systemStatus().statusAsString());
        assertEquals(2, ec2.describeInstanceStatus(r -> r.includeAllInstances(true)).instanceStatuses().size());
        assertEquals("terminate", attribute(running, InstanceAttributeName.INSTANCE_INITIATED_SHUTDOWN_BEHAVIOR)
                .instanceInitiatedShutdownBehavior().value());
        assertEquals(
                Base64.getEncoder().encodeToString("hello".getBytes()),
                attribute(running, InstanceAttributeName.USER_DATA).userData().value());
        assertEquals(ROOT, attribute(running, InstanceAttributeName.ROOT_DEVICE_NAME).rootDeviceName().value());
        assertFalse(attribute(running, InstanceAttributeName.DISABLE_API_TERMINATION).disableApiTermination().value());
        assertEquals(
                running.blockDeviceMappings(),
                attribute(running, InstanceAttributeName.BLOCK_DEVICE_MAPPING).blockDeviceMappings());
        for (InstanceAttributeName each : InstanceAttributeName.knownValues()) {
            assertEquals(running.instanceId(), attribute(running, each).instanceId());
        }
    }

    private software.amazon.awssdk.services.ec2.model.DescribeInstanceAttributeResponse attribute(
            Instance instance, InstanceAttributeName name) {
        return ec2.describeInstanceAttribute(
                request -> request.instanceId(instance.instanceId()).attribute(name));
    }

    @Test
    void aRunningInstanceIsThereAfterARestartAndEndsOnceNobodyReadsItsVolume() throws Exception {
        Instance launched = runOne(request -> { });
        String id = launched.instanceId();
        store.restart();
        ec2.close();
        ec2 = new AwsUser(store.endpoint(), user.credentials(), user.region()).ec2();
        user = new AwsUser(store.endpoint(), user.credentials(), user.region());

        assertEquals(InstanceStateName.RUNNING, instance(id).state().name());
        String uri = tags(instance(id).tags()).get("cairn:nbd:" + ROOT);
        InstanceStateChange ending;
        try (NbdDisk machine = NbdDisk.open(URI.create(uri))) {
            ending = ec2.terminateInstances(request -> request.instanceIds(id)).terminatingInstances().get(0);

            assertEquals(DISK_BYTES, machine.sizeBytes());
        }

        assertEquals(InstanceStateName.SHUTTING_DOWN, ending.currentState().name());
        ec2.waiter().waitUntilInstanceTerminated(
                request -> request.instanceIds(id),
                settings -> settings.backoffStrategyV2(BackoffStrategy.fixedDelay(Duration.ofMillis(50))));
        assertNoVolume(volume(launched, ROOT));
    }
}
