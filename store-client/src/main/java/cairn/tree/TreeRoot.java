package cairn.tree;

import cairn.Digest;
import cairn.Fault;
import cairn.StoreException;
import cairn.chunk.Chunk;
import java.nio.ByteBuffer;

/**
 * The top of a disk's tree. Its digest is the SHA-256 of these bytes, numbers big-endian:
 * <pre>
 *   offset  size  field
 *        0     4  magic, "CROT"
 *        4     4  version, 1
 *        8     8  disk size in bytes
 *       16     4  chunk size in bytes, 65,536
 *       20     4  level of the top page
 *       24    32  top page's id; all zero if the whole disk is zero
 * </pre>
 *
 * @param top the page of level {@link Tree#topLevel}, perhaps absent
 */
public record TreeRoot(long sizeBytes, PageId top) {
    private static final int MAGIC = 0x43524f54;
    private static final int VERSION = 1;
    private static final int ENCODED_BYTES = 24 + Digest.SIZE_BYTES;

    public TreeRoot {
        if (top.level() != Tree.topLevel(sizeBytes)) {
            throw new StoreException(
                    Fault.INVALID_REQUEST,
                    "a disk of " + sizeBytes + " bytes has a top page of level " + Tree.topLevel(sizeBytes) + ", not "
                            + top.level());
        }
    }

    /** A root by its top page's digest. */
    public static TreeRoot of(long sizeBytes, Digest top) {
        return new TreeRoot(sizeBytes, new PageId(Tree.topLevel(sizeBytes), top));
    }

    public RootDigest digest() {
        byte[] encoded = new byte[ENCODED_BYTES];
        ByteBuffer.wrap(encoded)
                .putInt(MAGIC)
                .putInt(VERSION)
                .putLong(sizeBytes)
                .putInt(Chunk.SIZE_BYTES)
                .putInt(top.level());
        top.digest().write(encoded, 24);
        return new RootDigest(Digest.of(encoded));
    }
}
