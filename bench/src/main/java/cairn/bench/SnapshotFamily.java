package cairn.bench;

import cairn.chunk.Chunk;
import cairn.chunk.ChunkCodec;
import cairn.chunk.ChunkId;
import cairn.chunk.Codec;
import cairn.disk.DiskSource;
import cairn.tree.TreeBuilder;
import cairn.tree.TreeRoot;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Snapshots of one machine's disk, each of which differs from the one before in some regions, as after an update: in a
 * store whose chunks and pages are all real.
 */
final class SnapshotFamily {
    /** 512 KiB, an update's files side by side. */
    private static final int REGION_CHUNKS = 8;

    private final MadeStore store;
    private final long sizeBytes;
    private final ChunkId[] ids;
    private final long[] dataChunks;
    private final int changedChunks;
    private final SplittableRandom random = new SplittableRandom(1);
    private final byte[] plain = new byte[Chunk.SIZE_BYTES];
    private final byte[] packed = new byte[ChunkCodec.scratchBytes(Chunk.SIZE_BYTES)];
    private final List<Member> members = new ArrayList<>();

    /**
     * One of the family.
     *
     * @param chunks that this and all before it have, each once
     * @param pages that this and all before it have, each once
     */
    record Member(TreeRoot root, long chunks, long pages) {}

    private SnapshotFamily(MadeStore store, DiskSource disk, double changedPercent) {
        this.store = store;
        this.sizeBytes = disk.sizeBytes();
        this.ids = new ChunkId[Math.toIntExact(Chunk.count(sizeBytes))];
        this.dataChunks = DataChunks.of(disk);
        this.changedChunks = (int) Math.max(1, Math.round(dataChunks.length * changedPercent / 100));
    }

    /**
     * Fills an empty store.
     *
     * @param changedPercent of the first one's chunks with data, in each of the others
     */
    static List<Member> fill(MadeStore store, DiskSource disk, int snapshots, double changedPercent) {
        SnapshotFamily family = new SnapshotFamily(store, disk, changedPercent);
        family.takeFirst(disk);
        for (int n = 1; n < snapshots; n++) {
            family.change(n);
            family.keep();
        }
        return family.members;
    }

    private void takeFirst(DiskSource disk) {
        Arrays.fill(ids, ChunkId.ABSENT);
        for (long index : dataChunks) {
            long offset = index * Chunk.SIZE_BYTES;
            int lengthBytes = (int) Math.min(Chunk.SIZE_BYTES, sizeBytes - offset);
            disk.read(offset, plain, 0, lengthBytes);
            Arrays.fill(plain, lengthBytes, Chunk.SIZE_BYTES, (byte) 0);
            put(index);
        }
        keep();
    }

    /** Some regions get what no other snapshot has. */
    private void change(int seed) {
        MixedContent content = new MixedContent(seed);
        for (int changed = 0; changed < changedChunks; changed += REGION_CHUNKS) {
            int first = random.nextInt(dataChunks.length);
            int until = Math.min(dataChunks.length, first + Math.min(REGION_CHUNKS, changedChunks - changed));
            for (int n = first; n < until; n++) {
                content.fill(plain, 0, dataChunks[n]);
                put(dataChunks[n]);
            }
        }
    }

    private void put(long index) {
        ChunkId id = Chunk.idOf(plain, 0);
        if (!id.isAbsent()) {
            store.putChunk(id, packed, ChunkCodec.pack(Codec.LZ4, plain, 0, Chunk.SIZE_BYTES, packed, 0));
        }
        ids[Math.toIntExact(index)] = id;
    }

    private void keep() {
        TreeBuilder tree = new TreeBuilder(sizeBytes, store::putPage);
        for (int index = 0; index < ids.length; index++) {
            tree.putChunk(index, ids[index]);
        }
        TreeRoot root = tree.finish();
        store.keepSnapshot(root);
        members.add(new Member(root, store.chunksKept(), store.pagesKept()));
    }
}
