package cairn.server.storage.rocks;

import static java.nio.ByteOrder.BIG_ENDIAN;

import cairn.Digest;
import cairn.Fault;
import cairn.StoreException;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.server.storage.SegmentStore.Item;
import cairn.server.storage.VolumeBlocks.Layer;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Keys and fixed-size values in bytes; numbers are big-endian, so that their order is that of the bytes.
 * <pre>
 *   chunks       offset  size  field
 *                     0     8  ordinal, see {@link cairn.server.storage.Ordinal}
 *                     8     1  item kind: 0 a chunk, 1 + level a page
 *                     9    32  item digest
 *   chunk-index       0     4  dedup domain
 *                     4     1  item kind
 *                     5    32  item digest
 *                   or, for the number of rows of one kind:
 *                     0     4  all bits set
 *                     4     1  item kind
 *   page-children     0     8  the page's ordinal
 *   volume-blocks     0     8  volume's number, unsigned
 *                     8     4  layer's number, from 0 on
 *                    12     8  block's index in the volume
 *   volume-states     as volume-blocks, but for the index, which is a chunk's
 *   pending-blocks    0     8  snapshot's number, unsigned
 *                     8     4  block's index in the snapshot
 * </pre>
 * An item's own name is part of its key in {@code chunks}: a misplaced item is then not found instead of served, the
 * index can be rebuilt from keys, but for the domains, and the value is the packed item and nothing else, read without
 * a second copy.
 */
final class Keys {
    static final int CHUNK_BYTES = 8 + 1 + Digest.SIZE_BYTES;
    static final int INDEX_BYTES = 4 + 1 + Digest.SIZE_BYTES;
    static final int VOLUME_ROW_BYTES = 8 + 4 + 8;
    static final int PENDING_BYTES = 8 + 4;

    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, BIG_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, BIG_ENDIAN);

    private Keys() {}

    static byte[] chunk(long ordinal, ItemKey key) {
        byte[] bytes = new byte[CHUNK_BYTES];
        LONG.set(bytes, 0, ordinal);
        bytes[8] = (byte) key.kind();
        key.digest().write(bytes, 9);
        return bytes;
    }

    /**
     * Not after any item at this ordinal, and after everything that RocksDB may use to tell it from the one before, so
     * that a search from here reads no block of that one.
     */
    static byte[] firstAt(long ordinal) {
        return Arrays.copyOf(number(ordinal), 8 + 1);
    }

    /** Takes a row of {@code chunks} apart. @throws StoreException CORRUPT if the key is none */
    static Item item(byte[] key, byte[] packed) {
        if (key.length != CHUNK_BYTES) {
            throw new StoreException(
                    Fault.CORRUPT, "a key in chunks has " + key.length + " bytes, expected " + CHUNK_BYTES);
        }
        return new Item(number(key), new ItemKey(Byte.toUnsignedInt(key[8]), Digest.read(key, 9)), packed);
    }

    static byte[] index(DomainId domain, ItemKey key) {
        byte[] bytes = new byte[INDEX_BYTES];
        INT.set(bytes, 0, domain.number());
        bytes[4] = (byte) key.kind();
        key.digest().write(bytes, 5);
        return bytes;
    }

    /** Not after any row of a domain's items of a kind, and after all rows before those. */
    static byte[] firstIndex(int domain, int kind) {
        byte[] bytes = new byte[4 + 1];
        INT.set(bytes, 0, domain);
        bytes[4] = (byte) kind;
        return bytes;
    }

    static int domainOfIndex(byte[] key) {
        return (int) INT.get(key, 0);
    }

    static int kindOfIndex(byte[] key) {
        return Byte.toUnsignedInt(key[4]);
    }

    static Digest digestOfIndex(byte[] key) {
        return Digest.read(key, 5);
    }

    static byte[] indexCount(int kind) {
        return new byte[] {-1, -1, -1, -1, (byte) kind};
    }

    /** Puts a key of a volume's row in a buffer of {@link #VOLUME_ROW_BYTES}, ready to be read. */
    static ByteBuffer volumeRow(Layer layer, long index, ByteBuffer into) {
        return into.clear().putLong(layer.volume()).putInt(layer.number()).putLong(index).flip();
    }

    static byte[] bytesOf(ByteBuffer key) {
        byte[] bytes = new byte[key.remaining()];
        key.get(key.position(), bytes);
        return bytes;
    }

    /** Not after any row of a layer, and after all rows of layers before it. */
    static byte[] firstOf(Layer layer) {
        return volumePrefix(layer.volume(), layer.number());
    }

    /** After all rows of a volume, and before those of the next. */
    static byte[] behindVolume(long volume) {
        return volumePrefix(volume, -1);
    }

    private static byte[] volumePrefix(long volume, int layer) {
        return numbers(volume, layer);
    }

    private static byte[] numbers(long first, int second) {
        byte[] bytes = Arrays.copyOf(number(first), 8 + 4);
        INT.set(bytes, 8, second);
        return bytes;
    }

    static byte[] pendingBlock(long snapshot, int blockIndex) {
        return numbers(snapshot, blockIndex);
    }

    /** After all blocks of a snapshot, and before those of the next. */
    static byte[] behindPending(long snapshot) {
        return numbers(snapshot, -1);
    }

    static int indexOfPendingBlock(byte[] key) {
        return (int) INT.get(key, 8);
    }

    static int layerOfVolumeRow(byte[] key) {
        return (int) INT.get(key, 8);
    }

    static long indexOfVolumeRow(byte[] key) {
        return (long) LONG.get(key, 12);
    }

    static long indexOfVolumeRow(ByteBuffer key) {
        return key.getLong(12);
    }

    static int states(byte[] bytes) {
        return (int) INT.get(bytes, 0);
    }

    static byte[] number(long number) {
        byte[] bytes = new byte[8];
        LONG.set(bytes, 0, number);
        return bytes;
    }

    /** The number in the first 8 bytes. */
    static long number(byte[] bytes) {
        return (long) LONG.get(bytes, 0);
    }
}
