package cairn.server;

import cairn.server.account.Access.Right;
import java.util.Optional;
import software.amazon.awssdk.services.ebs.EbsClient;
import software.amazon.awssdk.services.ebs.model.AccessDeniedException;
import software.amazon.awssdk.services.ebs.model.Block;
import software.amazon.awssdk.services.ebs.model.EbsException;
import software.amazon.awssdk.services.ebs.model.ResourceNotFoundException;

/** EBS direct, through the AWS SDK: snapshots are read, and are parents of others. */
final class EbsProbe implements AccessProbe {
    @Override
    public Optional<Verdict> attempt(Somebody who, Right right, Thing thing) {
        if (thing.kind() != Kind.SNAPSHOT || right != Right.READ && right != Right.COPY) {
            return Optional.empty();
        }
        try (EbsClient client = who.user().ebs()) {
            if (right == Right.READ) {
                read(client, thing.id());
            } else {
                client.startSnapshot(start -> start.volumeSize(1L).parentSnapshotId(thing.id()));
            }
            return Optional.of(Verdict.DONE);
        } catch (ResourceNotFoundException e) {
            return Optional.of(Verdict.ABSENT);
        } catch (AccessDeniedException e) {
            return Optional.of(Verdict.FORBIDDEN);
        }
    }

    private static void read(EbsClient client, String id) throws EbsException {
        Block first = client.listSnapshotBlocks(list -> list.snapshotId(id)).blocks().get(0);
        client.getSnapshotBlockAsBytes(
                get -> get.snapshotId(id).blockIndex(first.blockIndex()).blockToken(first.blockToken()));
    }
}
