package cairn.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.chunk.Chunk;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs {@code cairn bench settle} with real servers. */
class SettleCommandTest {
    private static final int CHUNKS = 200;

    @TempDir
    private Path folder;

    private final Run run = new Run();

    @Test
    void comparesStoresThatSettledWithSomeThatDidNot() throws IOException {
        Path disk = folder.resolve("disk");
        MixedContent.writeDisk(disk, CHUNKS);

        int exit = run.main("settle", disk.toString(), "--settle", "zstd:1", "--runs", "1", "--reads", "20", "--json");

        assertEquals(0, exit, run.err());
        JsonNode report = new ObjectMapper().readTree(run.takeOut());
        assertEquals((CHUNKS - CHUNKS / 16 - 1L) * Chunk.SIZE_BYTES, report.get("uniqueBytes").longValue());
        JsonNode stores = report.get("stores");
        assertEquals(
                List.of("as written", "as written, booted before", "zstd:1", "zstd:1, booted before"),
                stores.findValuesAsText("store"));
        long written = stores.get(0).get("storedBytes").longValue();
        long settled = stores.get(2).get("storedBytes").longValue();
        assertTrue(settled < written, settled + " bytes settled, " + written + " as they came");
        Set<String> works = new HashSet<>();
        for (JsonNode row : report.get("rows")) {
            works.add(row.get("work").textValue());
            assertTrue(row.get("figure").get("median").doubleValue() > 0, row.toString());
        }
        assertEquals(
                Set.of(
                        "64 KiB read, cold, p50", "64 KiB read, cold, p99", "4 KiB read, cold, p50", "4 KiB read, cold, p99",
                        "boot, cold", "boot, warm", "read of all data in order, cold", "pull, cold"),
                works);
    }

    @ParameterizedTest
    @ValueSource(strings = {"--runs=0", "--reads=0"})
    void refusesWhatCannotBeMeasured(String option) throws IOException {
        Path disk = folder.resolve("disk");
        MixedContent.writeDisk(disk, 2);

        assertEquals(2, run.main("settle", disk.toString(), option));
        assertTrue(run.err().contains(option.substring(0, option.indexOf('='))), run.err());
    }
}
