package cairn.server.ec2;

import cairn.Digest;
import cairn.Fault;
import cairn.StoreException;
import cairn.image.InstanceId;
import cairn.image.NewVolume;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import cairn.server.account.Access.Right;
import cairn.server.account.Caller;
import cairn.server.account.ClientTokens;
import cairn.server.account.Encryption;
import cairn.server.image.AllSnapshots;
import cairn.server.image.FastRestore;
import cairn.server.image.Recycled;
import cairn.server.image.RegisteredVolume;
import cairn.server.image.Snapshot;
import cairn.server.image.SnapshotRegistry;
import cairn.server.image.VolumeAttachment;
import cairn.server.image.VolumePlan;
import cairn.server.image.VolumeRegistry;
import cairn.server.image.VolumeSettings;
import cairn.server.instance.Instance;
import cairn.server.instance.InstanceRegistry;
import cairn.server.instance.Instances;
import cairn.server.instance.InstanceState;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Volumes made, found, attached and removed. */
public final class VolumeOperations {
    private static final String CREATE = "CreateVolume";
    private static final String DESCRIBE = "DescribeVolumes";
    private static final String VOLUME_ID = "VolumeId";
    private static final String INSTANCE_ID = "InstanceId";
    private static final String SIZE = "Size";
    private static final String DEVICE = "Device";
    private static final String IN_USE = "VolumeInUse";
    private static final String INCORRECT_STATE = "IncorrectState";
    private static final String AVAILABLE_STATE = "available";
    private static final String IN_USE_STATE = "in-use";
    private static final long GIB = 1L << 30;

    private final VolumeRegistry volumes;
    private final SnapshotRegistry snapshots;
    private final InstanceRegistry registry;
    private final Instances instances;
    private final Encryption encryption;
    private final ClientTokens clientTokens;
    private final Pages pages;
    private final AskedSnapshots asked;

    public VolumeOperations(
            VolumeRegistry volumes,
            AllSnapshots all,
            SnapshotRegistry snapshots,
            InstanceRegistry registry,
            Instances instances,
            Encryption encryption,
            ClientTokens clientTokens,
            Pages pages) {
        this.volumes = volumes;
        this.snapshots = snapshots;
        this.registry = registry;
        this.instances = instances;
        this.encryption = encryption;
        this.clientTokens = clientTokens;
        this.pages = pages;
        this.asked = new AskedSnapshots(all, snapshots);
    }

    public void addTo(Operations operations) {
        operations.add(CREATE, this::create);
        Filters<Listed> filters =
                operations.filters(DESCRIBE, filterValues(), listed -> listed.volume.tags());
        operations.add(DESCRIBE, request -> describe(request, filters));
        operations.add("DeleteVolume", this::delete);
        operations.add("AttachVolume", this::attach);
        operations.add("DetachVolume", this::detach);
        operations.add("ListVolumesInRecycleBin", this::listRecycled);
        operations.add("RestoreVolumeFromRecycleBin", this::takeBack);
    }

    private Effect create(Ec2Request request) {
        Arguments arguments = request.arguments();
        Caller caller = request.caller();
        Optional<String> token = arguments.findText("ClientToken");
        Optional<RegisteredVolume> made = token.flatMap(each -> findMade(request, each));
        if (made.isPresent()) {
            return () -> shown(caller, made.get());
        }
        String zone = Zones.require(
                caller.region(), arguments.findText("AvailabilityZone"), arguments.findText("AvailabilityZoneId"));
        if (!arguments.has(SIZE) && !arguments.has(AskedSnapshots.SNAPSHOT_ID)) {
            throw Ec2Failure.missing("size/snapshot");
        }
        Optional<Snapshot> source = arguments.findText(AskedSnapshots.SNAPSHOT_ID)
                .map(id -> asked.read(caller, Right.LAUNCH, id));
        long gib = gib(arguments, source);
        NewVolume wanted = new NewVolume(
                source.map(each -> each.id().value()),
                arguments.has(SIZE) ? Optional.of(gib * GIB) : Optional.empty(),
                false,
                false,
                Tags.asked(arguments, ResourceKind.VOLUME));
        Encryption.Choice choice = EncryptionArguments.choose(
                encryption,
                caller,
                source.map(each -> asked.encryptionFor(caller, each)).orElse(Encryption.Choice.PLAIN),
                Optional.of(arguments));
        VolumeSettings settings = settings(arguments, zone, gib).with(choice);
        VolumePlan plan = VolumePlan.of(wanted, settings);
        volumes.prepare(caller, plan);
        return () -> shown(caller, create(request, plan, token));
    }

