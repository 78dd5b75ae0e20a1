package cairn.server.volume;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.server.SetClock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class BootRecorderTest {
    private static final long LASTING_MILLIS = 60_000;

    private final SetClock clock = new SetClock();
    private final List<BootRecorder> ended = new ArrayList<>();
    private final BootRecorder recorder = new BootRecorder(LASTING_MILLIS, clock::millis, ended::add);

    @Test
    void notesEachChunkOnceInTheOrderOfFirstTouch() {
        for (long position : new long[] {7, 3, 7, 4_000_000_000L, 3, 0, 0, 7}) {
            recorder.touched(position);
        }

        assertEquals(BootOrder.of(7, 3, 4_000_000_000L, 0), recorder.order());
        assertEquals(BootRecorder.End.NONE, recorder.end());
        assertEquals(List.of(), ended);
    }

    @Test
    void notesWhatAnyRandomReaderTouches() {
        long[] touches = new Random(5).longs(20_000, 0, 6_000).toArray();

        LongStream.of(touches).forEach(recorder::touched);

        assertEquals(BootOrder.of(Arrays.stream(touches).distinct().toArray()), recorder.order());
    }

    @Test
    void endsWithTheChunkThatIsOneTooMany() {
        LongStream.range(0, BootOrder.CHUNKS_MAX).forEach(n -> recorder.touched(n * 977));
        recorder.touched(977);
        assertEquals(BootRecorder.End.NONE, recorder.end());

        recorder.touched(1);
        recorder.touched(2);

        assertEquals(BootRecorder.End.TOO_MANY, recorder.end());
        assertEquals(BootOrder.CHUNKS_MAX, recorder.order().size());
        assertEquals(List.of(recorder), ended);
    }

    @Test
    void endsWhenItsTimeIsOver() {
        recorder.touched(1);
        clock.forward(Duration.ofMillis(LASTING_MILLIS - 1));
        recorder.endIfOver();
        recorder.touched(2);
        clock.forward(Duration.ofMillis(1));

        recorder.touched(3);
        recorder.leave();

        assertEquals(BootRecorder.End.TIME_OVER, recorder.end());
        assertEquals(BootOrder.of(1, 2), recorder.order());
        assertEquals(List.of(recorder), ended, "told once");
    }

    @Test
    void itsTimeEndsThoughNothingIsTouched() {
        recorder.touched(1);
        clock.forward(Duration.ofMillis(LASTING_MILLIS));

        recorder.endIfOver();
        recorder.endIfOver();

        assertEquals(BootRecorder.End.TIME_OVER, recorder.end());
        assertEquals(List.of(recorder), ended);
    }

    @Test
    void endsWhenItsUserLeaves() {
        recorder.touched(1);

        recorder.leave();
        recorder.touched(2);
        recorder.leave();

        assertEquals(BootRecorder.End.LEFT, recorder.end());
        assertEquals(BootOrder.of(1), recorder.order());
        assertEquals(List.of(recorder), ended);
    }

    @Test
    void losesNothingThatManyThreadsTouchAtOnce() throws InterruptedException {
        int threads = 4;
        CountDownLatch start = new CountDownLatch(1);
        List<Thread> all = new ArrayList<>();
        for (int n = 0; n < threads; n++) {
            long seed = n;
            all.add(new Thread(() -> {
                await(start);
                new Random(seed).longs(50_000, 0, 8_000).forEach(recorder::touched);
            }));
        }
        all.forEach(Thread::start);

        start.countDown();
        for (Thread thread : all) {
            thread.join();
        }

        long[] touched = recorder.order().toArray();
        long[] expected = LongStream.range(0, threads)
                .flatMap(seed -> new Random(seed).longs(50_000, 0, 8_000))
                .distinct()
                .sorted()
                .toArray();
        Arrays.sort(touched);
        assertTrue(Arrays.equals(expected, touched));
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
