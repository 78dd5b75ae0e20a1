package cairn.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs {@code cairn bench mark} on small stores, one of them with a real server. */
class MarkCommandTest {
    private static final int CHUNKS = 600;
    /** One of sixteen is zeros. */
    private static final int DATA_CHUNKS = CHUNKS - (CHUNKS + 15) / 16;

    @TempDir
    private Path folder;

    private final Run run = new Run();

    @Test
    void marksEachChunkAndPageOfAFamilyOnce() throws IOException {
        Path disk = folder.resolve("disk");
        MixedContent.writeDisk(disk, CHUNKS);

        JsonNode report = measured("mark", disk.toString(), "--snapshots", "1,4", "--chunks", "0", "--runs", "1", "--json");

        JsonNode one = report.get("family").get(0);
        assertEquals(DATA_CHUNKS, one.get("uniqueChunks").longValue());
        assertEquals(3 + 1, one.get("uniquePages").longValue(), "three pages of chunks, and one above them");
        JsonNode four = report.get("family").get(1);
        assertEquals(4, four.get("snapshots").intValue());
        assertTrue(four.get("uniqueChunks").longValue() > DATA_CHUNKS, four.toString());
        assertTrue(four.get("uniqueChunks").longValue() <= DATA_CHUNKS + 3 * 3, "0.5 % of the chunks change: " + four);
        assertTrue(four.get("warmMillis").get("median").doubleValue() > 0, four.toString());
        assertFalse(report.hasNonNull("synthetic"));
    }

    @Test
    void servesASyntheticStoreThatItMadeBefore() throws IOException {
        String store = folder.resolve("store").toString();

        for (int use = 0; use < 2; use++) {
            JsonNode report = measured(
                    "mark", "--snapshots", "0", "--chunks", "70000", "--store", store, "--runs", "1", "--json");

            JsonNode held = report.get("synthetic").get("held");
            assertEquals(70_000, held.get("chunks").longValue());
            assertEquals(2, held.get("snapshots").intValue());
            assertEquals(256 + 1 + 18 + 1, held.get("pages").longValue(), "a disk of 4 GiB, and one of 279 MiB");
            JsonNode served = report.get("synthetic").get("served");
            assertTrue(served.get("coldReadyMillis").get("median").doubleValue() > 0, served.toString());
            assertTrue(served.get("dryRunMillis").get("median").doubleValue() > 0, served.toString());
            assertTrue(served.get("peakBytes").get("median").doubleValue() > 1 << 20, served.toString());
            assertTrue(Files.exists(Path.of(store, "data")), "the store stays");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"--runs=0", "--chunks=-1", "--snapshots=-1", "--changed=0", "--changed=101"})
    void refusesWhatCannotBeMeasured(String option) {
        assertEquals(2, run.main("mark", option));
        assertTrue(run.err().contains(option.substring(0, option.indexOf('='))), run.err());
    }

    private JsonNode measured(String... arguments) throws IOException {
        int exit = run.main(arguments);

        assertEquals(0, exit, run.err());
        return new ObjectMapper().readTree(run.takeOut());
    }
}
