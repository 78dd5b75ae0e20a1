package cairn.server.scrub;

import cairn.server.storage.ItemKey;
import cairn.server.storage.Ordinal;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * Which item lies at which ordinal, in four bytes each: enough to tell, of all rows of an index, those that lead
 * elsewhere, but for one in four thousand million.
 */
final class KeyPrints {
    private static final int SLOTS_FIRST = 1024;
    private static final int NONE = 0;

    private final Map<Long, int[]> bySegment = new HashMap<>();
    private long count;

    void put(long ordinal, ItemKey key) {
        int slot = Ordinal.slot(ordinal);
        int[] slots = bySegment.getOrDefault(Ordinal.segment(ordinal), new int[SLOTS_FIRST]);
        if (slot >= slots.length) {
            slots = Arrays.copyOf(slots, Math.max(slot + 1, Math.min(Ordinal.SLOTS_MAX, 2 * slots.length)));
        }
        slots[slot] = printOf(key);
        bySegment.put(Ordinal.segment(ordinal), slots);
        count++;
    }

    boolean has(long ordinal, ItemKey key) {
        int[] slots = bySegment.get(Ordinal.segment(ordinal));
        int slot = Ordinal.slot(ordinal);
        return slots != null && slot < slots.length && slots[slot] == printOf(key);
    }

    long count() {
        return count;
    }

    void clear() {
        bySegment.clear();
        count = 0;
    }

    private static int printOf(ItemKey key) {
        int print = Long.hashCode(key.digest().w1()) + key.kind();
        return print == NONE ? ~NONE : print;
    }
}
