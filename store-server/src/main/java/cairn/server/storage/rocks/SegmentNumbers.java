package cairn.server.storage.rocks;

import static java.nio.charset.StandardCharsets.US_ASCII;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.storage.Ordinal;
import org.rocksdb.RocksIterator;

/**
 * Gives each segment a number that none had before, in this run or an earlier one, whether it was sealed or not.
 *
 * <p>Numbers are set aside a thousand at a time, with a synced write, before the first of them is given; what a run has
 * not used is skipped. One thread at a time.
 */
final class SegmentNumbers {
    private static final byte[] KEY = "segment-numbers".getBytes(US_ASCII);
    private static final int SET_ASIDE = 1000;

    private final Database database;
    private final Tuning tuning;
    private long next;
    private long setAsideUntil;

    SegmentNumbers(Database database, Tuning tuning) {
        this.database = database;
        this.tuning = tuning;
        this.next = database.read(() -> "find the next segment number", handles -> {
            byte[] stored = handles.db().get(handles.of(Family.DEFAULT), KEY);
            try (RocksIterator last = handles.db().newIterator(handles.of(Family.CHUNKS))) {
                last.seekToLast();
                // The stored number suffices; this is for a database that was put together by other means. A
                // damaged last segment is passed over.
                long afterLast = last.isValid() ? Ordinal.segment(Keys.number(last.key())) + 1 : 1;
                return Math.max(afterLast, stored == null ? 1 : Keys.number(stored));
            }
        });
        this.setAsideUntil = next;
    }

    /** The number that {@link #next} gives next. */
    long upcoming() {
        return next;
    }

    long next() {
        if (next == setAsideUntil) {
            setAside(Math.addExact(next, SET_ASIDE));
        }
        return next++;
    }

    private void setAside(long until) {
        if (until > Ordinal.SEGMENT_MAX) {
            throw new StoreException(Fault.INTERNAL, "segment numbers are used up at " + next);
        }
        database.write(() -> "set aside segment numbers until " + until, handles -> {
            handles.db().put(handles.of(Family.DEFAULT), tuning.synced, KEY, Keys.number(until));
            return null;
        });
        setAsideUntil = until;
    }
}
