package cairn.server;

import cairn.server.account.Access.Right;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.AttributeValue;
import software.amazon.awssdk.services.ec2.model.Ec2Exception;
import software.amazon.awssdk.services.ec2.model.Tag;

/** EC2, through the AWS SDK; what would change something is tried as a dry run. */
final class Ec2Probe implements AccessProbe {
    private static final Tag TAG = Tag.builder().key("seen").value("yes").build();

    /** What is done to a thing of the id, by somebody in the region. */
    private interface Act {
        void run(Ec2Client client, String id, String region);
    }

    private static final Map<Right, Act> IMAGE = Map.of(
            Right.SEE, (client, id, region) -> client.describeImages(describe -> describe.imageIds(id)),
            Right.LAUNCH, (client, id, region) -> client.runInstances(
                    run -> run.imageId(id).minCount(1).maxCount(1).dryRun(true)),
            Right.COPY, (client, id, region) -> client.copyImage(copy -> copy.sourceImageId(id)
                    .sourceRegion(region)
                    .name(UUID.randomUUID().toString())
                    .dryRun(true)),
            Right.MANAGE, (client, id, region) -> client.modifyImageAttribute(modify -> modify.imageId(id)
                    .description(AttributeValue.builder().value("seen").build())
                    .dryRun(true)));

    private static final Map<Right, Act> SNAPSHOT = Map.of(
            Right.SEE, (client, id, region) -> client.describeSnapshots(describe -> describe.snapshotIds(id)),
            Right.LAUNCH, (client, id, region) -> client.createVolume(
                    create -> create.snapshotId(id).availabilityZone(region + "a").dryRun(true)),
            // The SDK makes a presigned URL where none is given, and can not for a server that is not AWS's.
            Right.COPY, (client, id, region) -> client.copySnapshot(copy -> copy.sourceSnapshotId(id)
                    .sourceRegion(region)
                    .presignedUrl("http://localhost")
                    .dryRun(true)),
            Right.MANAGE, (client, id, region) -> client.modifySnapshotAttribute(modify -> modify.snapshotId(id)
                    .attribute("createVolumePermission")
                    .operationType("add")
                    .groupNames("all")
                    .dryRun(true)));

    private static final Map<Right, Act> VOLUME = Map.of(
            Right.SEE, (client, id, region) -> client.describeVolumes(describe -> describe.volumeIds(id)),
            Right.MANAGE, (client, id, region) -> client.deleteVolume(delete -> delete.volumeId(id).dryRun(true)));

    private static final Map<Right, Act> INSTANCE = Map.of(
            Right.SEE, (client, id, region) -> client.describeInstances(describe -> describe.instanceIds(id)),
            Right.MANAGE, (client, id, region) -> client.terminateInstances(
                    terminate -> terminate.instanceIds(id).dryRun(true)));

    @Override
    public Optional<Verdict> attempt(Somebody who, Right right, Thing thing) {
        Optional<Act> act = Optional.ofNullable(acts(thing.kind()).get(right));
        if (act.isEmpty()) {
            return Optional.empty();
        }
        try (Ec2Client client = who.user().ec2()) {
            String region = who.user().region().name();
            Optional<Verdict> verdict = verdict(() -> act.get().run(client, thing.id(), region));
            return right == Right.MANAGE ? andTagging(verdict, client, thing) : verdict;
        }
    }

    /** Tagging is managing, too: the two are to agree. */
    private static Optional<Verdict> andTagging(Optional<Verdict> verdict, Ec2Client client, Thing thing) {
        Optional<Verdict> tagged =
                verdict(() -> client.createTags(tag -> tag.resources(thing.id()).tags(TAG).dryRun(true)));
        if (verdict.isPresent() && !tagged.equals(verdict)) {
            throw new AssertionError("changing " + thing + " says " + verdict + ", tagging " + tagged);
        }
        return tagged;
    }

    private static Map<Right, Act> acts(Kind kind) {
        return switch (kind) {
            case IMAGE -> IMAGE;
            case SNAPSHOT -> SNAPSHOT;
            case VOLUME -> VOLUME;
            case INSTANCE -> INSTANCE;
            case UPLOAD, ACCOUNT -> Map.of();
        };
    }

    /** Empty for an operation that there is not. */
    private static Optional<Verdict> verdict(Runnable act) {
        try {
            act.run();
            return Optional.of(Verdict.DONE);
        } catch (Ec2Exception e) {
            String code = e.awsErrorDetails().errorCode();
            if (code.equals("InvalidAction")) {
                return Optional.empty();
            }
            if (code.equals("DryRunOperation")) {
                return Optional.of(Verdict.DONE);
            }
            if (code.equals("UnauthorizedOperation")) {
                return Optional.of(Verdict.FORBIDDEN);
            }
            if (code.endsWith(".NotFound") || code.equals("InvalidID")) {
                return Optional.of(Verdict.ABSENT);
            }
            throw e;
        }
    }
}
