package cairn.server.ec2;

import cairn.Fault;
import cairn.StoreException;
import cairn.image.ImageId;
import cairn.image.ImageName;
import cairn.image.InstanceId;
import cairn.image.NewImage;
import cairn.image.NewSnapshot;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import cairn.server.account.Caller;
import cairn.server.image.DeviceSettings;
import cairn.server.image.ImageDevice;
import cairn.server.image.ImagePlan;
import cairn.server.image.ImageRegistry;
import cairn.server.image.ImageSettings;
import cairn.server.image.RegisteredImage;
import cairn.server.image.RegisteredVolume;
import cairn.server.image.SnapshotInProgress;
import cairn.server.image.VolumeAttachment;
import cairn.server.image.VolumeRegistry;
import cairn.server.image.VolumeSnapshots;
import cairn.server.image.WantedSnapshot;
import cairn.server.instance.Instance;
import cairn.server.instance.InstanceRegistry;
import cairn.server.instance.InstanceState;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Images and snapshots of instances: of all their volumes at one moment. */
public final class InstanceImageOperations {
    private static final String DEVICE_NAME = "DeviceName";

    private final InstanceRegistry registry;
    private final ImageRegistry images;
    private final VolumeRegistry volumes;
    private final VolumeSnapshots snapshots;

    public InstanceImageOperations(
            InstanceRegistry registry, ImageRegistry images, VolumeRegistry volumes, VolumeSnapshots snapshots) {
        this.registry = registry;
        this.images = images;
        this.volumes = volumes;
        this.snapshots = snapshots;
    }

    public void addTo(Operations all) {
        all.add("CreateImage", this::createImage);
        all.add("CreateSnapshots", this::createSnapshots);
    }

    /** A volume of an instance, and as what the instance has it. */
    private record Disk(RegisteredVolume volume, VolumeAttachment attachment) {
        String device() {
            return attachment.device();
        }

        /** As its volume is, until somebody says otherwise. */
        DeviceSettings settings() {
            return new DeviceSettings(
                    attachment.deleteOnTermination(),
                    Optional.empty(),
                    Optional.empty(),
                    volume.settings().type(),
                    volume.settings().iops().map(Integer::longValue),
                    volume.settings().throughput().map(Integer::longValue),
                    volume.settings().isEncrypted(),
                    volume.settings().keyId());
        }
    }

    private Effect createImage(Ec2Request request) {
        Caller caller = request.caller();
        Arguments arguments = request.arguments();
        Instance instance = readInstance(caller, arguments.text("InstanceId"));
        ImageName name = new AskedImages(images, snapshots).freeName(caller, arguments.text("Name"));
        ImagePlan plan = plan(request, instance, name);
        return () -> {
            try {
                return Answer.of().put("imageId", snapshots.startImage(caller, plan).id().value());
            } catch (StoreException e) {
                if (e.fault() == Fault.CONFLICT) {
                    // Somebody else may have been quicker.
                    new AskedImages(images, snapshots).freeName(caller, name.value());
                }
                throw e;
            }
        };
    }

    /** @throws Ec2Failure IncorrectState for one that is neither running nor stopped */
    private Instance readInstance(Caller caller, String text) {
        Instance instance = Optional.of(text)
                .filter(InstanceId::isInstanceId)
                .flatMap(each -> registry.find(caller, new InstanceId(each)))
                .orElseThrow(() -> ResourceKind.INSTANCE.notFound(text));
        if (!Set.of(InstanceState.RUNNING, InstanceState.STOPPED).contains(instance.state())) {
            throw new Ec2Failure(
                    "IncorrectState",
                    "Instance '" + text + "' is neither 'running' nor 'stopped' but '" + instance.state().label()
                            + "'.");
        }
        return instance;
    }

    /** The root disk first, the others by their devices' names. */
    private List<Disk> disks(Caller caller, Instance instance) {
        return volumes.attachedTo(caller, instance.id()).stream()
                .map(each -> new Disk(each, each.settings().findAttachment(instance.id()).orElseThrow()))
                .sorted(Comparator.comparing((Disk disk) -> !isRoot(disk, instance)).thenComparing(Disk::device))
                .toList();
    }

