package cairn.server.ec2;

import cairn.image.BootMode;
import cairn.image.ImageId;
import cairn.image.ImageManifest;
import cairn.image.InstanceId;
import cairn.image.Region;
import cairn.server.image.ImageFeatures;
import cairn.server.image.ImageInProgress;
import cairn.server.image.ImageSettings;
import cairn.server.image.Protection;
import cairn.server.image.RegisteredImage;
import java.util.Map;
import java.util.Optional;

/**
 * An image as somebody sees it.
 *
 * @param isOwn the one who asks may know all of it
 * @param progress of an image that is still being made, or could not be
 */
record ImageAnswers(RegisteredImage image, boolean isOwn, Optional<ImageInProgress> progress) {
    static final String AVAILABLE = "available";
    static final String DISABLED = "disabled";
    static final String PENDING = "pending";
    static final String FAILED = "failed";
    static final String FAILURE = "Server.InternalError";
    /** What EC2 says of every image that can boot here. */
    static final String MACHINE = "machine";
    static final String EBS = "ebs";
    static final String HVM = "hvm";
    static final String HYPERVISOR = "xen";

    ImageAnswers(RegisteredImage image, boolean isOwn) {
        this(image, isOwn, Optional.empty());
    }

    String state() {
        if (progress.isPresent()) {
            return failure().isPresent() ? FAILED : PENDING;
        }
        return image.settings().isDisabled() ? DISABLED : AVAILABLE;
    }

    Optional<String> failure() {
        return progress.flatMap(ImageInProgress::failure);
    }

    String location() {
        return image.owner() + "/" + image.manifest().name();
    }

    Map<String, String> tags() {
        return isOwn ? image.tags() : Map.of();
    }

    Optional<String> sourceInstance() {
        return isOwn ? image.settings().sourceInstance().map(InstanceId::value) : Optional.empty();
    }

    Optional<String> source() {
        return image.manifest().parent().map(ImageId::value);
    }

    Optional<String> sourceRegion() {
        return image.manifest().parent().map(parent -> image.parentRegion()).map(Region::name);
    }

    static String protection(Protection protection) {
        if (!protection.isOn()) {
            return "disabled";
        }
        return protection.hasCooldown() ? "enabled-with-cooldown" : "enabled-without-cooldown";
    }

    Answer shown() {
        ImageManifest manifest = image.manifest();
        ImageSettings settings = image.settings();
        ImageFeatures features = settings.features();
        return Answer.of()
                .put("imageId", image.id().value())
                .put("imageLocation", location())
                .put("imageState", state())
                .put("imageOwnerId", image.owner().value())
                .put("stateReason", failure().map(why ->
                        Answer.of().put("code", FAILURE).put("message", why)))
                .put("creationDate", manifest.createdAt())
                .put("isPublic", image.sharing().isPublic())
                .put("architecture", manifest.architecture().label())
                .put("imageType", MACHINE)
                .put("platformDetails", "Linux/UNIX")
                .put("usageOperation", "RunInstances")
                .put("name", manifest.name().value())
                .put("description", Optional.of(image.description()).filter(text -> !text.isEmpty()))
                .put("rootDeviceType", EBS)
                .put("rootDeviceName", manifest.rootDevice())
                .put("blockDeviceMapping", image.devices().stream()
                        .map(each -> ImageMappings.shown(each, isOwn))
                        .toList())
                .put("virtualizationType", HVM)
                .put("hypervisor", HYPERVISOR)
                .put("enaSupport", features.hasEna())
                .put("sriovNetSupport", features.sriovNetSupport())
                .put("bootMode", manifest.bootMode().map(BootMode::label))
                .put("tpmSupport", features.tpmSupport())
                .put("imdsSupport", features.imdsSupport())
                .put("tagSet", Optional.of(Tags.shown(tags())).filter(set -> !set.isEmpty()))
                .put("deprecationTime", settings.deprecateAt())
                .put("deregistrationProtection", protection(settings.protection()))
                .put("lastLaunchedTime", settings.lastLaunchedAt().filter(at -> isOwn))
                .put("sourceInstanceId", sourceInstance())
                .put("sourceImageId", source())
                .put("sourceImageRegion", sourceRegion());
    }

}
