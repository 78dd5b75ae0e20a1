package cairn.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import cairn.StoreException;
import cairn.api.Messages;
import cairn.image.ImageId;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import cairn.server.storage.TestDisk;
import java.io.RandomAccessFile;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.services.ebs.EbsClient;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.ArchitectureValues;
import software.amazon.awssdk.services.ec2.model.BlockDeviceMapping;
import software.amazon.awssdk.services.ec2.model.BootModeValues;
import software.amazon.awssdk.services.ec2.model.DeregisterImageResponse;
import software.amazon.awssdk.services.ec2.model.DescribeImagesRequest;
import software.amazon.awssdk.services.ec2.model.Ec2Exception;
import software.amazon.awssdk.services.ec2.model.Filter;
import software.amazon.awssdk.services.ec2.model.Image;
import software.amazon.awssdk.services.ec2.model.ImageAncestryEntry;
import software.amazon.awssdk.services.ec2.model.ImageRecycleBinInfo;
import software.amazon.awssdk.services.ec2.model.Instance;
import software.amazon.awssdk.services.ec2.model.LaunchPermission;
import software.amazon.awssdk.services.ec2.model.SnapshotReturnCodes;
import software.amazon.awssdk.services.ec2.model.Tag;
import software.amazon.awssdk.services.rbin.RbinClient;
import software.amazon.awssdk.services.rbin.model.ResourceType;
import software.amazon.awssdk.services.rbin.model.RetentionPeriodUnit;

/**
 * The life of an image, from its upload block by block to its end, through the AWS SDK for Java, unchanged. Others copy
 * it on its way; what they have outlives it.
 */
class LifeOfAnImageTest {
    private static final int BLOCKS = 96;
    private static final int UPLOAD_THREADS = 16;
    private static final String NAME = "debian-13-base";
    private static final String ROOT_DEVICE = "/dev/xvda";
    private static final String HOME = "local";
    private static final String FAR = "north-1";
    private static final Map<String, String> TAGS = Map.of("purpose", "base", "release", "13");

    @TempDir
    private Path folder;

    private final SetClock clock = new SetClock();
    private final TestDisk disk = TestDisk.random(1, BLOCKS * EbsWriter.BLOCK);
    private TestStore store;
    private TestStore.Somebody owner;
    private TestStore.Somebody friend;
    private Ec2Client ec2;
    private Ec2Client friendsEc2;
    private Ec2Client friendsFarEc2;
    private Ec2Client strangersEc2;

    @BeforeEach
    void start() throws Exception {
        store = new TestStore(folder.resolve("data"), clock);
        owner = store.newAccount("owner");
        friend = store.newAccount("friend");
        ec2 = owner.user().ec2();
        friendsEc2 = friend.user().ec2();
        friendsFarEc2 = friend.user().in(FAR).ec2();
        strangersEc2 = store.newAccount("stranger").user().ec2();
    }

    @AfterEach
    void stop() {
        List.of(ec2, friendsEc2, friendsFarEc2, strangersEc2).forEach(Ec2Client::close);
        store.close();
    }

    @Test
    void anImageIsUploadedFoundSharedCopiedRetiredRestoredAndRemovedAndItsCopiesStay() throws Exception {
        String snapshot = upload();
        String image = register(snapshot);
        tag(image);
        assertFoundByFilters(image, snapshot);
        share(image);

        Messages.Stats before = store.root().store().stats();
        String near = copy(friendsEc2, image, HOME, "near");
        String far = copy(friendsFarEc2, near, HOME, "far");
        assertIsTheSame(image, near, far);
        assertDescends(image, near, far);
        assertLaunches(near);
        assertMakesVolumes(near);
        assertNothingWasStored(before);

        deprecate(image);
        disableAndEnable(image);
        protectAndUnprotect(image);
        recycleAndRestore(image);
        remove(image, snapshot);

        assertReads(friend.user(), near);
        assertReads(friend.user().in(FAR), far);
    }

    private String upload() throws Exception {
        try (EbsClient ebs = owner.user().ebs()) {
            EbsWriter writer = new EbsWriter(ebs);
            String id = writer.start();
            List<Callable<Void>> writes = new ArrayList<>();
            for (int index = 0; index < BLOCKS; index++) {
                int at = index;
                writes.add(() -> {
                    writer.put(id, at, EbsWriter.block(disk, at));
                    return null;
                });
            }
            EbsWriter.doAll(UPLOAD_THREADS, writes);
            writer.complete(id, BLOCKS, EbsWriter.linear(disk, BLOCKS));
            ec2.waiter().waitUntilSnapshotCompleted(request -> request.snapshotIds(id));
            return id;
        }
    }

