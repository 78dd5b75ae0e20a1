package cairn.server.ec2;

import static java.util.Map.entry;

import cairn.Text;
import cairn.image.AccountId;
import cairn.image.BootMode;
import cairn.image.ImageId;
import cairn.image.ImageManifest.BlockDevice;
import cairn.image.SnapshotId;
import cairn.server.account.Access;
import cairn.server.account.Access.Right;
import cairn.server.account.Caller;
import cairn.server.image.ImageDevice;
import cairn.server.image.ImageInProgress;
import cairn.server.image.ImageRegistry;
import cairn.server.image.PendingImages;
import cairn.server.image.RegisteredImage;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** Finds images. */
public final class ImageListing {
    private static final String OPERATION = "DescribeImages";
    private static final String SELF = "self";
    private static final String ALL = "all";
    /** Whose images EC2 knows by a name. None of them is here. */
    private static final Set<String> OWNER_ALIASES = Set.of("amazon", "aws-marketplace", "aws-backup-vault");
    private static final int IMAGES_AT_ONCE = 500;

    private final ImageRegistry images;
    private final PendingImages pending;
    private final Pages pages;
    private final Clock clock;

    public ImageListing(ImageRegistry images, PendingImages pending, Pages pages, Clock clock) {
        this.images = images;
        this.pending = pending;
        this.pages = pages;
        this.clock = clock;
    }

    public void addTo(Operations all) {
        Filters<ImageAnswers> filters = all.filters(OPERATION, filterValues(), ImageAnswers::tags);
        all.add(OPERATION, request -> describe(request, filters));
    }

    private static Map<String, Function<ImageAnswers, Stream<String>>> filterValues() {
        return Map.ofEntries(
                entry("architecture", each -> Stream.of(each.image().manifest().architecture().label())),
                entry("block-device-mapping.delete-on-termination",
                        ofVolumes(device -> Optional.of(device.settings().deletesOnTermination()))),
                entry("block-device-mapping.device-name",
                        each -> each.image().devices().stream().map(ImageDevice::name)),
                entry("block-device-mapping.encrypted",
                        ofVolumes(device -> Optional.of(device.settings().isEncrypted()))),
                entry("block-device-mapping.snapshot-id",
                        ofVolumes(device -> device.content().map(BlockDevice::snapshot).map(SnapshotId::value))),
                entry("block-device-mapping.volume-size", ofVolumes(ImageDevice::volumeGib)),
                entry("block-device-mapping.volume-type", ofVolumes(device -> Optional.of(device.settings().type()))),
                entry("boot-mode", each -> each.image().manifest().bootMode().map(BootMode::label).stream()),
                entry("creation-date", each -> Stream.of(AnswerWriter.time(each.image().manifest().createdAt()))),
                entry("description", each -> Stream.of(each.image().description())),
                entry("ena-support", each -> Stream.of("" + each.image().settings().features().hasEna())),
                entry("free-tier-eligible", each -> Stream.of("false")),
                entry("hypervisor", each -> Stream.of(ImageAnswers.HYPERVISOR)),
                entry("image-allowed", each -> Stream.of("true")),
                entry("image-id", each -> Stream.of(each.image().id().value())),
                entry("image-type", each -> Stream.of(ImageAnswers.MACHINE)),
                entry("is-public", each -> Stream.of("" + each.image().sharing().isPublic())),
                entry("kernel-id", each -> Stream.empty()),
                entry("manifest-location", each -> Stream.of(each.location())),
                entry("name", each -> Stream.of(each.image().manifest().name().value())),
                entry("owner-alias", each -> Stream.empty()),
                entry("owner-id", each -> Stream.of(each.image().owner().value())),
                entry("platform", each -> Stream.empty()),
                entry("product-code", each -> Stream.empty()),
                entry("product-code.type", each -> Stream.empty()),
                entry("ramdisk-id", each -> Stream.empty()),
                entry("root-device-name", each -> Stream.of(each.image().manifest().rootDevice())),
                entry("root-device-type", each -> Stream.of(ImageAnswers.EBS)),
                entry("source-image-id", each -> each.source().stream()),
                entry("source-image-region", each -> each.sourceRegion().stream()),
                entry("source-instance-id", each -> each.sourceInstance().stream()),
                entry("sriov-net-support", each -> each.image().settings().features().sriovNetSupport().stream()),
                entry("state", each -> Stream.of(each.state())),
                entry("state-reason-code", each -> each.failure().stream().map(why -> ImageAnswers.FAILURE)),
                entry("state-reason-message", each -> each.failure().stream()),
                entry("virtualization-type", each -> Stream.of(ImageAnswers.HVM)));
    }

    private static Function<ImageAnswers, Stream<String>> ofVolumes(Function<ImageDevice, Optional<?>> value) {
        return each -> each.image().devices().stream()
                .filter(device -> device.settings().virtualName().isEmpty())
                .flatMap(device -> value.apply(device).stream())
                .map(Object::toString);
    }

    private Effect describe(Ec2Request request, Filters<ImageAnswers> filters) {
        Arguments arguments = request.arguments();
        Predicate<ImageAnswers> wanted = owned(request.caller(), arguments.texts("Owner"))
                .and(executable(request.caller(), arguments.texts("ExecutableBy")))
                .and(shownBesides(arguments))
                .and(filters.of(request));
        List<String> ids = arguments.texts(AskedImages.IMAGE_ID);
        String after = pages.after(request);
        Stream<ImageAnswers> found = ids.isEmpty() ? all(request.caller(), after) : named(request.caller(), ids);
        return () -> {
            Pages.Page page = pages.page(
                    request, found.filter(wanted), each -> each.image().id().value(), ImageAnswers::shown);
            return Answer.of().put("imagesSet", page.items()).put("nextToken", page.nextToken());
        };
    }

