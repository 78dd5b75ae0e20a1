package cairn.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs {@code cairn bench reclaim} with real servers. */
class ReclaimCommandTest {
    private static final int CHUNKS = 400;

    @TempDir
    private Path folder;

    private final Run run = new Run();

    @Test
    void bringsBackTheSpaceOfHalfTheImagesWhileOthersComeAndBoot() throws IOException {
        Path disk = folder.resolve("disk");
        MixedContent.writeDisk(disk, CHUNKS);

        int exit = run.main("reclaim", disk.toString(), "--images", "4", "--edited", "50", "--seconds", "1", "--json");

        assertEquals(0, exit, run.err());
        JsonNode report = new ObjectMapper().readTree(run.takeOut());
        JsonNode stored = report.get("stored");
        assertEquals(3, stored.size());
        long after = stored.get(2).get("bytes").longValue();
        long fresh = report.get("fresh").get("bytes").longValue();
        assertTrue(after < fresh * 5 / 4, after + " bytes in the end, " + fresh + " in a fresh store");
        assertEquals(stored.get(2).get("images").intValue(), report.get("fresh").get("images").intValue());
        assertEquals(2, report.get("latencies").size());
        JsonNode without = report.get("latencies").get(0);
        assertTrue(without.get("boots").intValue() > 0, without.toString());
        assertTrue(without.get("pushes").intValue() > 0, without.toString());
        assertTrue(without.get("readMicrosP99").doubleValue() > 0, without.toString());
        assertTrue(report.get("collection").get("seconds").doubleValue() > 0, report.toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"--images=1", "--edited=0", "--seconds=0"})
    void refusesWhatCannotBeMeasured(String option) throws IOException {
        Path disk = folder.resolve("disk");
        MixedContent.writeDisk(disk, 2);

        assertEquals(2, run.main("reclaim", disk.toString(), option));
        assertTrue(run.err().contains(option.substring(0, option.indexOf('='))), run.err());
    }
}