    private static long gib(Arguments arguments, Optional<Snapshot> source) {
        long least = source.map(each -> ShownSnapshots.gib(each.root().sizeBytes())).orElse(1L);
        long gib = arguments.findNumber(SIZE).orElse(least);
        if (gib < least) {
            throw new Ec2Failure(
                    "InvalidParameterValue",
                    "Volume of size " + gib + "GB is smaller than snapshot '" + source.orElseThrow().id()
                            + "', expect size >= " + least + "GB");
        }
        return gib;
    }

    private static VolumeSettings settings(Arguments arguments, String zone, long gib) {
        VolumeTypes type = arguments.findText("VolumeType").map(VolumeTypes::of).orElse(VolumeTypes.DEFAULT);
        if (arguments.has(SIZE)) {
            type.requireSize(gib);
        }
        Optional<Integer> iops = type.iops(arguments.findNumber("Iops"), gib);
        Optional<Integer> throughput = type.throughput(arguments.findNumber("Throughput"), iops, gib);
        boolean isMultiAttach = arguments.flag("MultiAttachEnabled", false);
        if (isMultiAttach && !type.isMultiAttach()) {
            throw new Ec2Failure(
                    "InvalidParameterCombination",
                    "The parameter multiAttachEnabled is not supported for " + type.label() + " volumes.");
        }
        return VolumeSettings.in(zone).withType(type.label(), iops, throughput).withMultiAttach(isMultiAttach);
    }

    private RegisteredVolume create(Ec2Request request, VolumePlan plan, Optional<String> token) {
        try {
            return volumes.create(request.caller(), plan, made -> token.stream()
                    .map(each -> clientTokens.keep(
                            request.caller(), CREATE, each, Digest.parse(request.digest()), made.id().value()))
                    .toList());
        } catch (StoreException e) {
            // The same request may have been quicker on another connection.
            return Optional.of(e)
                    .filter(each -> each.fault() == Fault.CONFLICT)
                    .flatMap(each -> token)
                    .flatMap(each -> findMade(request, each))
                    .orElseThrow(() -> e);
        }
    }

    private Optional<RegisteredVolume> findMade(Ec2Request request, String token) {
        Supplier<Ec2Failure> mismatch = () -> new Ec2Failure(
                "IdempotentParameterMismatch", "The client token was used before, in a request with other parameters");
        return clientTokens.find(request.caller(), CREATE, token, Digest.parse(request.digest()), mismatch)
                .map(id -> volumes.read(request.caller(), new VolumeId(id)));
    }

    /** A volume as it is listed. @param isInUse by whoever has it open, too */
    private record Listed(RegisteredVolume volume, boolean isInUse, boolean isFastRestored) {
        String state() {
            return isInUse ? IN_USE_STATE : AVAILABLE_STATE;
        }

        Stream<VolumeAttachment> attachments() {
            return volume.settings().attachments().stream();
        }
    }

    private Listed listed(Caller caller, RegisteredVolume volume) {
        boolean isInUse = !volume.settings().attachments().isEmpty() || volumes.clients(volume.id()) > 0;
        return new Listed(volume, isInUse, isFastRestored(caller, volume));
    }

    /** Whether what boots want of its snapshot had been read into the cache when the volume was made. */
    private boolean isFastRestored(Caller caller, RegisteredVolume volume) {
        return volume.snapshot()
                .flatMap(id -> snapshots.find(caller, id))
                .map(snapshot -> snapshot.settings().fastRestores().get(volume.settings().zone()))
                .flatMap(FastRestore::enabledAt)
                .filter(at -> at.isBefore(volume.createdAt()))
                .isPresent();
    }

