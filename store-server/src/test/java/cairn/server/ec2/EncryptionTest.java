package cairn.server.ec2;

import static cairn.server.ec2.SnapshotWorld.ZONE;
import static cairn.server.ec2.SnapshotWorld.assertCode;
import static cairn.server.ec2.SnapshotWorld.copyOf;
import static cairn.server.ec2.SnapshotWorld.snapshot;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.api.Messages;
import cairn.client.ImageUploader;
import cairn.client.StoreClient;
import cairn.client.TransferProgress;
import cairn.disk.DiskSource;
import cairn.image.ImageId;
import cairn.image.ImageName;
import cairn.image.NewImage;
import cairn.server.Launching;
import cairn.server.TestStore;
import cairn.StoreException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.ebs.EbsClient;
import software.amazon.awssdk.services.ebs.model.SSEType;
import software.amazon.awssdk.services.ebs.model.StartSnapshotResponse;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.BlockDeviceMapping;
import software.amazon.awssdk.services.ec2.model.CreateVolumeResponse;
import software.amazon.awssdk.services.ec2.model.EbsBlockDevice;
import software.amazon.awssdk.services.ec2.model.Image;
import software.amazon.awssdk.services.ec2.model.Volume;

/** What is encrypted, by every door: with the operator's word that the data folder is, and without. */
class EncryptionTest {
    private static final String DATA = "/dev/vdb";
    private static final String KEY = "arn:aws:kms:local:000000000001:key/ours";

    @TempDir
    private Path folder;

    /** A store with one account, whose image is {@code debian}. */
    private final class World implements AutoCloseable {
        final TestStore store;
        final StoreClient ours;
        final Ec2Client ec2;
        final EbsClient ebs;

        World(boolean isDataEncrypted) throws IOException {
            store = new TestStore(folder.resolve("data"), Clock.systemUTC(), Launching.NONE, isDataEncrypted);
            ours = store.root().store();
            ec2 = store.root().ec2();
            ebs = store.root().ebs();
        }

        String push(String name) throws Exception {
            Path disk = Files.write(folder.resolve("disk.raw"), new byte[1 << 20]);
            try (DiskSource source = DiskSource.open(disk)) {
                return new ImageUploader(ours)
                        .upload(source, NewImage.of(new ImageName(name)), TransferProgress.none())
                        .image()
                        .id();
            }
        }

        String snapshotOf(String image) {
            return disk(image).snapshotId();
        }

        EbsBlockDevice disk(String image) {
            Image shown = ec2.describeImages(r -> r.imageIds(image)).images().get(0);
            return shown.blockDeviceMappings().get(0).ebs();
        }

        /** @param more of a blank second disk */
        Map<String, Volume> run(String image, Consumer<EbsBlockDevice.Builder> more) {
            BlockDeviceMapping data = BlockDeviceMapping.builder()
                    .deviceName(DATA)
                    .ebs(ebs -> more.accept(ebs.volumeSize(1)))
                    .build();
            String instance = ec2.runInstances(
                            r -> r.imageId(image).minCount(1).maxCount(1).blockDeviceMappings(data))
                    .instances()
                    .get(0)
                    .instanceId();
            Map<String, Volume> volumes = new HashMap<>();
            ec2.describeVolumes(r -> r.filters(SnapshotWorld.filter("attachment.instance-id", instance)))
                    .volumes()
                    .forEach(each -> volumes.put(each.attachments().get(0).device(), each));
            return volumes;
        }

        boolean isEncrypted(String volume) {
            return ec2.describeVolumes(r -> r.volumeIds(volume)).volumes().get(0).encrypted();
        }

        @Override
        public void close() {
            ec2.close();
            ebs.close();
            store.close();
        }
    }

    @Test
    void whatIsAskedForIsEncryptedByEveryDoorAndStaysSo() throws Exception {
        try (World world = new World(true)) {
            Ec2Client ec2 = world.ec2;
            String image = world.push("debian");
            String plain = world.snapshotOf(image);

            String copy = ec2.copySnapshot(r -> copyOf(plain, r).encrypted(true).kmsKeyId("ours")).snapshotId();
            String again = ec2.copySnapshot(r -> copyOf(copy, r)).snapshotId();
            CreateVolumeResponse inherited =
                    ec2.createVolume(r -> r.snapshotId(again).encrypted(false).availabilityZone(ZONE));
            String imageCopy = ec2.copyImage(r -> r.sourceImageId(image)
                            .sourceRegion("local")
                            .name("copy")
                            .encrypted(true)
                            .kmsKeyId("images"))
                    .imageId();
            Map<String, Volume> disks = world.run(imageCopy, data -> data.encrypted(true).kmsKeyId("data"));
            Map<String, Volume> plainDisks = world.run(image, data -> data.encrypted(false));
            StartSnapshotResponse started =
                    world.ebs.startSnapshot(r -> r.volumeSize(1L).encrypted(true).kmsKeyArn(KEY));

            assertFalse(snapshot(ec2, plain).encrypted());
            assertEquals("ours", snapshot(ec2, again).kmsKeyId());
            assertTrue(inherited.encrypted());
            assertEquals("ours", inherited.kmsKeyId());
            assertTrue(ec2.createVolume(r -> r.size(1).encrypted(true).availabilityZone(ZONE)).encrypted());
            assertTrue(world.disk(imageCopy).encrypted());
            assertEquals("images", snapshot(ec2, world.snapshotOf(imageCopy)).kmsKeyId());
            assertEquals("images", disks.get("/dev/vda").kmsKeyId());
            assertEquals("data", disks.get(DATA).kmsKeyId());
            assertFalse(plainDisks.get("/dev/vda").encrypted());
            assertFalse(plainDisks.get(DATA).encrypted());
            assertEquals(SSEType.SSE_KMS, started.sseType());
        }
    }

