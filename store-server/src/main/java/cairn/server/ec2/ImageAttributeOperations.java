package cairn.server.ec2;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import cairn.image.AccountId;
import cairn.image.BootMode;
import cairn.server.account.Access.Right;
import cairn.server.account.Sharing;
import cairn.server.image.ImageFeatures;
import cairn.server.image.ImageRegistry;
import cairn.server.image.PendingImages;
import cairn.server.image.RegisteredImage;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;

/** What can be asked and changed about a single image. */
public final class ImageAttributeOperations {
    /** Most accounts that an image is shared with by name. */
    static final int ACCOUNTS_MAX = 10_000;

    private static final String ATTRIBUTE = "Attribute";
    private static final String DESCRIPTION = "description";
    private static final String IMDS_SUPPORT = "imdsSupport";
    private static final String LAUNCH_PERMISSION = "launchPermission";
    private static final String IMDS_V2 = "v2.0";
    private static final String GROUP_ALL = "all";

    private final ImageRegistry images;
    private final AskedImages asked;

    public ImageAttributeOperations(ImageRegistry images, PendingImages pending) {
        this.images = images;
        this.asked = new AskedImages(images, pending);
    }

    public void addTo(Operations all) {
        all.add("DescribeImageAttribute", this::describe);
        all.add("ModifyImageAttribute", this::modify);
        all.add("ResetImageAttribute", this::reset);
        all.add("CancelImageLaunchPermission", this::cancelLaunchPermission);
    }

    private Effect describe(Ec2Request request) {
        String attribute = request.arguments().text(ATTRIBUTE);
        RegisteredImage image = asked.read(request, Right.MANAGE);
        if (attribute.equals("blockDeviceMapping")) {
            throw new Ec2Failure(
                    "AuthFailure", "Unauthorized attempt to access restricted resource; describe the image instead");
        }
        return () -> shown(Answer.of().put("imageId", image.id().value()), attribute, image);
    }

    private static Answer shown(Answer answer, String attribute, RegisteredImage image) {
        ImageFeatures features = image.settings().features();
        return switch (attribute) {
            case LAUNCH_PERMISSION -> answer.put(attribute, permissions(image.sharing()));
            case "productCodes" -> answer.put(attribute, List.of());
            case "kernel", "ramdisk" -> answer.put(attribute, Answer.of());
            case DESCRIPTION -> answer.put(attribute, value(Optional.of(image.description())));
            case "sriovNetSupport" -> answer.put(attribute, value(features.sriovNetSupport()));
            case "bootMode" -> answer.put(attribute, value(image.manifest().bootMode().map(BootMode::label)));
            case "tpmSupport" -> answer.put(attribute, value(features.tpmSupport()));
            case "uefiData" -> answer.put(attribute, value(features.uefiData()));
            case "lastLaunchedTime" -> answer.put(
                    attribute, value(image.settings().lastLaunchedAt().map(AnswerWriter::time)));
            case IMDS_SUPPORT -> answer.put(attribute, value(features.imdsSupport()));
            case "deregistrationProtection" -> answer.put(
                    attribute, value(Optional.of(ImageAnswers.protection(image.settings().protection()))));
            default -> throw new IllegalStateException("attribute " + attribute + " is described and not known");
        };
    }

    private static Answer value(Optional<String> text) {
        return Answer.of().put("value", text.filter(each -> !each.isEmpty()));
    }

    private static List<Answer> permissions(Sharing sharing) {
        List<Answer> permissions = new ArrayList<>();
        if (sharing.isPublic()) {
            permissions.add(Answer.of().put("group", GROUP_ALL));
        }
        sharing.accounts().stream()
                .sorted(Comparator.comparing(AccountId::value))
                .forEach(each -> permissions.add(Answer.of().put("userId", each.value())));
        return permissions;
    }

    private Effect modify(Ec2Request request) {
        Arguments arguments = request.arguments();
        RegisteredImage image = asked.read(request, Right.MANAGE);
        UnaryOperator<RegisteredImage> change = switch (attribute(arguments)) {
            case DESCRIPTION -> describing(text(arguments, "Description"));
            case IMDS_SUPPORT -> requiringImdsV2(text(arguments, "ImdsSupport"));
            case LAUNCH_PERMISSION -> sharing(arguments);
            default -> throw new IllegalStateException("an attribute that is checked and not known");
        };
        requireMayBecome(image, change.apply(image));
        return () -> {
            images.change(request.caller(), image.id(), change);
            return Answer.of();
        };
    }

    /** The one attribute that a request is about: named by a parameter of its own, or as the value of Attribute. */
    private static String attribute(Arguments arguments) {
        Set<String> attributes = new HashSet<>();
        arguments.findText(ATTRIBUTE).ifPresent(attributes::add);
        if (arguments.has("Description")) {
            attributes.add(DESCRIPTION);
        }
        if (arguments.has("ImdsSupport")) {
            attributes.add(IMDS_SUPPORT);
        }
        boolean hasPermissions = arguments.has("LaunchPermission")
                || arguments.has("OperationType")
                || arguments.has("UserId")
                || arguments.has("UserGroup");
        if (hasPermissions) {
            attributes.add(LAUNCH_PERMISSION);
        }
        if (attributes.isEmpty()) {
            throw Ec2Failure.missing(ATTRIBUTE);
        }
        if (attributes.size() > 1) {
            throw new Ec2Failure("InvalidParameterCombination", "Fields for multiple attribute types specified");
        }
        String attribute = attributes.iterator().next();
        if (!Set.of(DESCRIPTION, IMDS_SUPPORT, LAUNCH_PERMISSION).contains(attribute)) {
            throw Ec2Failure.invalidValue(
                    ATTRIBUTE, attribute, "Expected one of: description, imdsSupport, launchPermission");
        }
        if (attribute.equals(LAUNCH_PERMISSION) && arguments.has("Value")) {
            throw new Ec2Failure("InvalidParameterCombination", "The parameter Value is no launch permission");
        }
        return attribute;
    }

