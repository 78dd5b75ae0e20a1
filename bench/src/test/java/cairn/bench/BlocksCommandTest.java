package cairn.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.bench.NbdMeasure.Figure;
import cairn.chunk.Chunk;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
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

/** Runs {@code cairn bench read} and {@code write} with a real server, and others'. */
class BlocksCommandTest {
    private static final int CHUNKS = 64;
    private static final Machine MACHINE = new Machine("a CPU", 2, 1 << 30, "Linux", "17", Map.of(), List.of());

    @TempDir
    private Path folder;

    private final Run run = new Run();

    @Test
    void measuresEveryServerAtTheSameWork() throws IOException {
        Tools.require("fio", "nbdcopy", "nbdkit", "qemu-nbd", "qemu-img");
        byte[] bytes = new byte[CHUNKS * Chunk.SIZE_BYTES];
        MixedContent content = new MixedContent(1);
        for (int index = 0; index < CHUNKS; index++) {
            content.fill(bytes, index * Chunk.SIZE_BYTES, index);
        }
        Path disk = Files.write(folder.resolve("disk"), bytes);

        JsonNode reads = measure("read", disk);
        JsonNode writes = measure("write", disk);

        assertEquals(4 * (NbdWork.READS.size() + 1), reads.get("rows").size());
        assertEquals(3 * NbdWork.WRITES.size(), writes.get("rows").size());
        assertTrue(reads.at("/machine/programs/fio").textValue().startsWith("3"), reads.get("machine").toString());
    }

    private JsonNode measure(String command, Path disk) throws IOException {
        int exit = run.main(command, disk.toString(), "--runs", "1", "--seconds", "1", "--over", "unix", "--json");

        assertEquals(0, exit, run.err());
        JsonNode report = new ObjectMapper().readTree(run.takeOut());
        Set<String> works = new HashSet<>();
        for (JsonNode row : report.get("rows")) {
            assertTrue(works.add(row.get("work").textValue() + " by " + row.get("server").textValue()), row.toString());
            assertTrue(row.at("/perSecond/median").doubleValue() > 0, row.toString());
            assertEquals(row.get("server").textValue().equals("cairn"), !row.hasNonNull("ratio"), row.toString());
        }
        return report;
    }

    @Test
    void comparesMediansOfTheSameWork() {
        BlocksReport.Collected collected = new BlocksReport.Collected();
        NbdWork work = NbdWork.READS.get(0);
        for (double each : new double[] {300, 100, 200}) {
            collected.add(work, "unix", "cairn", new Figure(each, each, each));
            collected.add(work, "unix", "other", new Figure(each * 2, 1.0, 2.0));
            collected.add(work, "tcp", "other", new Figure(1, 1.0, 2.0));
        }

        List<BlocksReport.Row> rows = collected.report(MACHINE, 1, 3).rows();

        assertEquals(List.of("cairn", "other", "other"), rows.stream().map(BlocksReport.Row::server).toList());
        assertEquals(new Spread(200, 100, 300), rows.get(0).perSecond());
        assertNull(rows.get(0).ratio());
        assertEquals(0.5, rows.get(1).ratio());
        assertNull(rows.get(2).ratio(), "there is nothing of ours to compare it with");
    }

    @ParameterizedTest
    @ValueSource(strings = {"--over=udp", "--runs=0", "--seconds=0", "--mib=-1"})
    void refusesWhatCannotBeMeasured(String option) throws IOException {
        Path disk = Files.write(folder.resolve("disk"), new byte[Chunk.SIZE_BYTES]);

        int exit = run.main("read", disk.toString(), option);

        assertEquals(2, exit);
        assertTrue(run.err().contains(option.substring(0, option.indexOf('='))), run.err());
        assertFalse(run.err().contains("Exception"), run.err());
    }
}
