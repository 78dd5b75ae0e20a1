package cairn.server.ec2;

import cairn.Digest;
import cairn.Fault;
import cairn.StoreException;
import cairn.image.InstanceId;
import cairn.image.VolumeId;
import cairn.server.account.Caller;
import cairn.server.account.ClientTokens;
import cairn.server.account.Encryption;
import cairn.server.image.ImageRegistry;
import cairn.server.image.PendingImages;
import cairn.server.image.RegisteredImage;
import cairn.server.image.RegisteredVolume;
import cairn.server.image.VolumeAttachment;
import cairn.server.image.VolumeRegistry;
import cairn.server.instance.Instance;
import cairn.server.instance.InstanceRegistry;
import cairn.server.instance.InstanceState;
import cairn.server.instance.Instances;
import cairn.server.instance.InstanceType;
import cairn.server.instance.NewInstances;
import cairn.server.storage.Catalog.Change;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Instances: launched, found, stopped, started again, terminated. */
public final class InstanceOperations {
    private static final String RUN = "RunInstances";
    private static final String NBD_TAG = "cairn:nbd:";
    private static final String NBD_SOCKET_TAG = "cairn:nbd-socket:";
    private static final String STOP = "stop";
    private static final String TERMINATE = "terminate";
    private static final String INCORRECT_STATE = "IncorrectInstanceState";

    private final InstanceRegistry registry;
    private final Instances instances;
    private final AskedImages asked;
    private final VolumeRegistry volumes;
    private final ClientTokens tokens;
    private final Encryption encryption;
    private final Pages pages;
    private final VolumeUris uris;

    public InstanceOperations(
            InstanceRegistry registry,
            Instances instances,
            ImageRegistry images,
            PendingImages pending,
            VolumeRegistry volumes,
            ClientTokens tokens,
            Encryption encryption,
            Pages pages,
            VolumeUris uris) {
        this.registry = registry;
        this.instances = instances;
        this.asked = new AskedImages(images, pending);
        this.volumes = volumes;
        this.tokens = tokens;
        this.encryption = encryption;
        this.pages = pages;
        this.uris = uris;
    }

    /** How a volume is opened over NBD, from now on. */
    @FunctionalInterface
    public interface VolumeUris {
        /** @param host by which the asker has reached this server */
        Uris of(Caller caller, VolumeId volume, String host);
    }

    /** @param socket the one over the server's unix socket, if it has one */
    public record Uris(String tcp, Optional<String> socket) {}

    public void addTo(Operations all) {
        Filters<SeenInstance> filters = all.filters("DescribeInstances", values(), each -> each.instance.tags());
        Filters<SeenInstance> statusFilters = all.filters("DescribeInstanceStatus", statusValues());
        all.add(RUN, this::run);
        all.add("DescribeInstances", request -> () -> describe(request, filters));
        all.add("DescribeInstanceStatus", request -> () -> describeStatus(request, statusFilters));
        all.add("DescribeInstanceAttribute", request -> () -> describeAttribute(request));
        all.add("StopInstances", request -> changeEach(
                request,
                Set.of(InstanceState.RUNNING, InstanceState.STOPPING, InstanceState.STOPPED),
                (caller, id) -> instances.stop(caller, id, isAtOnce(request.arguments()))));
        all.add("StartInstances", request -> changeEach(
                request,
                Set.of(InstanceState.STOPPED, InstanceState.PENDING, InstanceState.RUNNING),
                instances::start));
        all.add("TerminateInstances", request -> changeEach(
                request,
                Set.of(InstanceState.values()),
                (caller, id) -> instances.terminate(caller, id, isAtOnce(request.arguments()))));
    }

    private static boolean isAtOnce(Arguments arguments) {
        return arguments.flag("Force", false) || arguments.flag("SkipOsShutdown", false);
    }

    /** An instance with its volumes, in the order of their devices. */
    private record SeenInstance(Instance instance, List<RegisteredVolume> volumes) {
        Stream<VolumeAttachment> attachments() {
            return volumes.stream().map(this::attachment);
        }

