package cairn.server.storage;

import cairn.Digest;
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
}
