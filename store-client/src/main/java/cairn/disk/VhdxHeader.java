package cairn.disk;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import java.util.zip.CRC32C;

/**
 * What a VHDX says of its disk before the disk's data. Numbers are little-endian; a checksum is the CRC-32C of all of
 * its structure, itself being zero.
 * <pre>
 *        at  size  holds
 *         0   64K  "vhdxfile"
 *       64K    4K  header, and again at 128K; the one with the higher sequence number holds
 *                     0 "head"   4 checksum   8 sequence number, 8   48 log's id, 16 (zero: empty)   64 log version, 2
 *                    66 version, 2
 *      192K   64K  region table, and again at 256K
 *                     0 "regi"   4 checksum   8 n, 4   16 n * (id 16, offset 8, length 4, is required 4)
 *    region     ?  metadata, in its first 64K a table
 *                     0 "metadata"   10 n, 2   32 n * (id 16, offset in the region 4, length 4, flags 4, reserved 4)
 *    region     ?  table of blocks
 * </pre>
 *
 * @param sectorBytes of the guest's disk; the table's layout depends on it
 * @param tableOffset where the table of blocks begins
 * @param tableBytes how long it may be
 * @see <a href="https://learn.microsoft.com/openspecs/windows_protocols/ms-vhdx">MS-VHDX</a>
 */
record VhdxHeader(long sizeBytes, long blockBytes, long sectorBytes, long tableOffset, long tableBytes) {
    static final String MAGIC = "vhdxfile";

    private record Region(long offset, long lengthBytes) {}

    private static final int KIB = 1024;
    private static final long MIB = KIB * KIB;
    private static final int HEADER_BYTES = 4 * KIB;
    private static final int TABLE_BYTES = 64 * KIB;
    private static final int ENTRIES_MAX = 2047;
    private static final int ENTRY_BYTES = 32;
    private static final long BLOCK_BYTES_MAX = 256 * MIB;

    private static final UUID NO_LOG = new UUID(0, 0);
    private static final UUID TABLE_REGION = UUID.fromString("2dc27766-f623-4200-9d64-115e9bfd4a08");
    private static final UUID METADATA_REGION = UUID.fromString("8b7ca206-4790-4b9a-b8fe-575f050f886e");

    private static final UUID FILE_PARAMETERS = UUID.fromString("caa16737-fa36-4d43-b3b6-33f0aa44e76b");
    private static final UUID DISK_SIZE = UUID.fromString("2fa54224-cd1b-4876-b211-5dbed83bf4b8");
    private static final UUID DISK_ID = UUID.fromString("beca12ab-b2e6-4523-93ef-c309e000c746");
    private static final UUID SECTOR_SIZE = UUID.fromString("8141bf1d-a96f-4709-ba47-f233a8faab5f");
    private static final UUID PHYSICAL_SECTOR_SIZE = UUID.fromString("cda348c7-445d-4471-9cc9-e9885251c556");
    private static final UUID PARENT_LOCATOR = UUID.fromString("a8d35f2d-b30b-454d-abf7-d3d84834ab0c");

    private static final int HAS_PARENT = 1 << 1;
    private static final int IS_REQUIRED = 1 << 2;

    static VhdxHeader read(DiskFile file) {
        file.requireInside(0, MIB, "the VHDX headers");
        if (!signatureOf(file.read(0, MAGIC.length()), MAGIC.length()).equals(MAGIC)) {
            throw file.refused("is not VHDX: its first bytes are others");
        }
        requireClean(file);
        Map<UUID, Region> regions = regions(file);
        Region metadata = required(file, regions, METADATA_REGION, "metadata");
        Region table = required(file, regions, TABLE_REGION, "table of blocks");
        VhdxHeader read = ofMetadata(file, metadata, table);
        read.requireTable(file);
        return read;
    }

    /** After so many blocks the table has an entry of another kind. */
    long chunkRatio() {
        return (1L << 23) * sectorBytes / blockBytes;
    }

