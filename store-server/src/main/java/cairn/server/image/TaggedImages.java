package cairn.server.image;

import cairn.Fault;
import cairn.StoreException;
import cairn.image.ImageId;
import cairn.server.account.Access;
import cairn.server.account.Access.Right;
import cairn.server.account.Caller;
import cairn.server.storage.Catalog.Change;
import java.util.Comparator;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The tags of images, completed or not.
 *
 * @param completed those that can be launched
 * @param pending where those that are being made, or could not be made, come from
 */
public record TaggedImages(TaggedResources completed, PendingImages pending) implements TaggedResources {

    /** One that is not completed, as it was read. */
    private record Pending(Caller caller, PendingImages home, ImageInProgress image) implements Tagged {
        @Override
        public Map<String, String> tags() {
            return image.tags();
        }

        @Override
        public Optional<Change> retagging(Map<String, String> newTags) {
            return Optional.empty();
        }

        /** Also false where others have changed them meanwhile: who reads them again can try again. */
        @Override
        public boolean retag(Map<String, String> newTags) {
            try {
                return home.tag(caller, image.id(), before -> {
                    if (!before.equals(image.tags())) {
                        throw new StoreException(
                                Fault.CONFLICT, "others have changed the tags of image " + image.id() + " meanwhile");
                    }
                    return newTags;
                });
            } catch (StoreException e) {
                if (e.fault() == Fault.CONFLICT) {
                    return false;
                }
                throw e;
            }
        }
    }

    @Override
    public String idPrefix() {
        return ImageId.PREFIX;
    }

    /** Those that are not completed are asked for first: one that is completed meanwhile is found as such. */
    @Override
    public Optional<Tagged> find(Caller caller, String id) {
        Optional<ImageInProgress> unfinished = pending.find(caller, new ImageId(id));
        unfinished.ifPresent(image -> ImageRegistry.require(caller, Right.MANAGE, image, id));
        return unfinished.<Tagged>map(image -> new Pending(caller, pending, image))
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
