package cairn.server.ec2;

import cairn.Digest;
import cairn.Fault;
import cairn.StoreException;
import cairn.image.Architecture;
import cairn.image.BootMode;
import cairn.image.ImageName;
import cairn.image.NewImage;
import cairn.image.Region;
import cairn.image.SnapshotId;
import cairn.server.account.Access.Right;
import cairn.server.account.Caller;
import cairn.server.account.ClientTokens;
import cairn.server.account.Encryption;
import cairn.server.image.AllSnapshots;
import cairn.server.image.ImageCopies;
import cairn.server.image.ImageFeatures;
import cairn.server.image.ImageInProgress;
import cairn.server.image.ImageRegistry;
import cairn.server.image.ImageSettings;
import cairn.server.image.NewCopy;
import cairn.server.image.PendingImages;
import cairn.server.image.RegisteredImage;
import cairn.server.image.SnapshotRegistry;
import cairn.server.storage.Catalog.Change;
import java.time.Clock;
import java.util.Base64;
import java.util.List;
import java.util.Optional;

/** Images made, copied and removed. */
public final class ImageOperations {
    private static final String COPY_IMAGE = "CopyImage";
    /** What becomes of a snapshot that is still needed. */
    private static final String SKIPPED = "skipped";
    private static final String DEFAULT_ARCHITECTURE = Architecture.I386.label();

    private final ImageRegistry images;
    private final PendingImages pending;
    private final ImageCopies copies;
    private final SnapshotRegistry snapshots;
    private final Encryption encryption;
    private final ClientTokens clientTokens;
    private final Clock clock;
    private final AskedImages asked;
    private final ImageMappings mappings;

    public ImageOperations(
            ImageRegistry images,
            PendingImages pending,
            ImageCopies copies,
            SnapshotRegistry snapshots,
            AllSnapshots allSnapshots,
            Encryption encryption,
            ClientTokens clientTokens,
            Clock clock) {
        this.images = images;
        this.pending = pending;
        this.copies = copies;
        this.snapshots = snapshots;
        this.encryption = encryption;
        this.clientTokens = clientTokens;
        this.clock = clock;
        this.asked = new AskedImages(images, pending);
        this.mappings = new ImageMappings(allSnapshots, snapshots, encryption);
    }

    public void addTo(Operations all) {
        all.add("RegisterImage", this::register);
        all.add(COPY_IMAGE, this::copy);
        all.add("DeregisterImage", this::deregister);
    }

    private Effect register(Ec2Request request) {
        Arguments arguments = request.arguments();
        Caller caller = request.caller();
        ImageName name = asked.freeName(caller, arguments.text("Name"));
        Optional<BootMode> bootMode = arguments.findText("BootMode").map(BootMode::parse);
        requireUefiForTpm(bootMode, arguments);
        NewImage wanted = new NewImage(
                name,
                arguments.findText("Description").orElse(""),
                Architecture.parse(arguments.findText("Architecture").orElse(DEFAULT_ARCHITECTURE)),
                bootMode,
                Optional.empty(),
                Tags.asked(arguments, ResourceKind.IMAGE));
        String rootDevice = arguments.text("RootDeviceName");
        ImageMappings.Asked disks = mappings.read(caller, rootDevice, arguments.structures("BlockDeviceMapping"));
        ImageSettings settings = ImageSettings.NEW.with(features(arguments)).withDevices(disks.settings());
        return () -> {
            RegisteredImage image = asked.make(
                    caller, name, () -> images.register(caller, wanted, rootDevice, disks.disks(), settings));
            return Answer.of().put("imageId", image.id().value());
        };
    }

    private static void requireUefiForTpm(Optional<BootMode> bootMode, Arguments arguments) {
        if (arguments.has("TpmSupport") && bootMode.filter(BootMode.UEFI::equals).isEmpty()) {
            throw new Ec2Failure(
                    "InvalidParameterCombination", "TpmSupport requires that the parameter BootMode is uefi");
        }
    }

    private static ImageFeatures features(Arguments arguments) {
        return new ImageFeatures(
                arguments.flag("EnaSupport", false),
                arguments.findText("SriovNetSupport"),
                arguments.findText("ImdsSupport"),
                arguments.findText("TpmSupport"),
                arguments.findBytes("UefiData").map(Base64.getEncoder()::encodeToString));
    }

