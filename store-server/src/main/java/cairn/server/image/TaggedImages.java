package cairn.server.image;

import cairn.image.ImageId;
import cairn.server.account.Access;
import cairn.server.account.Access.Right;
import cairn.server.account.Caller;
import java.util.Comparator;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The tags of images, completed or not.
 *
 * @param completed those that can be launched
 * @param pending where those that are being made, or could not be made, come from
 */
public record TaggedImages(TaggedResources completed, PendingImages pending) implements TaggedResources {
    @Override
    public String idPrefix() {
        return ImageId.PREFIX;
    }

    /** Those that are not completed are asked for first: one that is completed meanwhile is found as such. */
    @Override
    public Optional<Tagged> find(Caller caller, String id) {
        Optional<ImageInProgress> unfinished = pending.find(caller, new ImageId(id));
        unfinished.ifPresent(image -> ImageRegistry.require(caller, Right.MANAGE, image, id));
        return unfinished.<Tagged>map(image -> new TaggedUnfinished(
                        id, image.tags(), change -> pending.tag(caller, image.id(), change)))
                .or(() -> completed.find(caller, id));
    }

    @Override
    public Stream<TagSet> stream(Caller caller, String after) {
        Stream<TagSet> unfinished = pending.listImages(caller).stream()
                .filter(image -> image.id().value().compareTo(after) > 0)
                .filter(image -> Access.may(caller, Right.MANAGE, image))
                .map(image -> new TagSet(image.id().value(), image.tags()));
        return Merged.of(unfinished, completed.stream(caller, after), Comparator.comparing(TagSet::resource));
    }
}
