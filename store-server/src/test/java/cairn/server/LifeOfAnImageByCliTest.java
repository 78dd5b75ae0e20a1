package cairn.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.image.ImageId;
import cairn.server.storage.TestDisk;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The life of an image by the AWS command line, unchanged: by the one that the path finds, and by Debian 12's, 2.9.19
 * of 2023, which knows fewer operations. So no more of them are used here than it knows.
 */
class LifeOfAnImageByCliTest {
    private static final String FROM_PATH = "aws";
    private static final String DEBIANS = "/usr/bin/aws";
    private static final int BLOCKS = 2;
    private static final String ROOT_DEVICE = "/dev/xvda";
    private static final String FAR = "north-1";

    @TempDir
    private Path folder;

    private final SetClock clock = new SetClock();
    private final TestDisk disk = TestDisk.random(2, BLOCKS * EbsWriter.BLOCK);
    private TestStore.Somebody owner;
    private TestStore.Somebody friend;
    private String program;

    @ParameterizedTest
    @ValueSource(strings = {FROM_PATH, DEBIANS})
    void anImageIsUploadedFoundSharedCopiedRetiredRestoredAndRemovedAndItsCopyStays(String aws) throws Exception {
        Tools.require(FROM_PATH);
        Tools.requireThat(aws.equals(FROM_PATH) || Files.isExecutable(Path.of(aws)), aws + " is not installed");
        program = aws;
        try (TestStore store = new TestStore(folder.resolve("data"), clock)) {
            owner = store.newAccount("owner");
            friend = store.newAccount("friend");

            String snapshot = upload();
            String image = register(snapshot);
            find(image);
            share(image);
            String copy = copy(image);
            deprecate(image);
            recycleAndRestore(image);
            remove(image, snapshot);
            assertCopyReads(copy);
        }
    }

    /** What a command answers; absent where it says nothing. */
    private JsonNode ask(AwsUser user, String... arguments) throws Exception {
        return new ObjectMapper().readTree(user.awsBy(program, arguments).success());
    }

    private JsonNode ask(String... arguments) throws Exception {
        return ask(owner.user(), arguments);
    }

    private void assertRefused(String code, AwsUser user, String... arguments) throws Exception {
        Tools.Output output = user.awsBy(program, arguments);
        assertNotEquals(0, output.status());
        assertTrue(output.stderr().contains('(' + code + ')'), output.stderr());
    }

    private String upload() throws Exception {
        String id = ask("ebs", "start-snapshot", "--volume-size", "1").get("SnapshotId").asText();
        for (int index = 0; index < BLOCKS; index++) {
            byte[] block = EbsWriter.block(disk, index);
            Path file = Files.write(folder.resolve("block"), block);
            ask("ebs", "put-snapshot-block", "--snapshot-id", id, "--block-index", Integer.toString(index),
                    "--data-length", Integer.toString(block.length), "--block-data", file.toString(),
                    "--checksum", EbsWriter.checksum(block), "--checksum-algorithm", "SHA256");
        }
        ask("ebs", "complete-snapshot", "--snapshot-id", id, "--changed-blocks-count", Integer.toString(BLOCKS),
                "--checksum", EbsWriter.linear(disk, BLOCKS), "--checksum-algorithm", "SHA256",
                "--checksum-aggregation-method", "LINEAR");
        ask("ec2", "wait", "snapshot-completed", "--snapshot-ids", id);
        return id;
    }

    private String register(String snapshot) throws Exception {
        String id = ask("ec2", "register-image", "--name", "debian-13", "--description", "a machine",
                        "--architecture", "x86_64", "--root-device-name", ROOT_DEVICE, "--virtualization-type", "hvm",
                        "--boot-mode", "uefi", "--ena-support",
                        "--block-device-mappings", "DeviceName=" + ROOT_DEVICE + ",Ebs={SnapshotId=" + snapshot + '}')
                .get("ImageId")
                .asText();
        ask("ec2", "wait", "image-available", "--image-ids", id);
        ask("ec2", "create-tags", "--resources", id, snapshot, "--tags", "Key=purpose,Value=base");
        return id;
    }

    private void find(String image) throws Exception {
        assertEquals(List.of(image), ids(owner.user(), "--owners", "self", "--filters",
                "Name=name,Values=debian-*", "Name=architecture,Values=arm64,x86_64", "Name=tag:purpose,Values=base"));
        assertEquals(List.of(), ids(owner.user(), "--owners", "self", "--filters", "Name=name,Values=ubuntu-*"));
        JsonNode found = ask("ec2", "describe-images", "--image-ids", image).at("/Images/0");
        assertEquals("debian-13", found.get("Name").asText());
        assertEquals("available", found.get("State").asText());
        assertEquals("uefi", found.get("BootMode").asText());
        assertEquals("base", found.at("/Tags/0/Value").asText());
        assertEquals(1, found.at("/BlockDeviceMappings/0/Ebs/VolumeSize").asInt());
    }

