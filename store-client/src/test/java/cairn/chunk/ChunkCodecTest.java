package cairn.chunk;

import static cairn.Golden.assertGolden;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.Golden;
import cairn.StoreException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class ChunkCodecTest {
    @ParameterizedTest
    @EnumSource(Codec.class)
    void unpacksToWhatWasPacked(Codec codec) {
        for (byte[] plain : contents()) {
            byte[] packed = pack(codec, plain);
            byte[] heap = new byte[plain.length];
            ByteBuffer direct = ByteBuffer.allocateDirect(plain.length);

            ChunkCodec.unpack(packed, 0, packed.length, heap, 0, plain.length);
            ChunkCodec.unpack(packed, 0, packed.length, direct, plain.length);

            assertArrayEquals(plain, heap);
            assertEquals(ByteBuffer.wrap(plain), direct);
            assertEquals(plain.length, ChunkCodec.plainBytes(packed, 0, packed.length));
        }
    }

    @ParameterizedTest
    @EnumSource(Codec.class)
    void refusesEveryFlippedBit(Codec codec) {
        byte[] packed = pack(codec, text(700));
        byte[] to = new byte[700];

        for (int bit = 0; bit < 8 * packed.length; bit++) {
            byte[] damaged = packed.clone();
            damaged[bit / 8] ^= (byte) (1 << bit % 8);

            StoreException refused = assertThrows(
                    StoreException.class, () -> ChunkCodec.unpack(damaged, 0, damaged.length, to, 0, 700), "bit " + bit);
            assertEquals(Fault.CORRUPT, refused.fault());
        }
    }

    @ParameterizedTest
    @EnumSource(Codec.class)
    void refusesWhatIsCutShortOrTooLong(Codec codec) {
        byte[] packed = pack(codec, text(700));
        byte[] to = new byte[701];

        for (int length : new int[] {0, 1, ChunkCodec.HEADER_BYTES, packed.length - 1, packed.length + 1}) {
            byte[] other = Arrays.copyOf(packed, length);
            assertThrows(StoreException.class, () -> ChunkCodec.unpack(other, 0, length, to, 0, 700));
        }
        assertThrows(StoreException.class, () -> ChunkCodec.unpack(packed, 0, packed.length, to, 0, 701));
    }

    @ParameterizedTest
    @EnumSource(Codec.class)
    void keepsPlainWhatPackingDoesNotShrink(Codec codec) {
        byte[] noise = new byte[Chunk.SIZE_BYTES];
        new Random(1).nextBytes(noise);

        assertEquals(ChunkCodec.PACKED_BYTES_MAX, pack(codec, noise).length);
    }

    @Test
    void shrinksText() {
        assertTrue(pack(Codec.LZ4, text(Chunk.SIZE_BYTES)).length < Chunk.SIZE_BYTES / 2);
        assertTrue(pack(Codec.ZSTD, text(Chunk.SIZE_BYTES)).length < pack(Codec.LZ4, text(Chunk.SIZE_BYTES)).length);
    }

    @Test
    void namesZerosAbsentAndOtherChunksByTheirBytes() {
        byte[] plain = new byte[2 * Chunk.SIZE_BYTES];
        assertEquals(ChunkId.ABSENT, Chunk.idOf(plain, 0));

        plain[Chunk.SIZE_BYTES] = 1;
        plain[2 * Chunk.SIZE_BYTES - 1] = 1;

        assertEquals(ChunkId.ABSENT, Chunk.idOf(plain, 0));
        assertEquals(
                "23b102d9ec6b74de02c7e607d84072017ce55210ae5319d66ea11aa0b655b4a9",
                Chunk.idOf(plain, Chunk.SIZE_BYTES).toString());
    }

    @ParameterizedTest
    @MethodSource("goldenNames")
    void readsThePackedChunksOfTheFirstVersion(String name) {
        byte[] packed = Golden.bytes(name);
        byte[] plain = new byte[4096];

        ChunkCodec.unpack(packed, 0, packed.length, plain, 0, plain.length);

        assertArrayEquals(text(4096), plain);
    }

    static Stream<String> goldenNames() {
        return Stream.of("packed-plain", "packed-lz4", "packed-zstd");
    }

    @Test
    void writesPlainAndLz4AsTheFirstVersionDid() {
        byte[] noise = new byte[64];
        new Random(2).nextBytes(noise);

        assertGolden("packed-noise", pack(Codec.LZ4, noise));
        assertGolden("packed-plain", pack(Codec.PLAIN, text(4096)));
    }

    private static byte[] pack(Codec codec, byte[] plain) {
        byte[] to = new byte[ChunkCodec.scratchBytes(plain.length)];
        return Arrays.copyOf(to, ChunkCodec.pack(codec, plain, 0, plain.length, to, 0));
    }

    private static byte[][] contents() {
        byte[] noise = new byte[Chunk.SIZE_BYTES];
        new Random(3).nextBytes(noise);
        return new byte[][] {{7}, text(13), text(8200), text(Chunk.SIZE_BYTES), noise, new byte[Chunk.SIZE_BYTES]};
    }

    /** Text-like bytes that any language can make again: byte i is 'a' + (i * i / 7) % 13. */
    private static byte[] text(int length) {
        byte[] text = new byte[length];
        for (int i = 0; i < length; i++) {
            text[i] = (byte) ('a' + (long) i * i / 7 % 13);
        }
        return text;
    }
}
