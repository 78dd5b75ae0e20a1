package cairn.server.api;

import cairn.api.Api;
import cairn.api.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/** As much of a list as one answer holds. @param next the id that the next list comes after; null at the end */
record ListPage<M>(List<M> items, String next) {
    /** Most items in one answer. */
    static final int ITEMS_MAX = 1000;
    /** Descriptions and tags can make an item long; what is behind this comes with the next list. */
    private static final int BYTES_MAX = Api.JSON_BYTES_MAX / 2;

    /** @param some in the order of their ids; if there are {@link #ITEMS_MAX} of them there may be more */
    static <T, M> ListPage<M> of(List<T> some, Function<T, M> message, Function<M, String> id) {
        List<M> items = new ArrayList<>();
        long bytes = 0;
        for (T each : some) {
            items.add(message.apply(each));
            bytes += Json.encode(items.get(items.size() - 1)).length;
            if (bytes > BYTES_MAX) {
                break;
            }
        }
        boolean isLast = some.size() < ITEMS_MAX && items.size() == some.size();
        return new ListPage<>(items, isLast ? null : id.apply(items.get(items.size() - 1)));
    }
}
