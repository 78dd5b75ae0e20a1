package cairn.server.gc;

import cairn.server.storage.OrdinalSet;
import cairn.server.storage.SegmentStore.Extent;
import java.util.List;

/**
 * Items that nothing needs: all whose ordinals are below a bound, and not among those that are kept.
 *
 * @param untilOrdinal the bound
 * @param kept changed by who made this alone
 */
record Dead(long untilOrdinal, OrdinalSet kept) {
    static Dead none() {
        return new Dead(0, new OrdinalSet());
    }

    boolean has(long ordinal) {
        return ordinal < untilOrdinal && !kept.contains(ordinal);
    }

    /** One that does not change with this. */
    Dead copy() {
        return new Dead(untilOrdinal, kept.copy());
    }

    /**
     * How many items of each extent are dead. One that reaches over the bound has none.
     *
     * @param extents in ascending order
     */
    long[] countIn(List<Extent> extents) {
        long[] counts = countIn(kept, extents);
        for (int i = 0; i < counts.length; i++) {
            Extent extent = extents.get(i);
            counts[i] = extent.lastOrdinal() < untilOrdinal ? Math.max(0, extent.items() - counts[i]) : 0;
        }
        return counts;
    }

    /** How many ordinals of a set lie in each extent. @param extents in ascending order */
    static long[] countIn(OrdinalSet set, List<Extent> extents) {
        long[] counts = new long[extents.size()];
        int[] at = {0};
        set.forEach(ordinal -> {
            while (at[0] < counts.length && extents.get(at[0]).lastOrdinal() < ordinal) {
                at[0]++;
            }
            if (at[0] < counts.length && extents.get(at[0]).firstOrdinal() <= ordinal) {
                counts[at[0]]++;
            }
        });
        return counts;
    }
}
