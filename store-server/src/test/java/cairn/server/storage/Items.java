package cairn.server.storage;

import cairn.Digest;
import cairn.chunk.ChunkCodec;
import cairn.chunk.Codec;
import cairn.tree.Page;
import java.util.Arrays;
import java.util.Random;

/** Items made from a number, so that a test knows what it must read back. */
public final class Items {
    private Items() {}

    /** The key of item {@code n}: a chunk, or for every fifth a page. */
    public static ItemKey key(long n) {
        Random random = new Random(n);
        int kind = n % 5 == 4 ? 1 : ItemKey.CHUNK_KIND;
        return new ItemKey(kind, new Digest(random.nextLong(), random.nextLong(), random.nextLong(), random.nextLong()));
    }

    /** The bytes of item {@code n}: as many as asked, which do not compress. */
    public static byte[] packed(long n, int lengthBytes) {
        byte[] bytes = new byte[lengthBytes];
        new Random(~n).nextBytes(bytes);
        return bytes;
    }

    /** An item as uploads make them: its bytes unpack to what its key names. */
    public record Real(ItemKey key, byte[] plain, byte[] packed) {}

    /** Real item {@code n}: a chunk that packs to about a half, or for every fifth a page. */
    public static Real real(long n) {
        Random random = new Random(n * 31 + 7);
        if (n % 5 == 4) {
            Page.Builder page = new Page.Builder(0);
            for (int child = 0; child < 100; child++) {
                page.set(child, new Digest(random.nextLong(), random.nextLong(), random.nextLong(), n + 1));
            }
            Page built = page.build();
            return real(ItemKey.of(built.id()), built.toBytes());
        }
        byte[] plain = new byte[20_000 + random.nextInt(20_000)];
        random.nextBytes(plain);
        for (int at = 0; at < plain.length; at++) {
            plain[at] &= 15;
        }
        return real(new ItemKey(ItemKey.CHUNK_KIND, Digest.of(plain)), plain);
    }

    private static Real real(ItemKey key, byte[] plain) {
        byte[] packed = new byte[ChunkCodec.scratchBytes(plain.length)];
        int lengthBytes = ChunkCodec.pack(Codec.LZ4, plain, 0, plain.length, packed, 0);
        return new Real(key, plain, Arrays.copyOf(packed, lengthBytes));
    }
}
