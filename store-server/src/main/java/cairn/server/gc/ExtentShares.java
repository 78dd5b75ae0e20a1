package cairn.server.gc;

import cairn.server.storage.SegmentStore.Extent;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * What each item takes on the disk: an equal share of what the extent takes that it lies in, for extents are given back
 * as a whole, or rewritten without the item. Not for several threads.
 */
final class ExtentShares {
    private final List<Extent> extents;
    private final long[] firstOrdinals;
    private int last;

    /** @param extents in ascending order, without overlaps */
    ExtentShares(List<Extent> extents) {
        this.extents = List.copyOf(extents);
        this.firstOrdinals = extents.stream().mapToLong(Extent::firstOrdinal).toArray();
    }

    List<Extent> extents() {
        return extents;
    }

    /** The extent in which an ordinal lies; none for what is in the segment that is open. */
    Optional<Extent> find(long ordinal) {
        int at = indexOf(ordinal);
        return at < 0 ? Optional.empty() : Optional.of(extents.get(at));
    }

    /** The index of that extent, or -1. */
    int indexOf(long ordinal) {
        if (!extents.isEmpty() && contains(last, ordinal)) {
            return last;
        }
        int found = Arrays.binarySearch(firstOrdinals, ordinal);
        int at = found >= 0 ? found : -found - 2;
        if (at < 0 || !contains(at, ordinal)) {
            return -1;
        }
        last = at;
        return at;
    }

    private boolean contains(int at, long ordinal) {
        return extents.get(at).firstOrdinal() <= ordinal && ordinal <= extents.get(at).lastOrdinal();
    }

    /** An ordinal's share. */
    double bytesOf(long ordinal) {
        int at = indexOf(ordinal);
        return at < 0 ? 0 : bytesOfItem(at);
    }

    /** The share of each item of an extent. */
    double bytesOfItem(int at) {
        return (double) extents.get(at).storedBytes() / Math.max(1, extents.get(at).items());
    }
}
