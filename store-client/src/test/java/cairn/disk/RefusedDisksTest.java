package cairn.disk;

import static cairn.disk.RawDiskTest.requireFault;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.Tools;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What no format's reader takes, and how it says so. */
class RefusedDisksTest {
    private static final int SIZE_BYTES = 4 << 20;

    private final byte[] content = SampleDisks.content(1, SIZE_BYTES);

    @TempDir
    Path folder;

    @BeforeAll
    static void requireQemu() {
        Tools.require("qemu-img");
    }

    @Test
    void qcow2ThatNeedsAnotherFileOrAKey() {
        Path base = SampleDisks.write(folder.resolve("base.raw"), content);
        Path file = folder.resolve("disk.qcow2");

        Tools.run("qemu-img", "create", "-f", "qcow2", "-F", "raw", "-b", base.toString(), file.toString());
        refused(file, "needs a backing file");
        String dataFile = "data_file=" + folder.resolve("data");
        Tools.run("qemu-img", "create", "-f", "qcow2", "-o", dataFile, file.toString(), "1M");
        refused(file, "keeps its data in another file");
        // Encrypted by LUKS, as the header tells; QEMU would take seconds to make a real one.
        refused(patched(SampleDisks.bytesOf(SampleDisks.convert(folder, content, "qcow2")), 35, 2), "is encrypted");
    }

    @Test
    void qcow2WhoseHeaderWeDoNotBelieve() {
        ByteBuffer good = SampleDisks.bytesOf(SampleDisks.convert(folder, content, "qcow2"));

        refused(patched(good, 79, 1 << 5), "features unknown to us (0x20)");
        corrupt(patched(good, 79, 1 << 1), "is marked so by QEMU");
        refused(patched(good, 7, 1), "is qcow version 1");
        refused(patched(good, 7, 4), "is qcow version 4");
        corrupt(patched(good, 23, 8), "a cluster of 2^8 bytes");
        corrupt(patched(good, 23, 22), "a cluster of 2^22 bytes");
        corrupt(patched(good, 103, 103), "a header of 103 bytes");
        refused(patched(good, 104, 2), "is packed with method 2");
        corrupt(patched(good, 104, 1), "contradict each other");
        corrupt(patched(good, 39, 0), "its L1 table has 0 entries");
        corrupt(patched(good, 47, 8), "its L1 table begins inside a cluster");
        corrupt(patched(good, 42, 1), "the L1 table would be 8 bytes at");
        refused(patched(good, 31, 1), "no multiple of 512");
        refused(patched(good, 24, 1), "at most 70368744177664 (64 TiB) are read");
        refused(patched(good, 24, 0x80), "bytes; at most");
        refused(withLong(good, 24, 0), "holds a disk of 0 bytes");
        refused(patched(withLong(good, 24, 64L << 40), 23, 9), "needs an L1 table of");
        corrupt(Arrays.copyOf(good.array(), 40), "the qcow2 header would be 72 bytes");
    }

    @Test
    void qcow2ThatIsDirtyIsRead() {
        ByteBuffer good = SampleDisks.bytesOf(SampleDisks.convert(folder, content, "qcow2"));

        try (DiskSource disk = DiskSource.open(write(patched(good, 79, 1)))) {
            assertArrayEquals(content, SampleDisks.readData(disk));
        }
    }

    @Test
    void qcow2WhoseTablesLeadNowhere() {
        ByteBuffer good = SampleDisks.bytesOf(SampleDisks.convert(folder, content, "qcow2"));
        int l1 = (int) good.getLong(40);
        int l2 = (int) (good.getLong(l1) & 0x00ff_ffff_ffff_fe00L);

        unreadable(withLong(good, l1, 1L << 40), "an L2 table would be 65536 bytes at 1099511627776");
        unreadable(withLong(good, l1, 0x10200), "an L2 table begins inside a cluster");
        unreadable(withLong(good, l1, good.getLong(l1) | 2), "an entry of an L1 table");
        unreadable(withLong(good, l2, 1L << 40), "the disk's data at byte 0 would be");
        unreadable(withLong(good, l2, 0x10200), "a cluster begins inside a cluster");
        unreadable(withLong(good, l2, 0x10004), "an entry of an L2 table");
        unreadable(withLong(good, l2, 1L << 62 | 1L << 40), "the disk's packed data at byte 0");
        unreadable(withLong(good, l2, 1L << 62 | l1), "does not unpack to 65536 bytes");
        unreadable(Arrays.copyOf(good.array(), good.capacity() - (2 << 20)), "was it copied whole?");
    }

