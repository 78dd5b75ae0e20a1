package cairn.server.ec2;

import static cairn.server.ec2.SnapshotWorld.WEST;
import static cairn.server.ec2.SnapshotWorld.assertCode;
import static cairn.server.ec2.SnapshotWorld.assertFails;
import static cairn.server.ec2.SnapshotWorld.copyOf;
import static cairn.server.ec2.SnapshotWorld.filter;
import static cairn.server.ec2.SnapshotWorld.ids;
import static cairn.server.ec2.SnapshotWorld.snapshot;
import static cairn.server.ec2.SnapshotWorld.tag;
import static cairn.server.ec2.SnapshotWorld.tagged;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.server.Tools;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.services.ebs.EbsClient;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.CreateSnapshotResponse;
import software.amazon.awssdk.services.ec2.model.CreateVolumePermission;
import software.amazon.awssdk.services.ec2.model.DescribeSnapshotsResponse;
import software.amazon.awssdk.services.ec2.model.OperationType;
import software.amazon.awssdk.services.ec2.model.ResourceType;
import software.amazon.awssdk.services.ec2.model.Snapshot;
import software.amazon.awssdk.services.ec2.model.SnapshotAttributeName;
import software.amazon.awssdk.services.ec2.model.SnapshotBlockPublicAccessState;
import software.amazon.awssdk.services.ec2.model.StorageTier;

/** Snapshots made, found, copied, shared and removed, through the SDK and the command line. */
class SnapshotsTest {
    private static final String UNKNOWN = "snap-00000000000000000";

    @TempDir
    private Path folder;

    private SnapshotWorld world;
    private Ec2Client ec2;
    private Ec2Client theirs;

    @BeforeEach
    void start() throws Exception {
        world = new SnapshotWorld(folder.resolve("data"), false);
        ec2 = world.ec2;
        theirs = world.theirs;
    }

    @AfterEach
    void stop() {
        world.close();
    }

    private void share(String id, String account) {
        ec2.modifySnapshotAttribute(r -> r.snapshotId(id)
                .createVolumePermission(p -> p.add(CreateVolumePermission.builder().userId(account).build())));
    }

    private void publish(String id) {
        ec2.modifySnapshotAttribute(r -> r.snapshotId(id)
                .createVolumePermission(p -> p.add(CreateVolumePermission.builder().group("all").build())));
    }

    private List<CreateVolumePermission> permissions(String id) {
        return ec2.describeSnapshotAttribute(
                        r -> r.snapshotId(id).attribute(SnapshotAttributeName.CREATE_VOLUME_PERMISSION))
                .createVolumePermissions();
    }

    @Test
    void makesASnapshotOfAVolume() {
        String volume = world.newVolume();

        CreateSnapshotResponse made = ec2.createSnapshot(r -> r.volumeId(volume)
                .description("nightly")
                .tagSpecifications(tagged(ResourceType.SNAPSHOT, tag("env", "prod"))));
        world.awaitCompleted(made.snapshotId());

        assertEquals(volume, made.volumeId());
        assertEquals(world.us(), made.ownerId());
        assertEquals(List.of(tag("env", "prod")), made.tags());
        Snapshot snapshot = snapshot(ec2, made.snapshotId());
        assertEquals("nightly", snapshot.description());
        assertEquals("100%", snapshot.progress());
        assertEquals(1, snapshot.volumeSize());
        assertEquals(1L << 30, snapshot.fullSnapshotSizeInBytes().longValue());
        assertEquals(world.clock.instant(), snapshot.startTime());
        assertEquals(world.clock.instant(), snapshot.completionTime());
        assertEquals(StorageTier.STANDARD, snapshot.storageTier());
        assertFalse(snapshot.encrypted());
        assertEquals(List.of(tag("env", "prod")), snapshot.tags());
        assertTrue(snapshot(ec2, world.newSnapshot(volume)).hasTags(), "an empty set of tags is there");
        assertCode("InvalidVolume.NotFound", () -> theirs.createSnapshot(r -> r.volumeId(volume)));
        assertCode("InvalidVolumeID.Malformed", () -> ec2.createSnapshot(r -> r.volumeId("vol-x")));
        assertCode("DryRunOperation", () -> ec2.createSnapshot(r -> r.volumeId(volume).dryRun(true)));
    }

