package cairn.bench;

import cairn.chunk.Chunk;
import cairn.chunk.ChunkCodec;
import cairn.chunk.ChunkId;
import cairn.chunk.Codec;
import cairn.disk.DiskRange;
import cairn.disk.DiskSource;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/** Counts what a store has to keep of some disks at the very least, without asking a store. */
final class UniqueChunks {
    private final Codec codec;
    private final Set<ChunkId> ids = new HashSet<>();
    private final byte[] plain = new byte[Chunk.SIZE_BYTES];
    private final byte[] packed = new byte[ChunkCodec.scratchBytes(Chunk.SIZE_BYTES)];
    private long packedBytes;

    UniqueChunks(Codec codec) {
        this.codec = codec;
    }

    /** Reads a disk, one chunk after the other. */
    void add(DiskSource disk) {
        long next = 0;
        for (Optional<DiskRange> data = disk.nextData(0); data.isPresent(); data = dataBehind(disk, next)) {
            next = Math.max(next, data.get().offset() / Chunk.SIZE_BYTES * Chunk.SIZE_BYTES);
            for (; next < data.get().endOffset(); next += Chunk.SIZE_BYTES) {
                addChunk(disk, next);
            }
        }
    }

    private static Optional<DiskRange> dataBehind(DiskSource disk, long offset) {
        return offset >= disk.sizeBytes() ? Optional.empty() : disk.nextData(offset);
    }

    private void addChunk(DiskSource disk, long offset) {
        int lengthBytes = Math.toIntExact(Math.min(Chunk.SIZE_BYTES, disk.sizeBytes() - offset));
        disk.read(offset, plain, 0, lengthBytes);
        Arrays.fill(plain, lengthBytes, Chunk.SIZE_BYTES, (byte) 0);
        ChunkId id = Chunk.idOf(plain, 0);
        if (!id.isAbsent() && ids.add(id)) {
            packedBytes += ChunkCodec.pack(codec, plain, 0, Chunk.SIZE_BYTES, packed, 0);
        }
    }

    long count() {
        return ids.size();
    }

    long packedBytes() {
        return packedBytes;
    }
}
