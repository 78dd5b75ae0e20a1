package cairn.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import cairn.bench.NbdMeasure.Figure;
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
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs {@code cairn bench blocks} with a real server, and others'. */
class BlocksCommandTest {
    private static final int CHUNKS = 64;

    @TempDir
    private Path folder;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    @Test
    void measuresEveryServerAtTheSameWork() throws IOException {
        for (String program : List.of("fio", "nbdcopy", "nbdkit", "qemu-nbd", "qemu-img")) {
            boolean isThere = Subjects.isInstalled(program);
            assertTrue(isThere || !"1".equals(System.getenv("CAIRN_REQUIRE_TOOLS")), program + " is not installed");
            assumeTrue(isThere, program + " is not installed");
        }
        byte[] bytes = new byte[CHUNKS * Chunk.SIZE_BYTES];
        MixedContent content = new MixedContent(1);
        for (int index = 0; index < CHUNKS; index++) {
            content.fill(bytes, index * Chunk.SIZE_BYTES, index);
        }
        Path disk = Files.write(folder.resolve("disk"), bytes);

        int exit = run("blocks", disk.toString(), "--runs", "1", "--seconds", "1", "--over", "unix", "--json");

        assertEquals(0, exit, err());
        JsonNode report = new ObjectMapper().readTree(out.toByteArray());
        Set<String> works = new HashSet<>();
        for (JsonNode row : report.get("rows")) {
            works.add(row.get("work").textValue() + " by " + row.get("server").textValue());
            assertTrue(row.get("perSecond").doubleValue() > 0, row.toString());
            assertEquals(row.get("server").textValue().equals("cairn"), !row.hasNonNull("ratio"), row.toString());
        }
        assertEquals(4 * NbdWork.READS.size() + 3 * NbdWork.WRITES.size(), works.size(), works.toString());
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

        List<BlocksReport.Row> rows = collected.report(1, 3).rows();

        assertEquals(List.of("cairn", "other", "other"), rows.stream().map(BlocksReport.Row::server).toList());
        assertEquals(200, rows.get(0).perSecond());
        assertEquals(100, rows.get(0).perSecondMin());
        assertEquals(300, rows.get(0).perSecondMax());
        assertNull(rows.get(0).ratio());
        assertEquals(0.5, rows.get(1).ratio());
        assertNull(rows.get(2).ratio(), "there is nothing of ours to compare it with");
    }

    @ParameterizedTest
    @ValueSource(strings = {"--over=udp", "--work=dreams", "--runs=0", "--seconds=0", "--mib=-1"})
    void refusesWhatCannotBeMeasured(String option) throws IOException {
        Path disk = Files.write(folder.resolve("disk"), new byte[Chunk.SIZE_BYTES]);

        int exit = run("blocks", disk.toString(), option);

        assertEquals(2, exit);
        assertTrue(err().contains(option.substring(0, option.indexOf('='))), err());
        assertFalse(err().contains("Exception"), err());
    }

    private int run(String... arguments) {
        return Main.run(stream(out), stream(err), arguments);
    }

    private static PrintStream stream(ByteArrayOutputStream to) {
        return new PrintStream(to, true, StandardCharsets.UTF_8);
    }

    private String err() {
        return err.toString(StandardCharsets.UTF_8);
    }
}
