package cairn.server.ec2;

import cairn.Text;
import cairn.image.ImageManifest.BlockDevice;
import cairn.image.SnapshotId;
import cairn.server.account.Access.Right;
import cairn.server.account.Caller;
import cairn.server.account.Encryption;
import cairn.server.image.AllSnapshots;
import cairn.server.image.DeviceSettings;
import cairn.server.image.ImageDevice;
import cairn.server.image.ListedSnapshot;
import cairn.server.image.Snapshot;
import cairn.server.image.SnapshotRegistry;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Pattern;

/** The disks of an image, as requests ask for them and answers show them. */
final class ImageMappings {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9/_.-]{1,64}");
    private static final Pattern EPHEMERAL = Pattern.compile("ephemeral(?:[0-9]|1[0-9]|2[0-3])");
    private static final Map<String, Integer> IOPS_MIN = Map.of("io1", 100, "io2", 100, "gp3", 3000);

    private final AllSnapshots all;
    private final SnapshotRegistry completed;
    private final Encryption encryption;

    ImageMappings(AllSnapshots all, SnapshotRegistry completed, Encryption encryption) {
        this.all = all;
        this.completed = completed;
        this.encryption = encryption;
    }

    /**
     * What an image shall have.
     *
     * @param disks the snapshot of each disk that has one
     * @param settings of all disks
     */
    record Asked(Map<String, SnapshotId> disks, Map<String, DeviceSettings> settings) {}

    /**
     * Reads and checks the mappings of a new image.
     *
     * @throws Ec2Failure InvalidBlockDeviceMapping and others
     */
    Asked read(Caller caller, String rootDevice, List<Arguments> mappings) {
        Map<String, SnapshotId> disks = new LinkedHashMap<>();
        Map<String, DeviceSettings> settings = new HashMap<>();
        for (Arguments mapping : mappings) {
            String name = deviceName(mapping.text("DeviceName"));
            if (mapping.has("NoDevice")) {
                continue;
            }
            Optional<Arguments> ebs = mapping.findStructure("Ebs");
            DeviceSettings said = ebs.isPresent()
                    ? volume(caller, name, ebs.get())
                    : ephemeral(name, mapping.findText("VirtualName"));
            if (settings.put(name, said) != null) {
                throw invalid("The device '" + name + "' is used in more than one block-device mapping");
            }
            ebs.flatMap(each -> each.findText("SnapshotId"))
                    .ifPresent(snapshot -> disks.put(name, ResourceKind.snapshotId(snapshot)));
        }
        if (!disks.containsKey(rootDevice)) {
            throw invalid("The root device '" + Text.shown(rootDevice) + "' is not mapped to a snapshot");
        }
        return new Asked(disks, settings);
    }

    private static String deviceName(String name) {
        if (!NAME.matcher(name).matches()) {
            throw invalid("The device name '" + Text.shown(name) + "' is invalid");
        }
        return name;
    }

    private static DeviceSettings ephemeral(String name, Optional<String> virtualName) {
        if (virtualName.filter(each -> EPHEMERAL.matcher(each).matches()).isEmpty()) {
            throw invalid("The device '" + name + "' is mapped to nothing: it needs Ebs, VirtualName or NoDevice");
        }
        DeviceSettings plain = DeviceSettings.NEW;
        return new DeviceSettings(
                true, virtualName, Optional.empty(), plain.type(), plain.iops(), plain.throughputMibs(), false,
                Optional.empty());
    }

    private DeviceSettings volume(Caller caller, String name, Arguments ebs) {
        Optional<Snapshot> snapshot = ebs.findText("SnapshotId").map(id -> snapshot(caller, id));
        Optional<Long> sizeGib = boxed(ebs.findNumber("VolumeSize"));
        if (snapshot.isEmpty() && sizeGib.isEmpty()) {
            throw new Ec2Failure("MissingParameter", "The request must contain the parameter size or snapshotId");
        }
        snapshot.ifPresent(each -> requireRoom(each, sizeGib));
        String type = ebs.findText("VolumeType").orElse(DeviceSettings.DEFAULT_TYPE);
        requireSpeed(type, ebs.findNumber("Iops"), ebs.findNumber("Throughput"));
        Encryption.Choice encrypted = encryption(caller, name, snapshot, ebs);
        return new DeviceSettings(
                ebs.flag("DeleteOnTermination", true),
                Optional.empty(),
                sizeGib,
                type,
                boxed(ebs.findNumber("Iops")),
                boxed(ebs.findNumber("Throughput")),
                encrypted.isEncrypted(),
                encrypted.keyId());
    }

    private static Optional<Long> boxed(OptionalLong number) {
        return number.isPresent() ? Optional.of(number.getAsLong()) : Optional.empty();
    }

    /** One that is completed, and the caller's own: who may only read it makes a copy first, which costs nothing. */
    private Snapshot snapshot(Caller caller, String text) {
        SnapshotId id = ResourceKind.snapshotId(text);
        if (all.read(caller, Right.MANAGE, id).state() != ListedSnapshot.State.COMPLETED) {
            throw new Ec2Failure("IncorrectState", "The snapshot '" + id + "' is not completed");
        }
        return completed.read(caller, Right.COPY, id);
    }

    private static void requireRoom(Snapshot snapshot, Optional<Long> sizeGib) {
        long least = ImageDevice.gib(snapshot.root().sizeBytes());
        if (sizeGib.filter(size -> size < least).isPresent()) {
            throw invalid("Volume of size " + sizeGib.get() + "GB is smaller than snapshot '" + snapshot.id()
                    + "', expect size >= " + least + "GB");
        }
    }

    private static void requireSpeed(String type, OptionalLong iops, OptionalLong throughput) {
        if (throughput.isPresent() && !type.equals("gp3")) {
            throw new Ec2Failure(
                    "InvalidParameterDependency",
                    "The parameter Throughput is not supported for " + type + " volumes.");
        }
        boolean isProvisioned = type.equals("io1") || type.equals("io2");
        if (isProvisioned && iops.isEmpty()) {
            throw new Ec2Failure(
                    "MissingParameter", "The request must contain the parameter iops for " + type + " volumes");
        }
        if (iops.isPresent() && !IOPS_MIN.containsKey(type)) {
            throw new Ec2Failure(
                    "InvalidParameterCombination", "The parameter iops is not supported for " + type + " volumes.");
        }
        if (iops.isPresent() && iops.getAsLong() < IOPS_MIN.get(type)) {
            throw new Ec2Failure(
                    "InvalidParameterValue",
                    "A volume of type " + type + " has at least " + IOPS_MIN.get(type) + " IOPS");
        }
    }

    private Encryption.Choice encryption(
            Caller caller, String name, Optional<Snapshot> snapshot, Arguments ebs) {
        if (snapshot.isPresent() && (ebs.has("Encrypted") || ebs.has("KmsKeyId"))) {
            throw invalid("the encrypted flag cannot be specified since device " + name + " has a snapshot specified.");
        }
        return snapshot.isPresent()
                ? snapshot.get().settings().encryption()
                : EncryptionArguments.choose(encryption, caller, Encryption.Choice.PLAIN, Optional.of(ebs));
    }

    private static Ec2Failure invalid(String message) {
        return new Ec2Failure("InvalidBlockDeviceMapping", message);
    }

    /** @param isOwn who asks may know all of it */
    static Answer shown(ImageDevice device, boolean isOwn) {
        Answer shown = Answer.of()
                .put("deviceName", device.name())
                .put("virtualName", device.settings().virtualName());
        return device.settings().virtualName().isPresent() ? shown : shown.put("ebs", ebs(device, isOwn));
    }

    private static Answer ebs(ImageDevice device, boolean isOwn) {
        DeviceSettings settings = device.settings();
        return Answer.of()
                .put("deleteOnTermination", settings.deletesOnTermination())
                .put("snapshotId", device.content().map(BlockDevice::snapshot).map(SnapshotId::value))
                .put("volumeSize", device.volumeGib())
                .put("volumeType", settings.type())
                .put("iops", settings.iops())
                .put("throughput", settings.throughputMibs())
                .put("encrypted", settings.isEncrypted())
                .put("kmsKeyId", settings.keyId().filter(label -> isOwn));
    }
}
