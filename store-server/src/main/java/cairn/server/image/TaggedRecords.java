package cairn.server.image;

import cairn.server.account.Access.Right;
import cairn.server.account.Access;
import cairn.server.account.Caller;
import cairn.server.storage.Catalog.Change;
import cairn.server.storage.Catalog;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.BiPredicate;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * The tags of resources each of which is a catalog record.
 *
 * @param keyPrefix what a record's key has before the id
 * @param isThere whether operations find one for a caller
 */
public record TaggedRecords<T extends Access.Owned>(
        Catalog catalog, String keyPrefix, String idPrefix, Form<T> form, BiPredicate<Caller, T> isThere)
        implements TaggedResources {
    /** How a record is read, and given other tags. */
    public record Form<T>(
            Function<Catalog.Entry, T> decode,
            Function<T, byte[]> encode,
            Function<T, Map<String, String>> tags,
            BiFunction<T, Map<String, String>, T> withTags) {}

    /** A record as it was read. */
    private record Read<T>(Catalog.Entry entry, T resource, Form<T> form) implements Tagged {
        @Override
        public Map<String, String> tags() {
            return form.tags.apply(resource);
        }

        @Override
        public Optional<Change> retagging(Map<String, String> newTags) {
            byte[] retagged = form.encode.apply(form.withTags.apply(resource, newTags));
            return Optional.of(new Change.PutIfVersion(entry.key(), entry.version(), retagged));
        }

        @Override
        public boolean retag(Map<String, String> newTags) {
            throw new IllegalStateException(entry.key() + " is a record, and retagged by a change of it");
        }
    }

    @Override
    public Optional<Tagged> find(Caller caller, String id) {
        Optional<Catalog.Entry> entry = catalog.find(keyPrefix + id);
        Optional<T> resource = entry.map(form.decode).filter(each -> isThere.test(caller, each));
        resource.ifPresent(each -> ImageRegistry.require(caller, Right.MANAGE, each, id));
        return resource.map(each -> new Read<>(entry.get(), each, form));
    }

    @Override
    public Stream<TagSet> stream(Caller caller, String after) {
        return new CatalogPages(catalog, keyPrefix).stream(after).flatMap(entry -> Stream.of(form.decode.apply(entry))
                .filter(each -> isThere.test(caller, each) && Access.may(caller, Right.MANAGE, each))
                .map(each -> new TagSet(entry.key().substring(keyPrefix.length()), form.tags.apply(each))));
    }
}
