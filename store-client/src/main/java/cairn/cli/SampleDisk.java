package cairn.cli;

import cairn.Fault;
import cairn.StoreException;
import cairn.chunk.Chunk;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * A disk made up for trying Cairn out: runs of text, program-like records, tables and noise between holes, about as
 * compressible as an installed system, and the same bytes on every machine. It does not boot.
 *
 * @param runs in the order of the disk
 */
record SampleDisk(String name, long sizeBytes, List<Run> runs) {
    private static final long SIZE_BYTES = 512L << 20;
    private static final int RUNS = 120;
    private static final int RUN_CHUNKS_MAX = 48;
    /** One run in so many is another one after the update. */
    private static final int CHANGED_ONE_IN = 9;
    private static final int ADDED_RUNS = 12;
    private static final int WORDS = 4096;

    /** What fills a run. */
    private enum Content {
        TEXT,
        PROGRAM,
        TABLE,
        NOISE
    }

    /** Some chunks in a row; equal seeds and contents give equal bytes, wherever they stand. */
    private record Run(long firstChunk, int chunks, Content content, long seed) {}

    SampleDisk {
        runs = List.copyOf(runs);
    }

    /** A freshly installed machine. */
    static SampleDisk first() {
        List<Run> runs = new ArrayList<>();
        addRuns(runs, RUNS, new SplittableRandom(1));
        return new SampleDisk("sample", SIZE_BYTES, runs);
    }

    /** The same machine some updates later: a part of it changed, some added, most of it as it was. */
    SampleDisk updated() {
        List<Run> changed = new ArrayList<>();
        for (Run run : runs) {
            boolean isChanged = changed.size() % CHANGED_ONE_IN == 0;
            changed.add(isChanged ? new Run(run.firstChunk, run.chunks, run.content, ~run.seed) : run);
        }
        addRuns(changed, ADDED_RUNS, new SplittableRandom(2));
        return new SampleDisk(name + "-updated", sizeBytes, changed);
    }

    private static void addRuns(List<Run> runs, int count, SplittableRandom random) {
        for (int i = 0; i < count; i++) {
            long end = runs.isEmpty() ? 0 : runs.get(runs.size() - 1).firstChunk + runs.get(runs.size() - 1).chunks;
            int kind = random.nextInt(10);
            Content content = kind < 4 ? Content.PROGRAM : kind < 8 ? Content.TEXT : kind < 9 ? Content.TABLE : Content.NOISE;
            runs.add(new Run(
                    end + random.nextInt(12), 1 + random.nextInt(RUN_CHUNKS_MAX), content, random.nextLong()));
        }
    }

    /** Writes the disk as a sparse raw file. */
    void write(Path file) {
        byte[][] words = words();
        byte[] chunk = new byte[Chunk.SIZE_BYTES];
        try (RandomAccessFile disk = new RandomAccessFile(file.toFile(), "rw")) {
            disk.setLength(sizeBytes);
            FileChannel channel = disk.getChannel();
            for (Run run : runs) {
                SplittableRandom random = new SplittableRandom(run.seed);
                for (int i = 0; i < run.chunks; i++) {
                    fill(chunk, run.content, random, words);
                    channel.write(ByteBuffer.wrap(chunk), (run.firstChunk + i) * Chunk.SIZE_BYTES);
                }
            }
        } catch (IOException e) {
            throw new StoreException(Fault.NO_SPACE, "cannot write the sample disk " + file + ": " + e.getMessage(), e);
        }
    }

    /** Words of one to five syllables, each followed by a space. */
    private static byte[][] words() {
        SplittableRandom random = new SplittableRandom(3);
        String consonants = "bcdfghklmnprstvw";
        String vowels = "aeiouy";
        byte[][] words = new byte[WORDS][];
        for (int i = 0; i < WORDS; i++) {
            StringBuilder word = new StringBuilder();
            for (int syllables = 1 + random.nextInt(5); syllables > 0; syllables--) {
                word.append(consonants.charAt(random.nextInt(consonants.length())));
                word.append(vowels.charAt(random.nextInt(vowels.length())));
            }
            words[i] = word.append(' ').toString().getBytes(StandardCharsets.US_ASCII);
        }
        return words;
    }

    private static void fill(byte[] chunk, Content content, SplittableRandom random, byte[][] words) {
        ByteBuffer out = ByteBuffer.wrap(chunk);
        switch (content) {
            case TEXT -> {
                while (out.hasRemaining()) {
                    // The product prefers some words to others, as languages do.
                    byte[] word = words[random.nextInt(WORDS) * random.nextInt(WORDS) / WORDS];
                    out.put(word, 0, Math.min(word.length, out.remaining()));
                }
            }
            case PROGRAM -> {
                while (out.hasRemaining()) {
                    long bits = random.nextLong();
                    out.putLong(bits & 0x0000_00ff_0000_ffffL | 0x488b_4500_e800_0000L);
                    out.putLong((bits >>> 40) * 0x10);
                }
            }
            case TABLE -> {
                for (long row = random.nextInt(1 << 20); out.hasRemaining(); row++) {
                    out.putLong(row).putLong(0x0001_0000_0000_0000L | random.nextInt(256));
                }
            }
            case NOISE -> {
                while (out.hasRemaining()) {
                    out.putLong(random.nextLong());
                }
            }
        }
    }
}