    /** All that the caller may see, read from the registry as the page asks for them. */
    private Stream<ImageAnswers> all(Caller caller, String after) {
        Deque<ImageAnswers> waiting = new ArrayDeque<>(
                pending.listImages(caller).stream().map(each -> seen(caller, each)).toList());
        Stream<ImageAnswers> made = made(caller, after).flatMap(image -> behind(waiting, image));
        return Stream.concat(made, Stream.of(waiting).flatMap(Collection::stream));
    }

    /** An image, behind those that are not there yet and whose ids come before its. */
    private static Stream<ImageAnswers> behind(Deque<ImageAnswers> waiting, ImageAnswers image) {
        List<ImageAnswers> all = new ArrayList<>();
        String id = image.image().id().value();
        while (!waiting.isEmpty() && waiting.peek().image().id().value().compareTo(id) <= 0) {
            ImageAnswers next = waiting.poll();
            // Completed since it was listed.
            if (!next.image().id().value().equals(id)) {
                all.add(next);
            }
        }
        all.add(image);
        return all.stream();
    }

    private Stream<ImageAnswers> made(Caller caller, String after) {
        return Stream.iterate(
                        images.list(caller, after, IMAGES_AT_ONCE),
                        some -> !some.isEmpty(),
                        some -> images.list(caller, some.get(some.size() - 1).id().value(), IMAGES_AT_ONCE))
                .flatMap(List::stream)
                .map(image -> seen(caller, image));
    }

    /** @throws Ec2Failure InvalidAMIID.NotFound, unless they were there lately */
    private Stream<ImageAnswers> named(Caller caller, List<String> ids) {
        List<ImageAnswers> found = new ArrayList<>();
        List<String> missing = new ArrayList<>();
        for (String text : new TreeSet<>(ids)) {
            Optional<ImageId> id = findId(text);
            Optional<ImageAnswers> image = id.flatMap(each -> find(caller, each));
            image.ifPresent(found::add);
            if (image.isEmpty() && id.filter(each -> images.wasLatelyThere(caller, each)).isEmpty()) {
                missing.add(text);
            }
        }
        if (!missing.isEmpty()) {
            throw ResourceKind.IMAGE.notFound(missing);
        }
        return found.stream();
    }

    /** Looked for where it is not there yet, first: one that is completed meanwhile is then found. */
    private Optional<ImageAnswers> find(Caller caller, ImageId id) {
        return pending.find(caller, id)
                .map(each -> seen(caller, each))
                .or(() -> images.find(caller, id).map(each -> seen(caller, each)));
    }

    private ImageAnswers seen(Caller caller, ImageInProgress image) {
        return new ImageAnswers(images.foreseen(image), Access.may(caller, Right.MANAGE, image), Optional.of(image));
    }

    /** AWS took 8 digits once: such an id is well-formed, and nobody's here. */
    private static Optional<ImageId> findId(String text) {
        return text.length() == ImageId.PREFIX.length() + 8 ? Optional.empty() : Optional.of(new ImageId(text));
    }

    private static ImageAnswers seen(Caller caller, RegisteredImage image) {
        return new ImageAnswers(image, Access.may(caller, Right.MANAGE, image));
    }

    private static Predicate<ImageAnswers> owned(Caller caller, List<String> owners) {
        Set<String> ids = new TreeSet<>();
        for (String owner : owners) {
            if (owner.equals(SELF)) {
                ids.add(caller.account().value());
            } else if (isAccount(owner)) {
                ids.add(owner);
            } else if (!OWNER_ALIASES.contains(owner)) {
                throw invalidUser(owner);
            }
        }
        return each -> owners.isEmpty() || ids.contains(each.image().owner().value());
    }

    /** Those that everybody may launch, or that are shared with an account by name, as far as the caller may know. */
    private static Predicate<ImageAnswers> executable(Caller caller, List<String> users) {
        boolean isAll = users.contains(ALL);
        Set<AccountId> accounts = new HashSet<>();
        for (String user : users) {
            if (user.equals(SELF)) {
                accounts.add(caller.account());
            } else if (isAccount(user)) {
                accounts.add(new AccountId(user));
            } else if (!user.equals(ALL)) {
                throw invalidUser(user);
            }
        }
        return each -> users.isEmpty()
                || isAll && each.image().sharing().isPublic()
                || accounts.stream()
                        .filter(account -> each.isOwn() || account.equals(caller.account()))
                        .anyMatch(each.image().sharing().accounts()::contains);
    }

    private static boolean isAccount(String text) {
        return text.matches("[0-9]{12}");
    }

    private static Ec2Failure invalidUser(String text) {
        return new Ec2Failure("InvalidUserID.Malformed", "Invalid user id: \"" + Text.shown(text) + '"');
    }

    private Predicate<ImageAnswers> shownBesides(Arguments arguments) {
        Instant now = clock.instant();
        boolean withDeprecated = arguments.flag("IncludeDeprecated", false);
        boolean withDisabled = arguments.flag("IncludeDisabled", false);
        return each -> (withDeprecated || each.isOwn() || !each.image().isDeprecated(now))
                && (withDisabled || !each.image().settings().isDisabled());
    }
}