        VolumeAttachment attachment(RegisteredVolume volume) {
            return volume.settings().findAttachment(instance.id()).orElseThrow();
        }

        boolean isRunning() {
            return instance.state() == InstanceState.RUNNING;
        }

        /** Whether a machine runs as far as we know: nobody tells of those that the operator runs. */
        String status() {
            if (!isRunning()) {
                return "not-applicable";
            }
            return instance.launcher().equals("none") ? "insufficient-data" : "ok";
        }

        String systemStatus() {
            return isRunning() ? "ok" : "not-applicable";
        }
    }

    private Effect run(Ec2Request request) {
        Arguments arguments = request.arguments();
        Caller caller = request.caller();
        Optional<String> token = arguments.findText("ClientToken");
        Optional<String> earlier = token.flatMap(each -> earlier(request, each));
        if (earlier.isPresent()) {
            return () -> reservation(request, earlier.get());
        }
        RegisteredImage image = asked.readToLaunch(caller, arguments.text(AskedImages.IMAGE_ID));
        NewInstances wanted = wanted(request, image);
        List<Change> none = List.of();
        return () -> {
            try {
                List<Instance> launched = instances.launch(caller, wanted, reservation -> token
                        .map(each -> List.of(tokens.keep(caller, RUN, each, digest(request), reservation)))
                        .orElse(none));
                return shown(request, launched);
            } catch (StoreException e) {
                // Somebody with the same token may have been quicker.
                return token.flatMap(each -> earlier(request, each))
                        .map(reservation -> reservation(request, reservation))
                        .orElseThrow(() -> e);
            }
        };
    }

    private Optional<String> earlier(Ec2Request request, String token) {
        return tokens.find(request.caller(), RUN, token, digest(request), () -> new Ec2Failure(
                "IdempotentParameterMismatch",
                "The client token is good for one launch, and other parameters came with it before."));
    }

    private static Digest digest(Ec2Request request) {
        return Digest.of(request.digest().getBytes(StandardCharsets.UTF_8));
    }

    private NewInstances wanted(Ec2Request request, RegisteredImage image) {
        Arguments arguments = request.arguments();
        String zone = zone(request);
        String type = arguments.findText("InstanceType").orElse(InstanceType.DEFAULT_NAME);
        List<NewInstances.Device> devices = new LaunchDevices(
                        image,
                        zone,
                        Tags.asked(arguments, ResourceKind.VOLUME),
                        (source, ebs) -> EncryptionArguments.choose(encryption, request.caller(), source, ebs))
                .with(arguments.structures("BlockDeviceMapping"));
        List<String> groups = new ArrayList<>(arguments.texts("SecurityGroupId"));
        groups.addAll(arguments.texts("SecurityGroup"));
        NewInstances wanted = new NewInstances(
                image.id(),
                1,
                zone,
                type,
                devices,
                arguments.findText("InstanceInitiatedShutdownBehavior").filter(TERMINATE::equals).isPresent(),
                arguments.findText("KeyName"),
                arguments.findBytes("UserData").map(Base64.getEncoder()::encodeToString),
                arguments.findText("SubnetId"),
                groups,
                arguments.findText("ClientToken").orElse(""),
                Tags.asked(arguments, ResourceKind.INSTANCE));
        requireDevices(request.caller(), wanted);
        return wanted.times(count(request, image, InstanceType.of(type), devices.size()));
    }

    private void requireDevices(Caller caller, NewInstances wanted) {
        try {
            instances.requireDevices(caller, wanted);
        } catch (StoreException e) {
            throw e.fault() == Fault.INVALID_REQUEST
                    ? new Ec2Failure("InvalidBlockDeviceMapping", e.getMessage())
                    : e;
        }
    }

    private static String zone(Ec2Request request) {
        List<String> zones = request.caller().region().zones();
        String zone = request.arguments()
                .findStructure("Placement")
                .flatMap(placement -> placement.findText("AvailabilityZone"))
                .orElse(zones.get(0));
        if (!zones.contains(zone)) {
            throw new Ec2Failure("InvalidParameterValue", "Invalid availability zone: [" + zone + "]");
        }
        return zone;
    }

