package cairn.server.ec2;

import static cairn.server.ec2.SnapshotWorld.ZONE;
import static cairn.server.ec2.SnapshotWorld.assertCode;
import static cairn.server.ec2.SnapshotWorld.assertFails;
import static cairn.server.ec2.SnapshotWorld.copyOf;
import static cairn.server.ec2.SnapshotWorld.filter;
import static cairn.server.ec2.SnapshotWorld.ids;
import static cairn.server.ec2.SnapshotWorld.snapshot;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.services.ebs.EbsClient;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.DescribeFastSnapshotRestoreSuccessItem;
import software.amazon.awssdk.services.ec2.model.EnableFastSnapshotRestoresResponse;
import software.amazon.awssdk.services.ec2.model.LockMode;
import software.amazon.awssdk.services.ec2.model.LockSnapshotResponse;
import software.amazon.awssdk.services.ec2.model.LockState;
import software.amazon.awssdk.services.ec2.model.LockedSnapshotsInfo;
import software.amazon.awssdk.services.ec2.model.SnapshotRecycleBinInfo;
import software.amazon.awssdk.services.ec2.model.SnapshotTierStatus;
import software.amazon.awssdk.services.ec2.model.StorageTier;
import software.amazon.awssdk.services.ec2.model.TargetStorageTier;
import software.amazon.awssdk.services.rbin.RbinClient;

/** Snapshots locked, archived, restored fast and encrypted by default, through the SDK. */
class SnapshotLifecycleTest {
    @TempDir
    private Path folder;

    private SnapshotWorld world;
    private Ec2Client ec2;
    private String id;

    @BeforeEach
    void start() throws Exception {
        world = new SnapshotWorld(folder.resolve("data"), true);
        ec2 = world.ec2;
        id = world.newSnapshot();
    }

    @AfterEach
    void stop() {
        world.close();
    }

    private LockedSnapshotsInfo lock() {
        return ec2.describeLockedSnapshots(r -> r.snapshotIds(id)).snapshots().get(0);
    }

    @Test
    void aGovernanceLockMayBeChangedAndTakenOff() {
        LockSnapshotResponse locked =
                ec2.lockSnapshot(r -> r.snapshotId(id).lockMode(LockMode.GOVERNANCE).lockDuration(3));

        Instant now = world.clock.instant();
        assertEquals(LockState.GOVERNANCE, locked.lockState());
        assertEquals(3, locked.lockDuration());
        assertEquals(now, locked.lockCreatedOn());
        assertEquals(now.plus(Duration.ofDays(3)), locked.lockExpiresOn());
        assertFails(
                "SnapshotLocked",
                "The snapshot " + id + " is locked until " + locked.lockExpiresOn() + " and cannot be deleted.",
                () -> ec2.deleteSnapshot(r -> r.snapshotId(id)));
        assertCode("InvalidSnapshot.NotFound", () -> world.theirs.unlockSnapshot(r -> r.snapshotId(id)));
        ec2.unlockSnapshot(r -> r.snapshotId(id));
        assertCode("IncorrectState", () -> ec2.unlockSnapshot(r -> r.snapshotId(id)));
        assertEquals(List.of(), ec2.describeLockedSnapshots(r -> {}).snapshots());
        ec2.lockSnapshot(r -> r.snapshotId(id).lockMode(LockMode.GOVERNANCE).lockDuration(1));
        world.clock.forward(Duration.ofDays(1));
        assertEquals(LockState.EXPIRED, lock().lockState());
        ec2.deleteSnapshot(r -> r.snapshotId(id));
    }

    @Test
    void aComplianceLockIsFinalOnceItHasCooledOff() {
        ec2.lockSnapshot(r -> r.snapshotId(id).lockMode(LockMode.COMPLIANCE).lockDuration(10).coolOffPeriod(2));

        assertEquals(LockState.COMPLIANCE_COOLOFF, lock().lockState());
        assertEquals(2, lock().coolOffPeriod());
        assertEquals(
                1,
                ec2.describeLockedSnapshots(r -> r.filters(filter("lock-state", "compliance-*"))).snapshots().size());
        world.clock.forward(Duration.ofHours(2));
        assertEquals(LockState.COMPLIANCE, lock().lockState());
        assertCode("IncorrectState", () -> ec2.unlockSnapshot(r -> r.snapshotId(id)));
        assertCode("IncorrectState", () -> ec2.lockSnapshot(
                r -> r.snapshotId(id).lockMode(LockMode.GOVERNANCE).lockDuration(100)));
        assertCode("IncorrectState", () -> ec2.lockSnapshot(
                r -> r.snapshotId(id).lockMode(LockMode.COMPLIANCE).lockDuration(9)));
        ec2.lockSnapshot(r -> r.snapshotId(id).lockMode(LockMode.COMPLIANCE).lockDuration(11));
        assertEquals(11, lock().lockDuration());
        assertCode("SnapshotLocked", () -> ec2.deleteSnapshot(r -> r.snapshotId(id)));
    }