    private Effect copy(Ec2Request request) {
        Arguments arguments = request.arguments();
        Caller caller = request.caller();
        Optional<String> token = arguments.findText("ClientToken");
        Optional<String> made = token.flatMap(each -> findMade(request, each));
        if (made.isPresent()) {
            return () -> Answer.of().put("imageId", made.get());
        }
        Region sourceRegion = new Region(arguments.text("SourceRegion"));
        RegisteredImage source =
                asked.read(caller.in(sourceRegion), Right.COPY, arguments.text("SourceImageId"));
        ImageName name = asked.freeName(caller, arguments.text("Name"));
        Encryption.Choice encrypted =
                EncryptionArguments.choose(encryption, caller, Encryption.Choice.PLAIN, Optional.of(arguments));
        NewCopy wanted = new NewCopy(
                source.id(),
                sourceRegion,
                name,
                arguments.findText("Description"),
                Tags.asked(arguments, ResourceKind.IMAGE),
                arguments.flag("CopyImageTags", false),
                Tags.asked(arguments, ResourceKind.SNAPSHOT),
                encrypted);
        return () -> Answer.of().put("imageId", copy(request, wanted, token));
    }

    private String copy(Ec2Request request, NewCopy wanted, Optional<String> token) {
        Caller caller = request.caller();
        try {
            return copies.copy(caller, wanted, copy -> keeping(request, token, copy)).id().value();
        } catch (StoreException e) {
            // The same request may have been quicker on another connection.
            Optional<String> made = e.fault() == Fault.CONFLICT
                    ? token.flatMap(each -> findMade(request, each))
                    : Optional.empty();
            return made.orElseGet(() -> asked.make(caller, wanted.name(), () -> {
                        throw e;
                    })
                    .id()
                    .value());
        }
    }

    private List<Change> keeping(Ec2Request request, Optional<String> token, RegisteredImage copy) {
        return token.stream()
                .map(each -> clientTokens.keep(
                        request.caller(), COPY_IMAGE, each, Digest.parse(request.digest()), copy.id().value()))
                .toList();
    }

    private Optional<String> findMade(Ec2Request request, String token) {
        return clientTokens.find(
                request.caller(),
                COPY_IMAGE,
                token,
                Digest.parse(request.digest()),
                () -> new Ec2Failure(
                        "IdempotentParameterMismatch",
                        "The client token was used before, in a request with other parameters"));
    }

    private Effect deregister(Ec2Request request) {
        Optional<ImageInProgress> unfinished = pending.find(
                request.caller(), ResourceKind.imageId(request.arguments().text(AskedImages.IMAGE_ID)));
        if (unfinished.isPresent()) {
            return forget(request.caller(), unfinished.get());
        }
        RegisteredImage image = asked.read(request, Right.MANAGE);
        if (image.settings().protection().holds(clock.instant())) {
            throw new Ec2Failure(
                    "OperationNotPermitted",
                    "The image '" + image.id() + "' is protected from being deregistered"
                            + image.settings().protection().until().map(until -> " until " + until).orElse(""));
        }
        boolean withSnapshots = request.arguments().flag("DeleteAssociatedSnapshots", false);
        return () -> {
            images.deregister(request.caller(), image.id());
            // Without its snapshots it could not be restored.
            boolean keepsSnapshots = images.findRecycled(request.caller(), image.id()).isPresent();
            Answer answer = Answer.of().put("return", true);
            return withSnapshots
                    ? answer.put(
                            "deleteSnapshotResultSet",
                            image.snapshots().stream()
                                    .map(each -> keepsSnapshots
                                            ? deleted(each, SKIPPED)
                                            : deleted(each, delete(request.caller(), each)))
                                    .toList())
                    : answer;
        };
    }

    /** One that could not be made goes without a trace. */
    private Effect forget(Caller caller, ImageInProgress image) {
        if (image.failure().isEmpty()) {
            throw AskedImages.unfinished(image);
        }
        return () -> {
            pending.forget(caller, image.id());
            return Answer.of().put("return", true);
        };
    }

    private static Answer deleted(SnapshotId id, String returnCode) {
        return Answer.of().put("snapshotId", id.value()).put("returnCode", returnCode);
    }

    private String delete(Caller caller, SnapshotId id) {
        if (!snapshots.imagesOf(id).isEmpty()) {
            return SKIPPED;
        }
        try {
            snapshots.remove(caller, id);
            return "success";
        } catch (StoreException e) {
            return switch (e.fault()) {
                case FORBIDDEN -> "missing-permissions";
                case NOT_FOUND, CONFLICT, INVALID_REQUEST -> "client-error";
                default -> "internal-error";
            };
        }
    }
}
