package cairn.server.ec2;

import cairn.Fault;
import cairn.StoreException;
import cairn.image.ImageId;
import cairn.image.ImageName;
import cairn.server.account.Access.Right;
import cairn.server.account.Caller;
import cairn.server.image.ImageInProgress;
import cairn.server.image.ImageRegistry;
import cairn.server.image.PendingImages;
import cairn.server.image.RegisteredImage;

/** The images that requests name, and how EC2 says that one cannot be had. */
final class AskedImages {
    static final String IMAGE_ID = "ImageId";

    private final ImageRegistry images;
    private final PendingImages pending;

    AskedImages(ImageRegistry images, PendingImages pending) {
        this.images = images;
        this.pending = pending;
    }

    /**
     * The image that a request names as its {@code ImageId}.
     *
     * @throws Ec2Failure InvalidAMIID.NotFound, or Unavailable for one that is being made, could not be made or was
     *     removed lately; UnauthorizedOperation without the right
     */
    RegisteredImage read(Ec2Request request, Right right) {
        return read(request.caller(), right, request.arguments().text(IMAGE_ID));
    }

    RegisteredImage read(Caller caller, Right right, String text) {
        ImageId id = ResourceKind.imageId(text);
        if (images.find(caller, id).isEmpty()) {
            pending.find(caller, id).ifPresent(unfinished -> {
                throw unfinished(unfinished);
            });
            if (images.wasLatelyThere(caller, id)) {
                throw unavailable(id);
            }
        }
        return images.read(caller, right, id);
    }

    /** How EC2 says that an image cannot be used that is not completed. */
    static Ec2Failure unfinished(ImageInProgress image) {
        return new Ec2Failure(
                "InvalidAMIID.Unavailable",
                "The image ID '" + image.id() + "' is " + (image.failure().isPresent() ? "failed" : "pending"));
    }

    /** An image to launch. @throws Ec2Failure also InvalidAMIID.Unavailable for one that is disabled */
    RegisteredImage readToLaunch(Caller caller, String text) {
        RegisteredImage image = read(caller, Right.SEE, text);
        if (image.settings().isDisabled()) {
            throw unavailable(image.id());
        }
        return images.read(caller, Right.LAUNCH, image.id());
    }

    private static Ec2Failure unavailable(ImageId id) {
        return new Ec2Failure("InvalidAMIID.Unavailable", "The image ID '" + id + "' is no longer available");
    }

    /** A name for a new image. @throws Ec2Failure InvalidAMIName.Malformed, InvalidAMIName.Duplicate */
    ImageName freeName(Caller caller, String text) {
        ImageName name = name(text);
        images.findNamed(caller, name).ifPresent(taken -> {
            throw duplicate(name, taken);
        });
        return name;
    }

    /** The name of an image that has lost it. @throws Ec2Failure InvalidAMIName.Duplicate */
    void requireFree(RegisteredImage image) {
        images.findNamed(image.owner(), image.region(), image.manifest().name()).ifPresent(taken -> {
            throw duplicate(image.manifest().name(), taken);
        });
    }

    private static ImageName name(String text) {
        try {
            return new ImageName(text);
        } catch (StoreException e) {
            throw new Ec2Failure(
                    "InvalidAMIName.Malformed",
                    "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, spaces and"
                            + " ( ) [ ] . / - ' @ _");
        }
    }

    private static Ec2Failure duplicate(ImageName name, ImageId taken) {
        return new Ec2Failure(
                "InvalidAMIName.Duplicate", "AMI name " + name + " is already in use by AMI " + taken);
    }

    /** What makes an image under a name that was free a moment ago. */
    interface Making {
        RegisteredImage make();
    }

    /** @throws Ec2Failure InvalidAMIName.Duplicate where somebody else was quicker */
    RegisteredImage make(Caller caller, ImageName name, Making making) {
        try {
            return making.make();
        } catch (StoreException e) {
            if (e.fault() == Fault.CONFLICT) {
                images.findNamed(caller, name).ifPresent(taken -> {
                    throw duplicate(name, taken);
                });
            }
            throw e;
        }
    }
}
