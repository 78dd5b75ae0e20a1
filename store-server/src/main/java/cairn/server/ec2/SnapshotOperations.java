package cairn.server.ec2;

import static cairn.Fault.CONFLICT;

import cairn.StoreException;
import cairn.image.AccountId;
import cairn.image.NewSnapshot;
import cairn.image.Region;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import cairn.server.account.Access.Right;
import cairn.server.account.AccountSettings.SnapshotBlock;
import cairn.server.account.AccountSettingsRegistry;
import cairn.server.account.Caller;
import cairn.server.account.Encryption;
import cairn.server.account.Sharing;
import cairn.server.image.AllSnapshots;
import cairn.server.image.ListedSnapshot;
import cairn.server.image.NewSnapshotCopy;
import cairn.server.image.RegisteredVolume;
import cairn.server.image.Snapshot;
import cairn.server.image.SnapshotInProgress;
import cairn.server.image.SnapshotRegistry;
import cairn.server.image.VolumeRegistry;
import cairn.server.image.VolumeSnapshots;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** Snapshots made, copied, found, shared and removed. */
public final class SnapshotOperations {
    private static final String DESCRIBE = "DescribeSnapshots";
    private static final String DESCRIPTION = "Description";
    private static final String ATTRIBUTE = "Attribute";
    private static final String PRODUCT_CODES = "productCodes";
    private static final String PERMISSION = "CreateVolumePermission";
    private static final String SELF = "self";
    private static final String ALL = "all";

    private final AllSnapshots all;
    private final SnapshotRegistry completed;
    private final VolumeRegistry volumes;
    private final VolumeSnapshots makers;
    private final AccountSettingsRegistry settings;
    private final Encryption encryption;
    private final Pages pages;
    private final Clock clock;
    private final AskedSnapshots asked;
    private final ShownSnapshots shown;

    public SnapshotOperations(
            AllSnapshots all,
            SnapshotRegistry completed,
            VolumeRegistry volumes,
            VolumeSnapshots makers,
            AccountSettingsRegistry settings,
            Encryption encryption,
            Pages pages,
            Clock clock) {
        this.all = all;
        this.completed = completed;
        this.volumes = volumes;
        this.makers = makers;
        this.settings = settings;
        this.encryption = encryption;
        this.pages = pages;
        this.clock = clock;
        this.asked = new AskedSnapshots(all, completed);
        this.shown = new ShownSnapshots(clock);
    }

    /** A snapshot as it is listed to somebody. */
    private record Listed(Caller caller, ListedSnapshot snapshot) {
        Map<String, String> tags() {
            return AskedSnapshots.isOwn(caller, snapshot) ? snapshot.tags() : Map.of();
        }
    }

    public void addTo(Operations operations) {
        operations.add("CreateSnapshot", this::create);
        operations.add("CopySnapshot", this::copy);
        Filters<Listed> filters = operations.filters(DESCRIBE, filterValues(), Listed::tags);
        operations.add(DESCRIBE, request -> describe(request, filters));
        operations.add("DeleteSnapshot", this::delete);
        operations.add("ModifySnapshotAttribute", this::modifyAttribute);
        operations.add("ResetSnapshotAttribute", this::resetAttribute);
        operations.add("DescribeSnapshotAttribute", this::describeAttribute);
    }

    private Effect create(Ec2Request request) {
        Arguments arguments = request.arguments();
        VolumeId id = ResourceKind.volumeId(arguments.text("VolumeId"));
        RegisteredVolume volume = volumes.read(request.caller(), Right.MANAGE, id);
        NewSnapshot wanted = new NewSnapshot(
                arguments.findText(DESCRIPTION).orElse(""), Tags.asked(arguments, ResourceKind.SNAPSHOT));
        return () -> {
            SnapshotInProgress begun = begin(request.caller(), volume, wanted);
            return shown.shown(request.caller(), ListedSnapshot.of(begun));
        };
    }