    @Test
    void tellsOfASnapshotThatIsBeingWritten() {
        try (EbsClient ebs = world.us.user().ebs()) {
            String id = ebs.startSnapshot(r -> r.volumeSize(3L).description("upload")).snapshotId();

            Snapshot pending = snapshot(ec2, id);

            assertEquals("pending", pending.stateAsString());
            assertEquals("0%", pending.progress());
            assertEquals("vol-ffffffff", pending.volumeId());
            assertEquals(3, pending.volumeSize());
            assertEquals(List.of(id), ids(ec2, r -> r.filters(filter("status", "pending"))));
            assertEquals(List.of(), ids(theirs, r -> {}));
            assertCode("IncorrectState", () -> ec2.copySnapshot(r -> copyOf(id, r)));
            assertCode("IncorrectState", () -> ec2.createVolume(r -> r.snapshotId(id).availabilityZone("locala")));
            ec2.deleteSnapshot(r -> r.snapshotId(id));
            assertCode("InvalidSnapshot.NotFound", () -> snapshot(ec2, id));
        }
    }

    @Test
    void saysInEc2sWordsThatASnapshotIsNotThere() {
        String other = "snap-11111111111111111";

        assertFails(
                "InvalidSnapshot.NotFound",
                "The snapshot '" + UNKNOWN + "' does not exist.",
                () -> ec2.describeSnapshots(r -> r.snapshotIds(UNKNOWN)));
        assertCode("InvalidSnapshot.NotFound", () -> ec2.describeSnapshots(r -> r.snapshotIds(UNKNOWN, other)));
        assertCode("InvalidSnapshotID.Malformed", () -> ec2.describeSnapshots(r -> r.snapshotIds("nonsense")));
        assertCode("InvalidSnapshot.NotFound", () -> ec2.deleteSnapshot(r -> r.snapshotId(UNKNOWN)));
        assertCode("InvalidSnapshot.NotFound", () -> theirs.deleteSnapshot(r -> r.snapshotId(world.newSnapshot())));
        assertCode("InvalidSnapshot.NotFound", () -> ec2.copySnapshot(
                r -> copyOf(UNKNOWN, r)));
    }

    @Test
    void filtersAndOwnersChoose() {
        String volume = world.newVolume();
        String one = world.newSnapshot(volume, tag("env", "prod"), tag("team", "a"));
        String other = world.newSnapshot();
        List<String> both = new ArrayList<>(List.of(one, other));
        Collections.sort(both);

        assertEquals(both, ids(ec2, r -> r.ownerIds("self")));
        assertEquals(both, ids(ec2, r -> r.ownerIds(world.us(), world.them())));
        assertEquals(List.of(), ids(ec2, r -> r.ownerIds("amazon")));
        assertEquals(List.of(), ids(theirs, r -> {}));
        assertEquals(List.of(one), ids(ec2, r -> r.filters(filter("volume-id", volume))));
        assertEquals(List.of(one), ids(ec2, r -> r.filters(filter("tag:env", "pr*"), filter("tag-key", "team"))));
        assertEquals(both, ids(ec2, r -> r.filters(filter("volume-size", "1"), filter("progress", "100%"))));
        assertEquals(both, ids(ec2, r -> r.filters(filter("start-time", "2026-11-23T10:00:*"))));
        assertEquals(List.of(), ids(ec2, r -> r.filters(filter("encrypted", "true"))));
        assertEquals(both, ids(ec2, r -> r.filters(filter("storage-tier", "standard"))));
        assertEquals(List.of(), ids(ec2, r -> r.filters(filter("owner-alias", "*"))));
        assertCode("InvalidParameterValue", () -> ids(ec2, r -> r.filters(filter("colour", "blue"))));
        assertEquals(List.of(), ids(world.west, r -> {}));
    }