    @Test
    void qcow2WhosePackedClustersAreDamaged() {
        for (String type : new String[] {"zlib", "zstd"}) {
            ByteBuffer good = SampleDisks.bytesOf(
                    SampleDisks.convert(folder, content, "qcow2", "-c", "-o", "compression_type=" + type));
            int l2 = (int) (good.getLong((int) good.getLong(40)) & 0x00ff_ffff_ffff_fe00L);
            int entry = l2;
            while ((good.getLong(entry) & 1L << 62) == 0) {
                entry += 8;
            }
            int packed = (int) (good.getLong(entry) & (1L << 54) - 1);

            unreadable(withLong(good, packed, -1), "does not unpack to 65536 bytes");
        }
    }

    @Test
    void vmdkThatNeedsAnotherFile() {
        Path base = SampleDisks.convert(folder, content, "vmdk");
        Path file = folder.resolve("other.vmdk");

        for (String type : new String[] {"monolithicFlat", "twoGbMaxExtentFlat", "twoGbMaxExtentSparse"}) {
            Tools.run("qemu-img", "create", "-f", "vmdk", "-o", "subformat=" + type, file.toString(), "1M");
            refused(file, "is not a disk in a single sparse VMDK file");
        }
        refused(folder.resolve("other-s001.vmdk"), "is a part of a VMDK disk");
        Tools.run("qemu-img", "create", "-f", "vmdk", "-F", "vmdk", "-b", base.toString(), file.toString());
        refused(file, "is a difference to a parent disk");
    }

    @Test
    void vmdkWhoseHeaderWeDoNotBelieve() {
        ByteBuffer good = SampleDisks.bytesOf(SampleDisks.convert(folder, content, "vmdk"));
        ByteBuffer packed =
                SampleDisks.bytesOf(SampleDisks.convert(folder, content, "vmdk", "-o", "subformat=streamOptimized"));

        refused(patched(good, 4, 4), "is a VMDK of version 4");
        corrupt(patched(good, 73, ' '), "it was copied as text");
        refused(patched(good, 18, 1), "64 TiB");
        corrupt(patched(good, 20, 3), "a grain of 3 sectors");
        corrupt(patched(good, 24, 1), "a grain of 4294967424 sectors");
        corrupt(patched(good, 46, 1), "a grain table of 66048 entries");
        corrupt(patched(good, 60, 1), "the grain directory would be at sector");
        corrupt(patched(good, 40, 1), "a descriptor of 4294967316 sectors");
        corrupt(patched(good, 32, 1), "the descriptor would be at sector");
        refused(patched(packed, 10, 1), "packs its grains in a way we do not read");
        refused(replaced(good, "monolithicSparse", "monolithicSpars"), "is a VMDK of type monolithicSpars");
        refused(replaced(good, "parentCID=f", "parentCID=0"), "is a difference to a parent disk");
        refused(replaced(good, " SPARSE ", " FLAT   "), "an extent of kind RW FLAT");
        refused(replaced(good, "\n# Extent description\n", "\nRW 1 SPARSE \"x\"     \n"), "is one of 2 extents");
        corrupt(withLong(good, 56, -1), "it does not end in a footer");
        unreadable(Arrays.copyOf(good.array(), good.capacity() - (1 << 20)), "was it copied whole?");
        unreadable(Arrays.copyOf(packed.array(), packed.capacity() - (1 << 18)), "was it copied whole?");
    }

    @Test
    void vmdkWhoseGrainsAreNotWhatTheySay() {
        Path file = SampleDisks.convert(folder, content, "vmdk", "-o", "subformat=streamOptimized");
        ByteBuffer good = SampleDisks.bytesOf(file).order(ByteOrder.LITTLE_ENDIAN);
        int directory = (int) good.getLong(56) * 512;
        int entry = good.getInt(directory) * 512;
        while (good.getInt(entry) == 0) {
            entry += 4;
        }
        int grain = good.getInt(entry) * 512;

        unreadable(patched(good, grain + 6, 1), "says it is sector");
        unreadable(patched(good, grain + 11, 0x40), "says it is sector");
        unreadable(patched(good, grain + 12, 0), "does not unpack to 65536 bytes");
        unreadable(patched(good, directory + 3, 0x40), "a grain table would be at sector");
    }

    @Test
    void vmdkWithItsDirectoryAtTheEndIsRead() {
        ByteBuffer stream =
                SampleDisks.bytesOf(SampleDisks.convert(folder, content, "vmdk", "-o", "subformat=streamOptimized"));
        ByteBuffer file = ByteBuffer.allocate(stream.capacity() + 3 * 512).order(ByteOrder.LITTLE_ENDIAN);
        int marker = stream.capacity();
        file.put(stream.array()).putInt(marker, 1).putInt(marker + 12, 3);
        file.put(marker + 512, stream.array(), 0, 512);
        file.putLong(56, -1);

        try (DiskSource disk = DiskSource.open(write(file.array()))) {
            assertArrayEquals(content, SampleDisks.readData(disk));
        }
        unreadable(Arrays.copyOf(file.array(), file.capacity() - 512), "it does not end in a footer");
        corrupt(withLong(file, marker + 512 + 56, -1), "the grain directory would be at sector");
    }