    private static Map<String, Function<Listed, Stream<String>>> filterValues() {
        Map<String, Function<Listed, Stream<String>>> values = new HashMap<>();
        values.put("attachment.attach-time", each -> each.attachments().map(at -> AnswerWriter.time(at.attachedAt())));
        values.put(
                "attachment.delete-on-termination",
                each -> each.attachments().map(at -> String.valueOf(at.deleteOnTermination())));
        values.put("attachment.device", each -> each.attachments().map(VolumeAttachment::device));
        values.put("attachment.instance-id", each -> each.attachments().map(at -> at.instance().value()));
        values.put("attachment.status", each -> each.attachments().map(at -> at.state().word()));
        values.put("availability-zone", each -> Stream.of(each.volume.settings().zone()));
        values.put("create-time", each -> Stream.of(AnswerWriter.time(each.volume.createdAt())));
        values.put("encrypted", each -> Stream.of(String.valueOf(each.volume.settings().isEncrypted())));
        values.put("fast-restored", each -> Stream.of(String.valueOf(each.isFastRestored)));
        values.put("multi-attach-enabled", each -> Stream.of(String.valueOf(each.volume.settings().isMultiAttach())));
        values.put("operator.managed", each -> Stream.of("false"));
        values.put("size", each -> Stream.of(String.valueOf(ShownSnapshots.gib(each.volume.sizeBytes()))));
        values.put("snapshot-id", each -> each.volume.snapshot().map(SnapshotId::value).stream());
        values.put("status", each -> Stream.of(each.state()));
        values.put("volume-id", each -> Stream.of(each.volume.id().value()));
        values.put("volume-type", each -> Stream.of(each.volume.settings().type()));
        return values;
    }

    private Effect describe(Ec2Request request, Filters<Listed> filters) {
        Caller caller = request.caller();
        Predicate<Listed> passes = filters.of(request);
        List<String> ids = request.arguments().texts(VOLUME_ID);
        Stream<RegisteredVolume> found = ids.isEmpty()
                ? volumes.stream(caller, pages.after(request))
                : readAll(caller, ids).stream().sorted(Comparator.comparing(each -> each.id().value()));
        Pages.Page page = pages.page(
                request,
                found.map(each -> listed(caller, each)).filter(passes),
                each -> each.volume.id().value(),
                VolumeOperations::shown);
        return () -> Answer.of().put("volumeSet", page.items()).put("nextToken", page.nextToken());
    }

    private List<RegisteredVolume> readAll(Caller caller, List<String> texts) {
        List<VolumeId> ids = texts.stream().distinct().map(ResourceKind::volumeId).toList();
        List<RegisteredVolume> found = ids.stream().flatMap(id -> volumes.find(caller, id).stream()).toList();
        if (found.size() < ids.size()) {
            List<VolumeId> there = found.stream().map(RegisteredVolume::id).toList();
            throw ResourceKind.VOLUME.notFound(
                    ids.stream().filter(id -> !there.contains(id)).map(VolumeId::value).toList());
        }
        return found;
    }

    private Answer shown(Caller caller, RegisteredVolume volume) {
        return shown(listed(caller, volume));
    }

    private static Answer shown(Listed listed) {
        RegisteredVolume volume = listed.volume;
        VolumeSettings settings = volume.settings();
        long gib = ShownSnapshots.gib(volume.sizeBytes());
        VolumeTypes type = VolumeTypes.of(settings.type());
        Answer answer = Answer.of()
                .put("volumeId", volume.id().value())
                .put("size", gib)
                .put("snapshotId", volume.snapshot().map(SnapshotId::value).orElse(""))
                .put("availabilityZone", settings.zone())
                .put("status", listed.state())
                .put("createTime", volume.createdAt())
                .put("attachmentSet", listed.attachments()
                        .map(each -> shown(volume.id(), each, each.state().word()))
                        .toList())
                .put("encrypted", settings.isEncrypted())
                .put("kmsKeyId", ShownSnapshots.key(settings.isEncrypted(), settings.keyId()))
                .put("sseType", ShownSnapshots.sseType(settings.isEncrypted(), settings.keyId()))
                .put("volumeType", settings.type())
                .put("iops", settings.iops().map(Integer::longValue).or(() -> type.defaultIops(gib)))
                .put("throughput", settings.throughput().map(Integer::longValue).or(type::defaultThroughput))
                .put("multiAttachEnabled", settings.isMultiAttach())
                .put("operator", Answer.of().put("managed", false));
        if (volume.snapshot().isPresent()) {
            answer.put("fastRestored", listed.isFastRestored);
        }
        // As EC2 has it: a volume without tags has no set of them, either.
        return volume.tags().isEmpty() ? answer : answer.put("tagSet", Tags.shown(volume.tags()));
    }

    private static Answer shown(VolumeId volume, VolumeAttachment attachment, String status) {
        return Answer.of()
                .put("volumeId", volume.value())
                .put("instanceId", attachment.instance().value())
                .put("device", attachment.device())
                .put("status", status)
                .put("attachTime", attachment.attachedAt())
                .put("deleteOnTermination", attachment.deleteOnTermination());
    }