    private List<String> ids(AwsUser user, String... arguments) throws Exception {
        List<String> all = new ArrayList<>(List.of("ec2", "describe-images"));
        all.addAll(List.of(arguments));
        List<String> ids = new ArrayList<>();
        ask(user, all.toArray(String[]::new)).get("Images").forEach(image -> ids.add(image.get("ImageId").asText()));
        return ids;
    }

    private void share(String image) throws Exception {
        assertRefused("InvalidAMIID.NotFound", friend.user(), "ec2", "describe-images", "--image-ids", image);

        ask("ec2", "modify-image-attribute", "--image-id", image, "--launch-permission",
                "Add=[{UserId=" + friend.account() + "}]");

        assertEquals(friend.account().value(),
                ask("ec2", "describe-image-attribute", "--image-id", image, "--attribute", "launchPermission")
                        .at("/LaunchPermissions/0/UserId")
                        .asText());
        assertEquals(List.of(image), ids(friend.user(), "--executable-users", "self"));
        assertRefused("UnauthorizedOperation", friend.user(), "ec2", "deregister-image", "--image-id", image);
    }

    private String copy(String image) throws Exception {
        AwsUser far = friend.user().in(FAR);
        String copy = ask(far, "ec2", "copy-image", "--source-image-id", image, "--source-region", "local",
                        "--name", "copied")
                .get("ImageId")
                .asText();
        ask(far, "ec2", "wait", "image-available", "--image-ids", copy);

        assertEquals(
                owner.user().store().image(new ImageId(image)).rootDigest(),
                far.store().image(new ImageId(copy)).rootDigest());
        return copy;
    }

    private void deprecate(String image) throws Exception {
        String theirs = owner.account().value();
        ask("ec2", "enable-image-deprecation", "--image-id", image, "--deprecate-at",
                clock.instant().plus(Duration.ofHours(1)).toString());
        assertEquals(List.of(image), ids(friend.user(), "--owners", theirs));

        clock.forward(Duration.ofHours(2));

        assertEquals(List.of(), ids(friend.user(), "--owners", theirs));
        assertEquals(List.of(image), ids(friend.user(), "--owners", theirs, "--include-deprecated"));
    }

    private void recycleAndRestore(String image) throws Exception {
        String rule = ask("rbin", "create-rule", "--resource-type", "EC2_IMAGE", "--retention-period",
                        "RetentionPeriodValue=7,RetentionPeriodUnit=DAYS")
                .get("Identifier")
                .asText();

        ask("ec2", "deregister-image", "--image-id", image);

        assertEquals(List.of(), ids(owner.user(), "--owners", "self"));
        assertEquals(image, ask("ec2", "list-images-in-recycle-bin").at("/Images/0/ImageId").asText());
        ask("ec2", "restore-image-from-recycle-bin", "--image-id", image);
        assertEquals(List.of(image), ids(owner.user(), "--filters", "Name=tag:purpose,Values=base"));
        ask("rbin", "delete-rule", "--identifier", rule);
    }

    private void remove(String image, String snapshot) throws Exception {
        assertRefused("InvalidSnapshot.InUse", owner.user(), "ec2", "delete-snapshot", "--snapshot-id", snapshot);

        ask("ec2", "deregister-image", "--image-id", image);
        ask("ec2", "delete-snapshot", "--snapshot-id", snapshot);

        assertEquals(List.of(), ids(owner.user(), "--owners", "self"));
        assertEquals(0, ask("ec2", "list-images-in-recycle-bin").get("Images").size());
        assertRefused("InvalidSnapshot.NotFound", owner.user(),
                "ec2", "describe-snapshots", "--snapshot-ids", snapshot);
    }

    private void assertCopyReads(String copy) throws Exception {
        AwsUser far = friend.user().in(FAR);
        String snapshot = ask(far, "ec2", "describe-images", "--image-ids", copy)
                .at("/Images/0/BlockDeviceMappings/0/Ebs/SnapshotId")
                .asText();
        JsonNode blocks = ask(far, "ebs", "list-snapshot-blocks", "--snapshot-id", snapshot).get("Blocks");
        assertEquals(BLOCKS, blocks.size());
        for (JsonNode block : blocks) {
            Path file = folder.resolve("read");
            ask(far, "ebs", "get-snapshot-block", "--snapshot-id", snapshot,
                    "--block-index", block.get("BlockIndex").asText(),
                    "--block-token", block.get("BlockToken").asText(), file.toString());
            assertArrayEquals(EbsWriter.block(disk, block.get("BlockIndex").asInt()), Files.readAllBytes(file));
        }
    }
}
