package cairn.disk;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A disk in a VHD file. A fixed one is raw with a footer. A dynamic one has a table of blocks, which gives each block's
 * place as a sector number of 4 bytes, all ones standing for zeros; a block begins with a bitmap, in whole sectors, of
 * the sectors ever written, the first in the highest bit. A header tells the table's place. Numbers are big-endian.
 * <pre>
 *   offset  size  field
 *        0     8  magic, "cxsparse"
 *        8     8  all ones
 *       16     8  table's place, in bytes
 *       24     4  version, 1.0
 *       28     4  entries in the table
 *       32     4  block's length, in bytes
 *       36     4  checksum, as the footer's
 *       40   984  parent: of differences only
 * </pre>
 */
final class VhdDisk extends MappedDisk {
    private static final String MAGIC = "cxsparse";
    private static final int HEADER_BYTES = 1024;
    private static final int VERSION = 0x0001_0000;
    private static final int CHECKSUM_OFFSET = 36;
    private static final long NO_BLOCK = 0xffff_ffffL;
    private static final long BLOCK_BYTES_MIN = 4096;
    /** Virtual PC, Hyper-V and QEMU write 2 MiB, or 512 KiB. */
    private static final long BLOCK_BYTES_MAX = 256 << 20;
    /** 32 TiB with blocks of 2 MiB; the format itself ends at 2 TiB. */
    private static final long BLOCKS_MAX = 16 << 20;

    private final long blockBytes;
    private final long bitmapBytes;
    private final long tableOffset;
    private final boolean isFixed;
    private final TablePages tables;

    private VhdDisk(DiskFile file, long sizeBytes, boolean isFixed, long blockBytes, long tableOffset) {
        super(file, DiskFormat.VHD, sizeBytes);
        this.isFixed = isFixed;
        this.blockBytes = blockBytes;
        long bitmapSectors = (blockBytes / SECTOR_BYTES / 8 + SECTOR_BYTES - 1) / SECTOR_BYTES;
        this.bitmapBytes = bitmapSectors * SECTOR_BYTES;
        this.tableOffset = tableOffset;
        this.tables = new TablePages(file, ByteOrder.BIG_ENDIAN);
    }

    static VhdDisk open(DiskFile file) {
        VhdFooter footer = VhdFooter.read(file);
        return footer.type() == VhdFooter.Type.FIXED
                ? new VhdDisk(file, footer.sizeBytes(), true, footer.sizeBytes(), 0)
                : openDynamic(file, footer);
    }

    private static VhdDisk openDynamic(DiskFile file, VhdFooter footer) {
        file.requireInside(footer.headerOffset(), HEADER_BYTES, "the dynamic VHD's header");
        byte[] bytes = file.read(footer.headerOffset(), HEADER_BYTES);
        if (!new String(bytes, 0, MAGIC.length(), ISO_8859_1).equals(MAGIC)) {
            throw file.corrupt("it has no dynamic header at byte " + footer.headerOffset());
        }
        ByteBuffer header = ByteBuffer.wrap(bytes);
        if (header.getInt(CHECKSUM_OFFSET) != VhdFooter.checksum(bytes, CHECKSUM_OFFSET)) {
            throw file.corrupt("its dynamic header's checksum is wrong");
        }
        if (header.getInt(24) != VERSION) {
            throw file.refused(
                    "has a dynamic header of version 0x" + Integer.toHexString(header.getInt(24)) + "; 1.0 is read");
        }
        long blockBytes = header.getInt(32) & 0xffff_ffffL;
        if (blockBytes < BLOCK_BYTES_MIN || blockBytes > BLOCK_BYTES_MAX || Long.bitCount(blockBytes) != 1) {
            throw file.corrupt("a block of " + blockBytes + " bytes");
        }
        long tableOffset = header.getLong(16);
        requireTable(file, tableOffset, header.getInt(28) & 0xffff_ffffL, (footer.sizeBytes() - 1) / blockBytes + 1);
        return new VhdDisk(file, footer.sizeBytes(), false, blockBytes, tableOffset);
    }

    private static void requireTable(DiskFile file, long tableOffset, long entries, long neededEntries) {
        if (neededEntries > BLOCKS_MAX) {
            throw file.refused("needs a table of " + neededEntries + " blocks; at most " + BLOCKS_MAX + " are read");
        }
        if (entries < neededEntries) {
            throw file.corrupt("its table has " + entries + " blocks, the disk needs " + neededEntries);
        }
        if (tableOffset % SECTOR_BYTES != 0) {
            throw file.corrupt("its table begins inside a sector, at byte " + Long.toUnsignedString(tableOffset));
        }
        file.requireInside(tableOffset, neededEntries * 4, "the table of blocks");
    }

    @Override
    Extent extentAt(long offset) {
        if (isFixed) {
            return new Extent.Plain(0, sizeBytes(), 0);
        }
        long block = offset / blockBytes;
        long start = block * blockBytes;
        long sector = tables.uint32At(tableOffset + 4 * block);
        if (sector == NO_BLOCK) {
            return new Extent.Hole(start, blockBytes);
        }
        long bitmapOffset = sector * SECTOR_BYTES;
        file().requireInside(bitmapOffset, bitmapBytes, "the bitmap of block " + block);
        long from = (offset - start) / SECTOR_BYTES;
        boolean isWritten = isWritten(bitmapOffset, from);
        long end = endOfRun(bitmapOffset, from, isWritten);
        long runStart = start + from * SECTOR_BYTES;
        long runBytes = (end - from) * SECTOR_BYTES;
        return isWritten
                ? plain(runStart, runBytes, bitmapOffset + bitmapBytes + from * SECTOR_BYTES)
                : new Extent.Hole(runStart, runBytes);
    }

    private boolean isWritten(long bitmapOffset, long sector) {
        return (tables.uint8At(bitmapOffset + sector / 8) & 0x80 >> sector % 8) != 0;
    }

    /** The first sector of the block, behind {@code from}, whose bit differs. */
    private long endOfRun(long bitmapOffset, long from, boolean isWritten) {
        long sectors = blockBytes / SECTOR_BYTES;
        int wholeByte = isWritten ? 0xff : 0;
        long at = from + 1;
        while (at < sectors) {
            if (at % 8 == 0 && tables.uint8At(bitmapOffset + at / 8) == wholeByte) {
                at += 8;
            } else if (isWritten(bitmapOffset, at) == isWritten) {
                at++;
            } else {
                break;
            }
        }
        return at;
    }
}
