package cairn.server.api;

import static cairn.Fault.CONFLICT;
import static cairn.Fault.INVALID_REQUEST;
import static cairn.server.api.ApiDoor.required;

import cairn.StoreException;
import cairn.api.Json;
import cairn.api.Messages.CreateCopy;
import cairn.api.Messages.CreateImage;
import cairn.api.Messages.CreateSnapshot;
import cairn.api.Messages.Snapshot;
import cairn.api.Messages.SnapshotList;
import cairn.image.Architecture;
import cairn.image.BootMode;
import cairn.image.DerivedImage;
import cairn.image.ImageId;
import cairn.image.ImageName;
import cairn.image.NewSnapshot;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import cairn.server.account.Access;
import cairn.server.account.Access.Right;
import cairn.server.account.Accounts;
import cairn.server.account.Caller;
import cairn.server.account.Encryption;
import cairn.server.account.Regions;
import cairn.server.account.Sharing;
import cairn.server.http.HttpCall;
import cairn.server.http.HttpReply;
import cairn.server.image.ImageRegistry;
import cairn.server.image.NewSnapshotCopy;
import cairn.server.image.PendingSnapshots;
import cairn.server.image.SnapshotInProgress;
import cairn.server.image.SnapshotRegistry;
import cairn.server.image.VolumeSnapshots;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.UnaryOperator;

/** Answers questions about snapshots, those that are being made or written included. */
public final class SnapshotApi {
    private final ImageRegistry images;
    private final SnapshotRegistry completed;
    private final VolumeSnapshots snapshots;
    private final List<PendingSnapshots> pending;
    private final Accounts accounts;
    private final Regions regions;
    private final Encryption encryption;

    /** @param pending all that are not completed, those of {@code snapshots} among them */
    public SnapshotApi(
            ImageRegistry images,
            SnapshotRegistry completed,
            VolumeSnapshots snapshots,
            List<PendingSnapshots> pending,
            Accounts accounts,
            Regions regions,
            Encryption encryption) {
        this.images = images;
        this.completed = completed;
        this.accounts = accounts;
        this.regions = regions;
        this.snapshots = snapshots;
        this.pending = List.copyOf(pending);
        this.encryption = encryption;
    }

    HttpReply start(HttpCall call, String volume) {
        call.requireOnly();
        CreateSnapshot wanted = Json.decode(call.body(), CreateSnapshot.class);
        NewSnapshot snapshot = new NewSnapshot(
                Optional.ofNullable(wanted.description()).orElse(""),
                Optional.ofNullable(wanted.tags()).orElse(Map.of()));
        return ApiDoor.json(message(snapshots.start(call.caller(), new VolumeId(volume), snapshot)));
    }

    HttpReply startImage(HttpCall call, String volume) {
        call.requireOnly();
        CreateImage wanted = Json.decode(call.body(), CreateImage.class);
        DerivedImage image = new DerivedImage(
                new ImageName(required("name", wanted.name())),
                Optional.ofNullable(wanted.description()).orElse(""),
                Optional.ofNullable(wanted.architecture()).map(Architecture::parse),
                Optional.ofNullable(wanted.bootMode()).map(BootMode::parse),
                Optional.ofNullable(wanted.tags()).orElse(Map.of()));
        return ApiDoor.json(message(snapshots.startImage(call.caller(), new VolumeId(volume), image)));
    }

    /** Asks for those in progress first: one that is completed meanwhile is in the catalog then. */
    HttpReply show(HttpCall call, String id) {
        call.requireOnly();
        SnapshotId snapshot = new SnapshotId(id);
        return ApiDoor.json(findPending(call.caller(), snapshot)
                .map(SnapshotApi::message)
                .orElseGet(() -> message(call.caller(), completed.read(call.caller(), Right.SEE, snapshot))));
    }

    private Optional<SnapshotInProgress> findPending(Caller caller, SnapshotId id) {
        return pending.stream().flatMap(each -> each.find(caller, id).stream()).findFirst();
    }

    HttpReply list(HttpCall call) {
        call.requireOnly("after");
        String after = call.find("after").map(id -> new SnapshotId(id).value()).orElse("");
        Map<String, Snapshot> all = new TreeMap<>();
        pending.stream()
                .flatMap(each -> each.list(call.caller()).stream())
                .filter(each -> each.id().value().compareTo(after) > 0)
                .forEach(each -> all.put(each.id().value(), message(each)));
        completed.list(call.caller(), after, ListPage.ITEMS_MAX)
                .forEach(each -> all.put(each.id().value(), message(call.caller(), each)));
        // Of the completed ones there are no more before the last of these, so nothing is left out between them.
        List<Snapshot> some = all.values().stream().limit(ListPage.ITEMS_MAX).toList();
        ListPage<Snapshot> page = ListPage.of(some, each -> each, Snapshot::id);
        return ApiDoor.json(new SnapshotList(page.items(), page.next()));
    }

