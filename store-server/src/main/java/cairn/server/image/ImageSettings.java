package cairn.server.image;

import cairn.image.InstanceId;
import cairn.image.Region;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * What is known about an image beside its manifest, its tags and whom it is shared with: some of it may change.
 *
 * @param isDisabled it can be neither launched nor shared
 * @param description in place of the manifest's
 * @param deprecateAt from then on it is deprecated
 * @param lastLaunchedAt when an instance was last made from it
 * @param recycled it lies in the recycle bin
 * @param protection from being removed
 * @param parentRegion where the manifest's parent lies; empty: where the image does
 * @param sourceInstance whose volumes it was made of
 * @param devices by their names: of the manifest's, those of which something is said, and those without content
 */
public record ImageSettings(
        boolean isDisabled,
        Optional<String> description,
        Optional<Instant> deprecateAt,
        Optional<Instant> lastLaunchedAt,
        Optional<Recycled> recycled,
        Protection protection,
        Optional<Region> parentRegion,
        Optional<InstanceId> sourceInstance,
        ImageFeatures features,
        Map<String, DeviceSettings> devices) {
    public static final ImageSettings NEW = new ImageSettings(
            false,
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Protection.OFF,
            Optional.empty(),
            Optional.empty(),
            ImageFeatures.NONE,
            Map.of());

    /** Members that came later are null in older records. */
    public ImageSettings {
        protection = protection == null ? Protection.OFF : protection;
        features = features == null ? ImageFeatures.NONE : features;
        devices = devices == null ? Map.of() : Map.copyOf(devices);
    }

    public ImageSettings withDisabled(boolean newIsDisabled) {
        return new ImageSettings(
                newIsDisabled, description, deprecateAt, lastLaunchedAt, recycled, protection, parentRegion,
                sourceInstance, features, devices);
    }

    public ImageSettings withDescription(String newDescription) {
        return new ImageSettings(
                isDisabled, Optional.of(newDescription), deprecateAt, lastLaunchedAt, recycled, protection,
                parentRegion, sourceInstance, features, devices);
    }

    public ImageSettings withDeprecateAt(Optional<Instant> newDeprecateAt) {
        return new ImageSettings(
                isDisabled, description, newDeprecateAt, lastLaunchedAt, recycled, protection, parentRegion,
                sourceInstance, features, devices);
    }

    public ImageSettings withLastLaunchedAt(Instant newLastLaunchedAt) {
        return new ImageSettings(
                isDisabled, description, deprecateAt, Optional.of(newLastLaunchedAt), recycled, protection,
                parentRegion, sourceInstance, features, devices);
    }

    public ImageSettings withRecycled(Optional<Recycled> newRecycled) {
        return new ImageSettings(
                isDisabled, description, deprecateAt, lastLaunchedAt, newRecycled, protection, parentRegion,
                sourceInstance, features, devices);
    }

    public ImageSettings with(Protection newProtection) {
        return new ImageSettings(
                isDisabled, description, deprecateAt, lastLaunchedAt, recycled, newProtection, parentRegion,
                sourceInstance, features, devices);
    }

    public ImageSettings withParentRegion(Optional<Region> newParentRegion) {
        return new ImageSettings(
                isDisabled, description, deprecateAt, lastLaunchedAt, recycled, protection, newParentRegion,
                sourceInstance, features, devices);
    }

    public ImageSettings withSourceInstance(Optional<InstanceId> newSourceInstance) {
        return new ImageSettings(
                isDisabled, description, deprecateAt, lastLaunchedAt, recycled, protection, parentRegion,
                newSourceInstance, features, devices);
    }

    public ImageSettings with(ImageFeatures newFeatures) {
        return new ImageSettings(
                isDisabled, description, deprecateAt, lastLaunchedAt, recycled, protection, parentRegion,
                sourceInstance, newFeatures, devices);
    }

    public ImageSettings withDevices(Map<String, DeviceSettings> newDevices) {
        return new ImageSettings(
                isDisabled, description, deprecateAt, lastLaunchedAt, recycled, protection, parentRegion,
                sourceInstance, features, newDevices);
    }
}
