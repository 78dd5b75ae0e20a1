package cairn.tree;

import static cairn.Fault.CORRUPT;
import static java.nio.ByteOrder.BIG_ENDIAN;

import cairn.Digest;
import cairn.StoreException;
import cairn.chunk.ChunkId;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * 256 ids, of chunks (level 0) or of pages one level below, unchangeable. At least one child is present: a page
 * without any is absent, and exists only as 32 zero bytes in the page above.
 * <pre>
 *   offset  size  field
 *        0     4  magic, "CPAG"
 *        4     1  version, 1
 *        5     1  level, 0 to 3
 *        6     2  0
 *        8  8192  256 child ids of 32 bytes; all zero: absent
 * </pre>
 * A page's id is the SHA-256 of these 8,200 bytes, so that the level is part of its name.
 */
public final class Page {
    public static final int CHILDREN = 256;
    public static final int SIZE_BYTES = 8 + CHILDREN * Digest.SIZE_BYTES;

    private static final int CHILDREN_AT = 8;
    private static final long HEADER = 0x43504147_01_00_0000L;
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, BIG_ENDIAN);

    private final byte[] bytes;
    private final PageId id;

    private Page(byte[] bytes, int level) {
        this.bytes = bytes;
        this.id = new PageId(level, Digest.of(bytes));
    }

    /**
     * Reads a page, and takes the array, which must not change any more.
     *
     * @throws StoreException CORRUPT if the bytes are no page
     */
    public static Page decode(byte[] bytes) {
        if (bytes.length != SIZE_BYTES) {
            throw new StoreException(CORRUPT, "a page has " + SIZE_BYTES + " bytes, not " + bytes.length);
        }
        long header = (long) LONG.get(bytes, 0);
        int level = (int) (header >>> 16) & 0xff;
        if (header != header(level) || level > Tree.LEVEL_MAX) {
            throw new StoreException(CORRUPT, String.format("a page begins with an unknown %016x", header));
        }
        if (isEmpty(bytes)) {
            throw new StoreException(CORRUPT, "a page of level " + level + " has no children");
        }
        return new Page(bytes, level);
    }

    private static long header(int level) {
        return HEADER | (long) level << 16;
    }

    private static boolean isEmpty(byte[] bytes) {
        long any = 0;
        for (int at = CHILDREN_AT; at < SIZE_BYTES; at += Long.BYTES) {
            any |= (long) LONG.get(bytes, at);
        }
        return any == 0;
    }

    public PageId id() {
        return id;
    }

    public int level() {
        return id.level();
    }

    public Digest child(int index) {
        return Digest.read(bytes, CHILDREN_AT + Digest.SIZE_BYTES * index);
    }

    /** A child of a page of level 0. */
    public ChunkId chunk(int index) {
        return new ChunkId(child(index));
    }

    /** A child of a page above level 0. */
    public PageId page(int index) {
        return new PageId(level() - 1, child(index));
    }

    public boolean isAbsent(int index) {
        int at = CHILDREN_AT + Digest.SIZE_BYTES * index;
        return ((long) LONG.get(bytes, at)
                        | (long) LONG.get(bytes, at + 8)
                        | (long) LONG.get(bytes, at + 16)
                        | (long) LONG.get(bytes, at + 24))
                == 0;
    }

    /** A copy of the page's bytes. */
    public byte[] toBytes() {
        return bytes.clone();
    }

    /** Copies the page's bytes to {@code to}. */
    public void write(byte[] to, int offset) {
        System.arraycopy(bytes, 0, to, offset, SIZE_BYTES);
    }

    /** A page being filled. */
    public static final class Builder {
        private final byte[] bytes;
        private final int level;

        /** All children absent. */
        public Builder(int level) {
            this.level = Tree.requireLevel(level);
            this.bytes = new byte[SIZE_BYTES];
            LONG.set(bytes, 0, header(level));
        }

        /** Children as in another page. */
        public Builder(Page page) {
            this.level = page.level();
            this.bytes = page.toBytes();
        }

        public Builder set(int index, Digest child) {
            child.write(bytes, CHILDREN_AT + Digest.SIZE_BYTES * index);
            return this;
        }

        /** Whether no child is present, so that there is no page to build. */
        public boolean isEmpty() {
            return Page.isEmpty(bytes);
        }

        /** The page as it is now. @throws IllegalStateException if it {@link #isEmpty} */
        public Page build() {
            if (isEmpty()) {
                throw new IllegalStateException("a page without children is absent");
            }
            return new Page(bytes.clone(), level);
        }
    }
}
