package cairn.server.storage;

import static cairn.Fault.CORRUPT;

import cairn.Digest;
import cairn.StoreException;
import cairn.chunk.ChunkCodec;
import cairn.tree.Page;

/** A packed item that was unpacked and is what its key names, bit for bit. */
public final class ProvenItem {
    private ProvenItem() {}

    /**
     * Unpacks an item and proves it.
     *
     * @return its plain bytes
     * @throws StoreException CORRUPT, naming it, if it does not unpack or is another
     */
    public static byte[] unpack(long ordinal, ItemKey key, byte[] packed) {
        try {
            byte[] plain = new byte[ChunkCodec.plainBytes(packed, 0, packed.length)];
            ChunkCodec.unpack(packed, 0, packed.length, plain, 0, plain.length);
            requireIs(key, plain);
            return plain;
        } catch (StoreException e) {
            throw new StoreException(
                    CORRUPT, key + " at ordinal " + Ordinal.shown(ordinal) + " is damaged: " + e.getMessage(), e);
        }
    }

    private static void requireIs(ItemKey key, byte[] plain) {
        ItemKey actual = key.kind() == ItemKey.CHUNK_KIND
                ? new ItemKey(ItemKey.CHUNK_KIND, Digest.of(plain))
                : ItemKey.of(Page.decode(plain).id());
        if (!actual.equals(key)) {
            throw new StoreException(CORRUPT, "it holds " + actual);
        }
    }
}
