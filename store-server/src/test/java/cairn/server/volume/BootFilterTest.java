package cairn.server.volume;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Digest;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkId;
import cairn.server.volume.BootRecorder.End;
import cairn.tree.Page;
import cairn.tree.PageId;
import cairn.tree.TreeBuilder;
import cairn.tree.TreeReader;
import cairn.tree.TreeRoot;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** What is taken for a boot of a disk of 16 GiB that has data in every fourth of its first 40,000 chunks. */
class BootFilterTest {
    private static final long DISK_BYTES = 16L << 30;
    private static final int PRESENT = 10_000;

    private final Map<PageId, Page> pages = new HashMap<>();
    private int pagesRead;

    @Test
    void takesJumpingAboutForABoot() {
        assertEquals(Optional.empty(), whyNot(jumping(700), End.LEFT));
        assertEquals(Optional.empty(), whyNot(jumping(BootFilter.CHUNKS_MIN), End.LEFT));
        assertEquals(Optional.empty(), whyNot(jumping(7_400), End.TIME_OVER));
        // In runs of two and three, as files are read: three of four steps go up.
        List<Long> runs = new ArrayList<>();
        for (long start : shuffled(200)) {
            runs.addAll(List.of(start, start + 1, start + 2, start + 3));
        }
        assertEquals(Optional.empty(), whyNot(BootOrder.of(runs.stream().mapToLong(x -> x).toArray()), End.LEFT));
    }

    @Test
    void aLookAtAFewChunksIsNone() {
        assertTrue(whyNot(jumping(BootFilter.CHUNKS_MIN - 1), End.LEFT).orElseThrow().contains("fewer than"));
        assertTrue(whyNot(BootOrder.empty(), End.LEFT).orElseThrow().contains("fewer than"));
    }

    @Test
    void moreThanIsNotedIsNone() {
        assertTrue(whyNot(jumping(700), End.TOO_MANY).orElseThrow().contains("more than"));
    }

    @Test
    void aCopyIsNoneWhateverItHasReachedWhenItEnds() {
        BootOrder copy = BootOrder.of(LongStream.range(0, 2_000).map(n -> 4 * n).toArray());
        assertTrue(whyNot(copy, End.LEFT).orElseThrow().contains("as a copy does"));

        // By several requests at a time, of which later ones may be first.
        long[] unordered = LongStream.range(0, 2_000).map(n -> 4 * n).toArray();
        for (int i = 40; i < unordered.length; i += 40) {
            long first = unordered[i];
            unordered[i] = unordered[i + 8];
            unordered[i + 8] = first;
        }
        assertTrue(whyNot(BootOrder.of(unordered), End.LEFT).orElseThrow().contains("as a copy does"));
    }

    @Test
    void mostOfTheDiskIsNone() {
        assertTrue(whyNot(jumping(7_600), End.LEFT).orElseThrow().contains("of the disk"));
    }

    @Test
    void whoeverDoesNotBeginAtTheBeginningCameBack() {
        long[] order = jumping(700).toArray();
        order[0] = order[BootFilter.FIRST_CHUNK_WITHIN];
        order[BootFilter.FIRST_CHUNK_WITHIN] = 0;

        assertTrue(whyNot(BootOrder.of(order), End.LEFT).orElseThrow().contains("beginning"));
    }

    @Test
    void looksAtNoMoreOfTheTreeThanItTakes() {
        assertEquals(Optional.empty(), whyNot(jumping(100), End.LEFT));

        assertTrue(pagesRead < 20, pagesRead + " pages were read");
    }

    private Optional<String> whyNot(BootOrder touched, End end) {
        TreeBuilder builder = new TreeBuilder(DISK_BYTES, page -> pages.put(page.id(), page));
        for (long n = 0; n < Chunk.count(DISK_BYTES); n++) {
            builder.putChunk(n, n % 4 == 0 && n < 4L * PRESENT ? new ChunkId(Digest.of(longBytes(n))) : ChunkId.ABSENT);
        }
        TreeRoot root = builder.finish();
        pagesRead = 0;
        TreeReader tree = new TreeReader(root, id -> {
            pagesRead++;
            return pages.get(id);
        });
        return new BootFilter(root, tree).whyNot(touched, end);
    }

    private static byte[] longBytes(long value) {
        return new byte[] {(byte) value, (byte) (value >>> 8), (byte) (value >>> 16), 1};
    }

    /** The first chunk, then others here and there. */
    private static BootOrder jumping(int count) {
        return BootOrder.of(shuffled(count).stream().mapToLong(Long::longValue).toArray());
    }

    private static List<Long> shuffled(int count) {
        List<Long> all = new ArrayList<>();
        for (long n = 1; n < PRESENT; n++) {
            all.add(4 * n);
        }
        Collections.shuffle(all, new Random(count));
        all.add(0, 0L);
        return all.subList(0, count);
    }
}
