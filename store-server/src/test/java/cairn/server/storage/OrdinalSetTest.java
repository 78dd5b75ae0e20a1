package cairn.server.storage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class OrdinalSetTest {
    private static final int SEGMENTS = 1000;
    private static final int ITEMS = 1500;

    @Test
    void aCopyOfWholeSegmentsTakesNextToNothing() {
        List<Long> segments = new ArrayList<>(LongStream.range(0, SEGMENTS).boxed().toList());
        Collections.shuffle(segments, new Random(1));
        OrdinalSet set = new OrdinalSet();
        for (long segment : segments) {
            long[] ordinals = LongStream.range(0, ITEMS).map(slot -> Ordinal.of(segment, (int) slot)).toArray();
            set.addAll(ordinals, ITEMS);
        }

        OrdinalSet copy = set.copy();

        assertEquals((long) SEGMENTS * ITEMS, copy.size());
        assertTrue(copy.contains(Ordinal.of(SEGMENTS - 1, ITEMS - 1)) && !copy.contains(Ordinal.of(7, ITEMS)));
        assertTrue(copy.heldBytes() < SEGMENTS * 64L, copy.heldBytes() + " bytes");
    }

    @Test
    void hasAndCountsWhatWasAddedInWhateverOrder() {
        Random random = new Random(2);
        OrdinalSet set = new OrdinalSet();
        boolean[] expected = new boolean[200_000];
        for (int i = 0; i < 150_000; i++) {
            int ordinal = random.nextInt(expected.length);
            assertEquals(!expected[ordinal], set.add(ordinal));
            expected[ordinal] = true;
            if (i == 100_000) {
                set = set.copy();
            }
        }

        int count = 0;
        for (int ordinal = 0; ordinal < expected.length; ordinal++) {
            assertEquals(expected[ordinal], set.contains(ordinal));
            count += expected[ordinal] ? 1 : 0;
        }
        assertEquals(count, set.size());
        assertEquals(count, set.countIn(0, expected.length));
    }
}
