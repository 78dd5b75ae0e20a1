package cairn.server.ec2;

import static cairn.server.ec2.ImageWorld.assertFails;
import static cairn.server.ec2.ImageWorld.everybody;
import static cairn.server.ec2.ImageWorld.user;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.server.Tools;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.services.ec2.model.BootModeValues;
import software.amazon.awssdk.services.ec2.model.DescribeImageAttributeResponse;
import software.amazon.awssdk.services.ec2.model.Ec2Exception;
import software.amazon.awssdk.services.ec2.model.ImageAttributeName;
import software.amazon.awssdk.services.ec2.model.LaunchPermission;
import software.amazon.awssdk.services.ec2.model.ModifyImageAttributeRequest;

/** One attribute of one image, asked and changed. */
class ImageAttributesTest {
    private static final String SOMEBODY = "999999999999";

    @TempDir
    private Path folder;

    private ImageWorld world;
    private String image;

    @BeforeEach
    void start() throws Exception {
        world = new ImageWorld(folder.resolve("data"));
        image = world.register("web", world.newSnapshot(), r -> r.description("first").bootMode(BootModeValues.UEFI));
    }

    @AfterEach
    void stop() {
        world.close();
    }

    private void modify(Consumer<ModifyImageAttributeRequest.Builder> change) {
        world.ourEc2.modifyImageAttribute(change.andThen(r -> r.imageId(image)));
    }

    private DescribeImageAttributeResponse attribute(ImageAttributeName name) {
        return world.ourEc2.describeImageAttribute(r -> r.imageId(image).attribute(name));
    }

    private List<LaunchPermission> permissions() {
        return attribute(ImageAttributeName.LAUNCH_PERMISSION).launchPermissions();
    }

    private boolean areThey() {
        return !world.theirEc2.describeImages(r -> {}).images().isEmpty();
    }

    @Test
    void sharesInTheNewForm() {
        modify(r -> r.launchPermission(p -> p.add(user(SOMEBODY), user(world.them()))));
        modify(r -> r.launchPermission(p -> p.add(user(world.them()))));
        assertEquals(
                List.of(user(world.them()), user(SOMEBODY)).stream().map(LaunchPermission::userId).sorted().toList(),
                permissions().stream().map(LaunchPermission::userId).toList());
        assertTrue(areThey());

        modify(r -> r.launchPermission(p -> p.add(everybody()).remove(user(SOMEBODY), user(world.them()))));
        assertEquals(List.of(everybody()), permissions());
        assertTrue(ImageWorld.describe(world.theirEc2, image).publicLaunchPermissions());

        modify(r -> r.launchPermission(p -> p.remove(everybody())));
        assertEquals(List.of(), permissions());
        assertFalse(areThey());
        modify(r -> r.launchPermission(p -> p.remove(user(SOMEBODY))));
    }

    @Test
    void sharesInTheOldForm() {
        modify(r -> r.attribute("launchPermission").operationType("add").userIds(world.them(), SOMEBODY));
        modify(r -> r.operationType("add").userGroups("all"));
        assertEquals(3, permissions().size());
        modify(r -> r.attribute("launchPermission").operationType("remove").userGroups("all").userIds(SOMEBODY));
        assertEquals(List.of(user(world.them())), permissions());

        world.ourEc2.resetImageAttribute(r -> r.imageId(image).attribute("launchPermission"));
        assertEquals(List.of(), permissions());
    }

    @Test
    void refusesAWholeRequestOfWhichAPartIsWrong() {
        assertFails("InvalidAMIAttributeItemValue", "Invalid attribute item value \"12\" for userId item type.",
                () -> modify(r -> r.launchPermission(p -> p.add(user(world.them()), user("12")))));
        assertFails("InvalidAMIAttributeItemValue", "Invalid attribute item value \"some\" for userGroup item type.",
                () -> modify(r -> r.operationType("add").userIds(world.them()).userGroups("some")));
        assertFails("InvalidAMIAttributeItemValue", () -> modify(r -> r.launchPermission(
                p -> p.add(user(world.them())).remove(LaunchPermission.builder().group("x").build()))));
        assertFails("UnsupportedOperation", () -> modify(r -> r.launchPermission(p -> p.add(
                user(world.them()), LaunchPermission.builder().organizationArn("arn:aws:organizations::1:o/o-1").build()))));
        assertFails("UnsupportedOperation",
                () -> modify(r -> r.operationType("add").userIds(world.them()).organizationArns("arn:x")));
        assertFails("UnsupportedOperation", () -> modify(r -> r.productCodes("code")));
        assertFails("MissingParameter", () -> modify(r -> r.userIds(world.them())));
        assertFails("MissingParameter", () -> modify(r -> r.attribute("launchPermission")));
        assertFails("MissingParameter", () -> modify(r -> {}));
        assertFails("MissingParameter", () -> modify(r -> r.attribute("description")));
        assertFails("InvalidParameterCombination", () -> modify(
                r -> r.description(d -> d.value("x")).launchPermission(p -> p.add(user(world.them())))));
        assertFails("InvalidParameterCombination", () -> modify(
                r -> r.attribute("description").value("x").operationType("add").userIds(world.them())));
        assertFails("InvalidParameterValue", () -> modify(r -> r.attribute("colour").value("red")));
        assertFails("InvalidParameterValue", () -> modify(r -> r.imdsSupport(s -> s.value("v1.0"))));
        assertFails("DryRunOperation",
                () -> modify(r -> r.dryRun(true).launchPermission(p -> p.add(user(world.them())))));
        assertFalse(areThey());
        assertEquals(List.of(), permissions());
        assertEquals("first", attribute(ImageAttributeName.DESCRIPTION).description().value());
    }

