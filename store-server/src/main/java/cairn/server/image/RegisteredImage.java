package cairn.server.image;

import cairn.image.AccountId;
import cairn.image.ImageId;
import cairn.image.ImageManifest.BlockDevice;
import cairn.image.ImageManifest;
import cairn.image.Region;
import cairn.image.SignedManifest;
import cairn.image.SnapshotId;
import cairn.server.account.Access;
import cairn.server.account.Sharing;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * An image as the registry has it.
 *
 * @param signed what never changes
 * @param tags its owner's, and nobody else's to see
 */
public record RegisteredImage(
        SignedManifest signed, Region region, Sharing sharing, ImageSettings settings, Map<String, String> tags)
        implements Access.Owned {
    public RegisteredImage {
        tags = Map.copyOf(tags);
    }

    public ImageManifest manifest() {
        return signed.manifest();
    }

    public ImageId id() {
        return signed.manifest().id();
    }

    /** The snapshots that its disks begin as, each once. */
    public Set<SnapshotId> snapshots() {
        Set<SnapshotId> snapshots = new LinkedHashSet<>();
        manifest().blockDevices().forEach(disk -> snapshots.add(disk.snapshot()));
        return snapshots;
    }

    /** Where the image lies that it was made from. */
    public Region parentRegion() {
        return settings.parentRegion().orElse(region);
    }

    /** As its owner has it now. */
    public String description() {
        return settings.description().orElse(manifest().description());
    }

    /** All disks: those with content as the manifest has them, then the blank ones by their names. */
    public List<ImageDevice> devices() {
        List<ImageDevice> devices = new ArrayList<>();
        for (BlockDevice disk : manifest().blockDevices()) {
            DeviceSettings said = settings.devices().getOrDefault(disk.device(), DeviceSettings.NEW);
            devices.add(new ImageDevice(disk.device(), Optional.of(disk), said));
        }
        settings.devices().entrySet().stream()
                .filter(each -> devices.stream().noneMatch(device -> device.name().equals(each.getKey())))
                .sorted(Map.Entry.comparingByKey())
                .map(each -> new ImageDevice(each.getKey(), Optional.empty(), each.getValue()))
                .toList()
                .forEach(devices::add);
        return devices;
    }

    public boolean isDeprecated(Instant now) {
        return settings.deprecateAt().filter(at -> !at.isAfter(now)).isPresent();
    }

    @Override
    public AccountId owner() {
        return signed.manifest().owner();
    }

    public RegisteredImage with(Sharing newSharing) {
        return new RegisteredImage(signed, region, newSharing, settings, tags);
    }

    public RegisteredImage with(ImageSettings newSettings) {
        return new RegisteredImage(signed, region, sharing, newSettings, tags);
    }

    public RegisteredImage withTags(Map<String, String> newTags) {
        return new RegisteredImage(signed, region, sharing, settings, newTags);
    }
}
