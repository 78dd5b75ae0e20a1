package cairn.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.chunk.Chunk;
import cairn.disk.DiskSource;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs {@code cairn bench storm} with real servers. */
class StormCommandTest {
    private static final int CHUNKS = 64;
    private static final int READS = 40;
    private static final int READ_BYTES = 16 << 10;

    @TempDir
    private Path folder;

    private final Run run = new Run();

    @Test
    void hasManyMachinesBootAtOnce() throws IOException {
        Tools.require("nbdkit", "qemu-nbd", "qemu-img");
        Path disk = folder.resolve("disk");
        MixedContent.writeDisk(disk, CHUNKS);

        int exit = run.main(
                "storm", disk.toString(), "--trace", log(CHUNKS).toString(), "--instances", "1,30", "--boots", "3", "--runs",
                "2", "--json");

        assertEquals(0, exit, run.err());
        JsonNode report = new ObjectMapper().readTree(run.takeOut());
        assertEquals(READS, report.get("reads").intValue());
        assertEquals((long) READS * READ_BYTES, report.get("bytes").longValue());
        assertEquals(0, report.get("failures").size(), report.get("failures").toString());
        Set<String> rows = new HashSet<>();
        for (JsonNode row : report.get("rows")) {
            int instances = row.get("instances").intValue();
            rows.add(instances + " at " + row.get("server").textValue());
            assertEquals(instances == 1 ? 3 : 30, row.get("boots").intValue());
            assertTrue(row.at("/megabytesPerSecond/least").doubleValue() > 0, row.toString());
            double p50 = row.at("/readP50Micros/median").doubleValue();
            assertTrue(p50 > 1 && p50 <= row.at("/readP99Micros/median").doubleValue(), row.toString());
            // A boot waits for all its reads.
            double bootP99Micros = row.at("/bootP99Millis/median").doubleValue() * 1e3;
            assertTrue(bootP99Micros > p50 * READS / 4, row.toString());
            assertTrue(row.at("/serverPeakBytes/median").doubleValue() > 1 << 20, row.toString());
            boolean isOurs = row.get("server").textValue().equals("cairn");
            assertEquals(isOurs, !row.hasNonNull("ratio"), row.toString());
            // All that it needs has been booted from before.
            assertEquals(isOurs ? 0 : -1, row.at("/chunkLoads/most").asInt(-1), row.toString());
        }
        assertEquals(2 * 4, rows.size(), rows.toString());
    }

    @Test
    void waitsAsLongAsTheMachineThought() throws IOException {
        Path disk = folder.resolve("disk");
        MixedContent.writeDisk(disk, CHUNKS);
        BootTrace trace = BootTrace.read(log(CHUNKS));
        Path store = Files.createDirectory(folder.resolve("s"));

        try (MeasuredServer server = MeasuredServer.open(store, List.of());
                DiskSource source = DiskSource.open(disk)) {
            String image = Pushed.push(server.connect(), source, "thought").id().toString();
            try (Subject.Open open = new Subjects(server, image, folder, disk).storming(3).get(0).open()) {
                Storm.Seen seen = new Storm(trace, true, 1).blow(open, 3);

                assertEquals(3, seen.bootMillis().length);
                assertEquals(3 * READS, seen.readMicros().length);
                // A millisecond before each read but the first.
                assertTrue(seen.wallSeconds() >= (READS - 1) / 1e3, "" + seen.wallSeconds());
            }
        }
    }

    /** As nbdkit 1.32 writes it: a read every 2 ms, answered after one. */
    private Path log(int chunks) throws IOException {
        StringBuilder log = new StringBuilder();
        for (int n = 0; n < READS; n++) {
            String time = "2026-11-23 15:47:01.%03d000 connection=1 ";
            log.append(String.format(Locale.ROOT, time, 2 * n))
                    .append(String.format("Read id=%d offset=0x%x count=0x%x ...%n", n, n * 37 % chunks * Chunk.SIZE_BYTES,
                            READ_BYTES))
                    .append(String.format(Locale.ROOT, time, 2 * n + 1))
                    .append(String.format("...Read id=%d return=0%n", n));
        }
        return Files.writeString(folder.resolve("log"), log);
    }

    @ParameterizedTest
    @ValueSource(strings = {"--instances=0", "--instances=2001", "--think=hard", "--runs=0", "--boots=0"})
    void refusesWhatCannotBeMeasured(String option) throws IOException {
        Path disk = Files.write(folder.resolve("disk"), new byte[Chunk.SIZE_BYTES]);

        assertEquals(2, run.main("storm", disk.toString(), option));

        assertTrue(run.err().contains(option.substring(0, option.indexOf('='))), run.err());
    }

    @Test
    void refusesReadsBehindTheDisksEnd() throws IOException {
        Path disk = Files.write(folder.resolve("disk"), new byte[Chunk.SIZE_BYTES]);

        assertEquals(1, run.main("storm", disk.toString(), "--trace", log(CHUNKS).toString()));

        assertTrue(run.err().contains("ends at 65536"), run.err());
    }
}