    @Test
    void vhdThatWeDoNotBelieve() {
        ByteBuffer good = SampleDisks.bytesOf(SampleDisks.convert(folder, content, "vpc", "-o", "force_size=on"));
        ByteBuffer fixed =
                SampleDisks.bytesOf(SampleDisks.convert(folder, content, "vpc", "-o", "force_size=on,subformat=fixed"));

        refused(sealed(patched(good, 63, 4)), "is a difference to a parent disk");
        refused(sealed(patched(good, 63, 5)), "is a VHD of type 5");
        refused(sealed(patched(good, 13, 2)), "is a VHD of version 0x20000");
        corrupt(patched(good, 100, 1), "its VHD footer's checksum is wrong");
        corrupt(patched(good, 512 + 100, 1), "its dynamic header's checksum is wrong");
        corrupt(sealed(patched(good, 512, 1)), "it has no dynamic header at byte 512");
        refused(sealed(patched(good, 512 + 25, 2)), "has a dynamic header of version 0x20000");
        corrupt(sealed(patched(good, 512 + 35, 1)), "a block of");
        corrupt(sealed(patched(good, 512 + 31, 1)), "its table has 1 blocks, the disk needs 2");
        corrupt(sealed(patched(good, 512 + 23, 1)), "its table begins inside a sector");
        corrupt(sealed(patched(good, 512 + 18, 1)), "the table of blocks would be");
        corrupt(sealed(patched(good, 16, 1)), "the dynamic VHD's header would be");
        refused(sealed(patched(good, 49, 1)), "64 TiB");
        unreadable(patched(good, (int) good.getLong(512 + 16), 0x40), "the bitmap of block 0 would be");
        unreadable(Arrays.copyOf(good.array(), good.capacity() - (1 << 20)), "was it copied whole?");
        byte[] cut = Arrays.copyOfRange(fixed.array(), 512, fixed.capacity());
        requireFault(Fault.CORRUPT, "in a file of", () -> DiskSource.open(write(cut), Optional.of(DiskFormat.VHD)));
    }

    @Test
    void vhdSectorsThatWereNeverWrittenAreZeros() throws IOException {
        byte[] full = new byte[SIZE_BYTES];
        Arrays.fill(full, (byte) 7);
        ByteBuffer file = SampleDisks.bytesOf(SampleDisks.convert(folder, full, "vpc", "-o", "force_size=on"));
        int bitmap = file.getInt((int) file.getLong(512 + 16)) * 512;

        // Sectors 3, and 8 to 23, of the first block.
        file.put(bitmap, (byte) 0b1110_1111).put(bitmap + 1, (byte) 0).put(bitmap + 2, (byte) 0);

        Arrays.fill(full, 3 * 512, 4 * 512, (byte) 0);
        Arrays.fill(full, 8 * 512, 24 * 512, (byte) 0);
        try (DiskSource disk = DiskSource.open(write(file.array()))) {
            assertArrayEquals(full, SampleDisks.readAll(disk, 1 << 20));
            assertArrayEquals(full, SampleDisks.readData(disk));
            assertEquals(Optional.of(new DiskRange(4 * 512, 4 * 512)), disk.nextData(3 * 512));
        }
    }

    @Test
    void vhdxThatWeDoNotBelieve() {
        ByteBuffer good = SampleDisks.bytesOf(SampleDisks.convert(folder, content, "vhdx", "-o", "block_size=1M"));
        int metadata = metadataOf(good);
        int items = metadata + (64 << 10);

        refused(sealedX(patched(patched(good, (64 << 10) + 48, 1), (128 << 10) + 48, 1)), "has changes in its log");
        refused(sealedX(patched(patched(good, (64 << 10) + 66, 2), (128 << 10) + 66, 2)), "is VHDX of version 2");
        corrupt(patched(patched(good, (64 << 10) + 99, 1), (128 << 10) + 99, 1), "neither of its VHDX headers");
        corrupt(patched(patched(good, (192 << 10) + 999, 1), (256 << 10) + 999, 1), "neither of its region tables");
        corrupt(sealedX(patched(good, (192 << 10) + 10, 1)), "a region table of");
        refused(
                sealedX(patched(patched(good, (192 << 10) + 16, 1), (192 << 10) + 16 + 28, 1)),
                "needs a region unknown to us");
        corrupt(sealedX(patched(good, (192 << 10) + 16 + 16, 1)), "a region at byte");
        corrupt(sealedX(patched(good, (192 << 10) + 16 + 22, 1)), "a region would be");
        corrupt(patched(good, metadata, 0), "its metadata do not begin as such");
        corrupt(patched(good, metadata + 11, 0xff), "a metadata table of");
        refused(patched(good, metadata + 32, 0), "needs metadata unknown to us");
        corrupt(patched(good, metadata + 32 + 19, 1), "metadata of 8 bytes at");
        refused(patched(good, items + 4, 2), "is a difference to a parent disk");
        corrupt(patched(good, items + 1, 1), "a block of");
        unreadable(Arrays.copyOf(good.array(), good.capacity() - (1 << 20)), "was it copied whole?");
        corrupt(Arrays.copyOf(good.array(), 4096), "the VHDX headers would be");
    }

