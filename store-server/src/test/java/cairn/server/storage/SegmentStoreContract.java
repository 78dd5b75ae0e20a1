package cairn.server.storage;

import static cairn.server.storage.SegmentStore.ITEM_BYTES_MAX;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.storage.SegmentStore.Item;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What holds for any {@link SegmentStore}. */
abstract class SegmentStoreContract extends StorageContract {
    private static final int ITEM_BYTES = 20_000;

    SegmentStore segments;

    @BeforeEach
    void segments() {
        segments = storage.segments();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 200})
    void readsWhatWasSealed(int items) {
        List<Long> ordinals = appendAll(0, items);
        segments.seal();

        for (int n = 0; n < items; n++) {
            assertArrayEquals(Items.packed(n, ITEM_BYTES), segments.read(ordinals.get(n), Items.key(n)));
        }
    }

    @Test
    void takesAnItemOutOfTheMiddleOfAnArray() {
        byte[] array = Items.packed(1, 1000);

        long ordinal = segments.append(Items.key(1), array, 100, 800);
        Arrays.fill(array, (byte) 0);
        segments.seal();

        assertArrayEquals(
                Arrays.copyOfRange(Items.packed(1, 1000), 100, 900), segments.read(ordinal, Items.key(1)));
    }

    @Test
    void givesAscendingOrdinalsAcrossSegments() {
        List<Long> ordinals = new ArrayList<>();

        ordinals.addAll(appendAll(0, 3));
        segments.seal();
        ordinals.addAll(appendAll(3, 100));
        segments.abandon();
        ordinals.addAll(appendAll(103, 2));
        segments.seal();
        ordinals.addAll(appendAll(105, 100));
        segments.seal();

        for (int n = 1; n < ordinals.size(); n++) {
            assertTrue(ordinals.get(n) > ordinals.get(n - 1), n + ": " + ordinals.get(n));
        }
    }

    @Test
    void givesConsecutiveOrdinalsInsideASegment() {
        List<Long> ordinals = appendAll(0, 100);

        for (int n = 0; n < 100; n++) {
            assertEquals(n, Ordinal.slot(ordinals.get(n)));
            assertEquals(Ordinal.segment(ordinals.get(0)), Ordinal.segment(ordinals.get(n)));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {3, 100})
    void doesNotShowWhatIsNotSealed(int items) {
        long ordinal = appendAll(0, items).get(0);

        assertFault(Fault.CORRUPT, () -> segments.read(ordinal, Items.key(0)));
        assertEquals(List.of(), segments.readRun(0, Long.MAX_VALUE, 1));
    }

    @ParameterizedTest
    @ValueSource(ints = {3, 100})
    void forgetsWhatIsAbandoned(int items) {
        long ordinal = appendAll(0, items).get(0);

        segments.abandon();
        segments.seal();

        assertEquals(0, segments.openBytes());
        assertFault(Fault.CORRUPT, () -> segments.read(ordinal, Items.key(0)));
    }

    @Test
    void sealsNothingWhereNothingWasAppended() {
        segments.seal();

        assertEquals(0, segments.storedBytes());
        assertEquals(List.of(), segments.readRun(0, Long.MAX_VALUE, 1));
    }

    @Test
    void countsTheOpenBytes() {
        appendAll(0, 100);
        long openBytes = segments.openBytes();
        segments.seal();

        assertEquals(100L * ITEM_BYTES, openBytes);
        assertEquals(0, segments.openBytes());
    }

    @ParameterizedTest
    @ValueSource(ints = {3, 100})
    void countsTheStoredBytesWithLittleBesideTheItems(int items) {
        appendAll(0, items);
        segments.seal();

        long packedBytes = (long) items * ITEM_BYTES;
        assertTrue(segments.storedBytes() >= packedBytes, segments.storedBytes() + " of " + packedBytes);
        assertTrue(segments.storedBytes() < packedBytes * 1.01 + (128 << 10), segments.storedBytes() + " of " + packedBytes);
    }

    @Test
    void refusesAnItemUnderAnotherName() {
        List<Long> ordinals = appendAll(0, 5);
        segments.seal();

        StoreException e = assertFault(Fault.CORRUPT, () -> segments.read(ordinals.get(0), Items.key(1)));

        assertTrue(e.getMessage().contains(Items.key(1).toString()), e.getMessage());
        assertTrue(e.getMessage().contains(Items.key(0).toString()), e.getMessage());
        ItemKey asPage = new ItemKey(1, Items.key(0).digest());
        assertFault(Fault.CORRUPT, () -> segments.read(ordinals.get(0), asPage));
    }

    @Test
    void refusesAnOrdinalThatHoldsNothing() {
        long ordinal = appendAll(0, 1).get(0);
        segments.seal();

        assertFault(Fault.CORRUPT, () -> segments.read(ordinal + 1, Items.key(0)));
    }

    @Test
    void takesTheLongestItemAndTheShortest() {
        byte[] longest = Items.packed(1, ITEM_BYTES_MAX);

        long first = segments.append(Items.key(1), longest, 0, longest.length);
        long second = segments.append(Items.key(2), new byte[] {7}, 0, 1);
        segments.seal();

        assertArrayEquals(longest, segments.read(first, Items.key(1)));
        assertArrayEquals(new byte[] {7}, segments.read(second, Items.key(2)));
    }

    @Test
    void refusesTooLongAndEmptyItemsAndGoesOn() {
        byte[] tooLong = new byte[ITEM_BYTES_MAX + 1];

        assertFault(Fault.TOO_LARGE, () -> segments.append(Items.key(1), tooLong, 0, tooLong.length));
        assertFault(Fault.INVALID_REQUEST, () -> segments.append(Items.key(1), tooLong, 0, 0));

        long ordinal = appendAll(1, 1).get(0);
        segments.seal();
        assertArrayEquals(Items.packed(1, ITEM_BYTES), segments.read(ordinal, Items.key(1)));
    }

    @Test
    void readsARunInOrderAcrossSegments() {
        List<Long> ordinals = appendAll(0, 3);
        segments.seal();
        ordinals.addAll(appendAll(3, 100));
        segments.seal();

        List<Item> run = segments.readRun(0, Long.MAX_VALUE, Long.MAX_VALUE);

        assertEquals(ordinals, run.stream().map(Item::ordinal).toList());
        for (int n = 0; n < 103; n++) {
            assertEquals(Items.key(n), run.get(n).key());
            assertArrayEquals(Items.packed(n, ITEM_BYTES), run.get(n).packed());
        }
    }

    @Test
    void endsARunAtItsRangeAndItsBytes() {
        List<Long> ordinals = appendAll(0, 100);
        segments.seal();

        assertEquals(ordinals.subList(10, 20), ordinalsOf(segments.readRun(ordinals.get(10), ordinals.get(20), 1L << 30)));
        assertEquals(ordinals.subList(10, 13), ordinalsOf(segments.readRun(ordinals.get(10), Long.MAX_VALUE, 2 * ITEM_BYTES + 1)));
        assertEquals(ordinals.subList(10, 11), ordinalsOf(segments.readRun(ordinals.get(10), Long.MAX_VALUE, 1)));
        assertEquals(List.of(), segments.readRun(ordinals.get(99) + 1, Long.MAX_VALUE, 1));
        assertEquals(List.of(), segments.readRun(ordinals.get(10), ordinals.get(10), 1));
    }

    private static List<Long> ordinalsOf(List<Item> run) {
        return run.stream().map(Item::ordinal).toList();
    }

    List<Long> appendAll(int from, int count) {
        List<Long> ordinals = new ArrayList<>();
        for (int n = from; n < from + count; n++) {
            ordinals.add(segments.append(Items.key(n), Items.packed(n, ITEM_BYTES), 0, ITEM_BYTES));
        }
        return ordinals;
    }
}