    private SnapshotInProgress begin(Caller caller, RegisteredVolume volume, NewSnapshot wanted) {
        try {
            return makers.start(caller, volume.id(), wanted);
        } catch (StoreException e) {
            if (e.fault() == CONFLICT) {
                throw new Ec2Failure("ConcurrentSnapshotLimitExceeded", e.getMessage());
            }
            throw e;
        }
    }

    private Effect copy(Ec2Request request) {
        Arguments arguments = request.arguments();
        Caller caller = request.caller();
        Region from = new Region(arguments.text("SourceRegion"));
        Snapshot source = asked.read(caller.in(from), Right.COPY, arguments.text("SourceSnapshotId"));
        Encryption.Choice choice = EncryptionArguments.choose(
                encryption, caller, completed.encryptionFor(caller, source), Optional.of(arguments));
        NewSnapshotCopy wanted = new NewSnapshotCopy(
                arguments.findText(DESCRIPTION).orElse(""),
                Tags.asked(arguments, ResourceKind.SNAPSHOT),
                choice);
        return () -> {
            Snapshot copy = completed.copy(caller, source.id(), from, wanted, made -> List.of());
            return Answer.of()
                    .put("snapshotId", copy.id().value())
                    .put("tagSet", Tags.shown(copy.tags()));
        };
    }

    private Map<String, Function<Listed, Stream<String>>> filterValues() {
        Map<String, Function<ListedSnapshot, Stream<String>>> values = new HashMap<>();
        values.put("description", each -> Stream.of(each.description()));
        values.put("encrypted", each -> Stream.of(String.valueOf(each.settings().isEncrypted())));
        values.put("owner-alias", each -> Stream.empty());
        values.put("owner-id", each -> Stream.of(each.owner().value()));
        values.put("progress", each -> Stream.of(ShownSnapshots.progress(each)));
        values.put("snapshot-id", each -> Stream.of(each.id().value()));
        values.put("start-time", each -> Stream.of(AnswerWriter.time(each.startedAt())));
        values.put("status", each -> Stream.of(ShownSnapshots.state(each)));
        values.put("storage-tier", each -> Stream.of(shown.tier(each)));
        values.put("transfer-type", each -> Stream.of(ShownSnapshots.STANDARD));
        values.put("volume-id", each -> Stream.of(ShownSnapshots.volume(each.volume())));
        values.put("volume-size", each -> Stream.of(String.valueOf(ShownSnapshots.gib(each.sizeBytes()))));
        Map<String, Function<Listed, Stream<String>>> ofListed = new HashMap<>();
        values.forEach((name, value) -> ofListed.put(name, each -> value.apply(each.snapshot)));
        return ofListed;
    }

    private Effect describe(Ec2Request request, Filters<Listed> filters) {
        Caller caller = request.caller();
        Predicate<ListedSnapshot> passes = isOfOwners(request).and(isRestorableBy(request));
        Predicate<Listed> filter = filters.of(request);
        List<String> ids = request.arguments().texts(AskedSnapshots.SNAPSHOT_ID);
        Stream<ListedSnapshot> found = ids.isEmpty()
                ? all.stream(caller, pages.after(request))
                : asked.readAll(caller, ids).stream().sorted(Comparator.comparing(each -> each.id().value()));
        Pages.Page page = pages.page(
                request,
                found.filter(passes).filter(each -> filter.test(new Listed(caller, each))),
                each -> each.id().value(),
                each -> shown.shown(caller, each));
        return () -> Answer.of().put("snapshotSet", page.items()).put("nextToken", page.nextToken());
    }

    /** "amazon", and the like, own nothing here. */
    private static Predicate<ListedSnapshot> isOfOwners(Ec2Request request) {
        List<String> owners = accounts(request, "Owner");
        return each -> owners.isEmpty() || owners.contains(each.owner().value());
    }

