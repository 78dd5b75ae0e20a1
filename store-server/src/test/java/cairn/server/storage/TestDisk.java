package cairn.server.storage;

import cairn.chunk.Chunk;
import cairn.chunk.ChunkCodec;
import cairn.chunk.ChunkId;
import cairn.chunk.Codec;
import cairn.tree.Page;
import cairn.tree.TreeBuilder;
import cairn.tree.TreeRoot;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** A disk's bytes in memory, and how they are put in a store. */
public final class TestDisk {
    private final byte[] padded;
    private final int sizeBytes;

    private TestDisk(byte[] padded, int sizeBytes) {
        this.padded = padded;
        this.sizeBytes = sizeBytes;
    }

    /** A disk of which about every third chunk is zeros, every third text and every third noise. */
    public static TestDisk random(long seed, int sizeBytes) {
        Random random = new Random(seed);
        byte[] padded = new byte[Math.toIntExact(Chunk.count(sizeBytes) * Chunk.SIZE_BYTES)];
        for (int at = 0; at < sizeBytes; at += Chunk.SIZE_BYTES) {
            int kind = random.nextInt(3);
            for (int i = at; i < Math.min(sizeBytes, at + Chunk.SIZE_BYTES); i++) {
                padded[i] = (byte) (kind == 0 ? 0 : kind == 1 ? 'a' + i * 31 / 7 % 17 + (at >>> 16) : random.nextInt());
            }
        }
        return new TestDisk(padded, sizeBytes);
    }

    /** A disk of these bytes. */
    public static TestDisk of(byte[] bytes) {
        return new TestDisk(
                Arrays.copyOf(bytes, Math.toIntExact(Chunk.count(bytes.length) * Chunk.SIZE_BYTES)), bytes.length);
    }

    public int sizeBytes() {
        return sizeBytes;
    }

    public byte[] bytes() {
        return Arrays.copyOf(padded, sizeBytes);
    }

    public byte[] bytes(long offset, int lengthBytes) {
        return Arrays.copyOfRange(padded, (int) offset, (int) offset + lengthBytes);
    }

    public boolean isHole(long offset) {
        return chunkAt(offset / Chunk.SIZE_BYTES).isAbsent();
    }

    public ChunkId chunkAt(long index) {
        return Chunk.idOf(padded, Math.toIntExact(index * Chunk.SIZE_BYTES));
    }

    public byte[] packedChunk(long index) {
        return pack(Arrays.copyOfRange(
                padded, (int) (index * Chunk.SIZE_BYTES), (int) ((index + 1) * Chunk.SIZE_BYTES)));
    }

    public long chunkCount() {
        return Chunk.count(sizeBytes);
    }

    /** All pages, children before parents; the root is put in {@code root}. */
    public List<Page> pages(TreeRoot[] root) {
        List<Page> pages = new ArrayList<>();
        TreeBuilder builder = new TreeBuilder(sizeBytes, pages::add);
        for (long index = 0; index < chunkCount(); index++) {
            builder.putChunk(index, chunkAt(index));
        }
        root[0] = builder.finish();
        return pages;
    }

    /** The disk's tree, which need not be stored. */
    public TreeRoot root() {
        TreeRoot[] root = new TreeRoot[1];
        pages(root);
        return root[0];
    }

    /** Puts the disk and seals it, and lets it go. */
    public TreeRoot put(ChunkStore store, DomainId domain) {
        try (Lease lease = store.lease()) {
            return put(store, lease, domain);
        }
    }

    /** Puts the disk and seals it. */
    public TreeRoot put(ChunkStore store, Lease lease, DomainId domain) {
        for (long index = 0; index < chunkCount(); index++) {
            if (!chunkAt(index).isAbsent()) {
                byte[] packed = packedChunk(index);
                lease.putChunk(domain, ItemKey.of(chunkAt(index)), packed, 0, packed.length);
            }
        }
        TreeRoot[] root = new TreeRoot[1];
        for (Page page : pages(root)) {
            byte[] packed = pack(page.toBytes());
            lease.putPage(domain, page, packed, 0, packed.length)
                    .ifPresent(missing -> {
                        throw new AssertionError(missing + " is missing");
                    });
        }
        store.seal();
        return root[0];
    }

    public static List<ItemKey> childrenOf(Page page) {
        List<ItemKey> children = new ArrayList<>();
        for (int slot = 0; slot < Page.CHILDREN; slot++) {
            if (!page.isAbsent(slot)) {
                children.add(page.level() == 0 ? ItemKey.of(page.chunk(slot)) : ItemKey.of(page.page(slot)));
            }
        }
        return children;
    }

    public static byte[] pack(byte[] plain) {
        byte[] scratch = new byte[ChunkCodec.scratchBytes(plain.length)];
        return Arrays.copyOf(scratch, ChunkCodec.pack(Codec.LZ4, plain, 0, plain.length, scratch, 0));
    }
}
