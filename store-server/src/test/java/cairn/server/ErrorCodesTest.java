package cairn.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Map.entry;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.server.WireClient.Refusal;
import cairn.sigv4.Credentials;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import software.amazon.awssdk.services.ebs.EbsClient;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.BlockDeviceMapping;
import software.amazon.awssdk.services.ec2.model.CreateVolumePermission;
import software.amazon.awssdk.services.ec2.model.ImageBlockPublicAccessEnabledState;
import software.amazon.awssdk.services.ec2.model.LaunchPermission;
import software.amazon.awssdk.services.ec2.model.LockMode;

/**
 * Every error code that clients of AWS know how to take, provoked once: its status, its code, its words. What is in
 * braces stands for something of the store's: {@code {image}} for the id of an image, and so on.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ErrorCodesTest {
    private static final int BLOCK = EbsWriter.BLOCK;
    private static final String NOBODYS = "0123456789abcdef0";

    /** What these two APIs may answer and Cairn never does, and why. */
    private static final Map<String, String> NEVER_ANSWERED = Map.ofEntries(
            entry("RequestLimitExceeded", "requests are not counted: a busy server reads slower, and refuses nobody"),
            entry("INVALID_GRANT_TOKEN", "there is no KMS that grants anything"),
            entry("INVALID_DEPENDENCY_REQUEST", "there is no service behind this one"),
            entry("CONFLICTING_BLOCK_UPDATE", "two writers of one block are both taken, and one of them is the last"),
            entry("INVALID_IMAGE_ID", "no operation of EBS direct names an image"),
            entry("GRANT_NOT_FOUND", "there is no KMS that grants anything"),
            entry("IMAGE_NOT_FOUND", "no operation of EBS direct names an image"),
            entry("DEPENDENCY_ACCESS_DENIED", "a parent that may be seen may be built upon; any other is not found"),
            entry("ACCOUNT_THROTTLED", "accounts are not throttled"),
            entry("DEPENDENCY_REQUEST_THROTTLED", "there is no service behind this one"),
            entry("RESOURCE_LEVEL_THROTTLE", "only when the server's memory for blocks is full: no test makes it so"),
            entry("DEPENDENCY_SERVICE_QUOTA_EXCEEDED", "there is no service behind this one"),
            entry("InternalServerException", "the store would have to be damaged: DamagedStoreTest does that"));

    /** One row: what is asked of EC2, and how it is refused. */
    private record Ec2Row(String request, int status, String code, String message) {
        @Override
        public String toString() {
            return code + " <- " + request;
        }
    }

    private static Ec2Row ec2(String request, String code, String message) {
        return ec2(request, 400, code, message);
    }

    private static Ec2Row ec2(String request, int status, String code, String message) {
        return new Ec2Row(request, status, code, message);
    }

    static Stream<Ec2Row> ec2Table() {
        return Stream.of(
                ec2("DescribeImages&ImageId.1=x",
                        "InvalidAMIID.Malformed", "Invalid id: \"x\" (expecting \"ami-...\")"),
                ec2("DescribeImages&ImageId.1=ami-abcd1234",
                        "InvalidAMIID.NotFound", "The image id '[ami-abcd1234]' does not exist"),
                ec2("DescribeImages&ImageId.1=ami-abcd1234&ImageId.2=ami-abcd1235",
                        "InvalidAMIID.NotFound", "The image ids '[ami-abcd1234, ami-abcd1235]' do not exist"),
                ec2("DeregisterImage&ImageId={gone image}",
                        "InvalidAMIID.Unavailable", "The image ID '{gone image}' is no longer available"),
                ec2("RunInstances&MinCount=1&MaxCount=1&ImageId={gone image}",
                        "InvalidAMIID.Unavailable", "The image ID '{gone image}' is no longer available"),
                ec2("RunInstances&MinCount=1&MaxCount=1&ImageId={disabled image}",
                        "InvalidAMIID.Unavailable", "The image ID '{disabled image}' is no longer available"),
                ec2("CopyImage&SourceRegion=local&SourceImageId={image}&Name=a!",
                        "InvalidAMIName.Malformed",
                        "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, spaces"
                                + " and ( ) [ ] . / - ' @ _"),
                ec2("CopyImage&SourceRegion=local&SourceImageId={image}&Name=image",
                        "InvalidAMIName.Duplicate", "AMI name image is already in use by AMI {image}"),
                ec2("ModifyImageAttribute&ImageId={image}&LaunchPermission.Add.1.UserId={other account}"
                                + "&LaunchPermission.Add.2.Group=some",
                        "InvalidAMIAttributeItemValue",
                        "Invalid attribute item value \"some\" for userGroup item type."),
                ec2("ModifyImageAttribute&ImageId={image}&LaunchPermission.Add.1.UserId={other account}"
                                + "&LaunchPermission.Add.2.UserId=1234",
                        "InvalidAMIAttributeItemValue", "Invalid attribute item value \"1234\" for userId item type."),

                ec2("DescribeSnapshots&SnapshotId.1=snap-" + NOBODYS,
                        "InvalidSnapshot.NotFound", "The snapshot 'snap-" + NOBODYS + "' does not exist."),
                ec2("DescribeSnapshots&SnapshotId.1=snapshot",
                        "InvalidSnapshotID.Malformed", "Invalid id: \"snapshot\" (expecting \"snap-...\")"),
                ec2("DeleteSnapshot&SnapshotId={snapshot}",
                        "InvalidSnapshot.InUse", "The snapshot {snapshot} is currently in use by {image}"),
                ec2("DeleteSnapshot&SnapshotId={locked snapshot}",
                        "SnapshotLocked",
                        "The snapshot {locked snapshot} is locked until 2026-11-24T10:11:00Z and cannot be deleted."),

                ec2("DescribeVolumes&VolumeId.1=vol-" + NOBODYS,
                        "InvalidVolume.NotFound", "The volume 'vol-" + NOBODYS + "' does not exist."),
                ec2("DeleteVolume&VolumeId={attached volume}",
                        "VolumeInUse", "Volume {attached volume} is currently attached to {instance}"),
                ec2("AttachVolume&Device=/dev/vdz&InstanceId={instance}&VolumeId={attached volume}",
                        "VolumeInUse", "{attached volume} is already attached to an instance"),
                ec2("AttachVolume&Device=/dev/vdz&InstanceId={instance}&VolumeId={volume in another zone}",
                        "InvalidVolume.ZoneMismatch",
                        "The volume '{volume in another zone}' is not in the same availability zone as instance"
                                + " '{instance}'"),
                ec2("DetachVolume&VolumeId={attached volume}&InstanceId=i-" + NOBODYS,
                        "InvalidAttachment.NotFound",
                        "Volume '{attached volume}' is not attached to instance 'i-" + NOBODYS + "'"),
                ec2("DetachVolume&VolumeId={volume}",
                        "IncorrectState", "Volume '{volume}' is in the 'available' state."),

                ec2("CreateVolume&AvailabilityZone=locala",
                        "MissingParameter", "The request must contain the parameter size/snapshot"),
                ec2("CreateVolume&AvailabilityZone=locala&Size=1&KmsKeyId=mine",
                        "InvalidParameterDependency",
                        "The parameter KmsKeyId requires the parameter Encrypted to be set."),
                ec2("CreateVolume&AvailabilityZone=locala&Size=1&VolumeType=gp2&Throughput=125",
                        "InvalidParameterDependency", "The parameter throughput is not supported for gp2 volumes."),
                ec2("RunInstances&MinCount=1&MaxCount=1&ImageId={image}&BlockDeviceMapping.1.DeviceName=/dev/xvda"
                                + "&BlockDeviceMapping.1.Ebs.VolumeSize=1",
                        "InvalidBlockDeviceMapping",
                        "a volume made from {image} has at least its 2147483648 bytes, not 1073741824"),
                ec2("RegisterImage&Name=small&RootDeviceName=/dev/xvda&BlockDeviceMapping.1.DeviceName=/dev/xvdb"
                                + "&BlockDeviceMapping.1.Ebs.SnapshotId={snapshot}",
                        "InvalidBlockDeviceMapping", "The root device '/dev/xvda' is not mapped to a snapshot"),
                ec2("CreateTags&ResourceId.1={image}{51 tags}",
                        "TagLimitExceeded", "The maximum number of Tags for a resource has been reached: 50"),
                ec2("CreateTags&ResourceId.1=vol-" + NOBODYS + "&Tag.1.Key=k",
                        "InvalidID", "The ID 'vol-" + NOBODYS + "' is not valid"),

                ec2("DeregisterImage&ImageId={protected image}",
                        "OperationNotPermitted", "The image '{protected image}' is protected from being deregistered"),
                ec2("ModifyImageAttribute&ImageId={image}&LaunchPermission.Add.1.Group=all",
                        "OperationNotPermitted",
                        "You can't publicly share this image because block public access is enabled for images in this"
                                + " region."),
                ec2("DeregisterImage&ImageId={image of another}", 403,
                        "UnauthorizedOperation", "{image of another} belongs to another account"),
                ec2("DescribeImageAttribute&ImageId={image}&Attribute=blockDeviceMapping", 401,
                        "AuthFailure",
                        "Unauthorized attempt to access restricted resource; describe the image instead"),
                ec2("DescribeImages&DryRun=true", 412,
                        "DryRunOperation", "Request would have succeeded, but DryRun flag is set."),
                ec2("DescribeImages&Filter.1.Name=x&Filter.1.Value.1=y",
                        "InvalidParameterValue", "The filter 'x' is invalid"),
                ec2("MakeCoffee", "InvalidAction", "The action MakeCoffee is not valid for this web service."),
                ec2("DescribeImages&Milk=1", "UnknownParameter", "The parameter Milk is not recognized"),
                ec2("DescribeSnapshots&SnapshotId.1={snapshot}&MaxResults=5",
                        "InvalidParameterCombination",
                        "The parameter SnapshotId cannot be used with the parameter MaxResults"),
                ec2("CopyImage&SourceRegion=local&SourceImageId={image}&Name=another name&ClientToken=used before",
                        "IdempotentParameterMismatch",
                        "The client token was used before, in a request with other parameters"));
    }

    /** One row: what is asked of EBS direct, and how it is refused. */
    private record EbsRow(
            String request, Map<String, String> headers, byte[] body, int status, String code, String reason,
            String message) {
        @Override
        public String toString() {
            return code + ' ' + reason + " <- " + request;
        }
    }

    private static EbsRow ebs(String request, String json, String reason, String message) {
        return new EbsRow(
                request,
                Map.of(),
                json.replace('\'', '"').getBytes(UTF_8),
                400,
                "ValidationException",
                reason,
                message);
    }

    private static EbsRow ebsPut(
            String path, byte[] block, Map<String, String> headers, String reason, String message) {
        Map<String, String> all = new HashMap<>(Map.of(
                "x-amz-data-length", Integer.toString(BLOCK),
                "x-amz-checksum-algorithm", "SHA256",
                "x-amz-checksum", EbsWriter.checksum(new byte[BLOCK])));
        all.putAll(headers);
        return new EbsRow("PUT " + path, all, block, 400, "ValidationException", reason, message);
    }

    private static EbsRow as(int status, String code, EbsRow row) {
        return new EbsRow(row.request, row.headers, row.body, status, code, row.reason, row.message);
    }

    static Stream<EbsRow> ebsTable() {
        String start = "POST /snapshots";
        byte[] zeros = new byte[BLOCK];
        return Stream.of(
                ebs(start, "{'VolumeSize': 1, 'Encrypted': true, 'KmsKeyArn': 'mine'}",
                        "INVALID_CUSTOMER_KEY", "KmsKeyArn is no ARN of a KMS key"),
                ebs("GET /snapshots/{snapshot}/blocks?pageToken=AAAA", "",
                        "INVALID_PAGE_TOKEN", "the token is malformed"),
                ebs("GET /snapshots/{snapshot}/blocks/0?blockToken=AAAA", "",
                        "INVALID_BLOCK_TOKEN", "the token is malformed"),
                ebs("GET /snapshots/ami-1/blocks", "",
                        "INVALID_SNAPSHOT_ID", "the snapshot id \"ami-1\" is no snapshot id"),
                ebs("GET /snapshots/{pending snapshot}/blocks", "",
                        "INVALID_SNAPSHOT_ID", "snapshot {pending snapshot} is not completed"),
                ebs("GET /snapshots/{snapshot}/changedblocks?firstSnapshotId={locked snapshot}", "",
                        "UNRELATED_SNAPSHOTS",
                        "The snapshots {locked snapshot} and {snapshot} are not related; with the header"
                                + " x-cairn-compare: any any two are compared"),
                ebsPut("/snapshots/{pending snapshot}/blocks/4096", zeros, Map.of(),
                        "INVALID_BLOCK", "snapshot {pending snapshot} of 2 GiB has blocks 0 to 4095, not 4096"),
                ebsPut("/snapshots/{pending snapshot}/blocks/0", new byte[512], Map.of(),
                        "INVALID_BLOCK", "a block has 524288 bytes, 512 were sent"),
                ebsPut("/snapshots/{pending snapshot}/blocks/0", zeros,
                        Map.of("x-amz-checksum", EbsWriter.checksum(new byte[1])),
                        "INVALID_BLOCK", "block 0 is not what its checksum says"),
                ebsPut("/snapshots/{pending snapshot}/blocks/0", zeros, Map.of("content-encoding", "gzip"),
                        "INVALID_CONTENT_ENCODING", "a block is sent as it is, without a content encoding"),
                ebs(start, "{'VolumeSize': 1, 'Tags': [{'Key': 'aws:mine', 'Value': ''}]}",
                        "INVALID_TAG", "tag keys that begin with aws: are reserved"),
                ebs(start, "{'VolumeSize': 1, 'Timeout': 9}",
                        "INVALID_PARAMETER_VALUE", "Timeout is a number from 10 to 4320, not \"9\""),
                ebs(start, "{'VolumeSize': 1, 'ParentSnapshotId': '{snapshot}', 'Encrypted': true}",
                        "INVALID_PARAMETER_VALUE",
                        "Encrypted cannot be given with ParentSnapshotId: the new snapshot is encrypted if its parent"
                                + " is"),
                ebs(start, "{'VolumeSize': 65537}", "INVALID_VOLUME_SIZE", "VolumeSize is 1 to 65536 GiB, not 65537"),
                ebs(start, "{'VolumeSize': 1, 'ParentSnapshotId': '{snapshot}'}",
                        "INVALID_VOLUME_SIZE", "parent snapshot {snapshot} has 2147483648 bytes, more than 1 GiB"),
                ebsPut("/snapshots/{expired snapshot}/blocks/0", zeros, Map.of(),
                        "WRITE_REQUEST_TIMEOUT",
                        "snapshot {expired snapshot} has failed: no block was written for 10 minutes"),

                as(404, "ResourceNotFoundException",
                        ebs("GET /snapshots/snap-" + NOBODYS + "/blocks", "",
                                "SNAPSHOT_NOT_FOUND", "there is no snapshot snap-" + NOBODYS)),
                as(404, "ResourceNotFoundException",
                        ebs(start, "{'VolumeSize': 1, 'ParentSnapshotId': 'snap-" + NOBODYS + "'}",
                                "DEPENDENCY_RESOURCE_NOT_FOUND", "there is no snapshot snap-" + NOBODYS)),
                as(403, "AccessDeniedException",
                        ebsPut("/snapshots/{snapshot of another}/blocks/0", zeros, Map.of(),
                                "UNAUTHORIZED_ACCOUNT", "{snapshot of another} belongs to another account")),
                as(409, "ConflictException",
                        ebs(start, "{'VolumeSize': 2, 'ClientToken': 'used-before'}", "",
                                "the client token was used before, with other parameters")));
    }

    /** The codes of EC2, and the types and reasons of EBS direct, that there are to be told. */
    private static final Set<String> CODES = Set.of(
            "InvalidAMIID.Malformed", "InvalidAMIID.NotFound", "InvalidAMIID.Unavailable", "InvalidAMIName.Malformed",
            "InvalidAMIName.Duplicate", "InvalidAMIAttributeItemValue", "InvalidSnapshot.NotFound",
            "InvalidSnapshotID.Malformed", "InvalidSnapshot.InUse", "InvalidVolume.NotFound", "VolumeInUse",
            "InvalidVolume.ZoneMismatch", "InvalidAttachment.NotFound", "IncorrectState", "InvalidParameterDependency",
            "InvalidBlockDeviceMapping", "MissingParameter", "TagLimitExceeded", "InvalidID", "SnapshotLocked",
            "OperationNotPermitted", "RequestLimitExceeded", "UnauthorizedOperation", "AuthFailure", "DryRunOperation",
            "InvalidParameterValue", "InvalidAction", "UnknownParameter", "InvalidParameterCombination",
            "IdempotentParameterMismatch",

            "ValidationException", "INVALID_CUSTOMER_KEY", "INVALID_PAGE_TOKEN", "INVALID_BLOCK_TOKEN",
            "INVALID_GRANT_TOKEN", "INVALID_SNAPSHOT_ID", "UNRELATED_SNAPSHOTS", "INVALID_BLOCK",
            "INVALID_CONTENT_ENCODING", "INVALID_TAG", "INVALID_DEPENDENCY_REQUEST", "INVALID_PARAMETER_VALUE",
            "INVALID_VOLUME_SIZE", "CONFLICTING_BLOCK_UPDATE", "INVALID_IMAGE_ID", "WRITE_REQUEST_TIMEOUT",
            "ResourceNotFoundException", "SNAPSHOT_NOT_FOUND", "GRANT_NOT_FOUND", "DEPENDENCY_RESOURCE_NOT_FOUND",
            "IMAGE_NOT_FOUND", "AccessDeniedException", "UNAUTHORIZED_ACCOUNT", "DEPENDENCY_ACCESS_DENIED",
            "ACCOUNT_THROTTLED", "DEPENDENCY_REQUEST_THROTTLED", "RESOURCE_LEVEL_THROTTLE",
            "DEPENDENCY_SERVICE_QUOTA_EXCEEDED", "ConflictException", "InternalServerException");

    private final SetClock clock = new SetClock();
    private final Map<String, String> ids = new HashMap<>();
    private TestStore store;
    private TestStore.Somebody owner;
    private WireClient wire;

    @BeforeAll
    void start(@TempDir Path folder) throws Exception {
        store = new TestStore(folder.resolve("data"), clock);
        owner = store.newAccount("owner");
        wire = new WireClient(owner.user());
        TestStore.Somebody other = store.newAccount("other");
        ids.put("other account", other.account().value());
        ids.put("51 tags", IntStream.rangeClosed(1, 51)
                .mapToObj(i -> "&Tag." + i + ".Key=k" + i)
                .collect(Collectors.joining()));
        try (Ec2Client ec2 = owner.user().ec2();
                EbsClient ebs = owner.user().ebs();
                Ec2Client othersEc2 = other.user().ec2();
                EbsClient othersEbs = other.user().ebs()) {
            makeSnapshots(ec2, ebs);
            makeImages(ec2);
            makeVolumes(ec2);
            makeOthers(othersEc2, othersEbs);
        }
    }

    private void makeSnapshots(Ec2Client ec2, EbsClient ebs) {
        ids.put("expired snapshot", ebs.startSnapshot(request -> request.volumeSize(1L).timeout(10)).snapshotId());
        clock.forward(Duration.ofMinutes(11));
        ids.put("snapshot", completed(ebs));
        ids.put("locked snapshot", completed(ebs));
        ids.put("another snapshot", completed(ebs));
        ids.put("pending snapshot", ebs.startSnapshot(request -> request.volumeSize(2L)).snapshotId());
        ebs.startSnapshot(request -> request.volumeSize(1L).clientToken("used-before"));
        ec2.lockSnapshot(request ->
                request.snapshotId(ids.get("locked snapshot")).lockMode(LockMode.GOVERNANCE).lockDuration(1));
    }

    private static String completed(EbsClient ebs) {
        String id = ebs.startSnapshot(request -> request.volumeSize(2L)).snapshotId();
        ebs.completeSnapshot(request -> request.snapshotId(id).changedBlocksCount(0));
        return id;
    }

    private void makeImages(Ec2Client ec2) {
        for (String name : List.of("image", "gone image", "disabled image", "protected image")) {
            String snapshot = ids.get(name.equals("image") ? "snapshot" : "another snapshot");
            ids.put(name, registered(ec2, name, snapshot));
        }
        ec2.deregisterImage(request -> request.imageId(ids.get("gone image")));
        ec2.disableImage(request -> request.imageId(ids.get("disabled image")));
        ec2.enableImageDeregistrationProtection(request -> request.imageId(ids.get("protected image")));
        ec2.enableImageBlockPublicAccess(request ->
                request.imageBlockPublicAccessState(ImageBlockPublicAccessEnabledState.BLOCK_NEW_SHARING));
        ec2.copyImage(request -> request.sourceImageId(ids.get("image"))
                .sourceRegion("local")
                .name("a copy")
                .clientToken("used before"));
    }

    private static String registered(Ec2Client ec2, String name, String snapshot) {
        return ec2.registerImage(request -> request.name(name)
                        .rootDeviceName("/dev/xvda")
                        .blockDeviceMappings(BlockDeviceMapping.builder()
                                .deviceName("/dev/xvda")
                                .ebs(ebs -> ebs.snapshotId(snapshot))
                                .build()))
                .imageId();
    }

    private void makeVolumes(Ec2Client ec2) {
        ids.put("volume", ec2.createVolume(request -> request.size(1).availabilityZone("locala")).volumeId());
        ids.put(
                "volume in another zone",
                ec2.createVolume(request -> request.size(1).availabilityZone("localb")).volumeId());
        ids.put(
                "attached volume",
                ec2.createVolume(request -> request.size(1).availabilityZone("locala")).volumeId());
        ids.put(
                "instance",
                ec2.runInstances(request -> request.imageId(ids.get("image")).minCount(1).maxCount(1))
                        .instances()
                        .get(0)
                        .instanceId());
        ec2.attachVolume(request -> request.instanceId(ids.get("instance"))
                .volumeId(ids.get("attached volume"))
                .device("/dev/vdb"));
    }

    private void makeOthers(Ec2Client ec2, EbsClient ebs) {
        ids.put("snapshot of another", completed(ebs));
        ids.put("image of another", registered(ec2, "theirs", ids.get("snapshot of another")));
        String account = owner.account().value();
        ec2.modifyImageAttribute(request -> request.imageId(ids.get("image of another"))
                .launchPermission(change -> change.add(LaunchPermission.builder().userId(account).build())));
        ec2.modifySnapshotAttribute(request -> request.snapshotId(ids.get("snapshot of another"))
                .createVolumePermission(
                        change -> change.add(CreateVolumePermission.builder().userId(account).build())));
    }

    @AfterAll
    void stop() {
        store.close();
    }

    /** Puts ids in the place of what stands in braces. */
    private String filled(String text) {
        String filled = text;
        for (Map.Entry<String, String> each : ids.entrySet()) {
            filled = filled.replace('{' + each.getKey() + '}', each.getValue());
        }
        return filled;
    }

    @ParameterizedTest
    @MethodSource("ec2Table")
    void ec2Refuses(Ec2Row row) throws Exception {
        Refusal expected = new Refusal(row.status, row.code, "", filled(row.message));

        assertEquals(expected, wire.ec2("Action=" + filled(row.request)).ec2Refusal());
    }

    @ParameterizedTest
    @MethodSource("ebsTable")
    void ebsDirectRefuses(EbsRow row) throws Exception {
        String[] request = filled(row.request).split(" ", 2);
        byte[] body = row.body.length == BLOCK ? row.body : filled(new String(row.body, UTF_8)).getBytes(UTF_8);
        Refusal expected = new Refusal(row.status, row.code, row.reason, filled(row.message));

        assertEquals(expected, wire.ebs(request[0], request[1], row.headers, body).ebsRefusal());
    }

    @Test
    void everyCodeIsProvokedOrSaidNeverToBeAnswered() {
        Set<String> provoked = new TreeSet<>();
        ec2Table().forEach(row -> provoked.add(row.code));
        ebsTable().forEach(row -> provoked.addAll(Stream.of(row.code, row.reason).toList()));
        provoked.remove("");
        Set<String> all = new TreeSet<>(provoked);
        all.addAll(NEVER_ANSWERED.keySet());

        assertEquals(new TreeSet<>(CODES), all);
        provoked.retainAll(NEVER_ANSWERED.keySet());
        assertEquals(Set.of(), provoked);
    }

    @Test
    void whatIsRefusedInPartIsDoneInNoPart() throws Exception {
        String modified = "Action=ModifyImageAttribute&ImageId={image}&LaunchPermission.Add.1.UserId={other account}";
        wire.ec2(filled(modified + "&LaunchPermission.Add.2.Group=some"));

        String shown = wire.ec2(filled("Action=DescribeImageAttribute&Attribute=launchPermission&ImageId={image}"))
                .body();

        assertTrue(shown.contains("<launchPermission></launchPermission>"), shown);
    }

    @Test
    void anImageThatWasRemovedLatelyIsNotListedAndNoError() throws Exception {
        WireClient.Reply listed = wire.ec2(filled("Action=DescribeImages&ImageId.1={gone image}"));

        assertEquals(200, listed.status());
        assertTrue(listed.body().contains("<imagesSet></imagesSet>"), listed.body());
    }

    @Test
    void anAccountWritesSoManySnapshotsAtATime() throws Exception {
        WireClient busy = new WireClient(store.newAccount("busy").user());
        byte[] request = "{\"VolumeSize\": 1}".getBytes(UTF_8);
        for (int i = 0; i < 100; i++) {
            assertEquals(201, busy.ebs("POST", "/snapshots", Map.of(), request).status());
        }

        Refusal refusal = busy.ebs("POST", "/snapshots", Map.of(), request).ebsRefusal();

        assertEquals(400, refusal.status());
        assertEquals("ConcurrentLimitExceededException", refusal.code());
    }

    /** Both doors, asked by somebody whose request proves nothing. */
    private void assertUnproven(
            WireClient somebody, String message, int ec2Status, String ec2, int ebsStatus, String ebs)
            throws Exception {
        Refusal byEc2 = somebody.ec2("Action=DescribeImages").ec2Refusal();
        Refusal byEbs = somebody.ebs("GET", "/snapshots/snap-1/blocks", Map.of(), new byte[0]).ebsRefusal();

        assertEquals(new Refusal(ec2Status, ec2, "", byEc2.message()), byEc2);
        assertEquals(new Refusal(ebsStatus, ebs, "", byEbs.message()), byEbs);
        assertTrue(byEc2.message().contains(message), byEc2.message());
        assertTrue(byEbs.message().contains(message), byEbs.message());
    }

    private static AwsUser with(AwsUser user, String keyId, String secret) {
        return new AwsUser(user.endpoint(), new Credentials(keyId, secret), user.region());
    }

    @Test
    void aWrongSignatureIsRefused() throws Exception {
        AwsUser user = owner.user();

        assertUnproven(
                new WireClient(with(user, user.credentials().accessKeyId(), "a".repeat(40))),
                "the signature is not the one that access key " + user.credentials().accessKeyId() + " makes",
                401, "AuthFailure", 403, "SignatureDoesNotMatch");
    }

    @Test
    void anUnknownKeyIsRefused() throws Exception {
        assertUnproven(
                new WireClient(with(owner.user(), "AKIAIOSFODNN7EXAMPLE", "a".repeat(40))),
                "access key AKIAIOSFODNN7EXAMPLE is not known here",
                401, "AuthFailure", 403, "InvalidClientTokenId");
    }

    @Test
    void aRequestThatWasSignedLongAgoIsRefused() throws Exception {
        Clock slow = Clock.offset(Clock.systemUTC(), Duration.ofHours(-1));

        assertUnproven(
                new WireClient(owner.user(), slow), "signed", 400, "RequestExpired", 400, "RequestExpired");
    }

    @Test
    void aRequestWithoutASignatureIsRefused() throws Exception {
        Refusal ec2 = wire.sendUnsigned("GET", "/?Action=DescribeImages&Version=2016-11-15", Map.of(), new byte[0])
                .ec2Refusal();
        Refusal ebs = wire.sendUnsigned("GET", "/snapshots/snap-1/blocks", Map.of(), new byte[0]).ebsRefusal();

        Refusal expected = new Refusal(
                403, "MissingAuthenticationToken", "", "the request is not signed: it has no Authorization header");
        assertEquals(expected, ec2);
        assertEquals(expected, ebs);
    }
}
