package cairn.server.storage.rocks;

import cairn.server.storage.ItemKey;
import cairn.server.storage.SegmentStore.Item;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.Slice;

/**
 * Reads a run of ordinals in order from several families at once, as they are when it is made. What is healed comes in
 * place of what lies there.
 */
final class RunReader implements AutoCloseable {
    /** An item and the family that has it; null for one that is healed. */
    record Row(Item item, Family home) {}

    private final Database.Handles handles;
    private final HealedItems healed;
    private final SettledRanges settled;
    private final Slice until;
    private final long untilOrdinal;
    private final ReadOptions options;
    private final Map<Family, RocksIterator> sources = new EnumMap<>(Family.class);
    /** All before it was read. */
    private long at;

    RunReader(
            Database.Handles handles, HealedItems healed, SettledRanges settled, Iterable<Family> homes,
            long fromOrdinal, long untilOrdinal, long aheadBytes, boolean isKeptInCache) {
        this.handles = handles;
        this.healed = healed;
        this.settled = settled;
        this.at = fromOrdinal;
        this.untilOrdinal = untilOrdinal;
        this.until = new Slice(Keys.number(untilOrdinal));
        this.options = new ReadOptions()
                .setIterateUpperBound(until)
                .setReadaheadSize(aheadBytes)
                .setFillCache(isKeptInCache);
        homes.forEach(home -> sources.put(home, handles.db().newIterator(handles.of(home), options)));
    }

    /**
     * Reads on from where it is, up to the first item that is damaged.
     *
     * @return empty only where the run holds nothing more
     * @throws RocksDBException if the very first item is damaged
     */
    List<Row> read(long bytesMax) throws RocksDBException {
        List<Row> rows = new ArrayList<>();
        sources.values().forEach(source -> source.seek(Keys.firstAt(at)));
        for (long bytes = 0; bytes < bytesMax; ) {
            Row row = next(rows.isEmpty());
            if (row == null) {
                return rows;
            }
            rows.add(row);
            bytes += row.item.packed().length;
            pass(row.item.ordinal());
        }
        return rows;
    }

    /**
     * Null at the end of the run, or before a damaged item. A source that fails does not tell where its next item is:
     * what others have can be returned as long as it certainly comes before, or lies where we are.
     */
    private Row next(boolean mustRead) throws RocksDBException {
        RocksIterator damaged = null;
        long damagedFrom = untilOrdinal;
        RocksIterator first = null;
        Family home = null;
        long ordinal = untilOrdinal;
        for (Map.Entry<Family, RocksIterator> each : sources.entrySet()) {
            RocksIterator source = each.getValue();
            if (source.isValid()) {
                long there = Keys.number(source.key());
                if (there < ordinal) {
                    ordinal = there;
                    first = source;
                    home = each.getKey();
                }
            } else if (isDamaged(source)) {
                damaged = source;
                damagedFrom = Math.min(damagedFrom, earliestOf(each.getKey()));
            }
        }
        Row row = healedBefore(Math.min(ordinal, Math.max(at, damagedFrom - 1)));
        if (row != null) {
            return row;
        }
        if (first != null && (ordinal < damagedFrom || ordinal == at)) {
            return new Row(Keys.item(first.key(), first.value()), home);
        }
        if (damaged != null && mustRead) {
            damaged.status();
        }
        return null;
    }

    /** The first ordinal from here on that a family can have. */
    private long earliestOf(Family home) {
        return home == Family.CHUNKS ? settled.nextOutside(at) : settled.nextInside(at);
    }

    private static boolean isDamaged(RocksIterator source) {
        try {
            source.status();
            return false;
        } catch (RocksDBException e) {
            return true;
        }
    }

    /** The next healed item, if it comes no later than an ordinal. */
    private Row healedBefore(long lastOrdinal) throws RocksDBException {
        Long next = healed.next(at);
        if (next == null || next > lastOrdinal || next >= untilOrdinal) {
            return null;
        }
        ItemKey key = healed.key(next);
        byte[] packed = key == null ? null : healed.read(handles, next, key);
        return packed == null ? null : new Row(new Item(next, key, packed), null);
    }

    /** Moves all sources behind an ordinal; what is damaged is tried again there. */
    private void pass(long ordinal) {
        at = ordinal + 1;
        for (RocksIterator source : sources.values()) {
            if (!source.isValid()) {
                if (isDamaged(source)) {
                    source.seek(Keys.firstAt(at));
                }
            } else {
                while (source.isValid() && Keys.number(source.key()) <= ordinal) {
                    source.next();
                }
            }
        }
    }

    @Override
    public void close() {
        sources.values().forEach(RocksIterator::close);
        options.close();
        until.close();
    }
}
