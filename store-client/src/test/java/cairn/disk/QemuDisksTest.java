package cairn.disk;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Tools;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Disks that QEMU wrote, in every format and with many options, read as QEMU reads them. */
class QemuDisksTest {
    private static final int SIZE_BYTES = (5 << 20) + 3 * 512;
    private static final Pattern DATA =
            Pattern.compile("\"start\": (\\d+), \"length\": (\\d+),[^}]*\"data\": true");

    @TempDir
    Path folder;

    /** @param isWritable whether QEMU can write to such a file after it was made */
    private record Kind(String format, boolean isWritable, List<String> options) {
        DiskFormat diskFormat() {
            return format.equals("vpc") ? DiskFormat.VHD : DiskFormat.valueOf(format.toUpperCase());
        }

        @Override
        public String toString() {
            return format + " " + String.join(" ", options);
        }
    }

    @BeforeAll
    static void requireQemu() {
        Tools.require("qemu-img", "qemu-io");
    }

    static Stream<Kind> kinds() {
        List<Kind> kinds = new ArrayList<>();
        for (String clusters : List.of("512", "4096", "65536", "2M")) {
            for (String compat : List.of("0.10", "1.1")) {
                String options = "compat=" + compat + ",cluster_size=" + clusters;
                kinds.add(new Kind("qcow2", true, List.of("-o", options)));
                kinds.add(new Kind("qcow2", true, List.of("-c", "-o", options)));
            }
            kinds.add(new Kind("qcow2", true, List.of("-c", "-o", "compression_type=zstd,cluster_size=" + clusters)));
        }
        for (String clusters : List.of("16384", "65536", "2M")) {
            kinds.add(new Kind("qcow2", true, List.of("-o", "extended_l2=on,cluster_size=" + clusters)));
        }
        kinds.add(new Kind("qcow2", true, List.of("-c", "-o", "extended_l2=on,compression_type=zstd")));
        for (String preallocation : List.of("metadata", "falloc", "full")) {
            kinds.add(new Kind("qcow2", true, List.of("-o", "preallocation=" + preallocation)));
        }
        kinds.add(new Kind("qcow2", true, List.of("-o", "preallocation=metadata,extended_l2=on")));
        kinds.add(new Kind("qcow2", true, List.of("-o", "lazy_refcounts=on,refcount_bits=1")));
        kinds.add(new Kind("vmdk", true, List.of("-o", "subformat=monolithicSparse")));
        kinds.add(new Kind("vmdk", true, List.of("-o", "subformat=monolithicSparse,zeroed_grain=on")));
        kinds.add(new Kind("vmdk", false, List.of("-o", "subformat=streamOptimized")));
        for (String subformat : List.of("dynamic", "fixed")) {
            kinds.add(new Kind("vpc", true, List.of("-o", "subformat=" + subformat)));
            kinds.add(new Kind("vpc", true, List.of("-o", "force_size=on,subformat=" + subformat)));
            kinds.add(new Kind("vhdx", true, List.of("-o", "subformat=" + subformat)));
            kinds.add(new Kind("vhdx", true, List.of("-o", "block_size=1M,subformat=" + subformat)));
        }
        kinds.add(new Kind("vhdx", true, List.of("-o", "block_state_zero=off")));
        kinds.add(new Kind("raw", true, List.of()));
        return kinds.stream();
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void readsWhatQemuConverted(Kind kind) throws IOException {
        byte[] content = SampleDisks.content(1, SIZE_BYTES);

        Path file = SampleDisks.convert(folder, content, kind.format, kind.options.toArray(String[]::new));

        // Some formats round the size up.
        byte[] expected = asQemuReadsIt(file, kind);
        assertArrayEquals(content, Arrays.copyOf(expected, content.length));
        requireSame(expected, file, kind);
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void readsWhatQemuWroteAfterwards(Kind kind) throws IOException {
        if (!kind.isWritable) {
            return;
        }
        Path file = SampleDisks.convert(
                folder, SampleDisks.content(2, SIZE_BYTES), kind.format, kind.options.toArray(String[]::new));
        Random random = new Random(3);

        for (int pass = 0; pass < 3; pass++) {
            List<String> command =
                    new ArrayList<>(List.of("qemu-io", "-d", "unmap", "-f", kind.format, file.toString()));
            for (int i = 0; i < 12; i++) {
                command.add("-c");
                command.add(someWrite(random));
            }
            Tools.run(command.toArray(String[]::new));

            requireSame(asQemuReadsIt(file, kind), file, kind);
        }
    }

    @Test
    void readsFromSeveralThreadsAtOnce() throws Exception {
        byte[] content = SampleDisks.content(4, 16 << 20);
        Path file = SampleDisks.convert(folder, content, "qcow2", "-c", "-o", "cluster_size=262144");
        ExecutorService threads = Executors.newFixedThreadPool(4);

        try (DiskSource disk = DiskSource.open(file)) {
            List<Callable<byte[]>> readers = List.of(
                    () -> SampleDisks.readAll(disk, 64 << 10),
                    () -> SampleDisks.readAll(disk, 1 << 20),
                    () -> SampleDisks.readAll(disk, 77 * 512),
                    () -> SampleDisks.readData(disk));
            for (Future<byte[]> read : threads.invokeAll(readers)) {
                assertArrayEquals(content, read.get());
            }
        } finally {
            threads.shutdown();
        }
    }

    @Test
    void skipsTheHolesOfAPreallocatedFile() throws IOException {
        byte[] content = new byte[64 << 20];
        SampleDisks.fill(new Random(5), content, 40 << 20, 1 << 20);

        for (Kind kind : List.of(
                new Kind("qcow2", true, List.of("-o", "preallocation=metadata")),
                new Kind("vpc", true, List.of("-o", "subformat=fixed,force_size=on")),
                new Kind("vhdx", true, List.of("-o", "subformat=fixed,block_size=1M")))) {
            Path file = SampleDisks.convert(folder, content, kind.format, kind.options.toArray(String[]::new));

            try (DiskSource disk = DiskSource.open(file)) {
                assertArrayEquals(content, SampleDisks.readAll(disk, 1 << 20));

                long readBytes = ((MappedDisk) disk).file().readBytes();
                assertTrue(readBytes < 4 << 20, kind + " read " + readBytes + " bytes for 1 MiB of data");
                long dataBytes = SampleDisks.dataOf(disk).stream().mapToLong(DiskRange::lengthBytes).sum();
                assertTrue(dataBytes < 2 << 20, kind + " has " + dataBytes + " bytes of data, written was 1 MiB");
            }
        }
    }

    @Test
    void readsAPackedClusterOnceForASequentialReader() {
        byte[] content = new byte[16 << 20];
        Random random = new Random(7);
        for (int at = 0; at < content.length; at += 4096) {
            SampleDisks.fill(random, content, at, 2048);
        }
        Path file = SampleDisks.convert(folder, content, "qcow2", "-c", "-o", "cluster_size=2M");

        try (DiskSource disk = DiskSource.open(file)) {
            assertArrayEquals(content, SampleDisks.readAll(disk, 64 << 10));

            long readBytes = ((MappedDisk) disk).file().readBytes();
            assertTrue(readBytes < 10 << 20, readBytes + " bytes read for 8 MiB packed");
        }
    }

    @Test
    void ignoresInternalSnapshots() throws IOException {
        byte[] content = SampleDisks.content(6, SIZE_BYTES);
        Path file = SampleDisks.convert(folder, content, "qcow2");

        Tools.run("qemu-img", "snapshot", "-c", "before", file.toString());
        Tools.run("qemu-io", "-f", "qcow2", "-c", "write -P 7 1M 100k", file.toString());

        Arrays.fill(content, 1 << 20, (1 << 20) + 100 * 1024, (byte) 7);
        try (DiskSource disk = DiskSource.open(file)) {
            assertArrayEquals(content, SampleDisks.readData(disk));
        }
    }

    private static String someWrite(Random random) {
        int offset = 512 * random.nextInt(SIZE_BYTES / 512);
        int lengthBytes = Math.min(SIZE_BYTES - offset, 512 * (1 + random.nextInt(random.nextBoolean() ? 8 : 2000)));
        String where = offset + " " + lengthBytes;
        return switch (random.nextInt(5)) {
            case 0 -> "write -z " + where;
            case 1 -> "write -z -u " + where;
            case 2 -> "discard " + where;
            default -> "write -P " + (1 + random.nextInt(255)) + " " + where;
        };
    }

    private byte[] asQemuReadsIt(Path file, Kind kind) throws IOException {
        Path raw = folder.resolve("expected.raw");
        Tools.run("qemu-img", "convert", "-f", kind.format, "-O", "raw", file.toString(), raw.toString());
        return Files.readAllBytes(raw);
    }

    private static void requireSame(byte[] expected, Path file, Kind kind) throws IOException {
        try (DiskSource disk = DiskSource.open(file)) {
            assertEquals(kind.diskFormat(), disk.format());
            assertEquals(expected.length, disk.sizeBytes());
            assertArrayEquals(expected, SampleDisks.readAll(disk, 64 << 10), "in chunks");
            assertArrayEquals(expected, SampleDisks.readAll(disk, 16 << 20), "at once");
            assertArrayEquals(expected, SampleDisks.readAll(disk, 13 * 512), "off every boundary");
            assertArrayEquals(expected, SampleDisks.readData(disk), "by its data");
            requireHolesOf(file, kind, disk);
            disk.requireUnchanged();
        }
    }

    /** Where QEMU knows of no data, neither may we. */
    private static void requireHolesOf(Path file, Kind kind, DiskSource disk) {
        BitSet extra = new BitSet();
        for (DiskRange range : SampleDisks.dataOf(disk)) {
            extra.set((int) (range.offset() / 512), (int) ((range.endOffset() + 511) / 512));
        }
        extra.andNot(dataAsQemuTells(file, kind));
        assertTrue(extra.isEmpty(), "data, but not to QEMU: sectors " + extra);
    }

    /** The sectors that hold data. */
    private static BitSet dataAsQemuTells(Path file, Kind kind) {
        BitSet sectors = new BitSet();
        Matcher map = DATA.matcher(
                Tools.run("qemu-img", "map", "-f", kind.format, "--output=json", file.toString()));
        while (map.find()) {
            long start = Long.parseLong(map.group(1));
            long end = start + Long.parseLong(map.group(2));
            sectors.set((int) (start / 512), (int) ((end + 511) / 512));
        }
        return sectors;
    }
}
