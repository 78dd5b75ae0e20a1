package cairn.bench;

import cairn.Fault;
import cairn.StoreException;
import cairn.chunk.Chunk;
import cairn.disk.DiskRange;
import cairn.disk.DiskSource;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** The data of a real disk without its holes, so that every read of it reads data. */
final class DenseDisk {
    private DenseDisk() {}

    /**
     * Writes the first chunks of a disk that are not all zeros into a raw disk.
     *
     * @return how many bytes it has: as many as wanted, if the disk holds so many
     * @throws StoreException INVALID_REQUEST for a disk of zeros
     */
    static long make(Path disk, long wantedBytes, Path to) throws IOException {
        byte[] chunk = new byte[Chunk.SIZE_BYTES];
        long madeBytes = 0;
        try (DiskSource source = DiskSource.open(disk);
                OutputStream out = Files.newOutputStream(to)) {
            long wholeBytes = source.sizeBytes() / Chunk.SIZE_BYTES * Chunk.SIZE_BYTES;
            for (long at = 0; at < wholeBytes && madeBytes < wantedBytes; at += Chunk.SIZE_BYTES) {
                Optional<DiskRange> data = source.nextData(at);
                if (data.isEmpty()) {
                    break;
                }
                at = Math.max(at, data.get().offset() / Chunk.SIZE_BYTES * Chunk.SIZE_BYTES);
                if (at < wholeBytes) {
                    source.read(at, chunk, 0, Chunk.SIZE_BYTES);
                    if (!Chunk.idOf(chunk, 0).isAbsent()) {
                        out.write(chunk);
                        madeBytes += Chunk.SIZE_BYTES;
                    }
                }
            }
        }
        if (madeBytes == 0) {
            throw new StoreException(Fault.INVALID_REQUEST, disk + " holds nothing but zeros");
        }
        return madeBytes;
    }
}