    private static boolean isRoot(Disk disk, Instance instance) {
        return disk.device().equals(instance.launch().rootDevice());
    }

    private ImagePlan plan(Ec2Request request, Instance instance, ImageName name) {
        Arguments arguments = request.arguments();
        Caller caller = request.caller();
        ImageId id = images.newId();
        NewSnapshot snapshot = new NewSnapshot(
                "Created by CreateImage(" + instance.id() + ") for " + id,
                Tags.asked(arguments, ResourceKind.SNAPSHOT));
        Map<String, Arguments> mappings = byDevice(arguments.structures("BlockDeviceMapping"));
        List<ImagePlan.Disk> content = new ArrayList<>();
        Map<String, DeviceSettings> said = new HashMap<>();
        for (Disk disk : disks(caller, instance)) {
            Optional<Arguments> mapping = Optional.ofNullable(mappings.remove(disk.device()));
            if (mapping.filter(each -> each.has("NoDevice")).isEmpty()) {
                content.add(new ImagePlan.Disk(disk.device(), new WantedSnapshot(disk.volume.id(), snapshot)));
                said.put(disk.device(), settings(disk, mapping.flatMap(each -> each.findStructure("Ebs"))));
            }
        }
        if (!said.containsKey(instance.launch().rootDevice())) {
            throw invalid("The image would have no root device '" + instance.launch().rootDevice() + "'");
        }
        Map<String, SnapshotId> others = new HashMap<>();
        mappings.forEach((device, mapping) -> add(device, mapping, others, said));
        Optional<RegisteredImage> parent = images.find(caller, instance.launch().image());
        ImageSettings settings = ImageSettings.NEW
                .withSourceInstance(Optional.of(instance.id()))
                .with(parent.map(each -> each.settings().features()).orElse(ImageSettings.NEW.features()))
                .withDevices(said);
        NewImage wanted = new NewImage(
                name,
                arguments.findText("Description").orElse(""),
                instance.launch().architecture(),
                instance.launch().bootMode(),
                Optional.of(instance.launch().image()),
                Tags.asked(arguments, ResourceKind.IMAGE));
        return new ImagePlan(id, wanted, instance.launch().rootDevice(), content, others, settings);
    }

    private static Map<String, Arguments> byDevice(List<Arguments> mappings) {
        Map<String, Arguments> asked = new LinkedHashMap<>();
        for (Arguments mapping : mappings) {
            if (asked.put(mapping.text(DEVICE_NAME), mapping) != null) {
                throw invalid("The device '" + mapping.text(DEVICE_NAME)
                        + "' is used in more than one block-device mapping");
            }
        }
        return asked;
    }

    private static DeviceSettings settings(Disk disk, Optional<Arguments> ebs) {
        if (ebs.isEmpty()) {
            return disk.settings();
        }
        if (ebs.get().has("SnapshotId")) {
            throw invalid(
                    "The device '" + disk.device() + "' is a volume of the instance, and its snapshot is made now");
        }
        DeviceSettings changed = settings(disk.settings(), ebs.get());
        long least = ImageDevice.gib(disk.volume.sizeBytes());
        if (changed.sizeGib().filter(size -> size < least).isPresent()) {
            throw invalid("Volume of size " + changed.sizeGib().get() + "GB is smaller than volume '" + disk.volume.id()
                    + "', expect size >= " + least + "GB");
        }
        return changed;
    }

    private static DeviceSettings settings(DeviceSettings before, Arguments ebs) {
        return new DeviceSettings(
                ebs.flag("DeleteOnTermination", before.deletesOnTermination()),
                Optional.empty(),
                number(ebs, "VolumeSize").or(before::sizeGib),
                ebs.findText("VolumeType").orElse(before.type()),
                number(ebs, "Iops").or(before::iops),
                number(ebs, "Throughput").or(before::throughputMibs),
                before.isEncrypted(),
                before.keyId());
    }