    private RegisteredVolume readOwn(Ec2Request request) {
        return volumes.read(
                request.caller(), Right.MANAGE, ResourceKind.volumeId(request.arguments().text(VOLUME_ID)));
    }

    private Effect delete(Ec2Request request) {
        RegisteredVolume volume = readOwn(request);
        if (!volume.settings().attachments().isEmpty()) {
            throw new Ec2Failure(
                    IN_USE, "Volume " + volume.id() + " is currently attached to " + instancesOf(volume));
        }
        if (volumes.clients(volume.id()) > 0) {
            throw new Ec2Failure(IN_USE, "Volume " + volume.id() + " is open over NBD");
        }
        return () -> {
            inUse(() -> {
                volumes.remove(request.caller(), volume.id());
                return volume;
            });
            return Answer.of();
        };
    }

    private static String instancesOf(RegisteredVolume volume) {
        return volume.settings().attachments().stream()
                .map(each -> each.instance().value())
                .collect(Collectors.joining(", "));
    }

    /** Whoever is in the way has come since this was checked. */
    private static RegisteredVolume inUse(Supplier<RegisteredVolume> change) {
        try {
            return change.get();
        } catch (StoreException e) {
            if (e.fault() == Fault.CONFLICT) {
                throw new Ec2Failure(IN_USE, e.getMessage());
            }
            throw e;
        }
    }

    private Effect listRecycled(Ec2Request request) {
        Caller caller = request.caller();
        List<VolumeId> ids =
                request.arguments().texts(VOLUME_ID).stream().map(ResourceKind::volumeId).toList();
        List<String> missing = ids.stream()
                .filter(id -> volumes.findRecycled(caller, id).isEmpty())
                .map(VolumeId::value)
                .toList();
        if (!missing.isEmpty()) {
            throw ResourceKind.VOLUME.notFound(missing);
        }
        Pages.Page page = pages.page(
                request,
                volumes.recycled(caller, pages.after(request)).filter(each -> ids.isEmpty() || ids.contains(each.id())),
                each -> each.id().value(),
                VolumeOperations::recycledShown);
        return () -> Answer.of().put("volumeSet", page.items()).put("nextToken", page.nextToken());
    }

    private static Answer recycledShown(RegisteredVolume volume) {
        VolumeSettings settings = volume.settings();
        long gib = ShownSnapshots.gib(volume.sizeBytes());
        VolumeTypes type = VolumeTypes.of(settings.type());
        Recycled recycled = settings.recycled().orElseThrow();
        return Answer.of()
                .put("volumeId", volume.id().value())
                .put("volumeType", settings.type())
                .put("state", AVAILABLE_STATE)
                .put("size", gib)
                .put("iops", settings.iops().map(Integer::longValue).or(() -> type.defaultIops(gib)))
                .put("throughput", settings.throughput().map(Integer::longValue).or(type::defaultThroughput))
                .put("availabilityZone", settings.zone())
                .put("snapshotId", volume.snapshot().map(SnapshotId::value))
                .put("createTime", volume.createdAt())
                .put("recycleBinEnterTime", recycled.enteredAt())
                .put("recycleBinExitTime", recycled.exitsAt());
    }

    private Effect takeBack(Ec2Request request) {
        VolumeId id = ResourceKind.volumeId(request.arguments().text(VOLUME_ID));
        if (volumes.findRecycled(request.caller(), id).isEmpty()) {
            throw ResourceKind.VOLUME.notFound(id.value());
        }
        return () -> {
            volumes.takeBack(request.caller(), id);
            return Answer.of().put("return", true);
        };
    }

    private Effect attach(Ec2Request request) {
        Caller caller = request.caller();
        RegisteredVolume volume = readOwn(request);
        Instance instance = readInstance(caller, request.arguments().text(INSTANCE_ID));
        String device = request.arguments().text(DEVICE);
        requireAttachable(caller, volume, instance, device);
        return () -> {
            VolumeAttachment attachment = attach(caller, volume.id(), instance.id(), device)
                    .settings()
                    .findAttachment(instance.id())
                    .orElseThrow();
            return shown(volume.id(), attachment, attachment.state().word());
        };
    }

    private RegisteredVolume attach(Caller caller, VolumeId volume, InstanceId instance, String device) {
        return inUse(() -> {
            try {
                return instances.attach(caller, volume, instance, device);
            } catch (StoreException e) {
                if (e.fault() == Fault.CONFLICT) {
                    // What is in the way has come since this was checked.
                    requireAttachable(
                            caller, volumes.read(caller, volume), registry.read(caller, instance), device);
                }
                throw e;
            }
        });
    }

