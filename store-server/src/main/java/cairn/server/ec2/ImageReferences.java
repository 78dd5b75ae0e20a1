package cairn.server.ec2;

import cairn.image.ImageId;
import cairn.server.account.Access.Right;
import cairn.server.account.Caller;
import cairn.server.image.ImageRegistry;
import cairn.server.image.PendingImages;
import cairn.server.instance.Instance;
import cairn.server.instance.InstanceRegistry;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/** Finds who uses images. */
public final class ImageReferences {
    private static final String INSTANCE = "ec2:Instance";

    private final InstanceRegistry instances;
    private final Pages pages;
    private final AskedImages asked;

    public ImageReferences(ImageRegistry images, PendingImages pending, InstanceRegistry instances, Pages pages) {
        this.instances = instances;
        this.pages = pages;
        this.asked = new AskedImages(images, pending);
    }

    public void addTo(Operations all) {
        all.add("DescribeImageReferences", this::describe);
    }

    private Effect describe(Ec2Request request) {
        Arguments arguments = request.arguments();
        Caller caller = request.caller();
        Set<ImageId> images = new HashSet<>();
        arguments.texts(AskedImages.IMAGE_ID).forEach(id -> images.add(asked.read(caller, Right.SEE, id).id()));
        Optional<Set<String>> states = states(arguments);
        Stream<Instance> users = states.isEmpty() ? Stream.of() : instances.list(caller).stream();
        return () -> {
            Pages.Page page = pages.page(
                    request,
                    users.filter(each -> images.contains(each.launch().image()))
                            .filter(each -> states.get().isEmpty() || states.get().contains(each.state().label())),
                    each -> each.id().value(),
                    ImageReferences::shown);
            return Answer.of().put("imageReferenceSet", page.items()).put("nextToken", page.nextToken());
        };
    }

    /** In which states instances are asked for: none named means any. @return empty where none are asked for */
    private static Optional<Set<String>> states(Arguments arguments) {
        boolean isAll = arguments.flag("IncludeAllResourceTypes", false);
        List<Arguments> kinds = arguments.structures("ResourceType");
        if (!isAll && kinds.isEmpty()) {
            throw Ec2Failure.missing("ResourceType");
        }
        List<Arguments> ofInstances =
                kinds.stream().filter(each -> each.text("ResourceType").equals(INSTANCE)).toList();
        if (!isAll && ofInstances.isEmpty()) {
            return Optional.empty();
        }
        Set<String> states = new HashSet<>();
        for (Arguments kind : ofInstances) {
            for (Arguments option : kind.structures("ResourceTypeOption")) {
                if (!option.findText("OptionName").equals(Optional.of("state-name"))) {
                    throw new Ec2Failure(
                            "InvalidParameterCombination", "Instances have no such option: only state-name is one");
                }
                states.addAll(option.texts("OptionValue"));
            }
        }
        return Optional.of(states);
    }

    private static Answer shown(Instance instance) {
        return Answer.of()
                .put("imageId", instance.launch().image().value())
                .put("resourceType", INSTANCE)
                .put(
                        "arn",
                        "arn:aws:ec2:" + instance.region() + ':' + instance.owner() + ":instance/" + instance.id());
    }
}
