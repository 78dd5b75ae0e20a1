package cairn.server.ec2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import cairn.server.Launching;
import cairn.server.SetClock;
import cairn.server.TestStore;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.function.Executable;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.CopySnapshotRequest;
import software.amazon.awssdk.services.ec2.model.DescribeSnapshotsRequest;
import software.amazon.awssdk.services.ec2.model.Filter;
import software.amazon.awssdk.services.ec2.model.ResourceType;
import software.amazon.awssdk.services.ec2.model.Snapshot;
import software.amazon.awssdk.services.ec2.model.Tag;
import software.amazon.awssdk.services.ec2.model.TagSpecification;

/** A store with two accounts, and clients of theirs, for tests of operations on snapshots and volumes. */
final class SnapshotWorld implements AutoCloseable {
    static final String WEST = "west-1";
    static final String ZONE = "locala";

    final SetClock clock = new SetClock();
    final TestStore store;
    final TestStore.Somebody us;
    final TestStore.Somebody them;
    final Ec2Client ec2;
    final Ec2Client west;
    final Ec2Client theirs;
    final Ec2Client theirWest;

    SnapshotWorld(Path folder, boolean isDataEncrypted) throws IOException {
        store = new TestStore(folder, clock, Launching.NONE, isDataEncrypted);
        us = store.newAccount("us");
        them = store.newAccount("them");
        ec2 = us.user().ec2();
        west = us.user().in(WEST).ec2();
        theirs = them.user().ec2();
        theirWest = them.user().in(WEST).ec2();
    }

    String us() {
        return us.account().value();
    }

    String them() {
        return them.account().value();
    }

    /** A blank volume of ours of one GiB. */
    String newVolume() {
        return ec2.createVolume(r -> r.size(1).availabilityZone(ZONE)).volumeId();
    }

    /** A completed snapshot of a volume of ours. */
    String newSnapshot(String volume, Tag... tags) {
        String id = ec2.createSnapshot(r -> {
                    r.volumeId(volume).description("of " + volume);
                    if (tags.length > 0) {
                        r.tagSpecifications(tagged(ResourceType.SNAPSHOT, tags));
                    }
                })
                .snapshotId();
        awaitCompleted(id);
        return id;
    }

    String newSnapshot() {
        return newSnapshot(newVolume());
    }

    void awaitCompleted(String id) {
        String state;
        do {
            state = snapshot(ec2, id).stateAsString();
        } while (state.equals("pending"));
        assertEquals("completed", state);
    }

    /** The SDK for Java makes a presigned URL for the endpoint's AWS region, which has none, unless there is one. */
    static CopySnapshotRequest.Builder copyOf(String id, CopySnapshotRequest.Builder request) {
        return request.sourceSnapshotId(id).sourceRegion("local").presignedUrl("http://nowhere.invalid/");
    }

    static Snapshot snapshot(Ec2Client client, String id) {
        return client.describeSnapshots(r -> r.snapshotIds(id)).snapshots().get(0);
    }

    /** The ids of those that are found, in their order. */
    static List<String> ids(Ec2Client client, Consumer<DescribeSnapshotsRequest.Builder> request) {
        return client.describeSnapshots(request).snapshots().stream().map(Snapshot::snapshotId).toList();
    }

    static Filter filter(String name, String... values) {
        return Filter.builder().name(name).values(values).build();
    }

    static Tag tag(String key, String value) {
        return Tag.builder().key(key).value(value).build();
    }

    static TagSpecification tagged(ResourceType type, Tag... tags) {
        return TagSpecification.builder().resourceType(type).tags(tags).build();
    }

    static void assertCode(String code, Executable call) {
        AwsServiceException failure = assertThrows(AwsServiceException.class, call);
        assertEquals(code, failure.awsErrorDetails().errorCode(), failure::getMessage);
    }

    static void assertFails(String code, String message, Executable call) {
        AwsServiceException failure = assertThrows(AwsServiceException.class, call);
        assertEquals(
                code + ": " + message,
                failure.awsErrorDetails().errorCode() + ": " + failure.awsErrorDetails().errorMessage());
    }

    @Override
    public void close() {
        List.of(ec2, west, theirs, theirWest).forEach(Ec2Client::close);
        store.close();
    }
}
