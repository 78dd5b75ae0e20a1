package cairn.api;

import static cairn.Fault.INVALID_REQUEST;

import cairn.Digest;
import cairn.StoreException;
import cairn.chunk.ChunkCodec;
import cairn.chunk.ChunkId;
import cairn.tree.PageId;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Packed chunks and pages on their way. Numbers are big-endian.
 * <pre>
 *   offset  size  field
 *        0     4  magic, "CBAT"
 *        4     4  n, number of items
 *        8        n items:
 *                   0   1  kind: 0 a chunk, 1 + level a page
 *                   1   3  0
 *                   4   4  p, length of the packed item
 *                   8  32  id
 *                  40   p  the packed item, as {@link ChunkCodec} has it
 * </pre>
 * {@link Writer} makes one, {@link Reader} takes one apart; neither looks inside the packed items.
 */
public final class ItemBatch {
    public static final int ITEM_HEADER_BYTES = 8 + Digest.SIZE_BYTES;
    public static final int HEADER_BYTES = 8;
    public static final int CHUNK_KIND = 0;
    static final int KIND_MAX = 4;
    private static final int MAGIC = 0x43424154;

    private ItemBatch() {}

    /** A batch being filled, in memory that is used again. */
    public static final class Writer {
        private final byte[] bytes;
        private int lengthBytes;
        private int items;

        /** @param bytesMax the longest batch */
        public Writer(int bytesMax) {
            this.bytes = new byte[bytesMax];
            clear();
        }

        public void clear() {
            lengthBytes = HEADER_BYTES;
            items = 0;
        }

        /** Whether an item of this packed length still fits. */
        public boolean fits(int packedBytes) {
            return items < Api.BATCH_ITEMS_MAX && lengthBytes + ITEM_HEADER_BYTES + packedBytes <= bytes.length;
        }

        /** Room for packing an item in place: the batch's own memory, to be used from {@link #bodyOffset}. */
        public byte[] array() {
            return bytes;
        }

        public int bodyOffset() {
            return lengthBytes + ITEM_HEADER_BYTES;
        }

        /** Adds the item that was packed at {@link #bodyOffset}. */
        public void added(int kind, Digest id, int packedBytes) {
            ByteBuffer header = ByteBuffer.wrap(bytes, lengthBytes, ITEM_HEADER_BYTES);
            header.putInt(kind << 24).putInt(packedBytes);
            id.write(bytes, lengthBytes + 8);
            lengthBytes += ITEM_HEADER_BYTES + packedBytes;
            items++;
        }

        public void add(int kind, Digest id, byte[] packed) {
            System.arraycopy(packed, 0, bytes, bodyOffset(), packed.length);
            added(kind, id, packed.length);
        }

        public int items() {
            return items;
        }

        public int lengthBytes() {
            return lengthBytes;
        }

        /** The batch without a copy: the first {@link #lengthBytes} of the array, until it is cleared or added to. */
        public byte[] finish() {
            ByteBuffer.wrap(bytes).putInt(MAGIC).putInt(items);
            return bytes;
        }

        /** A copy of the batch. */
        public byte[] toBytes() {
            return Arrays.copyOf(finish(), lengthBytes);
        }
    }

    /** Steps through the items of a batch. */
    public static final class Reader {
        private final byte[] bytes;
        private final int lengthBytes;
        private final int items;
        private int read;
        private int at;
        private int next = HEADER_BYTES;

        /** @throws StoreException INVALID_REQUEST if this is no batch or holds too many items */
        public Reader(byte[] bytes) {
            this(bytes, bytes.length);
        }

        /** Of a batch that stands in the array's first bytes. @throws StoreException likewise */
        public Reader(byte[] bytes, int lengthBytes) {
            this.bytes = bytes;
            this.lengthBytes = lengthBytes;
            ByteBuffer header = ByteBuffer.wrap(bytes, 0, lengthBytes);
            if (lengthBytes < HEADER_BYTES || header.getInt() != MAGIC) {
                throw new StoreException(INVALID_REQUEST, "this is no batch of items: it does not begin with CBAT");
            }
            this.items = header.getInt();
            if (items < 0 || items > Api.BATCH_ITEMS_MAX) {
                throw new StoreException(
                        INVALID_REQUEST,
                        "a batch has at most " + Api.BATCH_ITEMS_MAX + " items, not " + Integer.toUnsignedString(items));
            }
        }

        public int items() {
            return items;
        }

        /**
         * Steps to the next item; false when there is none.
         *
         * @throws StoreException INVALID_REQUEST if the batch is cut short, or longer than its items
         */
        public boolean next() {
            if (read == items) {
                if (next != lengthBytes) {
                    throw new StoreException(
                            INVALID_REQUEST, "a batch has " + (lengthBytes - next) + " bytes after its last item");
                }
                return false;
            }
            at = next;
            if (lengthBytes - at < ITEM_HEADER_BYTES) {
                throw new StoreException(INVALID_REQUEST, "a batch ends inside item " + read + " of " + items);
            }
            int packedBytes = packedBytes();
            if (packedBytes < 0
                    || packedBytes > ChunkCodec.PACKED_BYTES_MAX
                    || packedBytes > lengthBytes - at - ITEM_HEADER_BYTES) {
                throw new StoreException(
                        INVALID_REQUEST,
                        "item " + read + " of a batch claims " + Integer.toUnsignedString(packedBytes) + " bytes");
            }
            int kind = ByteBuffer.wrap(bytes).getInt(at);
            if ((kind & 0xffffff) != 0 || kind >>> 24 > KIND_MAX) {
                throw new StoreException(INVALID_REQUEST, "item " + read + " of a batch is of no known kind");
            }
            next = at + ITEM_HEADER_BYTES + packedBytes;
            read++;
            return true;
        }

        public boolean isChunk() {
            return kind() == CHUNK_KIND;
        }

        private int kind() {
            return bytes[at];
        }

        public ChunkId chunkId() {
            return new ChunkId(Digest.read(bytes, at + 8));
        }

        public PageId pageId() {
            return new PageId(kind() - 1, Digest.read(bytes, at + 8));
        }

        /** Where the packed item stands in the batch's bytes. */
        public int packedOffset() {
            return at + ITEM_HEADER_BYTES;
        }

        public int packedBytes() {
            return ByteBuffer.wrap(bytes).getInt(at + 4);
        }
    }
}
