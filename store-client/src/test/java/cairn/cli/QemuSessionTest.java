package cairn.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class QemuSessionTest {
    private final List<String> undone = new ArrayList<>();

    @Test
    void undoesEverythingLastFirstAlsoWhereSomeOfItFails() {
        QemuSession session = new QemuSession();
        session.atEnd(() -> undone.add("volume"));
        session.atEnd(() -> {
            throw new IllegalStateException("firmware");
        });
        session.atEnd(() -> {
            undone.add("machine");
            throw new IllegalArgumentException("terminal");
        });

        RuntimeException failure = assertThrows(IllegalArgumentException.class, session::close);

        assertEquals(List.of("machine", "volume"), undone);
        assertEquals("terminal", failure.getMessage());
        assertEquals("firmware", failure.getSuppressed()[0].getMessage());
        session.atEnd(() -> undone.add("late"));
        assertEquals(List.of("machine", "volume", "late"), undone, "the end has come already");
    }
}
