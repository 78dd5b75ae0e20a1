package cairn.disk;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/**
 * The header of a VMDK sparse extent. Numbers are little-endian, places and lengths count sectors.
 * <pre>
 *   offset  size  field
 *        0     4  magic, "KDMV"
 *        4     4  version, 1 to 3
 *        8     4  flags: 0 newlines are checkable, 2 grains of zeros, 16 grains are packed, 17 markers stand in between
 *       12     8  capacity
 *       20     8  grain's length
 *       28     8  descriptor's place
 *       36     8  descriptor's length
 *       44     4  entries in a grain table
 *       48     8  redundant grain directory's place
 *       56     8  grain directory's place; all ones: a footer, like this header, stands before the last sector
 *       64     8  overhead
 *       72     1  was not closed cleanly
 *       73     4  newline, space, carriage return, newline
 *       77     2  packing; 0 none, 1 deflate
 * </pre>
 *
 * @param hasZeroGrains whether 1 in a grain table stands for zeros
 * @see <a href="https://www.vmware.com/app/vmdk/?src=vmdk">Virtual Disk Format 5.0</a>
 */
record VmdkHeader(
        long sizeBytes,
        int grainBytes,
        int grainTableEntries,
        long directoryOffset,
        boolean hasZeroGrains,
        boolean isPacked) {
    /** A sparse extent, VMFS's own sparse extents (refused), a descriptor in text (refused). */
    static final List<String> MAGICS =
            List.of("KDMV", "COWD\u0001\0\0\0", "\u00be\u00ba\u00fe\u00ca\0\0\0\0", "# Disk DescriptorFile");

    private static final int BYTES = 512;
    private static final int MAGIC = 0x564d444b;
    private static final long DIRECTORY_AT_END = -1;
    private static final int MARKER_FOOTER = 3;

    private static final int CHECKABLE = 1;
    private static final int ZERO_GRAINS = 1 << 2;
    private static final int PACKED = 1 << 16;
    private static final int MARKERS = 1 << 17;

    private static final long CAPACITY_MAX = DiskSource.SIZE_BYTES_MAX / DiskSource.SECTOR_BYTES;
    /** 2 MiB; VMware and QEMU write 64 KiB. */
    private static final long GRAIN_SECTORS_MAX = 4096;
    private static final long GRAIN_TABLE_ENTRIES_MAX = 512;
    /** 512 TiB with grains of 64 KiB. */
    private static final long DIRECTORY_ENTRIES_MAX = 16 << 20;

    static VmdkHeader read(DiskFile file) {
        ByteBuffer header = headerAt(file, 0);
        VmdkDescriptor.requireSelfContained(file, header.getLong(28), header.getLong(36));
        if (header.getLong(56) == DIRECTORY_AT_END) {
            header = footer(file);
        }
        int flags = header.getInt(8);
        boolean isPacked = (flags & PACKED) != 0;
        if (isPacked && ((flags & MARKERS) == 0 || header.getShort(77) != 1)) {
            throw file.refused(
                    "packs its grains in a way we do not read; qemu-img convert -O vmdk writes a plain copy");
        }
        VmdkHeader read = new VmdkHeader(
                sizeBytes(file, header.getLong(12)),
                grainBytes(file, header.getLong(20)),
                grainTableEntries(file, header.getInt(44) & 0xffff_ffffL),
                sectors(file, header.getLong(56), "the grain directory"),
                (flags & ZERO_GRAINS) != 0,
                isPacked);
        read.requireDirectory(file);
        return read;
    }

    /** How much of the disk one grain table tells about. */
    long tableCoverBytes() {
        return (long) grainBytes * grainTableEntries;
    }

    /** A place given in sectors, in bytes. */
    static long sectors(DiskFile file, long sectors, String what) {
        if (sectors < 0 || sectors > file.sizeBytes() / DiskSource.SECTOR_BYTES) {
            throw file.corrupt(what + " would be at sector " + Long.toUnsignedString(sectors) + ", but the file has "
                    + file.sizeBytes() + " bytes; was it copied whole?");
        }
        return sectors * DiskSource.SECTOR_BYTES;
    }

    private static ByteBuffer headerAt(DiskFile file, long offset) {
        ByteBuffer header = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
        file.readUpToEnd(offset, header.array());
        if (header.getInt(0) != MAGIC) {
            throw file.refused("is not a disk in a single sparse VMDK file; convert it on its host (vmkfstools, or"
                    + " qemu-img convert -O vmdk) to monolithicSparse or streamOptimized");
        }
        file.requireInside(offset, BYTES, "the VMDK header");
        int version = header.getInt(4);
        if (version < 1 || version > 3) {
            throw file.refused("is a VMDK of version " + Integer.toUnsignedString(version) + "; 1 to 3 are read");
        }
        if ((header.getInt(8) & CHECKABLE) != 0 && header.getInt(73) != 0x0a0d200a) {
            throw file.corrupt("its newlines were altered; it was copied as text");
        }
        return header;
    }

    /** The last three sectors: a marker, the footer, the mark of the stream's end. */
    private static ByteBuffer footer(DiskFile file) {
        long markerOffset = file.sizeBytes() - 3L * BYTES;
        file.requireInside(markerOffset, 3L * BYTES, "the VMDK footer");
        ByteBuffer marker = ByteBuffer.wrap(file.read(markerOffset, BYTES)).order(ByteOrder.LITTLE_ENDIAN);
        ByteBuffer end = ByteBuffer.wrap(file.read(markerOffset + 2L * BYTES, BYTES)).order(ByteOrder.LITTLE_ENDIAN);
        if (marker.getInt(8) != 0 || marker.getInt(12) != MARKER_FOOTER || end.getLong(0) != 0 || end.getLong(8) != 0) {
            throw file.corrupt("it does not end in a footer; was it copied whole?");
        }
        return headerAt(file, markerOffset + BYTES);
    }

    private static long sizeBytes(DiskFile file, long capacity) {
        long sizeBytes = capacity < 0 || capacity > CAPACITY_MAX ? -1 : capacity * DiskSource.SECTOR_BYTES;
        MappedDisk.requireSize(file, sizeBytes);
        return sizeBytes;
    }

    private static int grainBytes(DiskFile file, long grainSectors) {
        if (grainSectors < 1 || grainSectors > GRAIN_SECTORS_MAX || Long.bitCount(grainSectors) != 1) {
            throw file.corrupt("a grain of " + Long.toUnsignedString(grainSectors) + " sectors");
        }
        return Math.toIntExact(grainSectors * DiskSource.SECTOR_BYTES);
    }

    private static int grainTableEntries(DiskFile file, long entries) {
        if (entries < 1 || entries > GRAIN_TABLE_ENTRIES_MAX) {
            throw file.corrupt("a grain table of " + entries + " entries");
        }
        return (int) entries;
    }

    private void requireDirectory(DiskFile file) {
        long entries = (sizeBytes - 1) / tableCoverBytes() + 1;
        if (entries > DIRECTORY_ENTRIES_MAX) {
            throw file.refused("needs a grain directory of " + entries + " entries; at most " + DIRECTORY_ENTRIES_MAX
                    + " are read");
        }
        file.requireInside(directoryOffset, entries * 4, "the grain directory");
    }
}