    @Test
    void refusesLocksThatCannotBe() {
        assertCode("MissingParameter", () -> ec2.lockSnapshot(
                r -> r.snapshotId(id).lockMode(LockMode.COMPLIANCE)));
        assertCode("InvalidParameterCombination", () -> ec2.lockSnapshot(
                r -> r.snapshotId(id).lockMode(LockMode.GOVERNANCE).lockDuration(3).coolOffPeriod(1)));
        assertCode("InvalidParameterCombination", () -> ec2.lockSnapshot(r -> r.snapshotId(id)
                .lockMode(LockMode.GOVERNANCE)
                .lockDuration(3)
                .expirationDate(world.clock.instant().plus(Duration.ofDays(3)))));
        assertCode("InvalidParameterValue", () -> ec2.lockSnapshot(
                r -> r.snapshotId(id).lockMode(LockMode.COMPLIANCE).lockDuration(3).coolOffPeriod(73)));
        assertCode("InvalidParameterValue", () -> ec2.lockSnapshot(
                r -> r.snapshotId(id).lockMode(LockMode.COMPLIANCE).expirationDate(world.clock.instant())));
        assertEquals(List.of(), ec2.describeLockedSnapshots(r -> {}).snapshots());
    }

    private void archive() {
        ec2.modifySnapshotTier(r -> r.snapshotId(id).storageTier(TargetStorageTier.ARCHIVE));
    }

    private SnapshotTierStatus tierStatus() {
        return ec2.describeSnapshotTierStatus(r -> r.filters(filter("snapshot-id", id)))
                .snapshotTierStatuses()
                .get(0);
    }

    @Test
    void anArchivedSnapshotIsOfNoUseByAnyDoorUntilItIsRestored() {
        archive();

        assertEquals(StorageTier.ARCHIVE, snapshot(ec2, id).storageTier());
        assertEquals("archival-completed", tierStatus().lastTieringOperationStatusAsString());
        assertCode("IncorrectState", () -> ec2.createVolume(r -> r.snapshotId(id).availabilityZone(ZONE)));
        assertCode("IncorrectState", () -> ec2.copySnapshot(r -> copyOf(id, r)));
        assertCode("IncorrectState", this::archive);
        assertCode("InvalidParameterValue", () -> ec2.restoreSnapshotTier(
                r -> r.snapshotId(id).temporaryRestoreDays(181)));
        assertCode("MissingParameter", () -> ec2.restoreSnapshotTier(r -> r.snapshotId(id)));
        try (EbsClient ebs = world.us.user().ebs()) {
            assertCode("ValidationException", () -> ebs.listSnapshotBlocks(r -> r.snapshotId(id)));
            ec2.restoreSnapshotTier(r -> r.snapshotId(id).temporaryRestoreDays(2));
            assertFalse(ebs.listSnapshotBlocks(r -> r.snapshotId(id)).hasBlocks()
                    && !ebs.listSnapshotBlocks(r -> r.snapshotId(id)).blocks().isEmpty());
        }
        assertEquals(StorageTier.STANDARD, snapshot(ec2, id).storageTier());
        assertEquals(world.clock.instant().plus(Duration.ofDays(2)), snapshot(ec2, id).restoreExpiryTime());
        world.clock.forward(Duration.ofDays(2));
        assertEquals(List.of(id), ids(ec2, r -> r.filters(filter("storage-tier", "archive"))));
        assertTrue(ec2.restoreSnapshotTier(r -> r.snapshotId(id).permanentRestore(true)).isPermanentRestore());
        world.clock.forward(Duration.ofDays(400));
        assertEquals(StorageTier.STANDARD, tierStatus().storageTier());
        assertCode("IncorrectState", () -> ec2.restoreSnapshotTier(r -> r.snapshotId(id).permanentRestore(true)));
    }

    @Test
    void aDeletedSnapshotLiesInTheRecycleBinUntilItIsRestoredOrItsTimeIsOver() {
        try (RbinClient rbin = world.us.user().rbin()) {
            rbin.createRule(r -> r.resourceType("EBS_SNAPSHOT")
                    .retentionPeriod(p -> p.retentionPeriodValue(3).retentionPeriodUnit("DAYS")));
        }

        ec2.deleteSnapshot(r -> r.snapshotId(id));

        assertEquals(List.of(), ids(ec2, r -> {}));
        assertCode("InvalidSnapshot.NotFound", () -> ec2.deleteSnapshot(r -> r.snapshotId(id)));
        assertEquals(id, inBin().get(0).snapshotId());
        assertEquals(world.clock.instant(), inBin().get(0).recycleBinEnterTime());
        assertEquals(
                world.clock.instant().plus(Duration.ofDays(3)), inBin().get(0).recycleBinExitTime());
        assertCode("InvalidSnapshot.NotFound", () -> world.theirs.restoreSnapshotFromRecycleBin(
                r -> r.snapshotId(id)));
        assertEquals("completed", ec2.restoreSnapshotFromRecycleBin(r -> r.snapshotId(id)).stateAsString());
        assertEquals(List.of(id), ids(ec2, r -> {}));
        ec2.deleteSnapshot(r -> r.snapshotId(id));
        world.clock.forward(Duration.ofDays(3));
        world.store.server().sweep();
        assertEquals(List.of(), inBin());
        assertCode("InvalidSnapshot.NotFound", () -> ec2.restoreSnapshotFromRecycleBin(r -> r.snapshotId(id)));
    }