    private String register(String snapshot) {
        String id = ec2.registerImage(request -> request.name(NAME)
                        .description("a machine like any other")
                        .architecture(ArchitectureValues.X86_64)
                        .bootMode(BootModeValues.UEFI)
                        .enaSupport(true)
                        .virtualizationType("hvm")
                        .rootDeviceName(ROOT_DEVICE)
                        .blockDeviceMappings(BlockDeviceMapping.builder()
                                .deviceName(ROOT_DEVICE)
                                .ebs(ebs -> ebs.snapshotId(snapshot).volumeType("gp3").deleteOnTermination(true))
                                .build()))
                .imageId();
        ec2.waiter().waitUntilImageAvailable(request -> request.imageIds(id));
        return id;
    }

    private void tag(String image) {
        ec2.createTags(request -> request.resources(image)
                .tags(TAGS.entrySet().stream()
                        .map(tag -> Tag.builder().key(tag.getKey()).value(tag.getValue()).build())
                        .toList()));

        assertEquals(TAGS, tags(find(ec2, image)));
    }

    private static Map<String, String> tags(Image image) {
        return image.tags().stream().collect(Collectors.toMap(Tag::key, Tag::value));
    }

    /** Each filter finds the image by what it has, and does not by what it has not. */
    private void assertFoundByFilters(String image, String snapshot) {
        assertFilter(image, "image-id", image, "ami-0123456789abcdef0");
        assertFilter(image, "name", "debian-*-base", "debian-?-base");
        assertFilter(image, "description", "a machine*", "a machine");
        assertFilter(image, "owner-id", owner.account().value(), friend.account().value());
        assertFilter(image, "state", "available", "disabled");
        assertFilter(image, "architecture", "x86_64", "arm64");
        assertFilter(image, "boot-mode", "uefi", "legacy-bios");
        assertFilter(image, "is-public", "false", "true");
        assertFilter(image, "ena-support", "true", "false");
        assertFilter(image, "virtualization-type", "hvm", "paravirtual");
        assertFilter(image, "root-device-name", ROOT_DEVICE, "/dev/sda1");
        assertFilter(image, "root-device-type", "ebs", "instance-store");
        assertFilter(image, "creation-date", "2026-11-23T10:*", "2026-11-23");
        assertFilter(image, "block-device-mapping.snapshot-id", snapshot, "snap-0123456789abcdef0");
        assertFilter(image, "block-device-mapping.volume-size", "1", "2");
        assertFilter(image, "block-device-mapping.volume-type", "gp3", "gp2");
        assertFilter(image, "block-device-mapping.delete-on-termination", "true", "false");
        assertFilter(image, "block-device-mapping.encrypted", "false", "true");
        assertFilter(image, "tag:purpose", "base", "BASE");
        assertFilter(image, "tag-key", "release", "13");
    }

    private void assertFilter(String image, String name, String matching, String other) {
        assertEquals(List.of(image), idsBy(name, matching), name + '=' + matching);
        assertEquals(List.of(image), idsBy(name, other, matching), name + " is either");
        assertEquals(List.of(), idsBy(name, other), name + '=' + other);
    }

    private List<String> idsBy(String filter, String... values) {
        return ids(ec2, request -> request.filters(Filter.builder().name(filter).values(values).build()));
    }

    private static List<String> ids(Ec2Client ec2, Consumer<DescribeImagesRequest.Builder> request) {
        return ec2.describeImages(request).images().stream().map(Image::imageId).toList();
    }

    private static Image find(Ec2Client ec2, String id) {
        return ec2.describeImages(request -> request.imageIds(id)).images().get(0);
    }

    private void share(String image) {
        assertCode("InvalidAMIID.NotFound", () -> find(friendsEc2, image));

        shareWithFriend(image);

        assertEquals(List.of(image), ids(friendsEc2, request -> request.executableUsers("self")));
        assertEquals(owner.account().value(), find(friendsEc2, image).ownerId());
        assertEquals(Map.of(), tags(find(friendsEc2, image)), "tags are their owner's");
        assertCode("UnauthorizedOperation", () -> friendsEc2.deregisterImage(request -> request.imageId(image)));
        assertEquals(List.of(), ids(strangersEc2, request -> {}));
        assertCode("InvalidAMIID.NotFound", () -> find(strangersEc2, image));
    }

    private void shareWithFriend(String image) {
        ec2.modifyImageAttribute(request -> request.imageId(image)
                .launchPermission(change -> change.add(
                        LaunchPermission.builder().userId(friend.account().value()).build())));
    }

    private static String copy(Ec2Client to, String image, String from, String name) {
        String id = to.copyImage(request -> request.sourceImageId(image).sourceRegion(from).name(name)).imageId();
        to.waiter().waitUntilImageAvailable(request -> request.imageIds(id));
        return id;
    }

