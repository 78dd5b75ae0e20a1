package cairn.disk;

import java.nio.ByteOrder;

/**
 * A disk in a qcow2 file, as its guest last saw it; internal snapshots are not looked at. An L1 table names L2 tables,
 * whose entries tell of one cluster each:
 * <pre>
 *   bits   of an L1 entry
 *   9-55   the L2 table's offset; 0: none, zeros
 *   63     is not shared with a snapshot
 *          of an L2 entry, if bit 62 is 0
 *   0      reads as zeros (not with subclusters, nor in version 2)
 *   9-55   the cluster's offset; 0: none, zeros
 *   63     is not shared with a snapshot
 *          of an L2 entry, if bit 62 is 1: a packed cluster; x = 62 - (cluster bits - 8)
 *   0..    below x: offset of the packed bytes, anywhere
 *   x-61   how many sectors they reach into beyond the first
 *          of the second word of an L2 entry, with subclusters
 *   0-31   subcluster is stored, the first at bit 0
 *   32-63  subcluster reads as zeros, the first at bit 32
 * </pre>
 */
final class Qcow2Disk extends MappedDisk {
    private static final long OFFSET = 0x00ff_ffff_ffff_fe00L;
    private static final long ZERO = 1;
    private static final long PACKED = 1L << 62;
    private static final long UNSHARED = 1L << 63;
    private static final int SUBCLUSTERS = 32;

    private final Qcow2Header header;
    private final TablePages tables;
    private final Unpacker unpacker;

    private Qcow2Disk(DiskFile file, Qcow2Header header) {
        super(file, DiskFormat.QCOW2, header.sizeBytes());
        this.header = header;
        this.tables = new TablePages(file, ByteOrder.BIG_ENDIAN);
        this.unpacker = header.isZstd() ? Unpacker.ZSTD : Unpacker.DEFLATE;
    }

    static Qcow2Disk open(DiskFile file) {
        return new Qcow2Disk(file, Qcow2Header.read(file));
    }

    @Override
    Extent extentAt(long offset) {
        long coverBytes = header.l2CoverBytes();
        long l1Index = offset / coverBytes;
        long l2Offset = l2Offset(l1Index);
        if (l2Offset == 0) {
            return new Extent.Hole(l1Index * coverBytes, coverBytes);
        }
        long clusterStart = offset - offset % header.clusterBytes();
        long place = l2Offset + clusterStart % coverBytes / header.clusterBytes() * header.l2EntryBytes();
        long entry = tables.int64At(place);
        if ((entry & PACKED) != 0) {
            return packed(clusterStart, entry);
        }
        return header.hasSubclusters()
                ? subcluster(offset, clusterStart, entry, tables.int64At(place + 8))
                : cluster(clusterStart, entry);
    }

    @Override
    void unpack(Extent.Packed packed, byte[] to, int toOffset) {
        byte[] bytes = file().read(packed.fileOffset(), packed.fileBytesMax());
        if (!unpacker.unpack(bytes, bytes.length, to, toOffset, header.clusterBytes())) {
            throw file().corrupt("the packed cluster at byte " + packed.fileOffset() + " does not unpack to "
                    + header.clusterBytes() + " bytes");
        }
    }

    private long l2Offset(long l1Index) {
        long entry = tables.int64At(header.l1Offset() + 8 * l1Index);
        requireNone(entry & ~(OFFSET | UNSHARED), "L1", entry);
        long l2Offset = entry & OFFSET;
        if (l2Offset != 0) {
            requireAligned(l2Offset, "an L2 table");
            file().requireInside(l2Offset, header.clusterBytes(), "an L2 table");
        }
        return l2Offset;
    }

    private Extent cluster(long start, long entry) {
        requireNone(entry & ~(OFFSET | UNSHARED | (header.hasZeroFlag() ? ZERO : 0)), "L2", entry);
        long fileOffset = entry & OFFSET;
        // A cluster of zeros may still have its place, kept for the next write.
        return fileOffset == 0 || (entry & ZERO) != 0
                ? new Extent.Hole(start, header.clusterBytes())
                : stored(start, header.clusterBytes(), fileOffset, 0);
    }

    private Extent subcluster(long offset, long clusterStart, long entry, long bitmap) {
        requireNone(entry & ~(OFFSET | UNSHARED), "L2", entry);
        int subclusterBytes = header.clusterBytes() / SUBCLUSTERS;
        int index = (int) ((offset - clusterStart) / subclusterBytes);
        long start = clusterStart + (long) index * subclusterBytes;
        boolean isStored = (bitmap >>> index & 1) != 0;
        boolean isZero = (bitmap >>> SUBCLUSTERS + index & 1) != 0;
        long fileOffset = entry & OFFSET;
        if (isStored && (isZero || fileOffset == 0)) {
            throw file().corrupt("an L2 entry contradicts its bitmap 0x" + Long.toHexString(bitmap));
        }
        return isStored
                ? stored(start, subclusterBytes, fileOffset, start - clusterStart)
                : new Extent.Hole(start, subclusterBytes);
    }

    /** What is {@code within} bytes behind a cluster's start in the file. The file's last cluster may be cut short. */
    private Extent stored(long start, long lengthBytes, long fileOffset, long within) {
        requireAligned(fileOffset, "a cluster");
        file().requireInside(fileOffset, 1, "the disk's data at byte " + start);
        return new Extent.Plain(start, lengthBytes, fileOffset + within);
    }

    private Extent packed(long start, long entry) {
        int sectorsShift = 62 - (header.clusterBits() - 8);
        long fileOffset = entry & (1L << sectorsShift) - 1;
        long moreSectors = (entry & PACKED - 1) >>> sectorsShift;
        long endOffset = (fileOffset / SECTOR_BYTES + 1 + moreSectors) * SECTOR_BYTES;
        file().requireInside(fileOffset, 1, "the disk's packed data at byte " + start);
        // The last packed cluster need not fill its last sector.
        long fileBytesMax = Math.min(endOffset, file().sizeBytes()) - fileOffset;
        return new Extent.Packed(start, header.clusterBytes(), fileOffset, Math.toIntExact(fileBytesMax));
    }

    private void requireAligned(long fileOffset, String what) {
        if (fileOffset % header.clusterBytes() != 0) {
            throw file().corrupt(what + " begins inside a cluster, at byte " + fileOffset);
        }
    }

    private void requireNone(long reservedBits, String table, long entry) {
        if (reservedBits != 0) {
            throw file().corrupt("an entry of an " + table + " table is 0x" + Long.toHexString(entry));
        }
    }
}
