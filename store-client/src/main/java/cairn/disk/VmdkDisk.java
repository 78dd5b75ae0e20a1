package cairn.disk;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A disk in a single sparse VMDK file. A grain directory names grain tables, whose entries tell of one grain each; all
 * are sector numbers of 4 bytes, little-endian, and 0 stands for zeros. A packed grain begins with a marker:
 * <pre>
 *   offset  size  field
 *        0     8  the grain's first sector on the disk
 *        8     4  n, length of the packed bytes
 *       12     n  zlib's
 * </pre>
 */
final class VmdkDisk extends MappedDisk {
    private static final int GRAIN_OF_ZEROS = 1;
    private static final int MARKER_BYTES = 12;

    private final VmdkHeader header;
    private final TablePages tables;

    private VmdkDisk(DiskFile file, VmdkHeader header) {
        super(file, DiskFormat.VMDK, header.sizeBytes());
        this.header = header;
        this.tables = new TablePages(file, ByteOrder.LITTLE_ENDIAN);
    }

    static VmdkDisk open(DiskFile file) {
        return new VmdkDisk(file, VmdkHeader.read(file));
    }

    @Override
    Extent extentAt(long offset) {
        long coverBytes = header.tableCoverBytes();
        long tableIndex = offset / coverBytes;
        long tableSector = tables.uint32At(header.directoryOffset() + 4 * tableIndex);
        if (tableSector == 0) {
            return new Extent.Hole(tableIndex * coverBytes, coverBytes);
        }
        long tableOffset = VmdkHeader.sectors(file(), tableSector, "a grain table");
        file().requireInside(tableOffset, header.grainTableEntries() * 4L, "a grain table");
        long start = offset - offset % header.grainBytes();
        long grainSector = tables.uint32At(tableOffset + start % coverBytes / header.grainBytes() * 4);
        if (grainSector == 0 || grainSector == GRAIN_OF_ZEROS && header.hasZeroGrains()) {
            return new Extent.Hole(start, header.grainBytes());
        }
        long fileOffset = VmdkHeader.sectors(file(), grainSector, "the disk's data at byte " + start);
        return header.isPacked() ? packed(start, fileOffset) : plain(start, header.grainBytes(), fileOffset);
    }

    @Override
    void unpack(Extent.Packed packed, byte[] to, int toOffset) {
        ByteBuffer marker =
                ByteBuffer.wrap(file().read(packed.fileOffset(), MARKER_BYTES)).order(ByteOrder.LITTLE_ENDIAN);
        long sector = marker.getLong(0);
        long packedBytes = marker.getInt(8) & 0xffff_ffffL;
        if (sector != packed.offset() / SECTOR_BYTES || packedBytes > packed.fileBytesMax() - MARKER_BYTES) {
            throw file().corrupt("the grain at byte " + packed.fileOffset() + " says it is sector "
                    + Long.toUnsignedString(sector) + " in " + packedBytes + " bytes");
        }
        byte[] bytes = file().read(packed.fileOffset() + MARKER_BYTES, Math.toIntExact(packedBytes));
        if (!Unpacker.ZLIB.unpack(bytes, bytes.length, to, toOffset, header.grainBytes())) {
            throw file().corrupt("the packed grain at byte " + packed.fileOffset() + " does not unpack to "
                    + header.grainBytes() + " bytes");
        }
    }

    private Extent packed(long start, long fileOffset) {
        // Bytes that do not pack grow by some in a thousand; a grain that is said to grow twofold is no grain.
        long packedMax = 2L * header.grainBytes() + SECTOR_BYTES;
        file().requireInside(fileOffset, MARKER_BYTES, "the disk's packed data at byte " + start);
        return new Extent.Packed(start, header.grainBytes(), fileOffset, Math.toIntExact(packedMax));
    }
}