    private static String text(Arguments arguments, String structure) {
        Optional<String> own = arguments.findStructure(structure).flatMap(each -> each.findText("Value"));
        if (own.isPresent() && arguments.has("Value")) {
            throw new Ec2Failure(
                    "InvalidParameterCombination",
                    "The parameter Value cannot be used with the parameter " + structure + ".Value");
        }
        return own.orElseGet(() -> arguments.text("Value"));
    }

    private static UnaryOperator<RegisteredImage> describing(String description) {
        return image -> image.with(image.settings().withDescription(description));
    }

    private static UnaryOperator<RegisteredImage> requiringImdsV2(String version) {
        if (!version.equals(IMDS_V2)) {
            throw Ec2Failure.invalidValue("ImdsSupport", version, "Expected " + IMDS_V2);
        }
        return image -> image.with(
                image.settings().with(image.settings().features().withImdsSupport(Optional.of(version))));
    }

    /** Whom to add and whom to remove: all of it is checked before anything changes. */
    private static UnaryOperator<RegisteredImage> sharing(Arguments arguments) {
        Permissions added = new Permissions();
        Permissions removed = new Permissions();
        arguments.findStructure("LaunchPermission").ifPresent(permission -> {
            permission.structures("Add").forEach(added::take);
            permission.structures("Remove").forEach(removed::take);
        });
        boolean isOldForm = arguments.has("UserId") || arguments.has("UserGroup");
        if (isOldForm) {
            Permissions named = arguments.text("OperationType").equals("add") ? added : removed;
            arguments.texts("UserId").forEach(named::takeUser);
            arguments.texts("UserGroup").forEach(named::takeGroup);
        }
        if (added.isEmpty() && removed.isEmpty()) {
            throw new Ec2Failure("MissingParameter", "The request names nobody to add or to remove");
        }
        return image -> image.with(added.and(image.sharing(), removed));
    }

    /** Some accounts, perhaps everybody. */
    private static final class Permissions {
        private final Set<AccountId> accounts = new HashSet<>();
        private boolean isPublic;

        void take(Arguments item) {
            if (item.has("UserId") == item.has("Group")) {
                throw new Ec2Failure("InvalidParameterCombination", "A permission names a UserId or a Group");
            }
            item.findText("UserId").ifPresent(this::takeUser);
            item.findText("Group").ifPresent(this::takeGroup);
        }

        void takeUser(String text) {
            try {
                accounts.add(new AccountId(text));
            } catch (StoreException e) {
                throw invalidItem(text, "userId");
            }
        }

        void takeGroup(String text) {
            if (!text.equals(GROUP_ALL)) {
                throw invalidItem(text, "userGroup");
            }
            isPublic = true;
        }

        boolean isEmpty() {
            return !isPublic && accounts.isEmpty();
        }

        /** These besides those that there are, without those that are removed. */
        Sharing and(Sharing before, Permissions removed) {
            Set<AccountId> after = new HashSet<>(before.accounts());
            after.addAll(accounts);
            after.removeAll(removed.accounts);
            if (after.size() > ACCOUNTS_MAX) {
                throw new Ec2Failure(
                        "ResourceLimitExceeded",
                        "An image is shared with at most " + ACCOUNTS_MAX + " accounts by name");
            }
            return new Sharing((before.isPublic() || isPublic) && !removed.isPublic, after);
        }

        private static Ec2Failure invalidItem(String text, String kind) {
            return new Ec2Failure(
                    "InvalidAMIAttributeItemValue",
                    "Invalid attribute item value \"" + Text.shown(text) + "\" for " + kind + " item type.");
        }
    }

    /** Says by EC2's codes what the registry would refuse. */
    private void requireMayBecome(RegisteredImage before, RegisteredImage after) {
        if (after.settings().isDisabled() && !after.sharing().equals(before.sharing())) {
            throw new Ec2Failure(
                    "InvalidAMIID.Unavailable", "The image ID '" + after.id() + "' is disabled, and cannot be shared");
        }
        boolean becomesPublic = after.sharing().isPublic() && !before.sharing().isPublic();
        if (becomesPublic && images.hasEncryptedSnapshot(after)) {
            throw new Ec2Failure(
                    "OperationNotPermitted",
                    "Image " + after.id() + " has an encrypted snapshot and cannot be shared with all");
        }
        if (becomesPublic && images.blocksPublicImages(after)) {
            throw new Ec2Failure(
                    "OperationNotPermitted",
                    "You can't publicly share this image because block public access is enabled for images in this"
                            + " region.");
        }
    }

    private Effect reset(Ec2Request request) {
        RegisteredImage image = asked.read(request, Right.MANAGE);
        return () -> {
            images.change(request.caller(), image.id(), each -> each.with(Sharing.NONE));
            return Answer.of();
        };
    }

    private Effect cancelLaunchPermission(Ec2Request request) {
        RegisteredImage image = asked.read(request, Right.SEE);
        if (!image.sharing().accounts().contains(request.caller().account())) {
            throw notShared(image);
        }
        return () -> {
            try {
                images.leave(request.caller(), image.id());
            } catch (StoreException e) {
                throw e.fault() == Fault.CONFLICT ? notShared(image) : e;
            }
            return Answer.of().put("return", true);
        };
    }

    private static Ec2Failure notShared(RegisteredImage image) {
        return new Ec2Failure(
                "OperationNotPermitted", "The image '" + image.id() + "' is not shared with your account by name");
    }
}
