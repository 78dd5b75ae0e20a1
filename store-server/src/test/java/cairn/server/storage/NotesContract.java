package cairn.server.storage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import cairn.Fault;
import java.util.Optional;
import org.junit.jupiter.api.Test;

abstract class NotesContract extends StorageContract {
    @Test
    void givesBackWhatWasPutLast() {
        Notes notes = storage.notes();

        notes.put("one", new byte[] {1, 2, 3});
        notes.put("two", new byte[0]);
        notes.put("one", new byte[] {4});

        assertArrayEquals(new byte[] {4}, notes.find("one").orElseThrow());
        assertArrayEquals(new byte[0], notes.find("two").orElseThrow());
    }

    @Test
    void forgetsWhatIsRemoved() {
        Notes notes = storage.notes();
        notes.put("one", new byte[1]);

        notes.remove("one");
        notes.remove("one");

        assertEquals(Optional.empty(), notes.find("one"));
    }

    @Test
    void takesNothingOnceItIsClosed() {
        Notes notes = storage.notes();

        storage.close();

        assertFault(Fault.SHUTTING_DOWN, () -> notes.put("one", new byte[1]));
        assertFault(Fault.SHUTTING_DOWN, () -> notes.find("one"));
        assertFault(Fault.SHUTTING_DOWN, () -> notes.remove("one"));
    }
}