    private static Optional<Long> number(Arguments ebs, String name) {
        return ebs.findNumber(name).stream().boxed().findFirst();
    }

    /** A device that the instance does not have. */
    private static void add(
            String device, Arguments mapping, Map<String, SnapshotId> others, Map<String, DeviceSettings> said) {
        if (mapping.has("NoDevice")) {
            throw invalid("The instance has no device '" + device + "' to leave out");
        }
        Optional<Arguments> ebs = mapping.findStructure("Ebs");
        if (ebs.isEmpty()) {
            return;
        }
        Optional<String> snapshot = ebs.get().findText("SnapshotId");
        if (snapshot.isEmpty() && !ebs.get().has("VolumeSize")) {
            throw new Ec2Failure("MissingParameter", "The request must contain the parameter size/snapshot");
        }
        snapshot.ifPresent(text -> others.put(device, ResourceKind.snapshotId(text)));
        said.put(device, settings(DeviceSettings.NEW, ebs.get()));
    }

    private static Ec2Failure invalid(String message) {
        return new Ec2Failure("InvalidBlockDeviceMapping", message);
    }

    private Effect createSnapshots(Ec2Request request) {
        Arguments arguments = request.arguments();
        Arguments specification = arguments.findStructure("InstanceSpecification").orElseThrow();
        Instance instance = readInstance(request.caller(), specification.text("InstanceId"));
        List<WantedSnapshot> wanted = chosen(request.caller(), instance, specification).stream()
                .map(disk -> new WantedSnapshot(disk.volume.id(), snapshot(arguments, disk)))
                .toList();
        if (wanted.isEmpty()) {
            throw new Ec2Failure("InvalidParameterCombination", "All volumes of the instance are excluded");
        }
        return () -> Answer.of().put(
                "snapshotSet",
                snapshots.start(request.caller(), wanted).stream().map(InstanceImageOperations::shown).toList());
    }

    private List<Disk> chosen(Caller caller, Instance instance, Arguments specification) {
        List<String> excluded = specification.texts("ExcludeDataVolumeId");
        List<Disk> all = disks(caller, instance);
        for (String each : excluded) {
            VolumeId id = ResourceKind.volumeId(each);
            Disk disk = all.stream().filter(one -> one.volume.id().equals(id)).findFirst().orElseThrow(() ->
                    new Ec2Failure("InvalidParameterValue", "Volume '" + each + "' is not attached to the instance"));
            if (isRoot(disk, instance)) {
                throw new Ec2Failure(
                        "InvalidParameterValue", "Volume '" + each + "' is the boot volume: use ExcludeBootVolume");
            }
        }
        boolean isBootExcluded = specification.flag("ExcludeBootVolume", false);
        return all.stream()
                .filter(disk -> !excluded.contains(disk.volume.id().value()))
                .filter(disk -> !isBootExcluded || !isRoot(disk, instance))
                .toList();
    }

    private static NewSnapshot snapshot(Arguments arguments, Disk disk) {
        Map<String, String> tags = new HashMap<>();
        if (arguments.findText("CopyTagsFromSource").isPresent()) {
            tags.putAll(disk.volume.tags());
        }
        tags.putAll(Tags.asked(arguments, ResourceKind.SNAPSHOT));
        Tags.requireRoom(tags);
        return new NewSnapshot(arguments.findText("Description").orElse(""), tags);
    }

    private static Answer shown(SnapshotInProgress snapshot) {
        return Answer.of()
                .put("snapshotId", snapshot.id().value())
                .put("volumeId", snapshot.volume().map(VolumeId::value))
                .put("state", "pending")
                .put("progress", snapshot.progressPercent() + "%")
                .put("startTime", snapshot.startedAt())
                .put("ownerId", snapshot.owner().value())
                .put("volumeSize", ImageDevice.gib(snapshot.sizeBytes()))
                .put("description", snapshot.description())
                .put("encrypted", snapshot.settings().isEncrypted())
                .put("tagSet", Tags.shown(snapshot.tags()));
    }
}