    /** As many as there is room for, up to the most that are asked for. */
    private int count(Ec2Request request, RegisteredImage image, InstanceType type, int devices) {
        int min = Math.toIntExact(request.arguments().number("MinCount"));
        int max = Math.toIntExact(request.arguments().number("MaxCount"));
        if (min > max) {
            throw new Ec2Failure(
                    "InvalidParameterCombination", "MinCount, " + min + ", is more than MaxCount, " + max);
        }
        int volumesMax = Instances.VOLUMES_OF_LAUNCH_MAX / Math.max(1, devices);
        if (volumesMax < min) {
            throw new Ec2Failure(
                    "VolumeLimitExceeded",
                    "A launch makes at most " + Instances.VOLUMES_OF_LAUNCH_MAX + " volumes; " + min
                            + " instances would have " + devices + " each");
        }
        int count = Math.min(Math.min(max, volumesMax), instances.roomOfAccount(request.caller()));
        if (count < min) {
            throw new Ec2Failure(
                    "InstanceLimitExceeded",
                    "An account may have " + Instances.OF_ACCOUNT_MAX + " instances, and this one has room for " + count
                            + " more");
        }
        for (; ; count--) {
            try {
                instances.requireRoom(image.manifest().architecture(), type, count);
                return count;
            } catch (StoreException e) {
                if (count == min || e.fault() != Fault.CONFLICT) {
                    throw noRoom(e);
                }
            }
        }
    }

    private static Ec2Failure noRoom(StoreException e) {
        return e.fault() == Fault.CONFLICT
                ? new Ec2Failure("InsufficientInstanceCapacity", e.getMessage())
                : new Ec2Failure("Unsupported", e.getMessage());
    }

    private Answer reservation(Ec2Request request, String id) {
        List<Instance> launched = registry.list(request.caller()).stream()
                .filter(each -> each.launch().reservationId().equals(id))
                .sorted(Comparator.comparingInt(each -> each.launch().index()))
                .toList();
        return launched.isEmpty()
                ? Answer.of().put("reservationId", id).put("ownerId", request.caller().account().value())
                        .put("instancesSet", List.of())
                : shown(request, launched);
    }

    /** @param launched by one request */
    private Answer shown(Ec2Request request, List<Instance> launched) {
        return shownReservation(request, seen(request.caller(), launched));
    }

    private Answer shownReservation(Ec2Request request, List<SeenInstance> launched) {
        Instance first = launched.get(0).instance;
        return Answer.of()
                .put("reservationId", first.launch().reservationId())
                .put("ownerId", first.owner().value())
                .put("groupSet", List.of())
                .put("instancesSet", launched.stream().map(each -> shown(request, each)).toList());
    }

    private List<SeenInstance> seen(Caller caller, List<Instance> listed) {
        Map<InstanceId, List<RegisteredVolume>> attached = new LinkedHashMap<>();
        for (RegisteredVolume volume : volumes.list(caller, "", Integer.MAX_VALUE)) {
            volume.settings().attachments().forEach(each ->
                    attached.computeIfAbsent(each.instance(), ignored -> new ArrayList<>()).add(volume));
        }
        return listed.stream()
                .map(each -> seen(each, attached.getOrDefault(each.id(), List.of())))
                .toList();
    }

    private static SeenInstance seen(Instance instance, List<RegisteredVolume> attached) {
        SeenInstance unsorted = new SeenInstance(instance, attached);
        return new SeenInstance(
                instance,
                attached.stream()
                        .sorted(Comparator.comparing(volume -> unsorted.attachment(volume).device()))
                        .toList());
    }

