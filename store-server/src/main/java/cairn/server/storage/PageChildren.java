package cairn.server.storage;

import static cairn.Fault.CORRUPT;

import cairn.StoreException;
import cairn.tree.Page;
import java.util.Arrays;
import java.util.function.LongConsumer;

/**
 * Where a page's children lie: their ordinals, so that a whole tree is walked without looking for any item by its
 * digest. Ordinals never change, so neither does this.
 *
 * <pre>
 *   offset  size  field
 *        0    32  one bit for each child, present or not; child 0 is the lowest bit of the first byte
 *       32        for each child that is present, in order: what its ordinal is more than the one before (than 0, for
 *       the
 *                 first), zigzag coded, in groups of 7 bits, the lowest first, the top bit set in all but the last
 * </pre>
 */
public final class PageChildren {
    /** Instead of an ordinal, where the page has no child. */
    public static final long ABSENT = -1;

    private static final int BITMAP_BYTES = Page.CHILDREN / Byte.SIZE;
    private static final int VARINT_BYTES_MAX = 10;

    private final long[] ordinals;

    /** @param ordinals one for each of {@link Page#CHILDREN} slots, or {@link #ABSENT} */
    public PageChildren(long[] ordinals) {
        this.ordinals = ordinals.clone();
    }

    /** The child's ordinal, or {@link #ABSENT}. */
    public long ordinal(int slot) {
        return ordinals[slot];
    }

    /** Visits those that are present, in the order of their slots. */
    public void forEach(LongConsumer visitor) {
        for (long ordinal : ordinals) {
            if (ordinal != ABSENT) {
                visitor.accept(ordinal);
            }
        }
    }

    public byte[] encode() {
        byte[] bytes = new byte[BITMAP_BYTES + ordinals.length * VARINT_BYTES_MAX];
        int at = BITMAP_BYTES;
        long before = 0;
        for (int slot = 0; slot < ordinals.length; slot++) {
            if (ordinals[slot] == ABSENT) {
                continue;
            }
            bytes[slot / Byte.SIZE] |= (byte) (1 << slot % Byte.SIZE);
            long delta = ordinals[slot] - before;
            long left = delta << 1 ^ delta >> 63;
            for (; left >>> 7 != 0; left >>>= 7) {
                bytes[at++] = (byte) (left & 0x7f | 0x80);
            }
            bytes[at++] = (byte) left;
            before = ordinals[slot];
        }
        return Arrays.copyOf(bytes, at);
    }

    /** @throws StoreException CORRUPT if it is none */
    public static PageChildren decode(byte[] bytes) {
        long[] ordinals = new long[Page.CHILDREN];
        int at = BITMAP_BYTES;
        long before = 0;
        for (int slot = 0; slot < ordinals.length; slot++) {
            if (bytes.length < BITMAP_BYTES) {
                throw corrupt();
            }
            if ((bytes[slot / Byte.SIZE] >> slot % Byte.SIZE & 1) == 0) {
                ordinals[slot] = ABSENT;
                continue;
            }
            long coded = 0;
            int shift = 0;
            byte next;
            do {
                if (at == bytes.length || shift >= Long.SIZE) {
                    throw corrupt();
                }
                next = bytes[at++];
                coded |= (long) (next & 0x7f) << shift;
                shift += 7;
            } while (next < 0);
            before += coded >>> 1 ^ -(coded & 1);
            if (before < 0) {
                throw corrupt();
            }
            ordinals[slot] = before;
        }
        if (at != bytes.length) {
            throw corrupt();
        }
        return new PageChildren(ordinals);
    }

    private static StoreException corrupt() {
        return new StoreException(CORRUPT, "a record of a page's children is damaged");
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof PageChildren that && Arrays.equals(ordinals, that.ordinals);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(ordinals);
    }
}
