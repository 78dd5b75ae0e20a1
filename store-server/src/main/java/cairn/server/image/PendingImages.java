package cairn.server.image;

import cairn.image.ImageId;
import cairn.server.account.Caller;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * Images that are not there yet. Whoever looks for images asks here first and the {@link ImageRegistry} then: one that
 * is completed in between is found there.
 */
public interface PendingImages {
    /** One that is not completed, if the caller may see it. */
    Optional<ImageInProgress> find(Caller caller, ImageId id);

    /** All that are not completed and that the caller may see, in the order of their ids. */
    List<ImageInProgress> listImages(Caller caller);

    /**
     * Gives one other tags, which it keeps when it is completed.
     *
     * @param change may be called more than once, where others change them too; what it throws is passed on
     * @return whether it is here
     */
    boolean tag(Caller caller, ImageId id, UnaryOperator<Map<String, String>> change);

    /**
     * Forgets one that could not be made.
     *
     * @return whether there was such a one
     * @throws cairn.StoreException CONFLICT if it is still being made
     */
    boolean forget(Caller caller, ImageId id);
}
