package cairn.bench;

import cairn.chunk.Chunk;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Chunks as installed systems have them: programs, text, tables, noise, zeros; LZ4 packs them to about 40 %. The same
 * seed and index give the same bytes on every machine.
 */
final class MixedContent {
    private static final int WORDS = 4096;
    private static final int OPCODES = 512;
    private static final int PHRASES = 64;

    private final long seed;
    private final byte[][] words = new byte[WORDS][];
    private final int[] opcodes;

    MixedContent(long seed) {
        this.seed = seed;
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i < WORDS; i++) {
            byte[] word = new byte[2 + random.nextInt(8)];
            for (int at = 0; at < word.length; at++) {
                word[at] = (byte) ('a' + random.nextInt(26) * random.nextInt(26) / 26);
            }
            words[i] = (new String(word, StandardCharsets.US_ASCII) + ' ').getBytes(StandardCharsets.US_ASCII);
        }
        this.opcodes = random.ints(OPCODES).toArray();
    }

    /** Makes a raw disk of some chunks. */
    static void writeDisk(Path file, int chunks) throws IOException {
        MixedContent content = new MixedContent(1);
        byte[] chunk = new byte[Chunk.SIZE_BYTES];
        try (OutputStream out = Files.newOutputStream(file)) {
            for (int index = 0; index < chunks; index++) {
                content.fill(chunk, 0, index);
                out.write(chunk);
            }
        }
    }

    /**
     * Fills the chunk at {@code offset}: of every sixteen one is zeros, one noise, two tables, six text, six
     * programs.
     */
    void fill(byte[] to, int offset, long chunkIndex) {
        SplittableRandom random = new SplittableRandom(seed * 31 + chunkIndex);
        ByteBuffer out = ByteBuffer.wrap(to, offset, Chunk.SIZE_BYTES);
        int kind = (int) (chunkIndex % 16);
        if (kind == 0) {
            Arrays.fill(to, offset, offset + Chunk.SIZE_BYTES, (byte) 0);
        } else if (kind == 1) {
            fillNoise(out, random);
        } else if (kind < 4) {
            fillTable(out, random);
        } else if (kind < 10) {
            fillText(out, random);
        } else {
            fillProgram(out, random);
        }
    }

    private static void fillNoise(ByteBuffer out, SplittableRandom random) {
        while (out.hasRemaining()) {
            out.putLong(random.nextLong());
        }
    }

    private static void fillTable(ByteBuffer out, SplittableRandom random) {
        for (long row = random.nextInt(1 << 24); out.hasRemaining(); row++) {
            out.putLong(row).putLong(0x0001_0000_0000_0000L | random.nextInt(1 << 12));
        }
    }

    /** Some words are preferred to others, as languages do. */
    private void fillText(ByteBuffer out, SplittableRandom random) {
        while (out.hasRemaining()) {
            byte[] word = words[random.nextInt(WORDS) * random.nextInt(WORDS) / WORDS];
            out.put(word, 0, Math.min(word.length, out.remaining()));
        }
    }

    /** Instructions with small operands, now and then a run that came before. */
    private void fillProgram(ByteBuffer out, SplittableRandom random) {
        int start = out.position();
        while (out.hasRemaining()) {
            int doneBytes = out.position() - start;
            if (doneBytes > 4096 && random.nextInt(16) == 0) {
                int from = out.position() - 8 * (1 + random.nextInt(PHRASES));
                int lengthBytes = Math.min(out.remaining(), 8 * (1 + random.nextInt(PHRASES)));
                for (int i = 0; i < lengthBytes; i++) {
                    out.put(out.get(from + i));
                }
            } else {
                out.putInt(opcodes[random.nextInt(OPCODES) * random.nextInt(OPCODES) / OPCODES]);
                out.putInt(random.nextInt(1 << 9));
            }
        }
    }
}