    @Test
    void whatNobodyAsksForIsEncryptedByTheAccountsDefault() throws Exception {
        try (World world = new World(true)) {
            Ec2Client ec2 = world.ec2;
            String before = world.push("before");
            ec2.enableEbsEncryptionByDefault(r -> {});
            ec2.modifyEbsDefaultKmsKeyId(r -> r.kmsKeyId("ours"));

            String pushed = world.push("debian");
            Map<String, Volume> disks = world.run(before, data -> data.encrypted(false));
            Messages.Image copied = world.ours.copyImage(
                    new ImageId(before), new Messages.CreateCopy("copied", null));
            Messages.Volume made = world.ours.createVolume(
                    new Messages.CreateVolume(before, null, null, null, Map.of()));

            assertEquals("ours", snapshot(ec2, world.snapshotOf(pushed)).kmsKeyId());
            assertTrue(disks.values().stream().allMatch(Volume::encrypted), disks::toString);
            assertTrue(ec2.createVolume(r -> r.size(1).encrypted(false).availabilityZone(ZONE)).encrypted());
            assertTrue(ec2.createVolume(r -> r.size(1).availabilityZone(ZONE).kmsKeyId("other")).encrypted());
            assertEquals(
                    "ours",
                    snapshot(ec2, ec2.copySnapshot(r -> copyOf(world.snapshotOf(before), r)).snapshotId()).kmsKeyId());
            assertEquals(SSEType.SSE_KMS, world.ebs.startSnapshot(r -> r.volumeSize(1L)).sseType());
            assertTrue(world.disk(copied.id()).encrypted());
            assertTrue(world.isEncrypted(made.id()));
        }
    }

    @Test
    void withoutTheOperatorsWordEveryDoorRefusesIt() throws Exception {
        try (World world = new World(false)) {
            Ec2Client ec2 = world.ec2;
            String image = world.push("debian");
            String plain = world.snapshotOf(image);

            assertCode("UnsupportedOperation", () -> ec2.enableEbsEncryptionByDefault(r -> {}));
            assertCode("UnsupportedOperation", () -> ec2.modifyEbsDefaultKmsKeyId(r -> r.kmsKeyId("ours")));
            assertCode("UnsupportedOperation", () -> ec2.createVolume(
                    r -> r.size(1).encrypted(true).availabilityZone(ZONE)));
            assertCode("UnsupportedOperation", () -> ec2.copySnapshot(r -> copyOf(plain, r).encrypted(true)));
            assertCode("UnsupportedOperation", () -> ec2.copyImage(
                    r -> r.sourceImageId(image).sourceRegion("local").name("copy").encrypted(true)));
            assertCode("UnsupportedOperation", () -> world.run(image, data -> data.encrypted(true)));
            assertCode("InvalidParameterDependency", () -> world.run(image, data -> data.kmsKeyId("ours")));
            assertCode("ValidationException", () -> world.ebs.startSnapshot(r -> r.volumeSize(1L).encrypted(true)));
            assertEquals(SSEType.NONE, world.ebs.startSnapshot(r -> r.volumeSize(1L)).sseType());
            assertTrue(world.run(image, data -> {}).values().stream().noneMatch(Volume::encrypted));
        }
    }

    @Test
    void anAccountThatEncryptsByDefaultGetsNothingPlainWhenTheWordIsTakenBack() throws Exception {
        String encrypted;
        try (World world = new World(true)) {
            world.ec2.enableEbsEncryptionByDefault(r -> {});
            encrypted = world.snapshotOf(world.push("debian"));
        }
        try (World world = new World(false)) {
            assertCode("UnsupportedOperation", () -> world.ec2.createVolume(r -> r.size(1).availabilityZone(ZONE)));
            assertCode("ValidationException", () -> world.ebs.startSnapshot(r -> r.volumeSize(1L)));
            assertThrows(StoreException.class, () -> world.push("second"));
            assertTrue(world.ec2.createVolume(r -> r.snapshotId(encrypted).availabilityZone(ZONE)).encrypted());
            world.ec2.disableEbsEncryptionByDefault(r -> {});
            assertFalse(world.ec2.createVolume(r -> r.size(1).availabilityZone(ZONE)).encrypted());
        }
    }
}
