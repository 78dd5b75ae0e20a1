package cairn.server.ec2;

import java.util.List;

/**
 * All that is said about one operation; package-info tells how it is written.
 *
 * @param about one sentence
 * @param remark how it differs, or why it is refused
 * @param filters that it has, in the order of the documentation; empty if none
 */
record OperationDescription(
        String name,
        String area,
        String about,
        Completeness completeness,
        String remark,
        Parameters parameters,
        List<String> filters,
        Shape answer) {
    /** A filter on a tag's value; what is behind the colon is the tag's key. */
    static final String TAG_FILTER = "tag:KEY";

    private static final String TAG_PREFIX = "tag:";

    /** How much of EC2's operation there is. */
    enum Completeness {
        COMPLETE,
        DIFFERS,
        REFUSED
    }

    OperationDescription {
        filters = List.copyOf(filters);
    }

    boolean hasFilter(String filter) {
        return filters.contains(filter)
                || filter.length() > TAG_PREFIX.length() && filter.startsWith(TAG_PREFIX) && filters.contains(TAG_FILTER);
    }
}