    @Test
    void listsPageByPage() {
        String volume = world.newVolume();
        List<String> all = new ArrayList<>();
        for (int n = 0; n < 7; n++) {
            all.add(world.newSnapshot(volume));
        }
        Collections.sort(all);

        DescribeSnapshotsResponse first = ec2.describeSnapshots(r -> r.maxResults(5));
        DescribeSnapshotsResponse second = ec2.describeSnapshots(r -> r.maxResults(5).nextToken(first.nextToken()));

        List<String> listed = new ArrayList<>();
        first.snapshots().forEach(each -> listed.add(each.snapshotId()));
        assertEquals(5, listed.size());
        second.snapshots().forEach(each -> listed.add(each.snapshotId()));
        assertEquals(all, listed);
        assertEquals(null, second.nextToken());
        assertEquals(all, ec2.describeSnapshotsPaginator(r -> r.maxResults(6)).snapshots().stream()
                .map(Snapshot::snapshotId)
                .toList());
        assertCode("InvalidParameterValue", () -> ec2.describeSnapshots(r -> r.maxResults(4)));
        assertCode("InvalidParameterCombination", () -> ec2.describeSnapshots(
                r -> r.maxResults(5).snapshotIds(all.get(0))));
        assertCode("InvalidParameterValue", () -> theirs.describeSnapshots(
                r -> r.maxResults(5).nextToken(first.nextToken())));
    }

    @Test
    void copiesToAnotherRegionAndAnotherAccount() {
        String source = world.newSnapshot(world.newVolume(), tag("env", "prod"));

        String copy = world.west
                .copySnapshot(r -> copyOf(source, r)
                        .description("far away")
                        .tagSpecifications(tagged(ResourceType.SNAPSHOT, tag("copied", "yes"))))
                .snapshotId();

        Snapshot copied = snapshot(world.west, copy);
        assertEquals("completed", copied.stateAsString());
        assertEquals("far away", copied.description());
        assertEquals(List.of(tag("copied", "yes")), copied.tags());
        assertEquals("vol-ffffffff", copied.volumeId());
        assertCode("InvalidSnapshot.NotFound", () -> snapshot(ec2, copy));
        assertCode("InvalidSnapshot.NotFound", () -> theirs.copySnapshot(
                r -> copyOf(source, r)));
        share(source, world.them());
        String theirCopy =
                theirs.copySnapshot(r -> copyOf(source, r)).snapshotId();
        ec2.deleteSnapshot(r -> r.snapshotId(source));
        assertEquals(world.them(), snapshot(theirs, theirCopy).ownerId());
        assertNotNull(theirs.createVolume(r -> r.snapshotId(theirCopy).availabilityZone("localb")).volumeId());
        assertCode("UnsupportedOperation", () -> ec2.copySnapshot(
                r -> copyOf(world.newSnapshot(), r).encrypted(true)));
        assertCode("InvalidParameterDependency", () -> ec2.copySnapshot(
                r -> copyOf(world.newSnapshot(), r).kmsKeyId("ours")));
    }

    @Test
    void sharesWithAccountsAndWithAllInBothForms() {
        String id = world.newSnapshot(world.newVolume(), tag("env", "prod"));

        share(id, world.them());

        assertEquals(List.of(id), ids(theirs, r -> {}));
        assertFalse(snapshot(theirs, id).hasTags(), "tags are the owner's");
        assertEquals(List.of(), ids(theirs, r -> r.filters(filter("tag:env", "prod"))));
        assertEquals(List.of(id), ids(theirs, r -> r.restorableByUserIds("self")));
        assertEquals(List.of(id), ids(ec2, r -> r.restorableByUserIds(world.them())));
        assertEquals(List.of(), ids(ec2, r -> r.restorableByUserIds("all")));
        assertEquals(List.of(CreateVolumePermission.builder().userId(world.them()).build()), permissions(id));
        assertCode("UnauthorizedOperation", () -> theirs.describeSnapshotAttribute(
                r -> r.snapshotId(id).attribute(SnapshotAttributeName.CREATE_VOLUME_PERMISSION)));
        assertCode("UnauthorizedOperation", () -> theirs.deleteSnapshot(r -> r.snapshotId(id)));
        ec2.modifySnapshotAttribute(r -> r.snapshotId(id)
                .attribute(SnapshotAttributeName.CREATE_VOLUME_PERMISSION)
                .operationType(OperationType.REMOVE)
                .userIds(world.them()));
        assertEquals(List.of(), ids(theirs, r -> {}));
        ec2.modifySnapshotAttribute(r -> r.snapshotId(id)
                .attribute(SnapshotAttributeName.CREATE_VOLUME_PERMISSION)
                .operationType(OperationType.ADD)
                .groupNames("all"));
        assertEquals(List.of(id), ids(theirs, r -> r.restorableByUserIds("all")));
        ec2.resetSnapshotAttribute(
                r -> r.snapshotId(id).attribute(SnapshotAttributeName.CREATE_VOLUME_PERMISSION));
        assertEquals(List.of(), permissions(id));
        assertTrue(ec2.describeSnapshotAttribute(
                        r -> r.snapshotId(id).attribute(SnapshotAttributeName.PRODUCT_CODES))
                .hasProductCodes());
    }

