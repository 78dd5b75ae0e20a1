package cairn.disk;

import static org.junit.jupiter.api.Assertions.assertEquals;

import cairn.Tools;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.zip.CRC32C;

/** Disks with known content, and ways to read and to damage them. */
final class SampleDisks {
    private SampleDisks() {}

    /** Random runs of random bytes, of text, and of nothing. */
    static byte[] content(long seed, int sizeBytes) {
        Random random = new Random(seed);
        byte[] content = new byte[sizeBytes];
        int at = 0;
        while (at < sizeBytes) {
            int lengthBytes = Math.min(sizeBytes - at, 512 * (1 + random.nextInt(random.nextBoolean() ? 16 : 1500)));
            switch (random.nextInt(4)) {
                case 0 -> fill(random, content, at, lengthBytes);
                case 1 -> Arrays.fill(content, at, at + lengthBytes, (byte) (1 + random.nextInt(255)));
                default -> { }
            }
            at += lengthBytes;
        }
        return content;
    }

    static void fill(Random random, byte[] bytes, int offset, int lengthBytes) {
        byte[] filling = new byte[lengthBytes];
        random.nextBytes(filling);
        System.arraycopy(filling, 0, bytes, offset, lengthBytes);
    }

    static Path write(Path file, byte[] content) {
        try {
            return Files.write(file, content);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A file of a given format, made by qemu-img from some content. */
    static Path convert(Path folder, byte[] content, String format, String... options) {
        Path raw = write(folder.resolve("content.raw"), content);
        Path file = folder.resolve("disk." + format);
        List<String> command = new ArrayList<>(List.of("qemu-img", "convert", "-f", "raw", "-O", format));
        command.addAll(List.of(options));
        command.addAll(List.of(raw.toString(), file.toString()));
        Tools.run(command.toArray(String[]::new));
        return file;
    }

    /** Overwrites a place in a file. */
    static void patch(Path file, long offset, byte[] bytes) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.wrap(bytes), offset);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static ByteBuffer bytesOf(Path file) {
        try {
            return ByteBuffer.wrap(Files.readAllBytes(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Makes the checksums of a VHD's footers and header right again. */
    static void sealVhd(ByteBuffer file) {
        sealVhd(file, 0, 512, 64);
        sealVhd(file, 512, 1024, 36);
        sealVhd(file, file.capacity() - 512, 512, 64);
    }

    private static void sealVhd(ByteBuffer file, int offset, int lengthBytes, int checksumAt) {
        byte[] structure = Arrays.copyOfRange(file.array(), offset, offset + lengthBytes);
        file.putInt(offset + checksumAt, VhdFooter.checksum(structure, checksumAt));
    }

    /** Makes the checksums of a VHDX's headers and region tables right again. */
    static void sealVhdx(ByteBuffer file) {
        sealVhdx(file, 64 << 10, 4 << 10);
        sealVhdx(file, 128 << 10, 4 << 10);
        sealVhdx(file, 192 << 10, 64 << 10);
        sealVhdx(file, 256 << 10, 64 << 10);
    }

    private static void sealVhdx(ByteBuffer file, int offset, int lengthBytes) {
        file.putInt(offset + 4, 0);
        CRC32C crc = new CRC32C();
        crc.update(file.array(), offset, lengthBytes);
        file.putInt(offset + 4, Integer.reverseBytes((int) crc.getValue()));
    }

    static List<DiskRange> dataOf(DiskSource disk) {
        List<DiskRange> ranges = new ArrayList<>();
        Optional<DiskRange> next = disk.nextData(0);
        while (next.isPresent()) {
            long before = ranges.isEmpty() ? 0 : ranges.get(ranges.size() - 1).endOffset();
            assertEquals(true, next.get().offset() >= before, "ranges ascend");
            assertEquals(true, next.get().endOffset() <= disk.sizeBytes(), "ranges end with the disk");
            ranges.add(next.get());
            next = disk.nextData(next.get().endOffset());
        }
        return ranges;
    }

    /** The whole disk, read only where it says that there is data. */
    static byte[] readData(DiskSource disk) {
        byte[] content = new byte[Math.toIntExact(disk.sizeBytes())];
        for (DiskRange range : dataOf(disk)) {
            int offset = Math.toIntExact(range.offset());
            disk.read(offset, content, offset, Math.toIntExact(range.lengthBytes()));
        }
        return content;
    }

    /** The whole disk, read in pieces, over what was there before. */
    static byte[] readAll(DiskSource disk, int pieceBytes) {
        byte[] content = new byte[Math.toIntExact(disk.sizeBytes())];
        Arrays.fill(content, (byte) 0x55);
        for (int at = 0; at < content.length; at += pieceBytes) {
            disk.read(at, content, at, Math.min(pieceBytes, content.length - at));
        }
        return content;
    }
}
