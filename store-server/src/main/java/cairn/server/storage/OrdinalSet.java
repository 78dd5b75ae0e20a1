package cairn.server.storage;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.OptionalLong;
import java.util.function.LongConsumer;
import org.roaringbitmap.longlong.LongIterator;
import org.roaringbitmap.longlong.Roaring64Bitmap;

/**
 * A set of ordinals in compressed bitmaps: at most one bit for each item of a store, far less where whole segments are
 * in it or not. Not for several threads.
 *
 * @see <a href="https://arxiv.org/abs/1709.07821">Roaring Bitmaps: Implementation of an Optimized Software Library</a>
 */
public final class OrdinalSet {
    /** Added ones take two bytes each until they are looked at together: then a run of whatever length takes four. */
    private static final int COMPACTED_AFTER = 1 << 24;

    private final Roaring64Bitmap bits;
    private int addedSince;

    public OrdinalSet() {
        this(new Roaring64Bitmap());
    }

    private OrdinalSet(Roaring64Bitmap bits) {
        this.bits = bits;
    }

    /** Reads what {@link #write} wrote. */
    public static OrdinalSet read(DataInput in) throws IOException {
        Roaring64Bitmap bits = new Roaring64Bitmap();
        bits.deserialize(in);
        return new OrdinalSet(bits);
    }

    public void write(DataOutput out) throws IOException {
        bits.runOptimize();
        bits.serialize(out);
    }

    /** @return whether it was not there before */
    public boolean add(long ordinal) {
        if (bits.contains(ordinal)) {
            return false;
        }
        bits.addLong(ordinal);
        added(1);
        return true;
    }

    /**
     * Adds some of an array's, one by one: the bitmap's own way to add a range takes a step for each multiple of the
     * range's length to the end of its container, a millisecond for a handful of ordinals.
     *
     * @param count how many of them
     */
    public void addAll(long[] ordinals, int count) {
        for (int at = 0; at < count; at++) {
            bits.addLong(ordinals[at]);
        }
        added(count);
    }

    private void added(int count) {
        addedSince += count;
        if (addedSince >= COMPACTED_AFTER) {
            bits.runOptimize();
            addedSince = 0;
        }
    }

    public void addAll(OrdinalSet others) {
        bits.or(others.bits);
    }

    public boolean contains(long ordinal) {
        return bits.contains(ordinal);
    }

    public void remove(long ordinal) {
        bits.removeLong(ordinal);
    }

    public void removeAll(OrdinalSet others) {
        bits.andNot(others.bits);
    }

    public void clear() {
        bits.clear();
    }

    public boolean isEmpty() {
        return bits.isEmpty();
    }

    public long size() {
        return bits.getLongCardinality();
    }

    /**
     * How many ordinals of a range are in it.
     *
     * @param untilOrdinal the ordinal after the last, more than {@code from}
     */
    public long countIn(long fromOrdinal, long untilOrdinal) {
        long before = fromOrdinal == 0 ? 0 : bits.rankLong(fromOrdinal - 1);
        return bits.rankLong(untilOrdinal - 1) - before;
    }

    /** The first that is not less than an ordinal. */
    public OptionalLong firstFrom(long ordinal) {
        LongIterator ordinals = bits.getLongIteratorFrom(ordinal);
        return ordinals.hasNext() ? OptionalLong.of(ordinals.next()) : OptionalLong.empty();
    }

    /** Visits all of them, in ascending order. */
    public void forEach(LongConsumer visitor) {
        LongIterator ordinals = bits.getLongIterator();
        while (ordinals.hasNext()) {
            visitor.accept(ordinals.next());
        }
    }

    /** What it takes of the heap, about. */
    public long heldBytes() {
        return bits.getLongSizeInBytes();
    }

    /** A copy, which takes as little as may be. */
    public OrdinalSet copy() {
        Roaring64Bitmap copy = bits.clone();
        copy.runOptimize();
        return new OrdinalSet(copy);
    }
}