    @Test
    void refusesOddPermissionsAndChangesNothing() {
        String id = world.newSnapshot();
        CreateVolumePermission good = CreateVolumePermission.builder().userId(world.them()).build();
        CreateVolumePermission bad = CreateVolumePermission.builder().userId("12").build();

        assertCode("InvalidParameterValue", () -> ec2.modifySnapshotAttribute(
                r -> r.snapshotId(id).createVolumePermission(p -> p.add(good, bad))));
        assertCode("InvalidParameterValue", () -> ec2.modifySnapshotAttribute(
                r -> r.snapshotId(id).operationType(OperationType.ADD).groupNames("some")));
        assertCode("MissingParameter", () -> ec2.modifySnapshotAttribute(r -> r.snapshotId(id)));
        assertCode("MissingParameter", () -> ec2.modifySnapshotAttribute(
                r -> r.snapshotId(id).userIds(world.them())));
        assertCode("InvalidParameterCombination", () -> ec2.modifySnapshotAttribute(r -> r.snapshotId(id)
                .operationType(OperationType.ADD)
                .userIds(world.them())
                .createVolumePermission(p -> p.add(good))));
        assertCode("UnsupportedOperation", () -> ec2.modifySnapshotAttribute(
                r -> r.snapshotId(id).attribute(SnapshotAttributeName.PRODUCT_CODES)));
        assertEquals(List.of(), permissions(id));
    }

    @Test
    void blocksPublicAccess() {
        String id = world.newSnapshot();
        publish(id);
        assertEquals(List.of(id), ids(theirs, r -> {}));

        ec2.enableSnapshotBlockPublicAccess(r -> r.state(SnapshotBlockPublicAccessState.BLOCK_NEW_SHARING));

        assertEquals(List.of(id), ids(theirs, r -> {}));
        assertCode("OperationNotPermitted", () -> publish(world.newSnapshot()));
        ec2.enableSnapshotBlockPublicAccess(r -> r.state(SnapshotBlockPublicAccessState.BLOCK_ALL_SHARING));
        assertEquals(List.of(), ids(theirs, r -> {}));
        assertCode("InvalidSnapshot.NotFound", () -> theirs.createVolume(
                r -> r.snapshotId(id).availabilityZone("locala")));
        assertEquals("all", permissions(id).get(0).groupAsString());
        assertEquals(
                SnapshotBlockPublicAccessState.BLOCK_ALL_SHARING,
                ec2.getSnapshotBlockPublicAccessState(r -> {}).state());
        assertEquals(
                SnapshotBlockPublicAccessState.UNBLOCKED,
                world.west.getSnapshotBlockPublicAccessState(r -> {}).state());
        ec2.disableSnapshotBlockPublicAccess(r -> {});
        assertEquals(List.of(id), ids(theirs, r -> {}));
    }

    @Test
    void theCommandLineMakesWaitsForAndRemovesASnapshot() throws Exception {
        String volume = world.newVolume();

        String made = world.us.user()
                .aws(
                        "ec2", "create-snapshot", "--volume-id", volume, "--description", "by hand",
                        "--tag-specifications", "ResourceType=snapshot,Tags=[{Key=a,Value=b}]")
                .success();

        String id = ids(ec2, r -> r.ownerIds("self")).get(0);
        assertTrue(made.contains(id), made);
        world.us.user().aws("ec2", "wait", "snapshot-completed", "--snapshot-ids", id).success();
        world.us.user()
                .in(WEST)
                .aws("ec2", "copy-snapshot", "--source-region", "local", "--source-snapshot-id", id)
                .success();
        world.us.user().aws("ec2", "delete-snapshot", "--snapshot-id", id).success();
        Tools.Output gone = world.us.user().aws("ec2", "describe-snapshots", "--snapshot-ids", id);
        assertTrue(gone.stderr().contains("InvalidSnapshot.NotFound"), gone::stderr);
    }
}
