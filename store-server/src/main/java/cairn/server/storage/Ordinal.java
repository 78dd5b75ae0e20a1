package cairn.server.storage;

/**
 * An item's place as one ascending number: its segment's number, then its slot there.
 *
 * <pre>
 *   bits     size  field
 *   63          1  0: an ordinal is never negative, so that numbers and stored bytes have one order
 *   62..24     39  segment number, from 1 on; never given twice, whatever becomes of the segment
 *   23..0      24  slot, from 0 on, in the order in which items were appended
 * </pre>
 * Stored as 8 bytes, big-endian.
 */
public final class Ordinal {
    public static final int SLOT_BITS = 24;
    /** How many items one segment can hold. */
    public static final int SLOTS_MAX = 1 << SLOT_BITS;
    /** The last segment number: at one segment a millisecond, 17 years of them. */
    public static final long SEGMENT_MAX = (1L << 39) - 1;

    private Ordinal() {}

    /** @param slot from 0 to {@link #SLOTS_MAX} - 1 */
    public static long of(long segment, int slot) {
        return segment << SLOT_BITS | slot;
    }

    public static long segment(long ordinal) {
        return ordinal >>> SLOT_BITS;
    }

    public static int slot(long ordinal) {
        return (int) (ordinal & SLOTS_MAX - 1);
    }

    /** For people: {@code 17/3} is slot 3 of segment 17. */
    public static String shown(long ordinal) {
        return segment(ordinal) + "/" + slot(ordinal);
    }
}