    @Test
    void vhdxWithOneHeaderAndOneRegionTableIsRead() {
        ByteBuffer good = SampleDisks.bytesOf(SampleDisks.convert(folder, content, "vhdx"));

        for (int header : new int[] {64 << 10, 128 << 10}) {
            byte[] damaged = patched(patched(good, header + 99, 1), (192 << 10) + 999, 1).array();
            try (DiskSource disk = DiskSource.open(write(damaged))) {
                assertArrayEquals(content, Arrays.copyOf(SampleDisks.readData(disk), SIZE_BYTES));
            }
        }
    }

    private static int metadataOf(ByteBuffer vhdx) {
        ByteBuffer file = vhdx.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        for (int at = (192 << 10) + 16; ; at += 32) {
            if (file.getInt(at) == 0x8b7ca206) {
                return Math.toIntExact(file.getLong(at + 16));
            }
        }
    }

    private static ByteBuffer patched(ByteBuffer good, int offset, int value) {
        ByteBuffer bad = ByteBuffer.wrap(good.array().clone());
        return bad.put(offset, (byte) value);
    }

    private static ByteBuffer withLong(ByteBuffer good, int offset, long value) {
        return ByteBuffer.wrap(good.array().clone()).putLong(offset, value);
    }

    private static ByteBuffer replaced(ByteBuffer good, String text, String by) {
        String file = new String(good.array(), ISO_8859_1);
        int at = file.indexOf(text);
        assertTrue(at >= 0 && by.length() <= text.length(), text);
        ByteBuffer bad = ByteBuffer.wrap(good.array().clone());
        for (int i = 0; i < text.length(); i++) {
            bad.put(at + i, (byte) (i < by.length() ? by.charAt(i) : ' '));
        }
        return bad;
    }

    private static ByteBuffer sealed(ByteBuffer vhd) {
        SampleDisks.sealVhd(vhd);
        return vhd;
    }

    private static ByteBuffer sealedX(ByteBuffer vhdx) {
        SampleDisks.sealVhdx(vhdx);
        return vhdx;
    }

    private Path write(ByteBuffer file) {
        return write(file.array());
    }

    private Path write(byte[] file) {
        return SampleDisks.write(folder.resolve("patched.img"), file);
    }

    @ParameterizedTest
    @ValueSource(strings = {"51454400", "1f8b0800", "425a6839", "fd377a585a00", "28b52ffd"})
    void whatIsNoDiskThatWeReadUnlessSomebodyInsists(String magic) {
        byte[] begin = HexFormat.of().parseHex(magic);
        ByteBuffer file = ByteBuffer.allocate(4096).put(begin);

        refused(file, "--format raw");

        try (DiskSource disk = DiskSource.open(write(file.array()), Optional.of(DiskFormat.RAW))) {
            assertEquals(4096, disk.sizeBytes());
        }
    }

    @Test
    void aVdiImage() {
        refused(ByteBuffer.allocate(4096).put(64, HexFormat.of().parseHex("7f10dabe")), "VDI");
    }

    private void refused(ByteBuffer file, String why) {
        refused(write(file), why);
    }

    private static void refused(Path file, String why) {
        requireFault(Fault.INVALID_REQUEST, why, () -> DiskSource.open(file));
    }

    private void corrupt(ByteBuffer file, String why) {
        corrupt(file.array(), why);
    }

    private void corrupt(byte[] file, String why) {
        Path path = write(file);
        requireFault(Fault.CORRUPT, why, () -> DiskSource.open(path));
    }

    private void unreadable(ByteBuffer file, String why) {
        unreadable(file.array(), why);
    }

    /** Damage behind the headers is found when it is come upon. */
    private void unreadable(byte[] file, String why) {
        Path path = write(file);
        requireFault(Fault.CORRUPT, why, () -> {
            try (DiskSource disk = DiskSource.open(path)) {
                SampleDisks.readAll(disk, 64 << 10);
            }
        });
    }
}
