package cairn.server.image;

import cairn.server.account.Caller;
import cairn.server.storage.Catalog.Change;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** Resources of one kind, as far as their tags go. Tags are the owner's: nobody else sees or sets them. */
public interface TaggedResources {
    /** What the ids of these resources begin with, the hyphen included. */
    String idPrefix();

    /**
     * One that the caller may tag; nothing if there is none that the caller may see.
     *
     * @throws cairn.StoreException FORBIDDEN for what the caller may see, and not tag
     */
    Optional<Tagged> find(Caller caller, String id);

    /**
     * Those whose tags the caller may see, in the order of their ids.
     *
     * @param after only ids after this; may be empty
     */
    Stream<TagSet> stream(Caller caller, String after);

    /** The tags of one resource as they were read. */
    record TagSet(String resource, Map<String, String> tags) {}

    /** A resource whose tags may be changed. */
    interface Tagged {
        Map<String, String> tags();

        /** What gives it other tags, on the condition that nobody changes it meanwhile; nothing if it is no record. */
        Optional<Change> retagging(Map<String, String> newTags);

        /** Gives other tags to what is no record. @return false: find it again, it may be gone */
        boolean retag(Map<String, String> newTags);
    }
}