    private Instance readInstance(Caller caller, String text) {
        if (!InstanceId.isInstanceId(text)) {
            throw ResourceKind.INSTANCE.notFound(text);
        }
        return registry.read(caller, new InstanceId(text));
    }

    /** @throws Ec2Failure IncorrectInstanceState while a machine of ours runs, whose disks stay as they are */
    private void requireChangeable(Instance instance) {
        if (instance.state() != InstanceState.RUNNING && instance.state() != InstanceState.STOPPED) {
            throw new Ec2Failure(
                    INCORRECT_STATE,
                    "Instance '" + instance.id() + "' is neither 'running' nor 'stopped' but '"
                            + instance.state().label() + "'.");
        }
        try {
            instances.requireChangeable(instance);
        } catch (StoreException e) {
            throw e.fault() == Fault.CONFLICT ? new Ec2Failure("IncorrectInstanceState", e.getMessage()) : e;
        }
    }

    private void requireAttachable(Caller caller, RegisteredVolume volume, Instance instance, String device) {
        requireChangeable(instance);
        VolumeSettings settings = volume.settings();
        boolean isShared = settings.isMultiAttach() && settings.findAttachment(instance.id()).isEmpty();
        if (!settings.attachments().isEmpty() && !isShared) {
            throw new Ec2Failure(IN_USE, volume.id() + " is already attached to an instance");
        }
        if (!settings.zone().equals(instance.launch().zone())) {
            throw new Ec2Failure(
                    "InvalidVolume.ZoneMismatch",
                    "The volume '" + volume.id() + "' is not in the same availability zone as instance '"
                            + instance.id() + "'");
        }
        boolean isTaken = volumes.attachedTo(caller, instance.id()).stream()
                .flatMap(each -> each.settings().findAttachment(instance.id()).stream())
                .anyMatch(each -> each.device().equals(device));
        if (isTaken) {
            throw Ec2Failure.invalidValue(DEVICE, device, "Attachment point " + device + " is already in use");
        }
    }

    private Effect detach(Ec2Request request) {
        Caller caller = request.caller();
        RegisteredVolume volume = readOwn(request);
        VolumeAttachment attachment = attachment(request.arguments(), volume);
        requireDetachable(caller, attachment);
        return () -> {
            try {
                instances.detach(caller, volume.id(), attachment.instance());
            } catch (StoreException e) {
                if (e.fault() == Fault.CONFLICT) {
                    // What is in the way has come since this was checked.
                    requireDetachable(caller, attachment(request.arguments(), volumes.read(caller, volume.id())));
                }
                throw e;
            }
            return shown(volume.id(), attachment, "detached");
        };
    }

    private void requireDetachable(Caller caller, VolumeAttachment attachment) {
        Instance instance = readInstance(caller, attachment.instance().value());
        boolean isRoot = instance.launch().rootDevice().equals(attachment.device());
        if (isRoot && instance.state() == InstanceState.RUNNING) {
            throw new Ec2Failure(
                    "OperationNotPermitted",
                    "Unable to detach root volume '" + attachment.device() + "' from instance '" + instance.id() + "'");
        }
        requireChangeable(instance);
    }

    private static VolumeAttachment attachment(Arguments arguments, RegisteredVolume volume) {
        List<VolumeAttachment> all = volume.settings().attachments();
        if (all.isEmpty()) {
            throw new Ec2Failure(
                    INCORRECT_STATE, "Volume '" + volume.id() + "' is in the '" + AVAILABLE_STATE + "' state.");
        }
        Optional<String> instance = arguments.findText(INSTANCE_ID);
        if (instance.isEmpty() && all.size() > 1) {
            throw Ec2Failure.missing(INSTANCE_ID);
        }
        Optional<String> device = arguments.findText(DEVICE);
        return all.stream()
                .filter(each -> instance.isEmpty() || instance.get().equals(each.instance().value()))
                .filter(each -> device.isEmpty() || device.get().equals(each.device()))
                .findFirst()
                .orElseThrow(() -> new Ec2Failure(
                        "InvalidAttachment.NotFound",
                        "Volume '" + volume.id() + "' is not attached to "
                                + instance.map(each -> "instance '" + each + '\'').orElse("this instance")
                                + device.map(each -> " as device '" + each + '\'').orElse("")));
    }
}
