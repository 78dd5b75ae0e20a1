package cairn.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OutputTest {
    @ParameterizedTest
    @CsvSource({
        "0, 0 B", "512, 512 B", "1023, 1023 B", "1024, 1.00 KiB", "1536, 1.50 KiB", "1048575, 1.00 MiB",
        "4294967296, 4.00 GiB", "13421772800, 12.5 GiB", "137438953472, 128 GiB", "9223372036854775807, 8.00 EiB",
    })
    void showsSizesInThreeDigits(long sizeBytes, String shown) {
        assertEquals(shown, Sizes.bytes(sizeBytes));
    }

    @Test
    void alignsColumnsAndCleansCells() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();

        new Table("NAME", ">SIZE", "NOTE")
                .row("a", "1 B", "x\u001b[31m")
                .row("longer", "12 B", null)
                .print(new PrintStream(out, true, StandardCharsets.UTF_8));

        assertEquals("NAME    SIZE  NOTE\na        1 B  x?[31m\nlonger  12 B  -\n", out.toString(StandardCharsets.UTF_8));
    }

    @Test
    void showsABarOnATerminalAlone() {
        String watched = progressShown(true);
        String unwatched = progressShown(false);

        assertTrue(watched.contains("push") && watched.contains("100%") && watched.contains("MiB/s"), watched);
        assertEquals("", unwatched);
    }

    private static String progressShown(boolean isTerminal) {
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        PrintStream stream = new PrintStream(err, true, StandardCharsets.UTF_8);
        Terminal terminal = new Terminal(stream, stream, isTerminal, Map.of("COLUMNS", "100"), Path.of("."));
        try (ProgressLine progress = new ProgressLine(terminal, "push")) {
            progress.update(50 << 20, 100 << 20, 0);
            progress.update(100 << 20, 100 << 20, 0);
        }
        return err.toString(StandardCharsets.UTF_8);
    }

    @Test
    void makesTheSameSampleDisksEveryTime(@TempDir Path folder) throws Exception {
        Path one = folder.resolve("one");
        Path two = folder.resolve("two");
        Path updated = folder.resolve("updated");

        SampleDisk.first().write(one);
        SampleDisk.first().write(two);
        SampleDisk.first().updated().write(updated);

        assertEquals(-1, Files.mismatch(one, two));
        assertTrue(Files.mismatch(one, updated) >= 0);
        assertEquals(512L << 20, Files.size(updated));
    }
}
