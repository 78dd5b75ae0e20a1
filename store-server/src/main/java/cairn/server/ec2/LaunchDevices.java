package cairn.server.ec2;

import cairn.image.NewVolume;
import cairn.server.account.Encryption;
import cairn.server.image.DeviceSettings;
import cairn.server.image.ImageDevice;
import cairn.server.image.RegisteredImage;
import cairn.server.image.VolumePlan;
import cairn.server.image.VolumeSettings;
import cairn.server.instance.NewInstances.Device;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The disks of an instance: those of its image, changed and added to by the mappings of a request. */
final class LaunchDevices {
    private static final int GIB_SHIFT = 30;

    private final RegisteredImage image;
    private final String zone;
    private final Map<String, String> tags;
    private final EncryptionOfNew encryption;

    /** Decides whether a new volume is encrypted. */
    interface EncryptionOfNew {
        /**
         * Decides by what the image says of the device, and a request.
         *
         * @throws Ec2Failure as {@link EncryptionArguments#choose}
         */
        Encryption.Choice choose(Encryption.Choice source, Optional<Arguments> ebs);
    }

    /** @param tags of each volume */
    LaunchDevices(RegisteredImage image, String zone, Map<String, String> tags, EncryptionOfNew encryption) {
        this.image = image;
        this.zone = zone;
        this.tags = tags;
        this.encryption = encryption;
    }

    /**
     * @param mappings of the structure LaunchMapping
     * @throws Ec2Failure InvalidBlockDeviceMapping for a device that is named twice, or left out and not there;
     *     MissingParameter for a new one without size and snapshot
     */
    List<Device> with(List<Arguments> mappings) {
        Map<String, Arguments> asked = byDevice(mappings);
        List<Device> devices = new ArrayList<>();
        for (ImageDevice each : image.devices()) {
            Optional<Arguments> mapping = Optional.ofNullable(asked.remove(each.name()));
            if (mapping.filter(LaunchDevices::isNone).isPresent()) {
                requireNotRoot(each.name());
            } else if (mapping.flatMap(LaunchDevices::ebs).isPresent() || each.settings().virtualName().isEmpty()) {
                devices.add(device(each, mapping.flatMap(LaunchDevices::ebs)));
            }
        }
        asked.forEach((name, mapping) -> {
            if (isNone(mapping)) {
                throw invalid("The image has no device '" + name + "' to leave out");
            }
            ebs(mapping).ifPresent(ebs -> devices.add(added(name, ebs)));
        });
        return devices;
    }

    private static Map<String, Arguments> byDevice(List<Arguments> mappings) {
        Map<String, Arguments> asked = new LinkedHashMap<>();
        for (Arguments mapping : mappings) {
            String name = mapping.text("DeviceName");
            if (asked.put(name, mapping) != null) {
                throw invalid("The device '" + name + "' is used in more than one block-device mapping");
            }
        }
        return asked;
    }

    private static boolean isNone(Arguments mapping) {
        return mapping.has("NoDevice");
    }

    private static Optional<Arguments> ebs(Arguments mapping) {
        return mapping.findStructure("Ebs");
    }

    private void requireNotRoot(String name) {
        if (name.equals(image.manifest().rootDevice())) {
            throw invalid("The root device '" + name + "' cannot be left out");
        }
    }

    private Device device(ImageDevice each, Optional<Arguments> ebs) {
        Optional<String> snapshot = ebs.flatMap(this::snapshot);
        boolean isOther = snapshot.isPresent()
                && each.content().filter(disk -> disk.snapshot().value().equals(snapshot.get())).isEmpty();
        if (isOther && each.name().equals(image.manifest().rootDevice())) {
            throw invalid("The snapshot of the root device '" + each.name() + "' cannot be another");
        }
        boolean isImages = each.content().isPresent() && !isOther;
        Optional<String> source = isImages ? Optional.of(image.id().value()) : snapshot;
        Optional<Long> sizeBytes = ebs.flatMap(LaunchDevices::sizeBytes)
                .or(() -> isOther ? Optional.empty() : each.settings().sizeGib().map(gib -> gib << GIB_SHIFT));
        requireContent(source, sizeBytes);
        return new Device(
                each.name(),
                new VolumePlan(
                        new NewVolume(source, sizeBytes, false, false, tags),
                        isImages ? Optional.of(each.name()) : Optional.empty(),
                        settings(each.settings(), ebs)),
                ebs.flatMap(said -> said.findFlag("DeleteOnTermination"))
                        .orElse(each.settings().deletesOnTermination()));
    }

    private Device added(String name, Arguments ebs) {
        Optional<String> snapshot = snapshot(ebs);
        Optional<Long> sizeBytes = sizeBytes(ebs);
        requireContent(snapshot, sizeBytes);
        return new Device(
                name,
                VolumePlan.of(
                        new NewVolume(snapshot, sizeBytes, false, false, tags),
                        settings(DeviceSettings.NEW, Optional.of(ebs))),
                ebs.flag("DeleteOnTermination", DeviceSettings.NEW.deletesOnTermination()));
    }

    private Optional<String> snapshot(Arguments ebs) {
        return ebs.findText("SnapshotId").map(text -> ResourceKind.snapshotId(text).value());
    }

    private static Optional<Long> sizeBytes(Arguments ebs) {
        return ebs.findNumber("VolumeSize").stream().mapToObj(gib -> gib << GIB_SHIFT).findFirst();
    }

    private static void requireContent(Optional<String> source, Optional<Long> sizeBytes) {
        if (source.isEmpty() && sizeBytes.isEmpty()) {
            throw new Ec2Failure("MissingParameter", "The request must contain the parameter size/snapshot");
        }
    }

    private VolumeSettings settings(DeviceSettings said, Optional<Arguments> ebs) {
        return VolumeSettings.in(zone)
                .withType(
                        ebs.flatMap(each -> each.findText("VolumeType")).orElse(said.type()),
                        number(ebs, "Iops").or(() -> said.iops().map(Math::toIntExact)),
                        number(ebs, "Throughput").or(() -> said.throughputMibs().map(Math::toIntExact)))
                .with(encryption.choose(said.encryption(), ebs));
    }

    private static Optional<Integer> number(Optional<Arguments> ebs, String name) {
        return ebs.flatMap(each -> each.findNumber(name).stream().mapToObj(Math::toIntExact).findFirst());
    }

    private static Ec2Failure invalid(String message) {
        return new Ec2Failure("InvalidBlockDeviceMapping", message);
    }
}
