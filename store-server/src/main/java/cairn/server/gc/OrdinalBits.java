package cairn.server.gc;

import cairn.server.storage.Ordinal;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.function.LongConsumer;

/**
 * A set of ordinals, one bit for each slot of a segment up to the last that is in it. Where items lie together it takes
 * little more than {@link cairn.server.storage.OrdinalSet}, and is ten times as quick. Not for several threads.
 */
final class OrdinalBits {
    private static final long[] NONE = {};
    /** Of a map's entry with its key, and an array's head. */
    private static final long ENTRY_BYTES = 88;

    private final Map<Long, long[]> segments = new HashMap<>();
    /** The segment that was looked for last: the next ordinal is most often of the same. */
    private long lastSegment = -1;
    private long[] lastWords = NONE;

    boolean contains(long ordinal) {
        long[] words = words(Ordinal.segment(ordinal));
        int word = word(ordinal);
        return word < words.length && (words[word] & bit(ordinal)) != 0;
    }

    /** @return whether it was not there before */
    boolean add(long ordinal) {
        long segment = Ordinal.segment(ordinal);
        int word = word(ordinal);
        long[] words = words(segment);
        if (word >= words.length) {
            words = Arrays.copyOf(words, Math.max(word + 1, words.length + words.length / 2));
            segments.put(segment, words);
            lastWords = words;
        }
        boolean isNew = (words[word] & bit(ordinal)) == 0;
        words[word] |= bit(ordinal);
        return isNew;
    }

    private long[] words(long segment) {
        if (segment != lastSegment) {
            lastWords = segments.getOrDefault(segment, NONE);
            lastSegment = segment;
        }
        return lastWords;
    }

    private static int word(long ordinal) {
        return Ordinal.slot(ordinal) / Long.SIZE;
    }

    private static long bit(long ordinal) {
        return 1L << Ordinal.slot(ordinal) % Long.SIZE;
    }

    void addAll(OrdinalBits others) {
        others.segments.forEach((segment, theirs) -> {
            long[] words = segments.getOrDefault(segment, NONE);
            if (words.length < theirs.length) {
                words = Arrays.copyOf(words, theirs.length);
                segments.put(segment, words);
            }
            for (int i = 0; i < theirs.length; i++) {
                words[i] |= theirs[i];
            }
        });
        lastSegment = -1;
    }

    OrdinalBits copy() {
        OrdinalBits copy = new OrdinalBits();
        copy.addAll(this);
        return copy;
    }

    /** Visits all of them: those of a segment in ascending order, segments in any. */
    void forEach(LongConsumer visitor) {
        forEachWithout(new OrdinalBits(), visitor);
    }

    /** The same, but for those that are in another set too. */
    void forEachWithout(OrdinalBits others, LongConsumer visitor) {
        segments.forEach((segment, words) -> {
            long[] theirs = others.segments.getOrDefault(segment, NONE);
            for (int i = 0; i < words.length; i++) {
                long left = i < theirs.length ? words[i] & ~theirs[i] : words[i];
                for (; left != 0; left &= left - 1) {
                    visitor.accept(Ordinal.of(segment, i * Long.SIZE + Long.numberOfTrailingZeros(left)));
                }
            }
        });
    }

    /** What it takes of the heap, about. */
    long heldBytes() {
        long bytes = 0;
        for (long[] words : segments.values()) {
            bytes += ENTRY_BYTES + (long) words.length * Long.BYTES;
        }
        return bytes;
    }
}