    private void assertIsTheSame(String image, String near, String far) {
        Messages.Image original = owner.user().store().image(new ImageId(image));
        Messages.Image nearCopy = friend.user().store().image(new ImageId(near));
        Messages.Image farCopy = friend.user().in(FAR).store().image(new ImageId(far));

        assertEquals(3, Set.of(original.id(), nearCopy.id(), farCopy.id()).size());
        assertEquals(3, Set.of(original.snapshot(), nearCopy.snapshot(), farCopy.snapshot()).size());
        assertEquals(1L << 30, original.sizeBytes());
        assertEquals(original.rootDigest(), nearCopy.rootDigest());
        assertEquals(original.rootDigest(), farCopy.rootDigest());
        assertEquals(List.of(HOME, HOME, FAR), List.of(original.region(), nearCopy.region(), farCopy.region()));
        assertEquals(friend.account().value(), find(friendsEc2, near).ownerId());
        assertCode("InvalidAMIID.NotFound", () -> find(friendsEc2, far));
        assertCode("InvalidAMIID.NotFound", () -> find(ec2, near));
    }

    private void assertDescends(String image, String near, String far) {
        List<ImageAncestryEntry> ancestry =
                friendsFarEc2.getImageAncestry(request -> request.imageId(far)).imageAncestryEntries();

        assertEquals(List.of(far, near, image), ancestry.stream().map(ImageAncestryEntry::imageId).toList());
        assertEquals(near, ancestry.get(0).sourceImageId());
        assertEquals(HOME, ancestry.get(0).sourceImageRegion());
        assertEquals(image, ancestry.get(1).sourceImageId());
        assertNull(ancestry.get(2).sourceImageId());
    }

    private void assertLaunches(String image) throws Exception {
        Instance launched = friendsEc2.runInstances(request -> request.imageId(image).minCount(1).maxCount(1))
                .instances()
                .get(0);
        Map<String, String> tags = launched.tags().stream().collect(Collectors.toMap(Tag::key, Tag::value));

        assertEquals(image, launched.imageId());
        assertReadsOverNbd(tags.get("cairn:nbd:" + ROOT_DEVICE));
        friendsEc2.terminateInstances(request -> request.instanceIds(launched.instanceId()));
    }

    private void assertMakesVolumes(String image) throws Exception {
        String snapshot = find(friendsEc2, image).blockDeviceMappings().get(0).ebs().snapshotId();
        String volume = friendsEc2.createVolume(request -> request.snapshotId(snapshot).availabilityZone(HOME + 'a'))
                .volumeId();
        friendsEc2.waiter().waitUntilVolumeAvailable(request -> request.volumeIds(volume));

        assertReadsOverNbd(friend.user().store().exportUri(new VolumeId(volume)).uri());
        friendsEc2.deleteVolume(request -> request.volumeId(volume));
    }

    private void assertReadsOverNbd(String uri) throws Exception {
        try (NbdDisk volume = NbdDisk.open(URI.create(uri))) {
            assertEquals(1L << 30, volume.sizeBytes());
            for (int index = 0; index < BLOCKS; index++) {
                long offset = (long) index * EbsWriter.BLOCK;
                assertArrayEquals(EbsWriter.block(disk, index), volume.read(offset, EbsWriter.BLOCK), "block " + index);
            }
            assertArrayEquals(new byte[EbsWriter.BLOCK], volume.read(disk.sizeBytes(), EbsWriter.BLOCK));
        }
    }

    private void assertNothingWasStored(Messages.Stats before) throws Exception {
        Messages.Stats after = store.root().store().stats();
        assertEquals(before.chunks(), after.chunks());
        assertEquals(before.uniqueBytes(), after.uniqueBytes());
        assertEquals(before.segmentBytes(), after.segmentBytes());
        assertEquals(before.images() + 2, after.images());
    }

    private void deprecate(String image) {
        Instant at = clock.instant().plus(Duration.ofHours(1));
        ec2.enableImageDeprecation(request -> request.imageId(image).deprecateAt(at));
        assertEquals(List.of(image), ids(friendsEc2, request -> request.owners(owner.account().value())));

        clock.forward(Duration.ofHours(2));

        assertEquals(at.toString(), Instant.parse(find(ec2, image).deprecationTime()).toString());
        assertEquals(List.of(), ids(friendsEc2, request -> request.owners(owner.account().value())));
        assertEquals(
                List.of(image),
                ids(friendsEc2, request -> request.owners(owner.account().value()).includeDeprecated(true)));
        assertEquals(List.of(image), ids(ec2, request -> request.owners("self")), "its owner still sees it");
        ec2.disableImageDeprecation(request -> request.imageId(image));
        assertEquals(List.of(image), ids(friendsEc2, request -> request.owners(owner.account().value())));
    }