    private List<SnapshotRecycleBinInfo> inBin() {
        return ec2.listSnapshotsInRecycleBin(r -> {}).snapshots();
    }

    @Test
    void fastRestoreComesToBeEnabledAndIsStillAfterARestart() throws Exception {
        EnableFastSnapshotRestoresResponse enabled = ec2.enableFastSnapshotRestores(
                r -> r.sourceSnapshotIds(id, "snap-00000000000000000").availabilityZones(ZONE, "localb"));

        assertEquals(2, enabled.successful().size());
        assertEquals("enabling", enabled.successful().get(0).stateAsString());
        assertEquals("snap-00000000000000000", enabled.unsuccessful().get(0).snapshotId());
        assertEquals(
                "InvalidSnapshot.NotFound",
                enabled.unsuccessful().get(0).fastSnapshotRestoreStateErrors().get(0).error().code());
        while (!fastRestores(ec2).stream().allMatch(each -> each.stateAsString().equals("enabled"))) {
            Thread.onSpinWait();
        }
        assertEquals(List.of(ZONE, "localb"), fastRestores(ec2).stream().map(each -> each.availabilityZone()).toList());
        assertCode("IncorrectState", this::archive);
        assertCode("InvalidZone.NotFound", () -> ec2.enableFastSnapshotRestores(
                r -> r.sourceSnapshotIds(id).availabilityZones("mars-1a")));
        assertEquals(List.of(), fastRestores(world.theirs));
        world.clock.forward(Duration.ofSeconds(1));
        assertTrue(ec2.createVolume(r -> r.snapshotId(id).availabilityZone(ZONE)).fastRestored());
        assertFalse(ec2.createVolume(r -> r.snapshotId(id).availabilityZone("localc")).fastRestored());
        assertEquals("disabled", ec2.disableFastSnapshotRestores(r -> r.sourceSnapshotIds(id).availabilityZones(ZONE))
                .successful()
                .get(0)
                .stateAsString());
        assertEquals(1, fastRestores(ec2).size());
    }

    private static List<DescribeFastSnapshotRestoreSuccessItem> fastRestores(Ec2Client client) {
        return client.describeFastSnapshotRestores(r -> {}).fastSnapshotRestores();
    }

    @Test
    void encryptionByDefaultIsInheritedAndNeverTakenOff() {
        assertFalse(ec2.getEbsEncryptionByDefault(r -> {}).ebsEncryptionByDefault());
        assertEquals("alias/aws/ebs", ec2.getEbsDefaultKmsKeyId(r -> {}).kmsKeyId());

        assertTrue(ec2.enableEbsEncryptionByDefault(r -> {}).ebsEncryptionByDefault());
        assertEquals("ours", ec2.modifyEbsDefaultKmsKeyId(r -> r.kmsKeyId("ours")).kmsKeyId());

        String volume = world.newVolume();
        String encrypted = world.newSnapshot(volume);
        ec2.disableEbsEncryptionByDefault(r -> {});
        assertEquals("alias/aws/ebs", ec2.resetEbsDefaultKmsKeyId(r -> {}).kmsKeyId());
        assertTrue(snapshot(ec2, encrypted).encrypted());
        assertEquals("ours", snapshot(ec2, encrypted).kmsKeyId());
        String copy = ec2.copySnapshot(r -> copyOf(encrypted, r)).snapshotId();
        assertEquals("ours", snapshot(ec2, copy).kmsKeyId());
        assertTrue(ec2.createVolume(r -> r.snapshotId(copy).availabilityZone(ZONE)).encrypted());
        assertFalse(world.west.getEbsEncryptionByDefault(r -> {}).ebsEncryptionByDefault());
        assertCode("OperationNotPermitted", () -> ec2.modifySnapshotAttribute(
                r -> r.snapshotId(encrypted).operationType("add").groupNames("all")));
        String asked = ec2.copySnapshot(
                        r -> copyOf(id, r).encrypted(true).kmsKeyId("other"))
                .snapshotId();
        assertEquals("other", snapshot(ec2, asked).kmsKeyId());
    }
}