    @Test
    void tellsEveryAttributeToTheOwner() throws Exception {
        modify(r -> r.attribute("description").value("second"));
        modify(r -> r.imdsSupport(s -> s.value("v2.0")));

        assertEquals("second", attribute(ImageAttributeName.DESCRIPTION).description().value());
        assertEquals("second", ImageWorld.describe(world.ourEc2, image).description());
        assertEquals("v2.0", attribute(ImageAttributeName.IMDS_SUPPORT).imdsSupport().value());
        assertEquals("uefi", attribute(ImageAttributeName.BOOT_MODE).bootMode().value());
        assertNull(attribute(ImageAttributeName.TPM_SUPPORT).tpmSupport().value());
        assertNull(attribute(ImageAttributeName.UEFI_DATA).uefiData().value());
        assertNull(attribute(ImageAttributeName.SRIOV_NET_SUPPORT).sriovNetSupport().value());
        assertNull(attribute(ImageAttributeName.KERNEL).kernelId().value());
        assertNull(attribute(ImageAttributeName.RAMDISK).ramdiskId().value());
        assertNull(attribute(ImageAttributeName.LAST_LAUNCHED_TIME).lastLaunchedTime().value());
        assertEquals(List.of(), attribute(ImageAttributeName.PRODUCT_CODES).productCodes());
        assertEquals(
                "disabled",
                attribute(ImageAttributeName.DEREGISTRATION_PROTECTION).deregistrationProtection().value());
        // The SDK's client reads no body that comes with 401.
        Ec2Exception refused = assertThrows(
                Ec2Exception.class, () -> attribute(ImageAttributeName.BLOCK_DEVICE_MAPPING));
        assertEquals(401, refused.statusCode());
        Tools.Output told = world.us.user().aws(
                "ec2", "describe-image-attribute", "--image-id", image, "--attribute", "blockDeviceMapping");
        assertTrue(told.stderr().contains("(AuthFailure)"), told.stderr());
        modify(r -> r.description(d -> d.value("")));
        assertNull(attribute(ImageAttributeName.DESCRIPTION).description().value());
    }

    @Test
    void othersNeitherAskNorChange() {
        assertFails("InvalidAMIID.NotFound", () -> world.theirEc2.describeImageAttribute(
                r -> r.imageId(image).attribute(ImageAttributeName.DESCRIPTION)));
        modify(r -> r.launchPermission(p -> p.add(user(world.them()))));

        assertFails("UnauthorizedOperation", () -> world.theirEc2.describeImageAttribute(
                r -> r.imageId(image).attribute(ImageAttributeName.LAUNCH_PERMISSION)));
        assertFails("UnauthorizedOperation", () -> world.theirEc2.modifyImageAttribute(
                r -> r.imageId(image).launchPermission(p -> p.add(everybody()))));
        assertFails("UnauthorizedOperation", () -> world.theirEc2.resetImageAttribute(
                r -> r.imageId(image).attribute("launchPermission")));
        assertFails("InvalidAMIID.NotFound", () -> world.ourWest.modifyImageAttribute(
                r -> r.imageId(image).launchPermission(p -> p.add(everybody()))));
    }

    @Test
    void anAccountGivesBackWhatIsSharedWithIt() {
        modify(r -> r.launchPermission(p -> p.add(user(world.them()), user(SOMEBODY))));

        assertTrue(world.theirEc2.cancelImageLaunchPermission(r -> r.imageId(image)).returnValue());

        assertEquals(List.of(user(SOMEBODY)), permissions());
        assertFails("InvalidAMIID.NotFound", () -> world.theirEc2.cancelImageLaunchPermission(r -> r.imageId(image)));
        assertFails("OperationNotPermitted", () -> world.ourEc2.cancelImageLaunchPermission(r -> r.imageId(image)));
    }
}
