package cairn.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.api.Json;
import cairn.bench.IngestReport.Stored;
import cairn.bench.MeasuredProgram.Used;
import cairn.chunk.Chunk;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** Runs {@code cairn bench ingest} with a real server, real clients, and real peers. */
class IngestCommandTest {
    private static final int CHUNKS = 96;
    private static final Machine MACHINE = new Machine("a CPU", 2, 1 << 30, "Linux", "17", Map.of(), List.of("casync"));

    @TempDir
    private Path folder;

    private final Run run = new Run();

    @Test
    void measuresEverySystemAtTheSameWork() throws IOException {
        Tools.require("restic", "borg", "casync");
        Path first = disk("first", CHUNKS);
        Path second = disk("second", CHUNKS / 2);

        int exit = run.main("ingest", first.toString(), second.toString(), "--runs", "1", "--json");

        assertEquals(0, exit, run.err());
        JsonNode report = new ObjectMapper().readTree(run.takeOut());
        assertEquals(2, report.get("disks").intValue());
        assertEquals(Files.size(first) + Files.size(second), report.get("bytes").longValue());
        assertEquals(Set.of("restic", "borg", "casync"), Set.copyOf(names(report.at("/machine/programs"))));
        Set<String> works = new HashSet<>();
        for (JsonNode row : report.get("rows")) {
            String work = row.get("work").textValue();
            works.add(work + " by " + row.get("system").textValue());
            assertTrue(row.at("/wallSeconds/median").doubleValue() > 0, row.toString());
            assertTrue(row.at("/cpuSeconds/median").doubleValue() > 0, row.toString());
            assertEquals(work.equals(IngestReport.RESTORE), !row.has("storedBytes"), row.toString());
            assertEquals(row.get("system").textValue().equals("cairn"), !row.has("cairn"), row.toString());
            double storedBytes = row.at("/storedBytes/median").doubleValue();
            if (work.equals(IngestReport.INGEST)) {
                assertTrue(storedBytes > CHUNKS * Chunk.SIZE_BYTES / 4 && storedBytes < Files.size(first), row.toString());
            } else if (work.equals(IngestReport.AGAIN)) {
                assertTrue(storedBytes < 1 << 20, row.toString());
            }
        }
        assertEquals(3 * 5, works.size(), works.toString());
        // Less than that no Java has.
        double clientAndServer = report.at("/rows/0/peakBytes/median").doubleValue();
        assertTrue(clientAndServer > 40 << 20 && clientAndServer < 6e9, "" + clientAndServer);
    }

    private static Set<String> names(JsonNode object) {
        Set<String> names = new HashSet<>();
        object.fieldNames().forEachRemaining(names::add);
        return names;
    }

    @Test
    void comparesMediansOfTheSameWork() {
        IngestReport.Collected collected = new IngestReport.Collected();
        for (int n : new int[] {3, 1, 2}) {
            collected.add(IngestReport.INGEST, "cairn", new Used(n, 2 * n, 100), new Stored(10 << 20, 11 << 20));
            collected.add(IngestReport.INGEST, "other", new Used(4 * n, 2 * n, 50), new Stored(20 << 20, 20 << 20));
            collected.add(IngestReport.AGAIN, "cairn", new Used(n, 2 * n, 100), new Stored(1, 0));
            collected.add(IngestReport.AGAIN, "other", new Used(4 * n, 2 * n, 50), new Stored(2, 0));
        }

        IngestReport report = collected.report(MACHINE, 1, 1, 3);

        assertEquals(new Spread(2, 1, 3), report.rows().get(0).wallSeconds());
        assertEquals(new IngestReport.Ratios(0.25, 1, 2, 0.5), report.rows().get(1).cairn());
        assertEquals(new IngestReport.Ratios(0.25, 1, 2, null), report.rows().get(3).cairn());
        assertFalse(Json.pretty(report).contains("remarks"));
        String[] lines = markdown(report).split("\n");
        assertEquals(
                "| WORK | SYSTEM | WALL S | CPU S | PEAK MIB | STORED MB | ON DISK MB | CAIRN/IT: WALL | CPU | PEAK | STORED |",
                lines[0]);
        assertTrue(lines[1].startsWith("|---|---|---:|---:|"), lines[1]);
        assertTrue(lines[3].startsWith("| ingest all | other | 8.00 (4.00-12.00) | 4.00 (2.00-6.00) |"), lines[3]);
        assertEquals(
                "Machine: a CPU, 2 cores, 1.00 GiB, Linux, Java 17; not installed, and so not measured: casync",
                lines[lines.length - 1]);
    }

    private static String markdown(Report report) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        CommandLine.populateCommand(new Form(), "--markdown").print(report, new PrintStream(out, true, StandardCharsets.UTF_8));
        return out.toString(StandardCharsets.UTF_8);
    }

    @ParameterizedTest
    @ValueSource(strings = {"--runs=0", "--systems=zip", "--json --markdown"})
    void refusesWhatCannotBeMeasured(String options) throws IOException {
        String[] words = (disk("disk", 1) + " " + options).split(" ");
        String[] line = new String[words.length + 1];
        line[0] = "ingest";
        System.arraycopy(words, 0, line, 1, words.length);

        assertEquals(2, run.main(line), run.err());

        assertTrue(run.err().contains(options.replaceAll("[= ].*", "")), run.err());
    }

    @Test
    void refusesDisksThatOnlyCairnCanRead() throws IOException {
        Tools.require("qemu-img");
        Path disk = folder.resolve("disk.qcow2");
        Programs.run(folder, "qemu-img", "create", "-q", "-f", "qcow2", disk.toString(), "1M");

        assertEquals(1, run.main("ingest", disk.toString()));

        assertTrue(run.err().contains("make it raw"), run.err());
    }

    /** From {@code changedFrom} on its chunks are its own. */
    private Path disk(String name, int changedFrom) throws IOException {
        byte[] bytes = new byte[CHUNKS * Chunk.SIZE_BYTES];
        MixedContent shared = new MixedContent(1);
        MixedContent own = new MixedContent(name.hashCode());
        for (int index = 0; index < CHUNKS; index++) {
            (index < changedFrom ? shared : own).fill(bytes, index * Chunk.SIZE_BYTES, index);
        }
        return Files.write(folder.resolve(name + ".raw"), bytes);
    }
}
