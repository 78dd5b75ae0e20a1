package cairn.server.ec2;

import static cairn.server.ec2.SnapshotWorld.ZONE;
import static cairn.server.ec2.SnapshotWorld.assertCode;
import static cairn.server.ec2.SnapshotWorld.assertFails;
import static cairn.server.ec2.SnapshotWorld.filter;
import static cairn.server.ec2.SnapshotWorld.tag;
import static cairn.server.ec2.SnapshotWorld.tagged;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.CreateVolumeRequest;
import software.amazon.awssdk.services.ec2.model.CreateVolumeResponse;
import software.amazon.awssdk.services.ec2.model.DescribeVolumesRequest;
import software.amazon.awssdk.services.ec2.model.ResourceType;
import software.amazon.awssdk.services.ec2.model.Volume;
import software.amazon.awssdk.services.ec2.model.VolumeRecycleBinInfo;
import software.amazon.awssdk.services.ec2.model.VolumeType;
import software.amazon.awssdk.services.rbin.RbinClient;

/** Volumes made, found and removed, through the SDK and the command line. */
class VolumesTest {
    private static final String UNKNOWN = "vol-00000000000000001";

    @TempDir
    private Path folder;

    private SnapshotWorld world;
    private Ec2Client ec2;

    @BeforeEach
    void start() throws Exception {
        world = new SnapshotWorld(folder.resolve("data"), false);
        ec2 = world.ec2;
    }

    @AfterEach
    void stop() {
        world.close();
    }

    private static List<String> ids(Ec2Client client, Consumer<DescribeVolumesRequest.Builder> request) {
        return client.describeVolumes(request).volumes().stream().map(Volume::volumeId).toList();
    }

    private CreateVolumeResponse create(Consumer<CreateVolumeRequest.Builder> more) {
        return ec2.createVolume(r -> more.accept(r.availabilityZone(ZONE)));
    }

    @Test
    void makesAVolumeOfASnapshotAndAllIsToldOfIt() {
        String snapshot = world.newSnapshot();

        CreateVolumeResponse made = create(r -> r.snapshotId(snapshot)
                .size(10)
                .volumeType(VolumeType.GP3)
                .iops(3500)
                .throughput(200)
                .tagSpecifications(tagged(ResourceType.VOLUME, tag("env", "prod"))));

        assertEquals(10, made.size());
        Volume volume = ec2.describeVolumes(r -> r.volumeIds(made.volumeId())).volumes().get(0);
        assertEquals("available", volume.stateAsString());
        assertEquals(snapshot, volume.snapshotId());
        assertEquals(ZONE, volume.availabilityZone());
        assertEquals(VolumeType.GP3, volume.volumeType());
        assertEquals(3500, volume.iops());
        assertEquals(200, volume.throughput());
        assertEquals(List.of(tag("env", "prod")), volume.tags());
        assertTrue(volume.hasAttachments());
        CreateVolumeResponse plain = create(r -> r.size(1));
        assertFalse(plain.hasTags(), "without tags there is no set of them");
        assertEquals(VolumeType.GP2, plain.volumeType());
        assertEquals(List.of(made.volumeId()), ids(ec2, r -> r.filters(
                filter("tag:env", "prod"), filter("snapshot-id", snapshot), filter("size", "10"),
                filter("status", "available"), filter("availability-zone", "local?"), filter("volume-type", "gp3"))));
        assertEquals(List.of(), ids(world.theirs, r -> {}));
        assertEquals(List.of(), ids(world.west, r -> {}));
        ec2.deleteVolume(r -> r.volumeId(made.volumeId()));
        assertCode("InvalidVolume.NotFound", () -> ids(ec2, r -> r.volumeIds(made.volumeId())));
    }