    private static void requireClean(DiskFile file) {
        ByteBuffer header = null;
        for (long offset : new long[] {64 * KIB, 128 * KIB}) {
            ByteBuffer copy = checked(file, offset, HEADER_BYTES, "head");
            if (copy != null && (header == null || Long.compareUnsigned(copy.getLong(8), header.getLong(8)) > 0)) {
                header = copy;
            }
        }
        if (header == null) {
            throw file.corrupt("neither of its VHDX headers has the right checksum");
        }
        if (header.getShort(66) != 1) {
            throw file.refused("is VHDX of version " + Short.toUnsignedInt(header.getShort(66)) + "; 1 is read");
        }
        if (!uuid(header, 48).equals(NO_LOG)) {
            throw file.refused("has changes in its log that are not yet in place; qemu-img check -r all, or mounting it"
                    + " once on its host, puts them there");
        }
    }

    private static Map<UUID, Region> regions(DiskFile file) {
        ByteBuffer table = checked(file, 192 * KIB, TABLE_BYTES, "regi");
        table = table != null ? table : checked(file, 256 * KIB, TABLE_BYTES, "regi");
        if (table == null) {
            throw file.corrupt("neither of its region tables has the right checksum");
        }
        Map<UUID, Region> regions = new HashMap<>();
        long entries = requireEntries(file, table.getInt(8) & 0xffff_ffffL, "region");
        for (int at = 16; at < 16 + entries * ENTRY_BYTES; at += ENTRY_BYTES) {
            UUID id = uuid(table, at);
            Region region = new Region(table.getLong(at + 16), table.getInt(at + 24) & 0xffff_ffffL);
            if (id.equals(TABLE_REGION) || id.equals(METADATA_REGION)) {
                if (region.offset % MIB != 0 || region.offset < MIB) {
                    throw file.corrupt("a region at byte " + Long.toUnsignedString(region.offset));
                }
                file.requireInside(region.offset, region.lengthBytes, "a region");
                requireOnce(file, regions.put(id, region), id);
            } else if ((table.getInt(at + 28) & 1) != 0) {
                throw file.refused("needs a region unknown to us, " + id);
            }
        }
        return regions;
    }

    private static VhdxHeader ofMetadata(DiskFile file, Region metadata, Region table) {
        Map<UUID, Region> items = items(file, metadata);
        ByteBuffer parameters = item(file, items, FILE_PARAMETERS, 8, "file parameters");
        if ((parameters.getInt(4) & HAS_PARENT) != 0 || items.containsKey(PARENT_LOCATOR)) {
            throw file.refused("is a difference to a parent disk, and none is followed; merge it into its parent"
                    + " (Merge-VHD), or export the whole disk");
        }
        long blockBytes = parameters.getInt(0) & 0xffff_ffffL;
        if (blockBytes < MIB || blockBytes > BLOCK_BYTES_MAX || Long.bitCount(blockBytes) != 1) {
            throw file.corrupt("a block of " + blockBytes + " bytes");
        }
        long sectorBytes = item(file, items, SECTOR_SIZE, 4, "sector size").getInt(0) & 0xffff_ffffL;
        if (sectorBytes != 512 && sectorBytes != 4096) {
            throw file.corrupt("a sector of " + sectorBytes + " bytes");
        }
        long sizeBytes = item(file, items, DISK_SIZE, 8, "disk size").getLong(0);
        MappedDisk.requireSize(file, sizeBytes);
        return new VhdxHeader(sizeBytes, blockBytes, sectorBytes, table.offset, table.lengthBytes);
    }

