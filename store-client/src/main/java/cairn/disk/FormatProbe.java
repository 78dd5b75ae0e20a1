package cairn.disk;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

/** Tells a file's format by the bytes that formats begin with. */
final class FormatProbe {
    private static final int HEAD_BYTES = 32;

    private FormatProbe() {}

    static DiskFormat formatOf(DiskFile file) {
        byte[] bytes = new byte[HEAD_BYTES];
        file.readUpToEnd(0, bytes);
        String head = new String(bytes, ISO_8859_1);
        if (head.startsWith(Qcow2Header.MAGIC)) {
            return DiskFormat.QCOW2;
        }
        if (VmdkHeader.MAGICS.stream().anyMatch(head::startsWith)) {
            return DiskFormat.VMDK;
        }
        if (head.startsWith(VhdxHeader.MAGIC)) {
            return DiskFormat.VHDX;
        }
        // A fixed VHD has nothing in front. Its footer is believed only if all of it fits this file, since the worst
        // that a disk can gain by feigning one is to lose its own last sector.
        return head.startsWith(VhdFooter.MAGIC) || VhdFooter.endsFixedDisk(file) ? DiskFormat.VHD : DiskFormat.RAW;
    }
}
