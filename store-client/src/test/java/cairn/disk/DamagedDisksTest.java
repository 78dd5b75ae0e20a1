package cairn.disk;

import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.Tools;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whatever a file's headers and tables say, reading ends soon, in bounded memory, with bytes or a StoreException. */
class DamagedDisksTest {
    private static final int SIZE_BYTES = 1 << 20;
    private static final int FILES = 1000;
    private static final int PROBES = 24;
    /** What opening and reading took together, never all of it at once. */
    private static final long ALLOCATED_BYTES_MAX = 64 << 20;
    private static final long DATA_RANGES_MAX = 64;

    /** Numbers that are wrong in the ways that hurt. */
    private static final long[] NUMBERS = {
        0, 1, 2, 511, 512, 4096, 65536, 1 << 20, 1 << 30, Integer.MAX_VALUE, 0xffff_ffffL, 1L << 40, 1L << 56,
        Long.MAX_VALUE, Long.MAX_VALUE - 511, Long.MIN_VALUE, -1, -512, 1L << 62, 1L << 62 | 512
    };

    @TempDir
    Path folder;

    @BeforeAll
    static void requireQemu() {
        Tools.require("qemu-img");
    }

    @ParameterizedTest(name = "{0} {1} {2}, seed {3}")
    @CsvSource({
        "qcow2, -o, cluster_size=512, 1",
        "qcow2, -o, cluster_size=65536, 2",
        "qcow2, -c, '', 3",
        "qcow2, -c, compression_type=zstd, 4",
        "qcow2, -o, 'extended_l2=on,cluster_size=16384', 5",
        "qcow2, -o, compat=0.10, 6",
        "vmdk, -o, subformat=monolithicSparse, 7",
        "vmdk, -o, subformat=streamOptimized, 8",
        "vpc, -o, force_size=on, 9",
        "vpc, -o, 'force_size=on,subformat=fixed', 10",
        "vhdx, -o, block_size=1M, 11",
        "vhdx, -o, 'block_size=1M,subformat=fixed', 12",
    })
    @Timeout(240)
    void onlyStoreExceptionsComeOut(String format, String flag, String options, long seed) {
        List<String> arguments = new ArrayList<>(List.of(flag));
        if (!options.isEmpty()) {
            arguments.addAll(flag.equals("-o") ? List.of(options) : List.of("-o", options));
        }
        byte[] content = SampleDisks.content(seed, SIZE_BYTES);
        Path file = SampleDisks.convert(folder, content, format, arguments.toArray(String[]::new));
        byte[] good = SampleDisks.bytesOf(file).array();
        DiskFormat diskFormat = format.equals("vpc") ? DiskFormat.VHD : DiskFormat.valueOf(format.toUpperCase());
        List<Integer> places = placesOfNumbers(good);
        Random random = new Random(seed);
        int readable = 0;

        for (int i = 0; i < FILES; i++) {
            ByteBuffer bad = ByteBuffer.wrap(good.clone());
            damage(bad, places, random, diskFormat);
            SampleDisks.patch(file, 0, bad.array());
            readable += reads(file, diskFormat, random, "seed " + seed + ", file " + i) ? 1 : 0;
        }

        assertTrue(readable > 0 && readable < FILES, "some are read and some are not: " + readable);
    }

    /** Where headers and tables are, by guess: at the start, and near zeros, where the disk's content seldom is. */
    private static List<Integer> placesOfNumbers(byte[] file) {
        List<Integer> places = new ArrayList<>();
        for (int at = 0; at + 512 <= file.length; at += 4) {
            boolean isInHead = at < 1536;
            boolean isInTable = (file[at] | file[at + 1] | file[at + 2] | file[at + 3]) != 0 && hasZeros(file, at);
            if (isInHead || isInTable) {
                places.add(at);
            }
        }
        return places;
    }

    private static boolean hasZeros(byte[] file, int at) {
        int zeros = 0;
        for (int i = Math.max(0, at - 16); i < at + 16; i++) {
            zeros += file[i] == 0 ? 1 : 0;
        }
        return zeros >= 8;
    }

    private static void damage(ByteBuffer file, List<Integer> places, Random random, DiskFormat format) {
        for (int i = 1 + random.nextInt(3); i > 0; i--) {
            int at = places.get(random.nextInt(places.size()));
            switch (random.nextInt(5)) {
                case 0 -> file.put(at + random.nextInt(4), (byte) random.nextInt());
                case 1 -> file.put(at, (byte) (file.get(at) ^ 1 << random.nextInt(8)));
                case 2 -> file.putInt(at, (int) NUMBERS[random.nextInt(NUMBERS.length)]);
                case 3 -> file.putLong(at, NUMBERS[random.nextInt(NUMBERS.length)]);
                default -> file.putLong(at, Long.reverseBytes(NUMBERS[random.nextInt(NUMBERS.length)]));
            }
        }
        // Behind a wrong checksum nothing else would be tried.
        if (format == DiskFormat.VHD && random.nextInt(8) != 0) {
            SampleDisks.sealVhd(file);
        } else if (format == DiskFormat.VHDX && random.nextInt(8) != 0) {
            SampleDisks.sealVhdx(file);
        }
    }

    private static boolean reads(Path file, DiskFormat format, Random random, String name) {
        long before = allocatedBytes();
        boolean isRead = true;
        try (DiskSource disk = MappedDisk.open(DiskFile.open(file, Duration.ZERO), Optional.of(format))) {
            byte[] to = new byte[128 << 10];
            isRead = allReads(disk, 0, to);
            for (int i = 0; i < PROBES; i++) {
                isRead &= allReads(disk, (long) (random.nextDouble() * disk.sizeBytes()), to);
            }
            isRead &= allData(disk);
        } catch (StoreException e) {
            assertTrue(e.fault() == Fault.INVALID_REQUEST || e.fault() == Fault.CORRUPT, name + ": " + e);
            isRead = false;
        } catch (RuntimeException e) {
            throw new AssertionError(name + " ends in " + e, e);
        }
        long allocated = allocatedBytes() - before;
        assertTrue(allocated < ALLOCATED_BYTES_MAX, name + " took " + allocated + " bytes of memory");
        return isRead;
    }

    private static boolean allReads(DiskSource disk, long offset, byte[] to) {
        try {
            disk.read(offset, to, 0, (int) Math.min(to.length, disk.sizeBytes() - offset));
            return true;
        } catch (StoreException e) {
            return false;
        }
    }

    private static boolean allData(DiskSource disk) {
        try {
            Optional<DiskRange> range = disk.nextData(0);
            for (int i = 0; i < DATA_RANGES_MAX && range.isPresent(); i++) {
                range = disk.nextData(range.get().endOffset());
            }
            return true;
        } catch (StoreException e) {
            return false;
        }
    }

    private static long allocatedBytes() {
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        return threads.getThreadAllocatedBytes(Thread.currentThread().getId());
    }
}