    private Answer shown(Ec2Request request, SeenInstance seen) {
        Instance instance = seen.instance;
        return Answer.of()
                .put("instanceId", instance.id().value())
                .put("imageId", instance.launch().image().value())
                .put("instanceState", shown(instance.state()))
                .put("reason", reason(instance))
                .put("keyName", instance.launch().keyName())
                .put("amiLaunchIndex", instance.launch().index())
                .put("instanceType", instance.launch().type())
                .put("launchTime", instance.launchedAt())
                .put("placement", Answer.of()
                        .put("availabilityZone", instance.launch().zone())
                        .put("tenancy", "default"))
                .put("monitoring", Answer.of().put("state", "disabled"))
                .put("subnetId", instance.launch().subnetId())
                .put("stateReason", instance.reason()
                        .map(each -> Answer.of().put("code", each.code()).put("message", each.message())))
                .put("architecture", instance.launch().architecture().label())
                .put("rootDeviceType", "ebs")
                .put("rootDeviceName", instance.launch().rootDevice())
                .put("blockDeviceMapping", shownDevices(seen))
                .put("virtualizationType", "hvm")
                .put("clientToken", instance.launch().clientToken())
                .put("tagSet", Tags.shown(tags(request, seen)))
                .put("groupSet", shownGroups(instance))
                .put("ebsOptimized", false)
                .put("bootMode", instance.launch().bootMode().map(mode -> mode.label()));
    }

    /** When and why, as EC2 puts it into one text; empty while it runs. */
    private static String reason(Instance instance) {
        return instance.reason().map(Instance.StateReason::message).orElse("");
    }

    private static Answer shown(InstanceState state) {
        return Answer.of().put("code", state.code()).put("name", state.label());
    }

    private static List<Answer> shownDevices(SeenInstance seen) {
        return seen.volumes.stream()
                .map(volume -> {
                    VolumeAttachment attachment = seen.attachment(volume);
                    return Answer.of()
                            .put("deviceName", attachment.device())
                            .put("ebs", Answer.of()
                                    .put("attachTime", attachment.attachedAt())
                                    .put("deleteOnTermination", attachment.deleteOnTermination())
                                    .put("status", attachment.state().word())
                                    .put("volumeId", volume.id().value()));
                })
                .toList();
    }

    /** There are no groups; what the request has named is told again. */
    private static List<Answer> shownGroups(Instance instance) {
        return instance.launch().securityGroupIds().stream()
                .map(group -> Answer.of().put("groupId", group).put("groupName", group))
                .toList();
    }

    /** The owner's, and those that tell how the instance is reached. */
    private Map<String, String> tags(Ec2Request request, SeenInstance seen) {
        Map<String, String> tags = new TreeMap<>(seen.instance.tags());
        for (RegisteredVolume volume : seen.volumes) {
            String device = seen.attachment(volume).device();
            Uris opened = uris.of(request.caller(), volume.id(), request.host());
            tags.put(NBD_TAG + device, opened.tcp());
            opened.socket().ifPresent(uri -> tags.put(NBD_SOCKET_TAG + device, uri));
        }
        tags.putAll(instances.launcherTags(seen.instance));
        return tags;
    }

    private static Map<String, Function<SeenInstance, Stream<String>>> values() {
        Map<String, Function<SeenInstance, Stream<String>>> values = new LinkedHashMap<>();
        values.put("architecture", each -> Stream.of(each.instance.launch().architecture().label()));
        values.put("availability-zone", each -> Stream.of(each.instance.launch().zone()));
        values.put("block-device-mapping.attach-time",
                each -> each.attachments().map(attachment -> attachment.attachedAt().toString()));
        values.put("block-device-mapping.delete-on-termination",
                each -> each.attachments().map(attachment -> Boolean.toString(attachment.deleteOnTermination())));
        values.put("block-device-mapping.device-name", each -> each.attachments().map(VolumeAttachment::device));
        values.put("block-device-mapping.status",
                each -> each.attachments().map(attachment -> attachment.state().word()));
        values.put("block-device-mapping.volume-id", each -> each.volumes.stream().map(volume -> volume.id().value()));
        values.put("boot-mode", each -> each.instance.launch().bootMode().stream().map(mode -> mode.label()));
        values.put("client-token", each -> Stream.of(each.instance.launch().clientToken()));
        values.put("image-id", each -> Stream.of(each.instance.launch().image().value()));
        values.put("instance-id", each -> Stream.of(each.instance.id().value()));
        values.put("instance-state-code", each -> Stream.of(Integer.toString(each.instance.state().code())));
        values.put("instance-state-name", each -> Stream.of(each.instance.state().label()));
        values.put("instance-type", each -> Stream.of(each.instance.launch().type()));
        values.put("instance.group-id", each -> each.instance.launch().securityGroupIds().stream());
        values.put("key-name", each -> each.instance.launch().keyName().stream());
        values.put("launch-index", each -> Stream.of(Integer.toString(each.instance.launch().index())));
        values.put("launch-time", each -> Stream.of(each.instance.launchedAt().toString()));
        values.put("owner-id", each -> Stream.of(each.instance.owner().value()));
        values.put("reason", each -> Stream.of(reason(each.instance)));
        values.put("reservation-id", each -> Stream.of(each.instance.launch().reservationId()));
        values.put("root-device-name", each -> Stream.of(each.instance.launch().rootDevice()));
        values.put("root-device-type", each -> Stream.of("ebs"));
        values.put("state-reason-code", each -> each.instance.reason().stream().map(Instance.StateReason::code));
        values.put("state-reason-message",
                each -> each.instance.reason().stream().map(Instance.StateReason::message));
        values.put("subnet-id", each -> each.instance.launch().subnetId().stream());
        values.put("virtualization-type", each -> Stream.of("hvm"));
        return values;
    }

