package cairn.server.ec2;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * The filters of one operation, over what it lists: all of those that came must hold, each for one of its values.
 *
 * @param <T> what is listed
 */
public final class Filters<T> {
    private static final String TAG_PREFIX = "tag:";
    private static final String TAG_KEY = "tag-key";

    private final Map<String, Function<T, Stream<String>>> values;
    private final Function<T, Map<String, String>> tags;

    /** @param tags null for what has none */
    Filters(
            OperationDescription operation,
            Map<String, Function<T, Stream<String>>> values,
            Function<T, Map<String, String>> tags) {
        this.values = Map.copyOf(values);
        this.tags = tags;
        Set<String> described = new HashSet<>(operation.filters());
        if (tags != null) {
            described.removeAll(Set.of(TAG_KEY, OperationDescription.TAG_FILTER));
        }
        if (!described.equals(values.keySet())) {
            throw new IllegalStateException(
                    operation.name() + " filters by " + values.keySet() + ", described are " + described);
        }
    }

    /** What passes the filters of a request. */
    public Predicate<T> of(Ec2Request request) {
        Predicate<T> all = each -> true;
        for (Map.Entry<String, List<String>> filter : request.arguments().filters().entrySet()) {
            Function<T, Stream<String>> compared = compared(filter.getKey());
            List<Wildcard> wanted = filter.getValue().stream().map(Wildcard::new).toList();
            all = all.and(each -> compared.apply(each)
                    .anyMatch(value -> wanted.stream().anyMatch(pattern -> pattern.matches(value))));
        }
        return all;
    }

    private Function<T, Stream<String>> compared(String filter) {
        if (tags != null && filter.equals(TAG_KEY)) {
            return each -> tags.apply(each).keySet().stream();
        }
        if (tags != null && filter.startsWith(TAG_PREFIX)) {
            String key = filter.substring(TAG_PREFIX.length());
            return each -> Stream.ofNullable(tags.apply(each).get(key));
        }
        return values.get(filter);
    }
}
