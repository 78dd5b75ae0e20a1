package cairn.disk;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import cairn.Fault;
import cairn.StoreException;
import java.util.Map;

/** Tells a file's format by the bytes that formats begin with. */
final class FormatProbe {
    private static final int HEAD_BYTES = 128;
    private static final int VDI_MAGIC_AT = 64;
    /** What begins no disk that boots, and is likelier somebody's mistake. */
    private static final Map<String, String> UNREAD = Map.of(
            "QED\0", "a QED image; convert it first (qemu-img convert -O raw)",
            "\u001f\u008b", "compressed by gzip; unpack it first",
            "BZh", "compressed by bzip2; unpack it first",
            "\u00fd7zXZ\0", "compressed by xz; unpack it first",
            "\u0028\u00b5\u002f\u00fd", "compressed by zstd; unpack it first");

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
        requireNoOther(file, head);
        // A fixed VHD has nothing in front. Its footer is believed only if all of it fits this file, since the worst
        // that a disk can gain by feigning one is to lose its own last sector.
        return head.startsWith(VhdFooter.MAGIC) || VhdFooter.endsFixedDisk(file) ? DiskFormat.VHD : DiskFormat.RAW;
    }

    private static void requireNoOther(DiskFile file, String head) {
        String other = head.startsWith("\u007f\u0010\u00da\u00be", VDI_MAGIC_AT)
                ? "a VDI image; convert it first (qemu-img convert -O raw)"
                : UNREAD.entrySet().stream()
                        .filter(each -> head.startsWith(each.getKey()))
                        .findFirst()
                        .map(Map.Entry::getValue)
                        .orElse(null);
        if (other != null) {
            throw new StoreException(
                    Fault.INVALID_REQUEST, file.name() + " is " + other + ", or insist with --format raw");
        }
    }
}