    private static Map<String, Function<SeenInstance, Stream<String>>> statusValues() {
        return Map.of(
                "availability-zone", each -> Stream.of(each.instance.launch().zone()),
                "instance-state-code", each -> Stream.of(Integer.toString(each.instance.state().code())),
                "instance-state-name", each -> Stream.of(each.instance.state().label()),
                "instance-status.reachability", each -> Stream.of(reachability(each.status())),
                "instance-status.status", each -> Stream.of(each.status()),
                "system-status.reachability", each -> Stream.of(reachability(each.systemStatus())),
                "system-status.status", each -> Stream.of(each.systemStatus()));
    }

    private Answer describe(Ec2Request request, Filters<SeenInstance> filters) {
        Predicate<SeenInstance> passes = filters.of(request);
        Map<String, List<SeenInstance>> reservations = seen(request.caller(), asked(request)).stream()
                .filter(passes)
                .sorted(Comparator.comparingInt(each -> each.instance.launch().index()))
                .collect(Collectors.groupingBy(
                        each -> each.instance.launch().reservationId(), TreeMap::new, Collectors.toList()));
        Pages.Page page = pages.page(
                request,
                reservations.entrySet().stream(),
                Map.Entry::getKey,
                each -> shownReservation(request, each.getValue()));
        return Answer.of().put("reservationSet", page.items()).put("nextToken", page.nextToken());
    }

    private Answer describeStatus(Ec2Request request, Filters<SeenInstance> filters) {
        boolean isAll = request.arguments().flag("IncludeAllInstances", false);
        Pages.Page page = pages.page(
                request,
                asked(request).stream()
                        .map(each -> new SeenInstance(each, List.of()))
                        .filter(each -> isAll || each.isRunning())
                        .filter(filters.of(request)),
                each -> each.instance.id().value(),
                InstanceOperations::shownStatus);
        return Answer.of().put("instanceStatusSet", page.items()).put("nextToken", page.nextToken());
    }

    private static Answer shownStatus(SeenInstance seen) {
        return Answer.of()
                .put("availabilityZone", seen.instance.launch().zone())
                .put("instanceId", seen.instance.id().value())
                .put("instanceState", shown(seen.instance.state()))
                .put("instanceStatus", shownSummary(seen.status()))
                .put("systemStatus", shownSummary(seen.systemStatus()));
    }

    private static Answer shownSummary(String status) {
        Answer summary = Answer.of().put("status", status);
        return status.equals("not-applicable")
                ? summary
                : summary.put("details", List.of(Answer.of()
                        .put("name", "reachability")
                        .put("status", reachability(status))));
    }

    private static String reachability(String status) {
        return status.equals("ok") ? "passed" : "insufficient-data";
    }

