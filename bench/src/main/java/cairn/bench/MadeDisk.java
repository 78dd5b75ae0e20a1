package cairn.bench;

import cairn.chunk.Chunk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * A disk that no system was ever installed on, but laid out as file systems do: files, one behind the other in groups,
 * each beginning at a block; a table before them; holes between the groups. Disks made of one another share files. The
 * same seeds give the same bytes on every machine.
 *
 * @param groups the files of each, in their order; what is behind them is a hole
 * @param groupBytes from the beginning of one group to that of the next
 */
record MadeDisk(List<List<File>> groups, long groupBytes) {
    static final int BLOCK_BYTES = 4096;
    /** Of files and their table. */
    static final int GROUP_BYTES = 8 << 20;

    private static final int TABLE_BYTES = 16 * BLOCK_BYTES;
    private static final int FILE_BYTES_MAX = 2 << 20;
    /** That a group has for files that grow, at least. */
    private static final int FREE_BYTES = 256 << 10;
    private static final int RESIZED_BYTES_MAX = 16 * BLOCK_BYTES;
    /** MixedContent's kinds, but for zeros. */
    private static final int KINDS = 15;

    private static final int PARTS_MAX = FILE_BYTES_MAX / Chunk.SIZE_BYTES + 2;
    private static final int VERSIONS_MAX = 1 << 10;
    /** Of a file's parts that a new version changes: one in so many, and half of these in one block only. */
    private static final int CHANGED_ONE_IN = 3;

    /** @param version 0 is the first */
    record File(long number, int sizeBytes, int version) {
        int blocksBytes() {
            return (sizeBytes + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
        }
    }

    MadeDisk {
        groups = groups.stream().map(List::copyOf).toList();
    }

    /** @param dataBytes about as much data as is wanted */
    static MadeDisk make(long sizeBytes, long dataBytes, long seed) {
        int count = Math.toIntExact(Math.max(1, dataBytes / GROUP_BYTES));
        long groupBytes = Math.max(GROUP_BYTES, sizeBytes / (2L * count) / BLOCK_BYTES * BLOCK_BYTES);
        return new MadeDisk(newGroups(count, seed), groupBytes);
    }

    private static List<List<File>> newGroups(int count, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        List<List<File>> groups = new ArrayList<>();
        for (int n = 0; n < count; n++) {
            List<File> files = new ArrayList<>();
            int left = GROUP_BYTES - TABLE_BYTES;
            while (left > FREE_BYTES) {
                // As many between 1 and 2 KiB as between 1 and 2 MiB: most are small, most bytes are in large ones.
                int drawnBytes = (int) (1024 * Math.pow(FILE_BYTES_MAX / 1024.0, random.nextDouble()));
                int sizeBytes = Math.min(drawnBytes, left);
                File file = new File(random.nextLong() >>> 24, sizeBytes, 0);
                files.add(file);
                left -= file.blocksBytes();
            }
            groups.add(files);
        }
        return groups;
    }

    /** With some files in a newer version, in the places that they had. */
    MadeDisk updated(double share, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int version = 1 + random.nextInt(VERSIONS_MAX - 1);
        return new MadeDisk(
                mapped(file -> random.nextDouble() < share ? new File(file.number, file.sizeBytes, version) : file),
                groupBytes);
    }

    /** With more files, behind those that are there. */
    MadeDisk with(long moreBytes, long seed) {
        List<List<File>> more = new ArrayList<>(groups);
        more.addAll(newGroups(Math.toIntExact(Math.max(1, moreBytes / GROUP_BYTES)), seed));
        return new MadeDisk(more, groupBytes);
    }

    /**
     * The same files laid out anew: some have become larger, so that those behind them in their group lie elsewhere.
     */
    MadeDisk rebuilt(double share, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        return new MadeDisk(
                mapped(file -> random.nextDouble() < share
                        ? new File(file.number, file.sizeBytes + 1 + random.nextInt(RESIZED_BYTES_MAX), file.version)
                        : file),
                groupBytes);
    }

    private interface Change {
        File of(File file);
    }

    private List<List<File>> mapped(Change change) {
        List<List<File>> changed = new ArrayList<>();
        for (List<File> files : groups) {
            List<File> some = new ArrayList<>();
            long left = GROUP_BYTES - TABLE_BYTES;
            for (File file : files) {
                File next = change.of(file);
                if (next.blocksBytes() <= left) {
                    some.add(next);
                    left -= next.blocksBytes();
                }
            }
            changed.add(some);
        }
        return changed;
    }

    long dataBytes() {
        return groups.stream().mapToLong(MadeDisk::usedBytes).sum();
    }

    private static long usedBytes(List<File> files) {
        return TABLE_BYTES + files.stream().mapToLong(File::blocksBytes).sum();
    }

    /** @return whether so many bytes are enough */
    boolean fits(long sizeBytes) {
        return (groups.size() - 1) * groupBytes + GROUP_BYTES <= sizeBytes;
    }

    /** Writes a sparse raw disk. @param content that it is made of, the same for the whole family */
    void write(Path file, long sizeBytes, MixedContent content) throws IOException {
        byte[] group = new byte[GROUP_BYTES];
        byte[] part = new byte[Chunk.SIZE_BYTES];
        try (FileChannel out =
                FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            for (int n = 0; n < groups.size(); n++) {
                Arrays.fill(group, (byte) 0);
                int at = TABLE_BYTES;
                // Says where files lie, and so differs with them.
                content.fill(part, 0, kindOf(2, groups.get(n).hashCode() & 0xffff_ffffL));
                System.arraycopy(part, 0, group, 0, TABLE_BYTES);
                for (File each : groups.get(n)) {
                    fill(group, at, each, part, content);
                    at += each.blocksBytes();
                }
                ByteBuffer bytes = ByteBuffer.wrap(group, 0, at);
                for (long to = n * groupBytes; bytes.hasRemaining(); ) {
                    to += out.write(bytes, to);
                }
            }
            // Makes the file as long as the disk is; the disk ends in a hole, which this byte is the last of.
            out.write(ByteBuffer.allocate(1), sizeBytes - 1);
        }
    }

    private static void fill(byte[] group, int at, File file, byte[] part, MixedContent content) {
        int kind = 1 + (int) (file.number % KINDS);
        for (int from = 0; from < file.sizeBytes; from += Chunk.SIZE_BYTES) {
            int number = from / Chunk.SIZE_BYTES;
            int bytes = Math.min(Chunk.SIZE_BYTES, file.sizeBytes - from);
            content.fill(part, 0, kindOf(kind, file.number * PARTS_MAX + number));
            System.arraycopy(part, 0, group, at + from, bytes);
            long chance = new SplittableRandom(file.number * VERSIONS_MAX + file.version + number).nextLong() >>> 1;
            if (file.version > 0 && chance % CHANGED_ONE_IN == 0) {
                long seed = ~file.number * VERSIONS_MAX + file.version + number & Long.MAX_VALUE >> 8;
                content.fill(part, 0, kindOf(kind, seed));
                int changed = chance / CHANGED_ONE_IN % 2 == 0 ? bytes : Math.min(bytes, BLOCK_BYTES);
                System.arraycopy(part, 0, group, at + from, changed);
            }
        }
    }

    /** MixedContent chooses the kind by an index's last four bits. */
    private static long kindOf(int kind, long index) {
        return (index << 4) + kind;
    }
}
