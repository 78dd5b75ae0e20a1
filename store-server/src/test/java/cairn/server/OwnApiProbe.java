package cairn.server;

import cairn.Digest;
import cairn.Fault;
import cairn.StoreException;
import cairn.api.Messages;
import cairn.client.DiskId;
import cairn.client.StoreClient;
import cairn.image.AccountId;
import cairn.image.ImageId;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import cairn.server.account.Access.Right;
import cairn.tree.Page;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/** Our own API, as {@code cairn} uses it. */
final class OwnApiProbe implements AccessProbe {
    private static final Messages.ChangeTags TAG = new Messages.ChangeTags(Map.of("seen", "yes"), List.of());

    private interface Act {
        void run() throws StoreException;
    }

    @Override
    public Optional<Verdict> attempt(Somebody who, Right right, Thing thing) {
        StoreClient client = who.user().store();
        return act(client, right, thing).map(OwnApiProbe::verdict);
    }

    static Verdict verdict(Act act) {
        try {
            act.run();
            return Verdict.DONE;
        } catch (StoreException e) {
            if (e.fault() == Fault.NOT_FOUND) {
                return Verdict.ABSENT;
            }
            if (e.fault() == Fault.FORBIDDEN) {
                return Verdict.FORBIDDEN;
            }
            throw e;
        }
    }

    private static Optional<Act> act(StoreClient client, Right right, Thing thing) {
        return switch (thing.kind()) {
            case IMAGE -> image(client, right, new ImageId(thing.id()));
            case SNAPSHOT -> snapshot(client, right, new SnapshotId(thing.id()));
            case VOLUME -> volume(client, right, new VolumeId(thing.id()));
            case UPLOAD -> right == Right.MANAGE
                    ? Optional.of(() -> client.ask(thing.id(), List.of(leaf())))
                    : Optional.empty();
            case INSTANCE -> Optional.empty();
            case ACCOUNT -> account(client, right, new AccountId(thing.id()));
        };
    }

    private static Optional<Act> image(StoreClient client, Right right, ImageId id) {
        return Optional.of(
                switch (right) {
                    case SEE -> () -> {
                        client.image(id);
                        requireListed(client.images("").images().stream().map(Messages.Image::id).toList(), id.value());
                    };
                    case READ -> () -> read(client, DiskId.of(id));
                    case LAUNCH -> () -> launch(client, id.value());
                    case COPY -> () ->
                            client.copyImage(id, new Messages.CreateCopy(UUID.randomUUID().toString(), "elsewhere"));
                    case MANAGE -> () -> client.tagImage(id, TAG);
                });
    }

    private static Optional<Act> snapshot(StoreClient client, Right right, SnapshotId id) {
        return Optional.of(
                switch (right) {
                    case SEE -> () -> {
                        client.snapshot(id);
                        requireListed(
                                client.snapshots("").snapshots().stream().map(Messages.Snapshot::id).toList(),
                                id.value());
                    };
                    case READ -> () -> read(client, DiskId.of(id));
                    case LAUNCH -> () -> launch(client, id.value());
                    case COPY -> () -> client.copySnapshot(id, new Messages.CreateCopy(null, "elsewhere"));
                    case MANAGE -> () -> client.tagSnapshot(id, TAG);
                });
    }

    private static Optional<Act> volume(StoreClient client, Right right, VolumeId id) {
        return switch (right) {
            case SEE -> Optional.of(() -> {
                client.volume(id);
                requireListed(client.volumes("").volumes().stream().map(Messages.Volume::id).toList(), id.value());
            });
            case READ -> Optional.of(() -> client.exportUri(id));
            case MANAGE -> Optional.of(() -> client.tagVolume(id, TAG));
            case LAUNCH, COPY -> Optional.empty();
        };
    }

    private static Optional<Act> account(StoreClient client, Right right, AccountId id) {
        return switch (right) {
            case SEE -> Optional.of(() ->
                    requireListed(client.accounts().stream().map(Messages.Account::id).toList(), id.value()));
            case MANAGE -> Optional.of(() -> client.deleteKey(client.createKey(id).id()));
            case READ, LAUNCH, COPY -> Optional.empty();
        };
    }

    private static void read(StoreClient client, DiskId id) {
        client.readPages(id, 0, 0, 1);
        client.readChunks(id, 0, 1);
        client.diff(id, id, 0);
        client.exportUri(id);
    }

    private static void launch(StoreClient client, String source) {
        Messages.Volume volume = client.createVolume(new Messages.CreateVolume(source, null, true, true, null));
        client.removeVolume(new VolumeId(volume.id()));
    }

    /** Lists and single answers are to agree. */
    private static void requireListed(List<String> listed, String id) {
        if (!listed.contains(id)) {
            throw new StoreException(Fault.NOT_FOUND, id + " is not listed");
        }
    }

    private static Page leaf() {
        return new Page.Builder(0).set(0, Digest.of(new byte[] {1})).build();
    }
}
