package cairn.server.gc;

import static java.util.Comparator.comparingDouble;

import cairn.server.storage.SegmentStore.Extent;
import java.util.ArrayList;
import java.util.List;

/**
 * What is rewritten, in its order: first extents that are dead as a whole, whose files just go; then those that give
 * back most for each byte that is written anew; then those that are packed smaller.
 *
 * @param givenBackBytes that come back, where an extent's items take their share of it each
 * @param leftBytes of dead items in extents that are not worth to be rewritten yet
 */
record Plan(List<Group> groups, long givenBackBytes, long leftBytes) {
    private static final int PERCENT = 100;
    /** Whole dead extents that go together. */
    private static final int DROPPED_MAX = 64;
    /** Stored bytes that are packed together, so that little is lost where it is broken off. */
    private static final long SETTLED_BYTES_MAX = 256L << 20;

    /**
     * Neighbours that are rewritten together.
     *
     * @param givenBackBytes of dead items
     */
    record Group(List<Extent> extents, boolean isSettling, long givenBackBytes) {
        Group {
            extents = List.copyOf(extents);
        }

        long storedBytes() {
            return extents.stream().mapToLong(Extent::storedBytes).sum();
        }
    }

    /**
     * Plans what gives space back.
     *
     * @param extents in ascending order
     * @param sharePercent the dead share from which on an extent is rewritten
     * @param settledUntil extents below this ordinal are packed smaller as they are rewritten; 0 for none
     */
    static Plan reclaiming(List<Extent> extents, Dead dead, int sharePercent, long settledUntil) {
        long[] counts = dead.countIn(extents);
        List<Group> groups = new ArrayList<>();
        List<Group> rewritten = new ArrayList<>();
        List<Extent> dropped = new ArrayList<>();
        long leftBytes = 0;
        for (int i = 0; i < counts.length; i++) {
            Extent extent = extents.get(i);
            boolean isWhole = counts[i] == extent.items() && counts[i] > 0;
            if (!dropped.isEmpty() && (!isWhole || dropped.size() == DROPPED_MAX
                    || dropped.get(0).isSettled() != extent.isSettled())) {
                groups.add(dropping(dropped));
                dropped.clear();
            }
            if (isWhole) {
                dropped.add(extent);
            } else if (counts[i] * PERCENT >= extent.items() * sharePercent && counts[i] > 0) {
                boolean isSettling = extent.isSettled() || extent.lastOrdinal() < settledUntil;
                rewritten.add(new Group(List.of(extent), isSettling, bytesOf(counts[i], extent)));
            } else {
                leftBytes += bytesOf(counts[i], extent);
            }
        }
        if (!dropped.isEmpty()) {
            groups.add(dropping(dropped));
        }
        rewritten.sort(comparingDouble(Plan::cost));
        groups.addAll(rewritten);
        return new Plan(groups, groups.stream().mapToLong(Group::givenBackBytes).sum(), leftBytes);
    }

    private static Group dropping(List<Extent> extents) {
        return new Group(
                extents, extents.get(0).isSettled(), extents.stream().mapToLong(Extent::storedBytes).sum());
    }

    /** Bytes to be written for each that comes back. */
    private static double cost(Group group) {
        return (double) (group.storedBytes() - group.givenBackBytes()) / Math.max(1, group.givenBackBytes());
    }

    /** What some of an extent's items take on the disk, about. */
    static long bytesOf(long items, Extent extent) {
        return extent.items() == 0 ? 0 : Math.round((double) extent.storedBytes() * items / extent.items());
    }

    /** Plans what is packed smaller: all below an ordinal that is not yet, neighbours together. */
    static Plan settling(List<Extent> extents, long untilOrdinal) {
        List<Group> groups = new ArrayList<>();
        List<Extent> together = new ArrayList<>();
        long bytes = 0;
        for (Extent extent : extents) {
            boolean isWanted = !extent.isSettled() && extent.lastOrdinal() < untilOrdinal;
            if (!together.isEmpty() && (!isWanted || bytes + extent.storedBytes() > SETTLED_BYTES_MAX)) {
                groups.add(new Group(together, true, 0));
                together.clear();
                bytes = 0;
            }
            if (isWanted) {
                together.add(extent);
                bytes += extent.storedBytes();
            }
        }
        if (!together.isEmpty()) {
            groups.add(new Group(together, true, 0));
        }
        return new Plan(groups, 0, 0);
    }

    long storedBytes() {
        return groups.stream().mapToLong(Group::storedBytes).sum();
    }
}
