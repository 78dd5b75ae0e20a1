package cairn.chunk;

import static cairn.Fault.CORRUPT;
import static cairn.Fault.INVALID_REQUEST;
import static java.nio.ByteOrder.BIG_ENDIAN;

import cairn.StoreException;
import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;
import net.jpountz.lz4.LZ4Compressor;
import net.jpountz.lz4.LZ4Exception;
import net.jpountz.lz4.LZ4Factory;
import net.jpountz.lz4.LZ4SafeDecompressor;

/**
 * Packs chunks, and pages too, for sending and storing. Numbers are big-endian and unsigned.
 * <pre>
 *   offset  size  field
 *        0     1  codec: 0 plain, 1 LZ4 block, 2 zstd frame
 *        1     3  0
 *        4     4  plain length in bytes, at most 65,536
 *        8     4  CRC-32C of bytes 0 to 7 and of the body
 *       12     n  body
 * </pre>
 * Where packing gains less than 5 % the body is plain. Thread-safe.
 *
 * @see <a href="https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md">LZ4 block format</a>
 * @see <a href="https://www.rfc-editor.org/rfc/rfc8878">RFC 8878, zstd</a>
 */
public final class ChunkCodec {
    public static final int HEADER_BYTES = 12;
    public static final int PLAIN_BYTES_MAX = Chunk.SIZE_BYTES;
    /** The longest packed item: packing that does not gain is not kept. */
    public static final int PACKED_BYTES_MAX = HEADER_BYTES + PLAIN_BYTES_MAX;

