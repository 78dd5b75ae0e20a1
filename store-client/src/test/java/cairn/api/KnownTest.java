package cairn.api;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import cairn.Digest;
import cairn.Fault;
import cairn.StoreException;
import cairn.tree.PageId;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class KnownTest {
    private static final PageId PAGE = new PageId(0, Digest.of(new byte[] {1}));

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 8, 9, 64, 65, Api.KNOWN_IDS_MAX})
    void bringsBackQuestionAndAnswer(int count) {
        List<PageId> pages = IntStream.range(0, count)
                .mapToObj(n -> new PageId(0, Digest.of(Integer.toString(n).getBytes())))
                .toList();
        BitSet known = BitSet.valueOf(new Random(count).longs(count / 64 + 1).toArray()).get(0, count);

        byte[] question = Known.encodeQuestion(pages);
        byte[] answer = Known.encodeAnswer(known, count);

        assertEquals(32 * count, question.length);
        assertEquals(pages, Known.decodeQuestion(question));
        assertEquals((count + 7) / 8, answer.length);
        assertEquals(known, Known.decodeAnswer(answer, count));
    }

    @Test
    void hasTheBitsInTheirPlaces() {
        BitSet known = new BitSet();
        known.set(0);
        known.set(9);

        assertArrayEquals(new byte[] {1, 2}, Known.encodeAnswer(known, 12));
        assertArrayEquals(new byte[] {0, 0}, Known.encodeAnswer(new BitSet(), 12));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 31, 33, 32 * (Api.KNOWN_IDS_MAX + 1)})
    void refusesQuestionsOfOtherLengths(int bytes) {
        byte[] question = new byte[bytes];
        new Random(1).nextBytes(question);

        assertRefused(() -> Known.decodeQuestion(question));
    }

    @Test
    void refusesAnIdOfZerosAndMoreIdsThanMayBe() {
        assertRefused(() -> Known.decodeQuestion(new byte[32]));
        assertRefused(() -> Known.encodeQuestion(List.of()));
        assertRefused(() -> Known.encodeQuestion(Collections.nCopies(Api.KNOWN_IDS_MAX + 1, PAGE)));
    }

    @Test
    void refusesAnswersToSomethingElse() {
        assertRefused(() -> Known.decodeAnswer(new byte[1], 9));
        assertRefused(() -> Known.decodeAnswer(new byte[2], 8));
        assertRefused(() -> Known.decodeAnswer(new byte[] {0, 2}, 9));
    }

    private static void assertRefused(Runnable call) {
        assertEquals(Fault.INVALID_REQUEST, assertThrows(StoreException.class, call::run).fault());
    }
}
