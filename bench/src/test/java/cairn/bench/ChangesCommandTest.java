package cairn.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.chunk.Chunk;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs {@code cairn bench changes} on small disks with a real server. */
class ChangesCommandTest {
    private static final long GIBIBYTE = 1L << 30;

    private final Run run = new Run();

    @Test
    void comparesDisksAndMakesSnapshots() throws IOException {
        Tools.require("fio");

        int exit = run.main("changes", "--trees", "1", "--different", "1", "--volumes", "1", "--written", "0.1", "--runs",
                "1", "--json");

        assertEquals(0, exit, run.err());
        JsonNode rows = new ObjectMapper().readTree(run.takeOut()).get("rows");
        assertEquals(4, rows.size());
        for (JsonNode row : rows) {
            assertEquals(GIBIBYTE, row.get("diskBytes").longValue());
            assertTrue(row.at("/millis/least").doubleValue() > 0, row.toString());
        }
        // One piece of a hundred: 256 pieces of 4 MiB, and 16,384 chunks.
        assertEquals(3L * (4 << 20), rows.get(0).get("changedBytes").longValue());
        assertEquals(164L * Chunk.SIZE_BYTES, rows.get(1).get("changedBytes").longValue());
        assertEquals(1 << 20, rows.get(2).get("changedBytes").longValue());
        assertEquals(262L * 4096, rows.get(3).get("changedBytes").longValue());
        assertTrue(rows.get(3).at("/answered/least").doubleValue() > 0, rows.toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"--runs=0", "--trees=-1", "--trees=1025", "--volumes=65", "--different=0", "--written=101"})
    void refusesWhatCannotBeMeasured(String option) {
        assertEquals(2, run.main("changes", option));
        assertTrue(run.err().contains(option.substring(0, option.indexOf('='))), run.err());
    }
}
