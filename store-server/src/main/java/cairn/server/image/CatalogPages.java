package cairn.server.image;

import cairn.server.storage.Catalog;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** Reads all records of one kind, so many at a time. @param prefix what their keys begin with, before the id */
public record CatalogPages(Catalog catalog, String prefix) {
    private static final int ENTRIES = 1000;

    /** What passes a filter, in the order of the ids. @param after only ids after this one; may be empty */
    public <T> List<T> list(String after, int itemsMax, Function<Catalog.Entry, T> decode, Predicate<T> filter) {
        List<T> items = new ArrayList<>();
        String last = prefix + after;
        while (items.size() < itemsMax) {
            List<Catalog.Entry> some = catalog.list(prefix, last, Math.min(itemsMax, ENTRIES));
            if (some.isEmpty()) {
                break;
            }
            some.stream().map(decode).filter(filter).limit(itemsMax - items.size()).forEach(items::add);
            last = some.get(some.size() - 1).key();
        }
        return items;
    }

    /** All records, in the order of the ids, read as they are wanted. @param after as in {@link #list} */
    Stream<Catalog.Entry> stream(String after) {
        return Stream.iterate(
                        catalog.list(prefix, prefix + after, ENTRIES),
                        some -> !some.isEmpty(),
                        some -> catalog.list(prefix, some.get(some.size() - 1).key(), ENTRIES))
                .flatMap(List::stream);
    }

    public void forEach(Consumer<Catalog.Entry> visitor) {
        String last = "";
        List<Catalog.Entry> some;
        do {
            some = catalog.list(prefix, last, ENTRIES);
            some.forEach(visitor);
            last = some.isEmpty() ? last : some.get(some.size() - 1).key();
        } while (!some.isEmpty());
    }
}
