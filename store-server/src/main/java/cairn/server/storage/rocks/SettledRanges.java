package cairn.server.storage.rocks;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Which ordinals lie in files that were rewritten, so that reading looks there first. Unchangeable. */
final class SettledRanges {
    static final SettledRanges NONE = new SettledRanges(List.of());

    /** In ascending order, none overlapping another. */
    private final long[] firsts;
    private final long[] lasts;

    /** @param files in the order of their first ordinals */
    SettledRanges(List<ItemFile> files) {
        List<Ordinals> ranges = new ArrayList<>();
        for (ItemFile file : files) {
            Ordinals before = ranges.isEmpty() ? null : ranges.get(ranges.size() - 1);
            if (before != null && file.ordinals().first() <= before.last()) {
                ranges.set(ranges.size() - 1, before.and(file.ordinals()));
            } else {
                ranges.add(file.ordinals());
            }
        }
        firsts = ranges.stream().mapToLong(Ordinals::first).toArray();
        lasts = ranges.stream().mapToLong(Ordinals::last).toArray();
    }

    boolean contains(long ordinal) {
        int at = lastFrom(ordinal);
        return at >= 0 && ordinal <= lasts[at];
    }

    /** Whether one range has all of these, so that none lies anywhere else. */
    boolean contains(Ordinals ordinals) {
        int at = lastFrom(ordinals.first());
        return at >= 0 && ordinals.last() <= lasts[at];
    }

    boolean overlaps(Ordinals ordinals) {
        int at = lastFrom(ordinals.last());
        return at >= 0 && ordinals.first() <= lasts[at];
    }

    /** An ordinal, or the first behind the range that it lies in. */
    long nextOutside(long ordinal) {
        int at = lastFrom(ordinal);
        return at >= 0 && ordinal <= lasts[at] ? lasts[at] + 1 : ordinal;
    }

    /** An ordinal that lies in a range, or the first of the next; {@link Long#MAX_VALUE} where there is none. */
    long nextInside(long ordinal) {
        int at = lastFrom(ordinal);
        if (at >= 0 && ordinal <= lasts[at]) {
            return ordinal;
        }
        return at + 1 < firsts.length ? firsts[at + 1] : Long.MAX_VALUE;
    }

    /** The last range that begins at this ordinal or before; -1 if none does. */
    private int lastFrom(long ordinal) {
        int at = Arrays.binarySearch(firsts, ordinal);
        return at >= 0 ? at : -at - 2;
    }
}
