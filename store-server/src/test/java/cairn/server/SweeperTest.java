package cairn.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import cairn.server.Sweeper.Task;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class SweeperTest {
    @Test
    void aTaskThatFailsKeepsNoOtherFromItsTurn() {
        List<String> done = new ArrayList<>();
        try (Sweeper sweeper = new Sweeper(List.of(
                new Task("broken things", () -> {
                    done.add("broken");
                    throw new IllegalStateException("out of order");
                }),
                new Task("good things", () -> done.add("good"))))) {

            sweeper.sweep();
            sweeper.sweep();
        }

        assertEquals(List.of("broken", "good", "broken", "good"), done);
    }

    @Test
    void doesNothingOnceItIsClosed() {
        List<String> done = new ArrayList<>();
        Sweeper sweeper = new Sweeper(List.of(new Task("things", () -> done.add("done"))));

        sweeper.close();
        sweeper.sweep();

        assertEquals(List.of(), done);
    }
}
