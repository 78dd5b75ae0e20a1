package cairn.disk;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import cairn.StoreException;
import cairn.Text;
import java.util.Set;

/** The text inside a VMDK that says what files the disk is made of. We only make sure that it is this one alone. */
final class VmdkDescriptor {
    private static final int BYTES_MAX = 1 << 20;
    private static final Set<String> TYPES = Set.of("monolithicSparse", "streamOptimized");
    private static final Set<String> ACCESSES = Set.of("RW", "RDONLY", "NOACCESS");
    private static final String NO_PARENT = "ffffffff";

    private VmdkDescriptor() {}

    /** Names of files in the text are not looked at. @throws StoreException unless the disk is this file alone */
    static void requireSelfContained(DiskFile file, long placeSectors, long lengthSectors) {
        if (placeSectors == 0) {
            throw isPart(file);
        }
        long offset = VmdkHeader.sectors(file, placeSectors, "the descriptor");
        if (lengthSectors < 1 || lengthSectors > BYTES_MAX / DiskSource.SECTOR_BYTES) {
            throw file.corrupt("a descriptor of " + Long.toUnsignedString(lengthSectors) + " sectors");
        }
        int lengthBytes = Math.toIntExact(lengthSectors * DiskSource.SECTOR_BYTES);
        file.requireInside(offset, lengthBytes, "the descriptor");
        String text = new String(file.read(offset, lengthBytes), ISO_8859_1);
        int end = text.indexOf('\0');
        requireSelfContained(file, end < 0 ? text : text.substring(0, end));
    }

    private static void requireSelfContained(DiskFile file, String text) {
        if (text.isEmpty()) {
            throw isPart(file);
        }
        String type = "none";
        int extents = 0;
        for (String line : text.split("\n")) {
            String[] words = line.strip().split("\\s+", 4);
            int equals = line.indexOf('=');
            String key = equals < 0 ? "" : line.substring(0, equals).strip();
            String value = line.substring(equals + 1).strip().replace("\"", "");
            if (key.equalsIgnoreCase("createType")) {
                type = value;
            } else if (key.equalsIgnoreCase("parentCID") && !value.equalsIgnoreCase(NO_PARENT)) {
                throw file.refused("is a difference to a parent disk, and none is followed; convert the whole disk to"
                        + " one file, with qemu-img convert -O vmdk or vmkfstools");
            } else if (words.length > 2 && ACCESSES.contains(words[0])) {
                extents++;
                if (!words[2].equals("SPARSE") || words[0].equals("NOACCESS")) {
                    throw file.refused("has an extent of kind " + Text.shown(words[0] + ' ' + words[2])
                            + "; only SPARSE ones are read");
                }
            }
        }
        if (!TYPES.contains(type)) {
            throw file.refused("is a VMDK of type " + Text.shown(type)
                    + "; monolithicSparse and streamOptimized are read: qemu-img convert -O vmdk makes one");
        }
        if (extents != 1) {
            throw file.refused("is one of " + extents + " extents of its disk; convert the whole disk to one file, with"
                    + " qemu-img convert -O vmdk or vmkfstools");
        }
    }

    private static StoreException isPart(DiskFile file) {
        return file.refused("is a part of a VMDK disk; convert the whole disk to one file, with qemu-img convert"
                + " -O vmdk or vmkfstools");
    }
}
