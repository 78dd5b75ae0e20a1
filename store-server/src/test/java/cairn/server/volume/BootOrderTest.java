package cairn.server.volume;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class BootOrderTest {
    private static final long LAST = (1L << 32) - 1;

    @Test
    void isWrittenAsDifferences() {
        assertArrayEquals(new byte[] {10}, BootOrder.of(5).encode());
        assertArrayEquals(new byte[] {10, 2, 3}, BootOrder.of(5, 6, 4).encode());
        assertArrayEquals(new byte[] {(byte) 0x80, 1}, BootOrder.of(64).encode());
        assertArrayEquals(new byte[0], BootOrder.empty().encode());
        assertArrayEquals(
                new byte[] {-2, -1, -1, -1, 31, -3, -1, -1, -1, 31}, BootOrder.of(LAST, 0).encode());
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void comesBackFromItsBytes(long seed) {
        Random random = new Random(seed);
        long bound = seed % 2 == 0 ? LAST + 1 : 40_000;
        int size = seed == 8 ? BootOrder.CHUNKS_MAX : random.nextInt(3000);
        BootOrder order = BootOrder.of(random.longs(0, bound).distinct().limit(size).toArray());

        byte[] encoded = order.encode();

        assertEquals(order, BootOrder.decode(encoded));
        assertTrue(encoded.length <= BootOrder.ENCODED_BYTES_MAX);
    }

    static List<byte[]> bytesThatAreNoOrder() {
        byte[] tooMany = new byte[BootOrder.CHUNKS_MAX + 1];
        Arrays.fill(tooMany, (byte) 2);
        return List.of(
                new byte[] {(byte) 0x80},
                new byte[] {2, 0},
                new byte[] {1},
                new byte[] {-1, -1, -1, -1, -1, 1},
                new byte[] {-2, -1, -1, -1, 63},
                tooMany,
                new byte[BootOrder.ENCODED_BYTES_MAX + 1]);
    }

    @ParameterizedTest
    @MethodSource("bytesThatAreNoOrder")
    void refusesBytesThatAreNoOrder(byte[] bytes) {
        assertEquals(Fault.CORRUPT, assertThrows(StoreException.class, () -> BootOrder.decode(bytes)).fault());
    }

    @Test
    void namesAChunkOnceAndNoneBeyondTheLargestDisk() {
        for (long[] bad : new long[][] {{1, 1}, {-1}, {LAST + 1}}) {
            assertEquals(Fault.INVALID_REQUEST, assertThrows(StoreException.class, () -> BootOrder.of(bad)).fault());
        }
        long[] tooMany = LongStream.rangeClosed(0, BootOrder.CHUNKS_MAX).toArray();
        assertThrows(StoreException.class, () -> BootOrder.of(tooMany));
    }

    @Test
    void keepsWhatMoreThanHalfNameInTheMedianOfItsPlaces() {
        BootOrder first = BootOrder.of(10, 20, 30, 40);
        BootOrder second = BootOrder.of(20, 10, 40, 50);
        BootOrder third = BootOrder.of(10, 30, 60, 20);

        // Places: 10 at 0, 1, 0; 20 at 1, 0, 3; 30 at 2, 1; 40 at 3, 2. 50 and 60 are named once.
        assertEquals(BootOrder.of(10, 20, 30, 40), BootOrder.most(List.of(first, second, third)));
        // Of two, both must name it; equal medians go by position.
        assertEquals(BootOrder.of(10, 20, 40), BootOrder.most(List.of(second, first)));
        assertEquals(BootOrder.empty(), BootOrder.most(List.of()));
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
    void mergesAnyBoots(long seed) {
        Random random = new Random(seed);
        List<BootOrder> boots = new ArrayList<>();
        for (int n = 1 + random.nextInt(7); n > 0; n--) {
            boots.add(BootOrder.of(
                    random.longs(0, 300).distinct().limit(1 + random.nextInt(250)).toArray()));
        }

        BootOrder merged = BootOrder.most(boots);

        for (long chunk = 0; chunk < 300; chunk++) {
            BootOrder one = BootOrder.of(chunk);
            long names = boots.stream().filter(boot -> one.countIn(boot) == 1).count();
            assertEquals(2 * names > boots.size() ? 1 : 0, one.countIn(merged), "chunk " + chunk);
        }
        Collections.shuffle(boots, random);
        assertEquals(merged, BootOrder.most(boots), "whatever the order of the boots");
        assertEquals(boots.get(0), BootOrder.most(List.of(boots.get(0))), "one boot is its own profile");
        assertEquals(boots.get(0), BootOrder.most(Collections.nCopies(5, boots.get(0))), "equal boots agree");
        List<BootOrder> twice = new ArrayList<>(boots);
        twice.addAll(boots);
        assertEquals(merged, BootOrder.most(twice), "every boot twice says nothing new");
    }
}