    /** Those that are named, or all. @throws Ec2Failure InvalidInstanceID.NotFound if one that is named is not there */
    private List<Instance> asked(Ec2Request request) {
        List<String> names = request.arguments().texts("InstanceId");
        return names.isEmpty() ? registry.list(request.caller()) : named(request.caller(), names);
    }

    private List<Instance> named(Caller caller, List<String> names) {
        Map<String, Optional<Instance>> found = new LinkedHashMap<>();
        names.forEach(name -> found.put(name, findNamed(caller, name)));
        List<String> missing = found.entrySet().stream()
                .filter(each -> each.getValue().isEmpty())
                .map(Map.Entry::getKey)
                .toList();
        if (!missing.isEmpty()) {
            throw ResourceKind.INSTANCE.notFound(missing);
        }
        return found.values().stream()
                .map(Optional::orElseThrow)
                .sorted(Comparator.comparing(each -> each.id().value()))
                .toList();
    }

    /** Nothing for an id of the old, short kind too, which is nobody's here. */
    private Optional<Instance> findNamed(Caller caller, String name) {
        return InstanceId.isInstanceId(name) ? registry.find(caller, new InstanceId(name)) : Optional.empty();
    }

    private Answer describeAttribute(Ec2Request request) {
        String name = request.arguments().text("InstanceId");
        Instance instance = named(request.caller(), List.of(name)).get(0);
        String attribute = request.arguments().text("Attribute");
        Answer answer = Answer.of().put("instanceId", name);
        return switch (attribute) {
            case "instanceType" -> answer.put(attribute, value(instance.launch().type()));
            case "userData" -> answer.put(
                    attribute, instance.launch().userData().map(InstanceOperations::value).orElse(Answer.of()));
            case "instanceInitiatedShutdownBehavior" -> answer.put(
                    attribute, value(instance.launch().isEndedByShutdown() ? TERMINATE : STOP));
            case "rootDeviceName" -> answer.put(attribute, value(instance.launch().rootDevice()));
            case "blockDeviceMapping" -> answer.put(
                    attribute, shownDevices(seen(request.caller(), List.of(instance)).get(0)));
            case "groupSet" -> answer.put(attribute, shownGroups(instance));
            case "kernel", "ramdisk", "sriovNetSupport" -> answer.put(attribute, Answer.of());
            case "enclaveOptions" -> answer.put(attribute, Answer.of().put("enabled", false));
            case "productCodes" -> answer.put(attribute, List.of());
            case "disableApiTermination", "disableApiStop", "sourceDestCheck", "ebsOptimized", "enaSupport" ->
                    answer.put(attribute, value(false));
            default -> throw new IllegalStateException("attribute " + attribute + " is described");
        };
    }

    private static Answer value(Object value) {
        return Answer.of().put("value", value);
    }

    /** What is done to one instance. */
    @FunctionalInterface
    private interface StateChange {
        Instances.Transition of(Caller caller, InstanceId id);
    }

    /** @param from states in which it can be done */
    private Effect changeEach(Ec2Request request, Set<InstanceState> from, StateChange change) {
        List<Instance> found = named(request.caller(), request.arguments().texts("InstanceId"));
        for (Instance instance : found) {
            if (!from.contains(instance.state())) {
                throw new Ec2Failure(
                        INCORRECT_STATE,
                        "The instance '" + instance.id() + "' is " + instance.state().label() + ", which is not a state"
                                + " for " + request.operation());
            }
        }
        return () -> Answer.of().put(
                "instancesSet",
                found.stream().map(each -> shown(changed(request.caller(), each, change))).toList());
    }

    private static Instances.Transition changed(Caller caller, Instance instance, StateChange change) {
        try {
            return change.of(caller, instance.id());
        } catch (StoreException e) {
            throw e.fault() == Fault.CONFLICT ? new Ec2Failure(INCORRECT_STATE, e.getMessage()) : e;
        }
    }

    private static Answer shown(Instances.Transition transition) {
        return Answer.of()
                .put("instanceId", transition.id().value())
                .put("currentState", shown(transition.after()))
                .put("previousState", shown(transition.before()));
    }
}
