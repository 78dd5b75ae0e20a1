package cairn.disk;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.nio.ByteBuffer;

/**
 * What a VHD ends with; a dynamic one also begins with it. Numbers are big-endian.
 * <pre>
 *   offset  size  field
 *        0     8  magic, "conectix"
 *        8     4  features
 *       12     4  version, 1.0
 *       16     8  dynamic header's place; all ones in a fixed one
 *       24    16  when and by what it was made
 *       40     8  size when it was made
 *       48     8  size now
 *       56     4  cylinders, heads, sectors
 *       60     4  type; 2 fixed, 3 dynamic, 4 difference
 *       64     4  checksum: ones' complement of the sum of the other bytes
 *       68   444  id, saved state, zeros
 * </pre>
 *
 * <p>A disk's size is its size now. For what some programs made QEMU takes cylinders * heads * sectors instead,
 * since Virtual PC showed that to its guests. It is up to a cylinder smaller: a guest that was shown the whole size
 * would lose its last sectors, whereas one that was not finds some more zeros at the end.
 *
 * @see <a href="https://learn.microsoft.com/windows/win32/vstor/about-vhd">The format</a>
 */
record VhdFooter(Type type, long headerOffset, long sizeBytes) {
    enum Type {
        FIXED,
        DYNAMIC
    }

    static final String MAGIC = "conectix";
    static final int BYTES = 512;

    private static final int VERSION = 0x0001_0000;
    private static final int TYPE_FIXED = 2;
    private static final int TYPE_DYNAMIC = 3;
    private static final int TYPE_DIFFERENCE = 4;
    private static final int CHECKSUM_OFFSET = 64;

    static VhdFooter read(DiskFile file) {
        file.requireInside(0, BYTES, "the VHD footer");
        byte[] first = file.read(0, BYTES);
        boolean isFirst = hasMagic(first);
        byte[] bytes = isFirst ? first : file.read(file.sizeBytes() - BYTES, BYTES);
        if (!hasMagic(bytes)) {
            throw file.refused("is not a VHD: it ends in no footer; was it copied whole?");
        }
        ByteBuffer footer = ByteBuffer.wrap(bytes);
        if (footer.getInt(CHECKSUM_OFFSET) != checksum(bytes, CHECKSUM_OFFSET)) {
            throw file.corrupt("its VHD footer's checksum is wrong");
        }
        if (footer.getInt(12) != VERSION) {
            throw file.refused("is a VHD of version 0x" + Integer.toHexString(footer.getInt(12)) + "; 1.0 is read");
        }
        VhdFooter read = new VhdFooter(typeOf(file, footer.getInt(60)), footer.getLong(16), footer.getLong(48));
        MappedDisk.requireSize(file, read.sizeBytes);
        read.requirePlace(file, isFirst);
        return read;
    }

    /** Whether the file is a fixed VHD beyond doubt: a footer at its end that is whole and has the file's size. */
    static boolean endsFixedDisk(DiskFile file) {
        if (file.sizeBytes() <= BYTES || file.sizeBytes() % BYTES != 0) {
            return false;
        }
        byte[] bytes = file.read(file.sizeBytes() - BYTES, BYTES);
        ByteBuffer footer = ByteBuffer.wrap(bytes);
        return hasMagic(bytes)
                && footer.getInt(CHECKSUM_OFFSET) == checksum(bytes, CHECKSUM_OFFSET)
                && footer.getInt(60) == TYPE_FIXED
                && footer.getLong(48) == file.sizeBytes() - BYTES;
    }

    /** The ones' complement of the sum of all bytes but the four at {@code at}. */
    static int checksum(byte[] bytes, int at) {
        int sum = 0;
        for (int i = 0; i < bytes.length; i++) {
            sum += i >= at && i < at + 4 ? 0 : bytes[i] & 0xff;
        }
        return ~sum;
    }

    private static boolean hasMagic(byte[] bytes) {
        return new String(bytes, 0, MAGIC.length(), ISO_8859_1).equals(MAGIC);
    }

    private static Type typeOf(DiskFile file, int type) {
        return switch (type) {
            case TYPE_FIXED -> Type.FIXED;
            case TYPE_DYNAMIC -> Type.DYNAMIC;
            case TYPE_DIFFERENCE -> throw file.refused("is a difference to a parent disk, and none is followed; merge"
                    + " it into its parent (Merge-VHD), or export the whole disk");
            default -> throw file.refused(
                    "is a VHD of type " + Integer.toUnsignedString(type) + "; fixed and dynamic are read");
        };
    }

    private void requirePlace(DiskFile file, boolean isFirst) {
        if (type == Type.DYNAMIC && !isFirst) {
            throw file.corrupt("it is a dynamic VHD, but does not begin like one");
        }
        if (type == Type.FIXED && (isFirst || sizeBytes != file.sizeBytes() - BYTES)) {
            throw file.corrupt("it is a fixed VHD of " + sizeBytes + " bytes in a file of " + file.sizeBytes()
                    + "; was it copied whole?");
        }
    }
}