    HttpReply share(HttpCall call, String id) {
        call.requireOnly();
        UnaryOperator<Sharing> change = RequestedChanges.sharing(call, accounts);
        SnapshotId snapshot = new SnapshotId(id);
        if (findPending(call.caller(), snapshot).isPresent()) {
            throw new StoreException(
                    CONFLICT, "snapshot " + snapshot + " is not completed; it can be shared when it is");
        }
        return ApiDoor.json(message(
                call.caller(),
                completed.change(call.caller(), snapshot, each -> each.with(change.apply(each.sharing())))));
    }

    /** Of one in progress too: it is completed with the tags that it has then. */
    HttpReply tag(HttpCall call, String id) {
        call.requireOnly();
        UnaryOperator<Map<String, String>> change = RequestedChanges.tags(call);
        SnapshotId snapshot = new SnapshotId(id);
        if (pending.stream().anyMatch(each -> each.tag(call.caller(), snapshot, change))) {
            return show(call, id);
        }
        return ApiDoor.json(message(
                call.caller(),
                completed.change(call.caller(), snapshot, each -> each.withTags(change.apply(each.tags())))));
    }

    HttpReply copy(HttpCall call, String id) {
        call.requireOnly();
        CreateCopy wanted = Json.decode(call.body(), CreateCopy.class);
        if (wanted.name() != null) {
            throw new StoreException(INVALID_REQUEST, "snapshots have no names");
        }
        cairn.server.image.Snapshot source = completed.read(call.caller(), Right.COPY, new SnapshotId(id));
        Caller owner = RequestedChanges.owner(call, wanted, regions);
        return ApiDoor.json(message(
                owner,
                completed.copy(
                        owner,
                        source.id(),
                        source.region(),
                        new NewSnapshotCopy(source.description(), Map.of(), encryption.choose(owner)),
                        copy -> List.of())));
    }

    HttpReply remove(HttpCall call, String id) {
        call.requireOnly();
        SnapshotId snapshot = new SnapshotId(id);
        if (pending.stream().noneMatch(each -> each.forget(call.caller(), snapshot))) {
            completed.remove(call.caller(), snapshot);
        }
        return HttpReply.NO_CONTENT;
    }

    private Snapshot message(Caller caller, cairn.server.image.Snapshot snapshot) {
        boolean isManaged = Access.may(caller, Right.MANAGE, snapshot);
        return new Snapshot(
                snapshot.id().value(),
                snapshot.owner().value(),
                snapshot.region().name(),
                Snapshot.COMPLETED,
                snapshot.startedAt().toString(),
                snapshot.description(),
                snapshot.volume().map(VolumeId::value).orElse(null),
                snapshot.parent().map(SnapshotId::value).orElse(null),
                completed.imagesOf(snapshot.id()).stream()
                        .filter(image -> images.find(caller, image).isPresent())
                        .findFirst()
                        .map(ImageId::value)
                        .orElse(null),
                snapshot.root().sizeBytes(),
                snapshot.root().digest().toString(),
                snapshot.root().top().digest().toString(),
                null,
                null,
                null,
                snapshot.sharing().isPublic(),
                isManaged ? ImageApi.sharedWith(snapshot.sharing()) : null,
                isManaged ? new TreeMap<>(snapshot.tags()) : null);
    }

    private static Snapshot message(SnapshotInProgress snapshot) {
        boolean isPending = snapshot.failure().isEmpty();
        return new Snapshot(
                snapshot.id().value(),
                snapshot.owner().value(),
                snapshot.region().name(),
                isPending ? Snapshot.PENDING : Snapshot.ERROR,
                snapshot.startedAt().toString(),
                snapshot.description(),
                snapshot.volume().map(VolumeId::value).orElse(null),
                snapshot.parent().map(SnapshotId::value).orElse(null),
                null,
                snapshot.sizeBytes(),
                null,
                null,
                isPending ? snapshot.progressPercent() : null,
                isPending ? snapshot.changedBytes() : null,
                snapshot.failure().orElse(null),
                false,
                List.of(),
                new TreeMap<>(snapshot.tags()));
    }
}
