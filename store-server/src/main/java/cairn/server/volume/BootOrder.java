package cairn.server.volume;

import static cairn.Fault.CORRUPT;
import static cairn.Fault.INVALID_REQUEST;

import cairn.StoreException;
import cairn.chunk.Chunk;
import cairn.tree.Tree;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Chunks of a disk by their positions, each once, in the order in which they are wanted. In bytes it is one number for
 * each chunk, its position less that of the chunk before (of 0 before the first), written as
 * <pre>
 *   d ≥ 0:  2·d        d &lt; 0:  -2·d - 1
 * </pre>
 * seven bits a byte, the lowest first; the top bit is set in all bytes of a number but its last.
 */
public final class BootOrder {
    /** Most chunks that one order names: 512 MiB. */
    public static final int CHUNKS_MAX = 8192;
    /** The longest encoding: two positions differ by less than 2^32. */
    public static final int ENCODED_BYTES_MAX = 5 * CHUNKS_MAX;

    private static final long POSITION_MAX = Tree.DISK_BYTES_MAX / Chunk.SIZE_BYTES - 1;
    private static final BootOrder EMPTY = new BootOrder(new long[0]);

    private final long[] positions;

    /** Where some orders have a chunk: the sum of what is needed for its median. */
    private record Place(long position, long medianTwice) {}

    private BootOrder(long[] positions) {
        this.positions = positions;
    }

    public static BootOrder empty() {
        return EMPTY;
    }

    /** @throws StoreException INVALID_REQUEST for too many, one that comes twice, or one beyond the largest disk */
    public static BootOrder of(long... positions) {
        if (positions.length > CHUNKS_MAX) {
            throw new StoreException(
                    INVALID_REQUEST, "an order has at most " + CHUNKS_MAX + " chunks, not " + positions.length);
        }
        Set<Long> seen = new HashSet<>(2 * positions.length);
        for (long position : positions) {
            if (position < 0 || position > POSITION_MAX || !seen.add(position)) {
                throw new StoreException(
                        INVALID_REQUEST, "chunk " + position + " comes twice, or no disk is so large");
            }
        }
        return new BootOrder(positions.clone());
    }

    public int size() {
        return positions.length;
    }

    /** The position of the chunk that comes so far down the order. */
    public long at(int index) {
        return positions[index];
    }

    public long[] toArray() {
        return positions.clone();
    }

    /** How many of these chunks are in another order. */
    public int countIn(BootOrder other) {
        Set<Long> there = new HashSet<>(2 * other.positions.length);
        for (long position : other.positions) {
            there.add(position);
        }
        return (int) Arrays.stream(positions).filter(there::contains).count();
    }

    /**
     * What most boots want: the chunks that more than half of some orders name, each in the median of its places among
     * those that name it. The same whatever the order of the orders.
     */
    public static BootOrder most(List<BootOrder> orders) {
        Map<Long, int[]> placesOf = new HashMap<>();
        Map<Long, Integer> countOf = new HashMap<>();
        for (BootOrder order : orders) {
            for (int place = 0; place < order.positions.length; place++) {
                long position = order.positions[place];
                int[] places = placesOf.computeIfAbsent(position, any -> new int[orders.size()]);
                places[countOf.merge(position, 1, Integer::sum) - 1] = place;
            }
        }
        return new BootOrder(placesOf.entrySet().stream()
                .filter(each -> 2 * countOf.get(each.getKey()) > orders.size())
                .map(each -> new Place(each.getKey(), medianTwice(each.getValue(), countOf.get(each.getKey()))))
                .sorted((a, b) -> a.medianTwice != b.medianTwice
                        ? Long.compare(a.medianTwice, b.medianTwice)
                        : Long.compare(a.position, b.position))
                .limit(CHUNKS_MAX)
                .mapToLong(Place::position)
                .toArray());
    }

    private static long medianTwice(int[] places, int count) {
        Arrays.sort(places, 0, count);
        return (long) places[(count - 1) / 2] + places[count / 2];
    }

    public byte[] encode() {
        byte[] encoded = new byte[5 * positions.length];
        int at = 0;
        long before = 0;
        for (long position : positions) {
            long difference = position - before;
            long number = difference << 1 ^ difference >> 63;
            while (number > 0x7f) {
                encoded[at++] = (byte) (number | 0x80);
                number >>>= 7;
            }
            encoded[at++] = (byte) number;
            before = position;
        }
        return Arrays.copyOf(encoded, at);
    }

    /** @throws StoreException CORRUPT if these bytes are no order */
    public static BootOrder decode(byte[] encoded) {
        if (encoded.length > ENCODED_BYTES_MAX) {
            throw new StoreException(CORRUPT, "a boot order of " + encoded.length + " bytes");
        }
        long[] positions = new long[Math.min(CHUNKS_MAX, encoded.length)];
        int count = 0;
        long position = 0;
        long number = 0;
        int shift = 0;
        for (byte b : encoded) {
            number |= (long) (b & 0x7f) << shift;
            shift += 7;
            if (b < 0 && shift < 35) {
                continue;
            }
            position += number >>> 1 ^ -(number & 1);
            if (b < 0 || count == CHUNKS_MAX) {
                throw new StoreException(CORRUPT, "a boot order whose number " + count + " is too much");
            }
            positions[count++] = position;
            number = 0;
            shift = 0;
        }
        try {
            if (shift > 0) {
                throw new StoreException(CORRUPT, "a boot order that ends in the middle of a number");
            }
            return of(Arrays.copyOf(positions, count));
        } catch (StoreException e) {
            throw new StoreException(CORRUPT, "a boot order: " + e.getMessage(), e);
        }
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof BootOrder order && Arrays.equals(positions, order.positions);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(positions);
    }

    @Override
    public String toString() {
        return positions.length + " chunks";
    }
}
