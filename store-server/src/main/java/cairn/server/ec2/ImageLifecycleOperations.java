package cairn.server.ec2;

import cairn.image.ImageId;
import cairn.server.account.Access.Right;
import cairn.server.account.AccountSettingsRegistry;
import cairn.server.account.Caller;
import cairn.server.image.ImageLifecycle;
import cairn.server.image.ImageRegistry;
import cairn.server.image.PendingImages;
import cairn.server.image.Recycled;
import cairn.server.image.RegisteredImage;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Stream;

/** What an image's owner decides about it, its way through the recycle bin, and what it comes from. */
public final class ImageLifecycleOperations {
    private static final String RETURN = "return";
    private static final String BLOCK_STATE = "imageBlockPublicAccessState";
    private static final String BLOCKED = "block-new-sharing";
    private static final String UNBLOCKED = "unblocked";

    private final ImageRegistry images;
    private final ImageLifecycle lifecycle;
    private final AccountSettingsRegistry settings;
    private final Pages pages;
    private final AskedImages asked;

    public ImageLifecycleOperations(
            ImageRegistry images,
            PendingImages pending,
            ImageLifecycle lifecycle,
            AccountSettingsRegistry settings,
            Pages pages) {
        this.images = images;
        this.lifecycle = lifecycle;
        this.settings = settings;
        this.pages = pages;
        this.asked = new AskedImages(images, pending);
    }

    public void addTo(Operations all) {
        all.add("EnableImageDeprecation", this::enableDeprecation);
        all.add("DisableImageDeprecation", request -> changing(request, lifecycle::cancelDeprecation, true));
        all.add("EnableImage", request -> changing(request, lifecycle::enable, true));
        all.add("DisableImage", request -> changing(request, lifecycle::disable, true));
        all.add("EnableImageDeregistrationProtection", this::protect);
        all.add("DisableImageDeregistrationProtection", request -> changing(request, lifecycle::unprotect, "true"));
        all.add("EnableImageBlockPublicAccess", request -> () -> block(request.caller(), true));
        all.add("DisableImageBlockPublicAccess", request -> () -> block(request.caller(), false));
        all.add("GetImageBlockPublicAccessState", request -> () -> blockState(request.caller()));
        all.add("ListImagesInRecycleBin", this::listRecycled);
        all.add("RestoreImageFromRecycleBin", this::restore);
        all.add("GetImageAncestry", this::ancestry);
    }

    private interface Decision {
        RegisteredImage about(Caller caller, ImageId image);
    }

    /** @param answered as {@code return}, which is text in some operations */
    private Effect changing(Ec2Request request, Decision decision, Object answered) {
        RegisteredImage image = asked.read(request, Right.MANAGE);
        return () -> {
            decision.about(request.caller(), image.id());
            return Answer.of().put(RETURN, answered);
        };
    }

    private Effect enableDeprecation(Ec2Request request) {
        Instant at = request.arguments()
                .findTime("DeprecateAt")
                .orElseThrow(() -> Ec2Failure.missing("DeprecateAt"));
        lifecycle.requireDeprecation(asked.read(request, Right.MANAGE), ImageLifecycle.minute(at));
        return changing(request, (caller, id) -> lifecycle.deprecate(caller, id, at), true);
    }

    private Effect protect(Ec2Request request) {
        boolean hasCooldown = request.arguments().flag("WithCooldown", false);
        return changing(request, (caller, id) -> lifecycle.protect(caller, id, hasCooldown), "true");
    }

    private Answer block(Caller caller, boolean isBlocked) {
        settings.change(caller, each -> each.withPublicImagesBlocked(isBlocked));
        return Answer.of().put(BLOCK_STATE, isBlocked ? BLOCKED : UNBLOCKED);
    }

    private Answer blockState(Caller caller) {
        return Answer.of()
                .put(BLOCK_STATE, settings.read(caller).blocksPublicImages() ? BLOCKED : UNBLOCKED)
                .put("managedBy", "account");
    }

    private Effect listRecycled(Ec2Request request) {
        List<String> ids = request.arguments().texts(AskedImages.IMAGE_ID);
        List<RegisteredImage> recycled =
                ids.isEmpty() ? images.listRecycled(request.caller()) : recycled(request.caller(), ids);
        return () -> {
            Pages.Page page = pages.page(
                    request, recycled.stream(), each -> each.id().value(), ImageLifecycleOperations::shown);
            return Answer.of().put("imageSet", page.items()).put("nextToken", page.nextToken());
        };
    }

    private List<RegisteredImage> recycled(Caller caller, List<String> ids) {
        List<RegisteredImage> recycled = new ArrayList<>();
        new TreeSet<>(ids).forEach(id -> recycled.add(recycled(caller, id)));
        return recycled;
    }

    private RegisteredImage recycled(Caller caller, String id) {
        return images.findRecycled(caller, ResourceKind.imageId(id))
                .orElseThrow(() -> ResourceKind.IMAGE.notFound(id));
    }

    private static Answer shown(RegisteredImage image) {
        Recycled recycled = image.settings().recycled().orElseThrow();
        return Answer.of()
                .put("imageId", image.id().value())
                .put("name", image.manifest().name().value())
                .put("description", Optional.of(image.description()).filter(text -> !text.isEmpty()))
                .put("recycleBinEnterTime", recycled.enteredAt())
                .put("recycleBinExitTime", recycled.exitsAt());
    }

    private Effect restore(Ec2Request request) {
        RegisteredImage image = recycled(request.caller(), request.arguments().text(AskedImages.IMAGE_ID));
        asked.requireFree(image);
        return () -> {
            images.restore(request.caller(), image.id());
            return Answer.of().put(RETURN, true);
        };
    }

    private Effect ancestry(Ec2Request request) {
        RegisteredImage image = asked.read(request, Right.SEE);
        return () -> Answer.of()
                .put(
                        "imageAncestryEntrySet",
                        Stream.concat(Stream.of(image), images.ancestors(request.caller(), image).stream())
                                .map(ImageLifecycleOperations::entry)
                                .toList());
    }

    private static Answer entry(RegisteredImage image) {
        ImageAnswers seen = new ImageAnswers(image, false);
        return Answer.of()
                .put("creationDate", image.manifest().createdAt())
                .put("imageId", image.id().value())
                .put("sourceImageId", seen.source())
                .put("sourceImageRegion", seen.sourceRegion());
    }
}
