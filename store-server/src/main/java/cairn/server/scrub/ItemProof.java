package cairn.server.scrub;

import static cairn.Fault.CORRUPT;

import cairn.Digest;
import cairn.StoreException;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkCodec;
import cairn.server.storage.ItemKey;
import cairn.tree.Page;
import cairn.tree.Tree;

/** Proves items by their bytes: checksum, codec, length, and the digest that names them. Not for several threads. */
final class ItemProof {
    private final byte[] plain = new byte[ChunkCodec.PLAIN_BYTES_MAX];

    /** @throws StoreException CORRUPT, saying why, if the bytes are not the item */
    void require(ItemKey key, byte[] packed) {
        if (key.kind() == ItemKey.CHUNK_KIND) {
            requireDigest(key, packed, Chunk.SIZE_BYTES);
        } else if (key.kind() <= 1 + Tree.LEVEL_MAX) {
            page(key, packed);
        } else {
            throw new StoreException(CORRUPT, "an item of kind " + key.kind() + ", which there is not");
        }
    }

    /** The page that an item is. @throws StoreException CORRUPT, saying why, if the bytes are not this page */
    Page page(ItemKey key, byte[] packed) {
        byte[] bytes = new byte[Page.SIZE_BYTES];
        ChunkCodec.unpack(packed, 0, packed.length, bytes, 0, Page.SIZE_BYTES);
        Page page = Page.decode(bytes);
        if (!ItemKey.of(page.id()).equals(key)) {
            throw new StoreException(CORRUPT, key + " holds " + ItemKey.of(page.id()));
        }
        return page;
    }

    private void requireDigest(ItemKey key, byte[] packed, int plainBytes) {
        ChunkCodec.unpack(packed, 0, packed.length, plain, 0, plainBytes);
        Digest digest = Digest.of(plain, 0, plainBytes);
        if (!digest.equals(key.digest())) {
            throw new StoreException(CORRUPT, key + " holds bytes of digest " + digest);
        }
    }
}
