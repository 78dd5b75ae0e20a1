package cairn.disk;

import java.nio.ByteOrder;

/**
 * A disk in a VHDX file, fixed or dynamic. A table has 8 bytes, little-endian, for each block; after as many blocks as
 * {@link VhdxHeader#chunkRatio} says stands an entry for a bitmap, which only differences use.
 * <pre>
 *   bits   of an entry
 *   0-2    0 never written, 1 undefined, 2 zeros, 3 discarded, 6 stored, 7 partly stored (differences only)
 *   20-63  the block's offset, in MiB
 * </pre>
 */
final class VhdxDisk extends MappedDisk {
    private static final int STATE_BITS = 7;
    private static final long OFFSET = -1L << 20;
    private static final int STORED = 6;

    private final VhdxHeader header;
    private final TablePages tables;

    private VhdxDisk(DiskFile file, VhdxHeader header) {
        super(file, DiskFormat.VHDX, header.sizeBytes());
        this.header = header;
        this.tables = new TablePages(file, ByteOrder.LITTLE_ENDIAN);
    }

    static VhdxDisk open(DiskFile file) {
        return new VhdxDisk(file, VhdxHeader.read(file));
    }

    @Override
    Extent extentAt(long offset) {
        long block = offset / header.blockBytes();
        long start = block * header.blockBytes();
        long entry = tables.int64At(header.tableOffset() + 8 * (block + block / header.chunkRatio()));
        int state = (int) entry & STATE_BITS;
        return switch (state) {
            // What is undefined or discarded may read as anything, so also as zeros.
            case 0, 1, 2, 3 -> new Extent.Hole(start, header.blockBytes());
            case STORED -> plain(start, header.blockBytes(), entry & OFFSET);
            default -> throw file().corrupt("block " + block + " is in state " + state);
        };
    }
}
