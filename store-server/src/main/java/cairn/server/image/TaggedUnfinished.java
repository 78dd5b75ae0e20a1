package cairn.server.image;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.storage.Catalog.Change;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/**
 * The tags of an image or a snapshot that is not completed, as they were read.
 *
 * @param tagging changes them where it is kept; false if it is there no more
 */
record TaggedUnfinished(
        String resource, Map<String, String> tags, Predicate<UnaryOperator<Map<String, String>>> tagging)
        implements TaggedResources.Tagged {
    @Override
    public Optional<Change> retagging(Map<String, String> newTags) {
        return Optional.empty();
    }

    /** Also false where others have changed them meanwhile: who reads them again can try again. */
    @Override
    public boolean retag(Map<String, String> newTags) {
        try {
            return tagging.test(before -> {
                if (!before.equals(tags)) {
                    throw new StoreException(
                            Fault.CONFLICT, "others have changed the tags of " + resource + " meanwhile");
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
