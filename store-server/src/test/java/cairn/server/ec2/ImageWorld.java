package cairn.server.ec2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import cairn.api.Messages;
import cairn.client.Retry;
import cairn.client.SnapshotWatch;
import cairn.client.StoreClient;
import cairn.client.TransferProgress;
import cairn.image.Region;
import cairn.image.VolumeId;
import cairn.server.AwsUser;
import cairn.server.SetClock;
import cairn.server.TestStore;
import cairn.server.account.Accounts;
import cairn.server.account.Retention;
import cairn.server.account.RetentionRule;
import cairn.server.account.RetentionRules;
import cairn.server.storage.rocks.RocksStorage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.junit.jupiter.api.function.Executable;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.BlockDeviceMapping;
import software.amazon.awssdk.services.ec2.model.DescribeImagesRequest;
import software.amazon.awssdk.services.ec2.model.EbsBlockDevice;
import software.amazon.awssdk.services.ec2.model.Ec2Exception;
import software.amazon.awssdk.services.ec2.model.Filter;
import software.amazon.awssdk.services.ec2.model.Image;
import software.amazon.awssdk.services.ec2.model.LaunchPermission;
import software.amazon.awssdk.services.ec2.model.RegisterImageRequest;
import software.amazon.awssdk.services.ec2.model.ResourceType;
import software.amazon.awssdk.services.ec2.model.Tag;
import software.amazon.awssdk.services.ec2.model.TagSpecification;

/** A store with two accounts, of which each has a client in two regions, for tests of operations on images. */
final class ImageWorld implements AutoCloseable {
    static final String WEST = "west-1";
    static final long MIB = 1 << 20;

    final SetClock clock = new SetClock();
    final TestStore store;
    private final Path folder;
    TestStore.Somebody us;
    TestStore.Somebody them;
    Ec2Client ourEc2;
    Ec2Client ourWest;
    Ec2Client theirEc2;
    Ec2Client theirWest;

    ImageWorld(Path folder) throws IOException {
        this.folder = folder;
        store = new TestStore(folder, clock);
        us = store.newAccount("us");
        them = store.newAccount("them");
        connect();
    }

    private void connect() {
        ourEc2 = us.user().ec2();
        ourWest = us.user().in(WEST).ec2();
        theirEc2 = them.user().ec2();
        theirWest = them.user().in(WEST).ec2();
    }

    /** Keeps our images with a tag in the recycle bin, from a restart of the server on. */
    void recycleImages(int days, String key, String value) throws IOException {
        disconnect();
        store.close();
        try (RocksStorage storage = RocksStorage.open(folder)) {
            new RetentionRules(storage.catalog(), clock).create(
                    new Accounts(storage.catalog(), clock).caller(us.user().credentials().accessKeyId(), Region.LOCAL),
                    new RetentionRules.NewRule(
                            Retention.Kind.IMAGE,
                            days,
                            "",
                            List.of(new RetentionRule.Match(key, Optional.of(value))),
                            List.of(),
                            Optional.empty(),
                            Map.of()));
        }
        store.restart();
        us = again(us);
        them = again(them);
        connect();
    }

    private TestStore.Somebody again(TestStore.Somebody somebody) {
        return new TestStore.Somebody(
                somebody.account(),
                new AwsUser(store.endpoint(), somebody.user().credentials(), Region.LOCAL));
    }

    String us() {
        return us.account().value();
    }

    String them() {
        return them.account().value();
    }

    /** A completed snapshot of a blank disk of ours. */
    String newSnapshot() {
        return newSnapshot(us.user(), MIB);
    }

    String newSnapshot(AwsUser user, long sizeBytes) {
        StoreClient client = user.store();
        Messages.Volume volume = client.createVolume(new Messages.CreateVolume(null, sizeBytes, null, null, null));
        Messages.Snapshot started =
                client.startSnapshot(new VolumeId(volume.id()), new Messages.CreateSnapshot(null, null));
        return new SnapshotWatch(client, Retry.never()).await(started, TransferProgress.none()).id();
    }

    /** An image of ours over a snapshot of its own. */
    String newImage(String name) {
        return register(name, newSnapshot(), r -> {});
    }

    /** @param more what else is said of it */
    String register(String name, String snapshot, Consumer<RegisterImageRequest.Builder> more) {
        return ourEc2.registerImage(r -> {
                    r.name(name)
                            .rootDeviceName("/dev/sda1")
                            .blockDeviceMappings(device("/dev/sda1", e -> e.snapshotId(snapshot)));
                    more.accept(r);
                })
                .imageId();
    }

    static BlockDeviceMapping device(String name, Consumer<EbsBlockDevice.Builder> ebs) {
        return BlockDeviceMapping.builder().deviceName(name).ebs(ebs).build();
    }

    static TagSpecification tagged(ResourceType type, String key, String value) {
        return TagSpecification.builder()
                .resourceType(type)
                .tags(Tag.builder().key(key).value(value).build())
                .build();
    }

    static LaunchPermission user(String account) {
        return LaunchPermission.builder().userId(account).build();
    }

    static LaunchPermission everybody() {
        return LaunchPermission.builder().group("all").build();
    }

    static Image describe(Ec2Client ec2, String image) {
        List<Image> found = ec2.describeImages(r -> r.imageIds(image)).images();
        assertEquals(1, found.size(), () -> image + " is found once: " + found);
        return found.get(0);
    }

    /** The names of those that are found, in their order. */
    static List<String> names(Ec2Client ec2, Consumer<DescribeImagesRequest.Builder> request) {
        return ec2.describeImages(request).images().stream().map(Image::name).sorted().toList();
    }

    static Filter filter(String name, String... values) {
        return Filter.builder().name(name).values(values).build();
    }

    static Ec2Exception assertFails(String code, Executable request) {
        Ec2Exception failure = assertThrows(Ec2Exception.class, request);
        assertEquals(code, failure.awsErrorDetails().errorCode(), failure.getMessage());
        return failure;
    }

    /** The same, and what is said in so many words. */
    static void assertFails(String code, String message, Executable request) {
        assertEquals(message, assertFails(code, request).awsErrorDetails().errorMessage());
    }

    private void disconnect() {
        List.of(ourEc2, ourWest, theirEc2, theirWest).forEach(Ec2Client::close);
    }

    @Override
    public void close() {
        disconnect();
        store.close();
    }
}