    /** Whom a snapshot is shared with only its owner is told; so much everybody knows of himself. */
    private static Predicate<ListedSnapshot> isRestorableBy(Ec2Request request) {
        List<String> users = accounts(request, "RestorableBy");
        String self = request.caller().account().value();
        return each -> users.isEmpty()
                || users.contains(ALL) && each.sharing().isPublic()
                || users.contains(self)
                        && (each.owner().value().equals(self)
                                || each.sharing().accounts().contains(request.caller().account()))
                || AskedSnapshots.isOwn(request.caller(), each)
                        && (users.contains(each.owner().value())
                                || each.sharing().accounts().stream().map(AccountId::value).anyMatch(users::contains));
    }

    private static List<String> accounts(Ec2Request request, String name) {
        return request.arguments().texts(name).stream()
                .map(each -> each.equals(SELF) ? request.caller().account().value() : each)
                .toList();
    }

    private Effect delete(Ec2Request request) {
        ListedSnapshot snapshot = asked.read(request, Right.MANAGE);
        AskedSnapshots.requireUnused(snapshot.id(), completed.imagesOf(snapshot.id()));
        if (snapshot.settings().isLocked(clock.instant())) {
            throw new Ec2Failure(
                    "SnapshotLocked",
                    "The snapshot " + snapshot.id() + " is locked until "
                            + snapshot.settings().lock().orElseThrow().expiresAt() + " and cannot be deleted.");
        }
        return () -> {
            all.remove(request.caller(), snapshot.id());
            return Answer.of();
        };
    }

    private Effect modifyAttribute(Ec2Request request) {
        Snapshot snapshot = asked.readOwn(request);
        requirePermission(request);
        SharingChange change = SharingChange.of(request.arguments(), PERMISSION, "InvalidParameterValue");
        if (change.addsAll()) {
            requirePublicAllowed(snapshot);
        }
        return changing(request, snapshot.id(), change::of);
    }

    private static void requirePermission(Ec2Request request) {
        if (request.arguments().findText(ATTRIBUTE).filter(PRODUCT_CODES::equals).isPresent()) {
            throw new Ec2Failure("UnsupportedOperation", "A snapshot has no product codes here");
        }
    }

    private void requirePublicAllowed(Snapshot snapshot) {
        if (settings.read(snapshot.owner(), snapshot.region()).snapshotBlock() != SnapshotBlock.UNBLOCKED) {
            throw new Ec2Failure(
                    "OperationNotPermitted",
                    "Block public access for snapshots is enabled in region " + snapshot.region()
                            + ", so snapshot " + snapshot.id() + " cannot be shared with all");
        }
        if (snapshot.settings().isEncrypted()) {
            throw new Ec2Failure(
                    "OperationNotPermitted",
                    "Snapshot " + snapshot.id() + " is encrypted and cannot be shared with all");
        }
    }

    private Effect resetAttribute(Ec2Request request) {
        Snapshot snapshot = asked.readOwn(request);
        requirePermission(request);
        return changing(request, snapshot.id(), before -> Sharing.NONE);
    }

    private Effect changing(Ec2Request request, SnapshotId id, Function<Sharing, Sharing> change) {
        return () -> {
            completed.change(request.caller(), id, each -> each.with(change.apply(each.sharing())));
            return Answer.of();
        };
    }

    private Effect describeAttribute(Ec2Request request) {
        ListedSnapshot snapshot = asked.read(request, Right.MANAGE);
        Optional<String> attribute = request.arguments().findText(ATTRIBUTE);
        Answer answer = Answer.of().put("snapshotId", snapshot.id().value());
        return () -> attribute.filter(PRODUCT_CODES::equals).isPresent()
                ? answer.put(PRODUCT_CODES, List.of())
                : answer.put("createVolumePermission", permissions(snapshot.sharing()));
    }

    private static List<Answer> permissions(Sharing sharing) {
        List<Answer> permissions = new ArrayList<>();
        if (sharing.isPublic()) {
            permissions.add(Answer.of().put("group", ALL));
        }
        sharing.accounts().stream()
                .map(AccountId::value)
                .sorted()
                .forEach(each -> permissions.add(Answer.of().put("userId", each)));
        return permissions;
    }
}