    private static Map<UUID, Region> items(DiskFile file, Region metadata) {
        if (metadata.lengthBytes < TABLE_BYTES) {
            throw file.corrupt("a metadata region of " + metadata.lengthBytes + " bytes");
        }
        ByteBuffer table = little(file.read(metadata.offset, TABLE_BYTES));
        if (!signatureOf(table.array(), 8).equals("metadata")) {
            throw file.corrupt("its metadata do not begin as such");
        }
        Map<UUID, Region> items = new HashMap<>();
        long entries = requireEntries(file, Short.toUnsignedInt(table.getShort(10)), "metadata");
        for (int at = 32; at < 32 + entries * ENTRY_BYTES; at += ENTRY_BYTES) {
            UUID id = uuid(table, at);
            long offset = table.getInt(at + 16) & 0xffff_ffffL;
            long lengthBytes = table.getInt(at + 20) & 0xffff_ffffL;
            if (isKnownItem(id)) {
                if (offset < TABLE_BYTES || offset + lengthBytes > metadata.lengthBytes) {
                    throw file.corrupt("metadata of " + lengthBytes + " bytes at " + offset + " in a region of "
                            + metadata.lengthBytes);
                }
                requireOnce(file, items.put(id, new Region(metadata.offset + offset, lengthBytes)), id);
            } else if ((table.getInt(at + 24) & IS_REQUIRED) != 0) {
                throw file.refused("needs metadata unknown to us, " + id);
            }
        }
        return items;
    }

    private static boolean isKnownItem(UUID id) {
        return id.equals(FILE_PARAMETERS)
                || id.equals(DISK_SIZE)
                || id.equals(DISK_ID)
                || id.equals(SECTOR_SIZE)
                || id.equals(PHYSICAL_SECTOR_SIZE)
                || id.equals(PARENT_LOCATOR);
    }

    private static ByteBuffer item(DiskFile file, Map<UUID, Region> items, UUID id, int lengthBytes, String what) {
        Region item = required(file, items, id, what);
        if (item.lengthBytes != lengthBytes) {
            throw file.corrupt("its " + what + " has " + item.lengthBytes + " bytes, expected " + lengthBytes);
        }
        return little(file.read(item.offset, lengthBytes));
    }

    /** A structure, or null if its signature or checksum is wrong: there are two of each. */
    private static ByteBuffer checked(DiskFile file, long offset, int lengthBytes, String signature) {
        ByteBuffer structure = little(file.read(offset, lengthBytes));
        int checksum = structure.getInt(4);
        structure.putInt(4, 0);
        CRC32C crc = new CRC32C();
        crc.update(structure.array());
        boolean isRight = signatureOf(structure.array(), 4).equals(signature) && (int) crc.getValue() == checksum;
        return isRight ? structure : null;
    }

    private static long requireEntries(DiskFile file, long entries, String what) {
        if (entries > ENTRIES_MAX) {
            throw file.corrupt("a " + what + " table of " + entries + " entries");
        }
        return entries;
    }

    private static Region required(DiskFile file, Map<UUID, Region> regions, UUID id, String what) {
        Region region = regions.get(id);
        if (region == null) {
            throw file.corrupt("it has no " + what);
        }
        return region;
    }

    private static void requireOnce(DiskFile file, Region before, UUID id) {
        if (before != null) {
            throw file.corrupt("it has " + id + " twice");
        }
    }

    private static String signatureOf(byte[] bytes, int lengthBytes) {
        return new String(bytes, 0, lengthBytes, ISO_8859_1);
    }

    private static ByteBuffer little(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Microsoft's: the first three fields are little-endian, the last eight bytes stand as they are. */
    private static UUID uuid(ByteBuffer from, int at) {
        long high = (from.getInt(at) & 0xffff_ffffL) << 32
                | (long) Short.toUnsignedInt(from.getShort(at + 4)) << 16
                | Short.toUnsignedInt(from.getShort(at + 6));
        return new UUID(high, Long.reverseBytes(from.getLong(at + 8)));
    }

    private void requireTable(DiskFile file) {
        long blocks = (sizeBytes - 1) / blockBytes + 1;
        long neededBytes = 8 * (blocks + (blocks - 1) / chunkRatio());
        if (neededBytes > tableBytes) {
            throw file.corrupt("its table of blocks has " + tableBytes + " bytes, the disk needs " + neededBytes);
        }
    }
}
