package cairn.server;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * What was written to a disk of zeros, sector by sector, and so what may be found there after a crash. Each change has
 * a number, and what it writes to a sector is told by that number and the sector's: from a sector's bytes one sees
 * which change they are of, and that the sector is whole. For any number of threads that change sectors of their own.
 */
final class WriteHistory {
    static final int SECTOR_BYTES = 512;
    private static final Change BLANK = new Change(0, Kind.ZEROS);

    /** What has to be there after a crash. */
    enum Promise {
        /** What was done when a flush began that is done, or was done with FUA: all that outlives a loss of power. */
        FLUSHED,
        /** All that was answered, because the machine itself goes on. */
        ANSWERED
    }

    private enum Kind {
        DATA,
        ZEROS,
        /** Zeros, or what was there before: a trim is a hint. */
        PERHAPS_ZEROS
    }

    /** A change, from when it is sent on. */
    static final class Change {
        private final long number;
        private final Kind kind;
        private boolean isDone;
        private boolean isFlushed;

        private Change(long number, Kind kind) {
            this.number = number;
            this.kind = kind;
        }

        private boolean mustBeThere(Promise promise) {
            return kind != Kind.PERHAPS_ZEROS && (promise == Promise.ANSWERED ? isDone : isFlushed);
        }
    }

    /** Of each sector the changes since the last that is known to be there, in order. */
    private final Map<Long, List<Change>> sectors = new HashMap<>();
    private final List<Change> unflushed = new ArrayList<>();
    private long changes;

    synchronized Change beginData(long firstSector, int count) {
        return begin(firstSector, count, Kind.DATA);
    }

    synchronized Change beginZeros(long firstSector, int count) {
        return begin(firstSector, count, Kind.ZEROS);
    }

    synchronized Change beginTrim(long firstSector, int count) {
        return begin(firstSector, count, Kind.PERHAPS_ZEROS);
    }

    private Change begin(long firstSector, int count, Kind kind) {
        Change change = new Change(++changes, kind);
        for (long sector = firstSector; sector < firstSector + count; sector++) {
            sectors.computeIfAbsent(sector, ignored -> new ArrayList<>(List.of(BLANK))).add(change);
        }
        return change;
    }

    /** What a change of data writes. */
    static byte[] bytesOf(Change change, long firstSector, int count) {
        byte[] bytes = new byte[count * SECTOR_BYTES];
        for (int i = 0; i < count; i++) {
            fill(bytes, i * SECTOR_BYTES, firstSector + i, change);
        }
        return bytes;
    }

    private static void fill(byte[] bytes, int at, long sector, Change change) {
        if (change.kind == Kind.DATA) {
            ByteBuffer words = ByteBuffer.wrap(bytes, at, SECTOR_BYTES).putLong(sector).putLong(change.number);
            SplittableRandom random = new SplittableRandom(sector * 31 + change.number);
            while (words.hasRemaining()) {
                words.putLong(random.nextLong());
            }
        }
    }

    synchronized void done(Change change, boolean isFlushed) {
        change.isDone = true;
        change.isFlushed = isFlushed;
        if (!isFlushed) {
            unflushed.add(change);
        }
    }

    /** What a flush that begins now will cover. */
    synchronized List<Change> beginFlush() {
        List<Change> covered = List.copyOf(unflushed);
        unflushed.clear();
        return covered;
    }

    synchronized void flushed(List<Change> covered) {
        covered.forEach(change -> change.isFlushed = true);
    }

    /**
     * Compares what is found with what may be there, and from now on takes it for what was there from the beginning.
     *
     * @throws AssertionError for a sector that should not be so, with what is known of it
     */
    synchronized void check(long firstSector, byte[] found, Promise promise) {
        byte[] expected = new byte[SECTOR_BYTES];
        for (int at = 0; at < found.length; at += SECTOR_BYTES) {
            long sector = firstSector + at / SECTOR_BYTES;
            List<Change> history = sectors.getOrDefault(sector, List.of(BLANK));
            Change there = null;
            for (int i = history.size() - 1; i >= 0 && there == null; i--) {
                Change each = history.get(i);
                Arrays.fill(expected, (byte) 0);
                fill(expected, 0, sector, each);
                if (Arrays.equals(expected, 0, SECTOR_BYTES, found, at, at + SECTOR_BYTES)) {
                    there = each;
                } else if (each.mustBeThere(promise)) {
                    throw lost(sector, history, each, ByteBuffer.wrap(found, at, SECTOR_BYTES));
                }
            }
            if (there == null) {
                throw lost(sector, history, BLANK, ByteBuffer.wrap(found, at, SECTOR_BYTES));
            }
            if (sectors.containsKey(sector)) {
                sectors.put(sector, new ArrayList<>(List.of(there)));
            }
        }
    }

    private static AssertionError lost(long sector, List<Change> history, Change expected, ByteBuffer found) {
        StringBuilder all = new StringBuilder();
        history.forEach(each -> all.append(' ').append(each.number).append(':').append(each.kind)
                .append(each.isFlushed ? " flushed" : each.isDone ? " answered" : " sent"));
        return new AssertionError(String.format(
                "sector %d holds neither change %d nor a later one of%s; its first words are %016x %016x",
                sector, expected.number, all, found.getLong(), found.getLong()));
    }
}