    private void disableAndEnable(String image) {
        ec2.disableImage(request -> request.imageId(image));

        assertEquals(List.of(), ids(ec2, request -> request.owners("self")));
        assertEquals(List.of(image), ids(ec2, request -> request.owners("self").includeDisabled(true)));
        assertCode("InvalidAMIID.Unavailable", () -> launch(ec2, image));
        assertCode("InvalidAMIID.NotFound", () -> launch(friendsEc2, image));

        ec2.enableImage(request -> request.imageId(image));

        assertEquals("available", find(ec2, image).stateAsString());
        assertEquals(List.of(), ids(friendsEc2, request -> request.executableUsers("self")), "it is shared no more");
        shareWithFriend(image);
    }

    private static void launch(Ec2Client ec2, String image) {
        ec2.runInstances(request -> request.imageId(image).minCount(1).maxCount(1));
    }

    private void protectAndUnprotect(String image) {
        Executable deregister = () -> ec2.deregisterImage(request -> request.imageId(image));
        ec2.enableImageDeregistrationProtection(request -> request.imageId(image).withCooldown(true));
        assertCode("OperationNotPermitted", deregister);

        ec2.disableImageDeregistrationProtection(request -> request.imageId(image));

        assertCode("OperationNotPermitted", deregister);
        clock.forward(Duration.ofHours(23));
        assertCode("OperationNotPermitted", deregister);
        clock.forward(Duration.ofHours(1));
    }

    private void recycleAndRestore(String image) {
        try (RbinClient rbin = owner.user().rbin()) {
            String rule = rbin.createRule(request -> request.resourceType(ResourceType.EC2_IMAGE)
                            .retentionPeriod(days -> days.retentionPeriodValue(7)
                                    .retentionPeriodUnit(RetentionPeriodUnit.DAYS)))
                    .identifier();
            Image before = find(ec2, image);

            ec2.deregisterImage(request -> request.imageId(image));

            assertEquals(List.of(), ids(ec2, request -> request.owners("self")));
            assertEquals(List.of(), ids(ec2, request -> request.imageIds(image)));
            assertCode("InvalidAMIID.Unavailable", () -> launch(ec2, image));
            assertEquals(List.of(), ids(friendsEc2, request -> request.imageIds(image)), "it was there lately");
            List<ImageRecycleBinInfo> bin = ec2.listImagesInRecycleBin(request -> {}).images();
            assertEquals(List.of(image), bin.stream().map(ImageRecycleBinInfo::imageId).toList());
            assertEquals(NAME, bin.get(0).name());
            assertEquals(clock.instant().plus(Duration.ofDays(7)), bin.get(0).recycleBinExitTime());
            assertEquals(List.of(), friendsEc2.listImagesInRecycleBin(request -> {}).images());

            ec2.restoreImageFromRecycleBin(request -> request.imageId(image));

            assertEquals(before, find(ec2, image), "as it was, its tags too");
            assertEquals(TAGS, tags(find(ec2, image)));
            assertEquals(List.of(image), ids(friendsEc2, request -> request.executableUsers("self")));
            assertEquals(List.of(), ec2.listImagesInRecycleBin(request -> {}).images());
            rbin.deleteRule(request -> request.identifier(rule));
        }
    }

    private void remove(String image, String snapshot) {
        DeregisterImageResponse removed =
                ec2.deregisterImage(request -> request.imageId(image).deleteAssociatedSnapshots(true));

        assertEquals(1, removed.deleteSnapshotResults().size());
        assertEquals(snapshot, removed.deleteSnapshotResults().get(0).snapshotId());
        assertEquals(SnapshotReturnCodes.SUCCESS, removed.deleteSnapshotResults().get(0).returnCode());
        assertEquals(List.of(), ids(ec2, request -> request.owners("self").includeDisabled(true)));
        assertEquals(List.of(), ec2.listImagesInRecycleBin(request -> {}).images());
        assertCode("InvalidSnapshot.NotFound", () -> ec2.describeSnapshots(request -> request.snapshotIds(snapshot)));
        assertEquals(List.of(), ec2.listSnapshotsInRecycleBin(request -> {}).snapshots());
        assertEquals(List.of(), ec2.describeTags(request -> {}).tags());
        assertThrows(StoreException.class, () -> owner.user().store().snapshot(new SnapshotId(snapshot)));
    }

    /** Every byte of an image, proven against its root digest on the way. */
    private void assertReads(AwsUser user, String image) throws Exception {
        Path expected = Files.write(folder.resolve("expected-" + image), disk.bytes());
        try (RandomAccessFile file = new RandomAccessFile(expected.toFile(), "rw")) {
            file.setLength(1L << 30);
        }
        new StoreUser(user.store(), folder).assertComesBack(image, expected);
    }

    private static void assertCode(String code, Executable call) {
        Ec2Exception failure = assertThrows(Ec2Exception.class, call);
        assertEquals(code, failure.awsErrorDetails().errorCode(), failure.getMessage());
    }
}