    @Test
    void refusesWhatEc2WouldRefuse() {
        String snapshot = world.newSnapshot(create(r -> r.size(3)).volumeId());

        assertFails(
                "MissingParameter", "The request must contain the parameter size/snapshot", () -> create(r -> {}));
        assertCode("MissingParameter", () -> ec2.createVolume(r -> r.size(1)));
        assertCode("InvalidZone.NotFound", () -> ec2.createVolume(r -> r.size(1).availabilityZone("mars-1a")));
        assertCode("InvalidParameterValue", () -> create(r -> r.snapshotId(snapshot).size(2)));
        assertCode("InvalidParameterValue", () -> create(r -> r.size(20_000)));
        assertCode("InvalidParameterValue", () -> create(r -> r.size(1).volumeType("mars1")));
        assertCode("InvalidParameterCombination", () -> create(r -> r.size(1).iops(100)));
        assertCode("InvalidParameterDependency", () -> create(r -> r.size(1).throughput(125)));
        assertCode("MissingParameter", () -> create(r -> r.size(4).volumeType("io1")));
        assertCode("InvalidParameterValue", () -> create(r -> r.size(4).volumeType("io1").iops(300)));
        assertCode("InvalidParameterValue", () -> create(r -> r.size(10).volumeType("gp3").throughput(900)));
        assertCode("InvalidParameterValue", () -> create(r -> r.size(100).volumeType("st1")));
        assertCode("InvalidParameterCombination", () -> create(r -> r.size(1).multiAttachEnabled(true)));
        assertCode("UnsupportedOperation", () -> create(r -> r.size(1).encrypted(true)));
        assertCode("InvalidParameterDependency", () -> create(r -> r.size(1).kmsKeyId("ours")));
        assertCode("InvalidSnapshot.NotFound", () -> create(r -> r.snapshotId("snap-00000000000000000")));
        assertFails("InvalidVolume.NotFound", "The volume '" + UNKNOWN + "' does not exist.",
                () -> ec2.deleteVolume(r -> r.volumeId(UNKNOWN)));
        assertEquals(1, ids(ec2, r -> {}).size());
    }

    @Test
    void theSameClientTokenMakesOneVolume() {
        String first = create(r -> r.size(1).clientToken("once")).volumeId();

        assertEquals(first, create(r -> r.size(1).clientToken("once")).volumeId());
        assertCode("IdempotentParameterMismatch", () -> create(r -> r.size(2).clientToken("once")));
        assertEquals(List.of(first), ids(ec2, r -> {}));
    }

    @Test
    void somebodyElsesSharedSnapshotMakesAVolumeOfOnesOwn() {
        String snapshot = world.newSnapshot();
        assertCode("InvalidSnapshot.NotFound", () -> world.theirs.createVolume(
                r -> r.snapshotId(snapshot).availabilityZone(ZONE)));
        ec2.modifySnapshotAttribute(r -> r.snapshotId(snapshot).operationType("add").userIds(world.them()));

        String volume =
                world.theirs.createVolume(r -> r.snapshotId(snapshot).availabilityZone(ZONE)).volumeId();

        assertEquals(List.of(volume), ids(world.theirs, r -> {}));
        assertEquals(1, ids(ec2, r -> {}).size());
    }

    @Test
    void aDeletedVolumeLiesInTheRecycleBinUntilItIsRestoredOrItsTimeIsOver() {
        String id = create(r -> r.size(2).tagSpecifications(tagged(ResourceType.VOLUME, tag("a", "b")))).volumeId();
        try (RbinClient rbin = world.us.user().rbin()) {
            rbin.createRule(r -> r.resourceType("EBS_VOLUME")
                    .retentionPeriod(p -> p.retentionPeriodValue(2).retentionPeriodUnit("DAYS")));
        }

        ec2.deleteVolume(r -> r.volumeId(id));

        assertEquals(List.of(), ids(ec2, r -> {}));
        assertCode("InvalidVolume.NotFound", () -> ec2.createSnapshot(r -> r.volumeId(id)));
        assertEquals(List.of(), ec2.describeTags(r -> {}).tags());
        assertEquals(id, inBin().get(0).volumeId());
        assertEquals(
                world.clock.instant().plus(Duration.ofDays(2)), inBin().get(0).recycleBinExitTime());
        assertEquals(List.of(), world.theirs.listVolumesInRecycleBin(r -> {}).volumes());
        assertCode("InvalidVolume.NotFound", () -> world.theirs.restoreVolumeFromRecycleBin(r -> r.volumeId(id)));
        ec2.restoreVolumeFromRecycleBin(r -> r.volumeId(id));
        assertEquals(List.of(id), ids(ec2, r -> r.filters(filter("tag:a", "b"))));
        ec2.deleteVolume(r -> r.volumeId(id));
        world.clock.forward(Duration.ofDays(2));
        world.store.server().sweep();
        assertEquals(List.of(), inBin());
        assertCode("InvalidVolume.NotFound", () -> ec2.restoreVolumeFromRecycleBin(r -> r.volumeId(id)));
    }

    private List<VolumeRecycleBinInfo> inBin() {
        return ec2.listVolumesInRecycleBin(r -> {}).volumes();
    }

    @Test
    void theCommandLineWaitsForAVolumeToComeAndGo() throws Exception {
        String made = world.us.user()
                .aws("ec2", "create-volume", "--size", "2", "--availability-zone", ZONE)
                .success();
        String id = ids(ec2, r -> {}).get(0);

        assertTrue(made.contains(id), made);
        world.us.user().aws("ec2", "wait", "volume-available", "--volume-ids", id).success();
        world.us.user().aws("ec2", "delete-volume", "--volume-id", id).success();
        world.us.user().aws("ec2", "wait", "volume-deleted", "--volume-ids", id).success();
    }
}
