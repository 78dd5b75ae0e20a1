package cairn.server.storage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import cairn.server.storage.rocks.RocksStorage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RocksNotesTest extends NotesContract {
    @TempDir
    Path folder;

    @Override
    Storage newStorage() {
        return RocksStorage.open(folder.resolve("data"));
    }

    @Test
    void outliveTheServer() {
        storage.notes().put("one", new byte[] {1, 2});
        storage.close();

        storage = newStorage();

        assertArrayEquals(new byte[] {1, 2}, storage.notes().find("one").orElseThrow());
    }

    @Test
    void givesNoneThatIsDamagedAtAnyByte() throws IOException {
        storage.notes().put("one", new byte[] {1, 2, 3});
        Path file = folder.resolve("data/notes/one");
        byte[] intact = Files.readAllBytes(file);

        for (int at = 0; at < intact.length; at++) {
            byte[] damaged = intact.clone();
            damaged[at] ^= 1;
            Files.write(file, damaged);
            assertEquals(Optional.empty(), storage.notes().find("one"), "byte " + at);
        }
        Files.write(file, new byte[3]);
        assertEquals(Optional.empty(), storage.notes().find("one"), "cut short");
    }
}