    private static final int CRC_AT = 8;
    private static final int ZSTD_LEVEL = 3;
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, BIG_ENDIAN);
    private static final LZ4Compressor LZ4 = LZ4Factory.fastestInstance().fastCompressor();
    private static final LZ4SafeDecompressor UNLZ4 = LZ4Factory.fastestInstance().safeDecompressor();

    private ChunkCodec() {}

    /** Room that {@link #pack} may need beyond what it returns. */
    public static int scratchBytes(int plainBytes) {
        int lz4 = LZ4.maxCompressedLength(plainBytes);
        return HEADER_BYTES + Math.max(lz4, Math.toIntExact(Zstd.compressBound(plainBytes)));
    }

    /**
     * Packs bytes into {@code to}, which has {@link #scratchBytes} of room at {@code toOffset}.
     *
     * @return the packed length
     */
    public static int pack(Codec codec, byte[] plain, int offset, int plainBytes, byte[] to, int toOffset) {
        if (plainBytes < 1 || plainBytes > PLAIN_BYTES_MAX) {
            throw new StoreException(
                    INVALID_REQUEST, "an item has 1 to " + PLAIN_BYTES_MAX + " bytes, not " + plainBytes);
        }
        int bodyAt = toOffset + HEADER_BYTES;
        Codec used = codec;
        int bodyBytes = compress(codec, plain, offset, plainBytes, to, bodyAt);
        if (used == Codec.PLAIN || bodyBytes > plainBytes - plainBytes / 20) {
            used = Codec.PLAIN;
            bodyBytes = plainBytes;
            System.arraycopy(plain, offset, to, bodyAt, plainBytes);
        }
        INT.set(to, toOffset, used.wireCode() << 24);
        INT.set(to, toOffset + 4, plainBytes);
        INT.set(to, toOffset + CRC_AT, crc(to, toOffset, HEADER_BYTES + bodyBytes));
        return HEADER_BYTES + bodyBytes;
    }

    private static int compress(Codec codec, byte[] plain, int offset, int plainBytes, byte[] to, int bodyAt) {
        return switch (codec) {
            case PLAIN -> plainBytes;
            case LZ4 -> LZ4.compress(plain, offset, plainBytes, to, bodyAt, to.length - bodyAt);
            case ZSTD -> Math.toIntExact(Zstd.compressByteArray(
                    to, bodyAt, to.length - bodyAt, plain, offset, plainBytes, ZSTD_LEVEL));
        };
    }

    /**
     * The plain length that a packed item claims.
     *
     * @throws StoreException CORRUPT if it is too short or claims more than {@link #PLAIN_BYTES_MAX}
     */
    public static int plainBytes(byte[] packed, int offset, int packedBytes) {
        if (packedBytes <= HEADER_BYTES || packedBytes > PACKED_BYTES_MAX) {
            throw new StoreException(CORRUPT, "a packed item has " + (HEADER_BYTES + 1) + " to " + PACKED_BYTES_MAX
                    + " bytes, not " + packedBytes);
        }
        int plainBytes = (int) INT.get(packed, offset + 4);
        if (plainBytes < 1 || plainBytes > PLAIN_BYTES_MAX) {
            throw new StoreException(CORRUPT, "a packed item claims " + Integer.toUnsignedString(plainBytes)
                    + " plain bytes, more than " + PLAIN_BYTES_MAX);
        }
        return plainBytes;
    }

    /**
     * Unpacks an item that must have a certain plain length.
     *
     * @throws StoreException CORRUPT if any bit of it was changed
     */
    public static void unpack(
            byte[] packed, int offset, int packedBytes, byte[] to, int toOffset, int plainBytes) {
        Codec codec = check(packed, offset, packedBytes, plainBytes);
        int bodyAt = offset + HEADER_BYTES;
        int bodyBytes = packedBytes - HEADER_BYTES;
        try {
            int unpacked = switch (codec) {
                case PLAIN -> {
                    System.arraycopy(packed, bodyAt, to, toOffset, plainBytes);
                    yield bodyBytes;
                }
                case LZ4 -> UNLZ4.decompress(packed, bodyAt, bodyBytes, to, toOffset, plainBytes);
                case ZSTD -> Math.toIntExact(Zstd.decompressByteArray(
                        to, toOffset, plainBytes, packed, bodyAt, bodyBytes));
            };
            requireLength(unpacked, plainBytes);
        } catch (LZ4Exception | ZstdException e) {
            throw new StoreException(CORRUPT, "a packed item does not unpack: " + e.getMessage(), e);
        }
    }

    /**
     * Unpacks an item to {@code to}'s position, which does not move; LZ4 goes straight into a direct buffer.
     *
     * @throws StoreException CORRUPT if any bit of it was changed
     */
    public static void unpack(byte[] packed, int offset, int packedBytes, ByteBuffer to, int plainBytes) {
        Codec codec = check(packed, offset, packedBytes, plainBytes);
        int bodyAt = offset + HEADER_BYTES;
        int bodyBytes = packedBytes - HEADER_BYTES;
        if (codec == Codec.LZ4) {
            try {
                ByteBuffer body = ByteBuffer.wrap(packed);
                requireLength(UNLZ4.decompress(body, bodyAt, bodyBytes, to, to.position(), plainBytes), plainBytes);
            } catch (LZ4Exception e) {
                throw new StoreException(CORRUPT, "a packed item does not unpack: " + e.getMessage(), e);
            }
        } else if (codec == Codec.PLAIN) {
            to.put(to.position(), packed, bodyAt, plainBytes);
        } else {
            byte[] plain = new byte[plainBytes];
            unpack(packed, offset, packedBytes, plain, 0, plainBytes);
            to.put(to.position(), plain, 0, plainBytes);
        }
    }

    private static Codec check(byte[] packed, int offset, int packedBytes, int plainBytes) {
        requireLength(plainBytes(packed, offset, packedBytes), plainBytes);
        int crc = (int) INT.get(packed, offset + CRC_AT);
        int actual = crc(packed, offset, packedBytes);
        if (crc != actual) {
            throw new StoreException(
                    CORRUPT, String.format("a packed item's CRC-32C is %08x, its bytes give %08x", crc, actual));
        }
        int head = (int) INT.get(packed, offset);
        for (Codec codec : Codec.values()) {
            if (head == codec.wireCode() << 24) {
                if (codec == Codec.PLAIN) {
                    requireLength(packedBytes - HEADER_BYTES, plainBytes);
                }
                return codec;
            }
        }
        throw new StoreException(CORRUPT, String.format("a packed item begins with an unknown %08x", head));
    }

    private static void requireLength(int actualBytes, int plainBytes) {
        if (actualBytes != plainBytes) {
            throw new StoreException(
                    CORRUPT, "a packed item has " + actualBytes + " plain bytes, expected " + plainBytes);
        }
    }

    private static int crc(byte[] packed, int offset, int packedBytes) {
        CRC32C crc = new CRC32C();
        crc.update(packed, offset, CRC_AT);
        crc.update(packed, offset + HEADER_BYTES, packedBytes - HEADER_BYTES);
        return (int) crc.getValue();
    }
}
