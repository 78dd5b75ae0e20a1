package cairn.disk;

import java.nio.ByteBuffer;

/**
 * A qcow2 file's header. Numbers are big-endian.
 * <pre>
 *   offset  size  field
 *        0     4  magic, "QFI" and 0xfb
 *        4     4  version, 2 or 3
 *        8     8  backing file name's offset; 0: none
 *       16     4  its length
 *       20     4  cluster bits
 *       24     8  disk size
 *       32     4  encryption; 0: none
 *       36     4  entries in the L1 table
 *       40     8  L1 table's offset
 *       48    24  refcounts and snapshots; not needed to read the active disk
 *       72     8  version 3: incompatible features
 *       80    20  version 3: other features, refcount order
 *      100     4  version 3: header length
 *      104     1  version 3, if the header is that long: compression; 0 deflate, 1 zstd
 * </pre>
 *
 * @param clusterBits the binary logarithm of the cluster size
 * @param hasZeroFlag whether L2 entries know clusters of zeros
 * @param isZstd what packed clusters are packed with; else deflate
 * @param hasSubclusters whether L2 entries are 16 bytes long, with a bitmap of 32 subclusters
 * @see <a href="https://gitlab.com/qemu-project/qemu/-/blob/master/docs/interop/qcow2.txt">The format</a>
 */
record Qcow2Header(
        long sizeBytes, int clusterBits, long l1Offset, boolean hasZeroFlag, boolean isZstd, boolean hasSubclusters) {
    static final String MAGIC = "QFI\u00fb";

    private static final int READ_BYTES = 112;
    private static final int V2_BYTES = 72;
    private static final int V3_BYTES = 104;
    private static final int CLUSTER_BITS_MIN = 9;
    private static final int CLUSTER_BITS_MAX = 21;
    private static final int SUBCLUSTERS_CLUSTER_BITS_MIN = 14;
    /** 32 MiB of table, as QEMU has it: 2 PiB with clusters of 64 KiB, 128 GiB with clusters of 512 bytes. */
    private static final long L1_ENTRIES_MAX = 4 << 20;

    /** Refcounts may be stale. We never read those, and L1 and L2 are kept right. */
    private static final long DIRTY = 1;
    private static final long CORRUPT = 1 << 1;
    private static final long EXTERNAL_DATA = 1 << 2;
    private static final long COMPRESSION_TYPE = 1 << 3;
    private static final long EXTENDED_L2 = 1 << 4;
    private static final long KNOWN = DIRTY | CORRUPT | EXTERNAL_DATA | COMPRESSION_TYPE | EXTENDED_L2;

    static Qcow2Header read(DiskFile file) {
        byte[] bytes = new byte[READ_BYTES];
        file.requireInside(0, V2_BYTES, "the qcow2 header");
        file.readUpToEnd(0, bytes);
        ByteBuffer header = ByteBuffer.wrap(bytes);
        if (header.getInt(0) != ('Q' << 24 | 'F' << 16 | 'I' << 8 | 0xfb)) {
            throw file.refused("is not qcow2: its first bytes are others");
        }
        int version = header.getInt(4);
        if (version != 2 && version != 3) {
            throw file.refused("is qcow version " + Integer.toUnsignedString(version)
                    + "; 2 and 3 are read: qemu-img convert -O qcow2 makes one");
        }
        requireSelfContained(file, header);
        int clusterBits = header.getInt(20);
        if (clusterBits < CLUSTER_BITS_MIN || clusterBits > CLUSTER_BITS_MAX) {
            throw file.corrupt("a cluster of 2^" + Integer.toUnsignedString(clusterBits) + " bytes");
        }
        long features = version == 2 ? 0 : features(file, header, 1 << clusterBits);
        boolean hasSubclusters = (features & EXTENDED_L2) != 0;
        if (hasSubclusters && clusterBits < SUBCLUSTERS_CLUSTER_BITS_MIN) {
            throw file.corrupt("subclusters of a cluster of 2^" + clusterBits + " bytes");
        }
        Qcow2Header read = new Qcow2Header(
                header.getLong(24),
                clusterBits,
                header.getLong(40),
                version == 3,
                (features & COMPRESSION_TYPE) != 0,
                hasSubclusters);
        MappedDisk.requireSize(file, read.sizeBytes);
        read.requireL1(file, header.getInt(36) & 0xffff_ffffL);
        return read;
    }

    int clusterBytes() {
        return 1 << clusterBits;
    }

    int l2EntryBytes() {
        return hasSubclusters ? 16 : 8;
    }

    /** How much of the disk one L2 table, which is a cluster, tells about. */
    long l2CoverBytes() {
        return (long) clusterBytes() * (clusterBytes() / l2EntryBytes());
    }

    private static void requireSelfContained(DiskFile file, ByteBuffer header) {
        if (header.getLong(8) != 0) {
            throw file.refused("needs a backing file, and none is followed; qemu-img convert -O qcow2 writes a copy"
                    + " that stands alone");
        }
        if (header.getInt(32) != 0) {
            throw file.refused("is encrypted; qemu-img convert with its secret writes a copy that is not");
        }
    }

    private static long features(DiskFile file, ByteBuffer header, int clusterBytes) {
        file.requireInside(0, V3_BYTES, "the qcow2 header");
        long features = header.getLong(72);
        if ((features & EXTERNAL_DATA) != 0) {
            throw file.refused("keeps its data in another file, and none is followed; qemu-img convert -O qcow2 writes"
                    + " a copy that stands alone");
        }
        if ((features & CORRUPT) != 0) {
            throw file.corrupt("it is marked so by QEMU; qemu-img check -r all repairs it");
        }
        if ((features & ~KNOWN) != 0) {
            throw file.refused("uses qcow2 features unknown to us (0x" + Long.toHexString(features & ~KNOWN)
                    + "); qemu-img convert -O qcow2 -o compat=1.1 writes a copy without");
        }
        long headerBytes = header.getInt(100) & 0xffff_ffffL;
        if (headerBytes < V3_BYTES || headerBytes > clusterBytes) {
            throw file.corrupt("a header of " + headerBytes + " bytes");
        }
        int compression = headerBytes > V3_BYTES ? header.get(104) & 0xff : 0;
        if (compression > 1) {
            throw file.refused("is packed with method " + compression + "; deflate (0) and zstd (1) are read");
        }
        if ((compression != 0) != ((features & COMPRESSION_TYPE) != 0)) {
            throw file.corrupt("compression method " + compression + " and its feature bit contradict each other");
        }
        return features;
    }

    /** Only as much of the table as the disk needs is ever looked at. */
    private void requireL1(DiskFile file, long l1Entries) {
        long neededEntries = (sizeBytes - 1) / l2CoverBytes() + 1;
        if (neededEntries > L1_ENTRIES_MAX) {
            throw file.refused(
                    "needs an L1 table of " + neededEntries + " entries; at most " + L1_ENTRIES_MAX + " are read");
        }
        if (l1Entries < neededEntries) {
            throw file.corrupt("its L1 table has " + l1Entries + " entries, a disk of " + sizeBytes
                    + " bytes needs " + neededEntries);
        }
        if (l1Offset % clusterBytes() != 0 || l1Offset == 0) {
            throw file.corrupt("its L1 table begins inside a cluster, at byte " + Long.toUnsignedString(l1Offset));
        }
        file.requireInside(l1Offset, neededEntries * 8, "the L1 table");
    }
}
