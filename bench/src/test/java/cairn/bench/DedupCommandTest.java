package cairn.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.chunk.Chunk;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs {@code cairn bench dedup} with a real server in a process of its own. */
class DedupCommandTest {
    private static final int DISK_BYTES = 48 << 20;
    private static final int CHUNKS = 400;
    /** Chunks 0, 16, 32... are zeros. */
    private static final int DATA_CHUNKS = CHUNKS - CHUNKS / 16;

    @TempDir
    private Path folder;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    @Test
    void countsOfEachDiskOnlyWhatIsNew() throws IOException {
        Path first = disk("first", CHUNKS);
        Path second = disk("second", CHUNKS - 33);
        Path store = folder.resolve("store");

        int exit = run("dedup", "--json", "--keep", store.toString(), first.toString(), second.toString(), first.toString());

        assertEquals(0, exit, err());
        JsonNode report = new ObjectMapper().readTree(out.toByteArray());
        JsonNode disks = report.get("disks");
        assertEquals(3, disks.size());
        for (JsonNode disk : disks) {
            assertEquals(DISK_BYTES, disk.get("logicalBytes").longValue());
            assertEquals(DATA_CHUNKS, disk.get("chunks").longValue());
            assertTrue(disk.get("seconds").doubleValue() > 0);
            assertTrue(disk.get("clientCpuSeconds").doubleValue() >= 0);
        }
        assertEquals((long) CHUNKS * Chunk.SIZE_BYTES, disks.get(0).get("dataBytes").longValue());
        assertEquals(DATA_CHUNKS, disks.get(0).get("newChunks").longValue());
        long changed = disks.get(1).get("newChunks").longValue();
        assertTrue(changed > 29 && changed <= 33, "33 chunks differ, some of them zeros: " + changed);
        assertEquals(0, disks.get(2).get("newChunks").longValue());
        assertTrue(
                disks.get(1).get("newStoredBytes").longValue() < disks.get(0).get("newStoredBytes").longValue() / 4);

        JsonNode totals = report.get("totals");
        assertEquals(3L * DISK_BYTES, totals.get("logicalBytes").longValue());
        assertEquals(DATA_CHUNKS + changed, totals.get("uniqueChunks").longValue());
        assertTrue(totals.get("storedBytes").longValue() > totals.get("packedBytes").longValue());
        assertTrue(totals.get("serverProcessCpuSeconds").doubleValue() > 0);
        assertTrue(totals.get("clientProcessCpuSeconds").doubleValue() > 0);
        assertEquals(Runtime.getRuntime().availableProcessors(), report.at("/machine/cores").intValue());
        assertTrue(Files.exists(store.resolve("data/credentials")), "the store is kept");
        assertFalse(Files.exists(store.resolve("data/endpoint")), "the server has ended");
    }

    @Test
    void printsATableOfWhatItMeasured() throws IOException {
        Path disk = disk("only", CHUNKS);

        int exit = run("dedup", disk.toString());

        assertEquals(0, exit, err());
        String[] lines = out.toString(StandardCharsets.UTF_8).split("\n");
        assertTrue(lines[0].matches("DISK +LOGICAL +DATA +CHUNKS +NEW CHUNKS +NEW STORED +RATIO .*"), lines[0]);
        assertTrue(lines[1].startsWith(disk + "  48.0 MiB  25.0 MiB"), lines[1]);
        assertTrue(lines[2].startsWith("total "), lines[2]);
        assertTrue(lines[4].matches("Stored: .* MiB, that is [0-9.]+ % over the .* MiB of the 375 unique chunks .*"), lines[4]);
        assertTrue(lines[5].matches("CPU of the whole processes: client .* s, server .*"), lines[5]);
        assertTrue(lines[6].matches("Machine: .* cores?, .*, Java .*"), lines[6]);
    }

    @ParameterizedTest
    @ValueSource(strings = {"missing", "empty", "odd", ""})
    void refusesABadDiskInOneLineBeforeAnythingIsStarted(String name) throws IOException {
        Files.createFile(folder.resolve("empty"));
        Files.write(folder.resolve("odd"), new byte[513]);
        Path store = folder.resolve("store");

        int exit = run("dedup", "--keep", store.toString(), disk("good", 1).toString(), folder.resolve(name).toString());

        assertEquals(1, exit);
        assertEquals("", out.toString(StandardCharsets.UTF_8));
        assertTrue(err().matches("cairn: [^\n]+\n"), err());
        assertTrue(err().contains(folder.resolve(name).toString()), err());
        assertFalse(Files.exists(store));
    }

    @Test
    void refusesToKeepTheStoreInAFolderThatIsNotEmpty() throws IOException {
        Path disk = disk("disk", 1);

        int exit = run("dedup", "--keep", folder.toString(), disk.toString());

        assertEquals(1, exit);
        assertTrue(err().matches("cairn: .* is not empty; [^\n]+\n"), err());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "dedup", "dedup --unknown x", "frobnicate"})
    void answersWrongUsageWithTwo(String line) {
        assertEquals(2, run(line.isEmpty() ? new String[0] : line.split(" ")));

        assertTrue(err().matches("cairn: [^\n]+; see `[^\n]+ --help`\n"), err());
    }

    /** A sparse disk; from {@code changedFrom} on its chunks are its own. */
    private Path disk(String name, int changedFrom) throws IOException {
        Path file = folder.resolve(name + ".raw");
        MixedContent shared = new MixedContent(1);
        MixedContent own = new MixedContent(name.hashCode());
        byte[] chunk = new byte[Chunk.SIZE_BYTES];
        try (RandomAccessFile disk = new RandomAccessFile(file.toFile(), "rw")) {
            for (int index = 0; index < CHUNKS; index++) {
                (index < changedFrom ? shared : own).fill(chunk, 0, index);
                disk.write(chunk);
            }
            disk.setLength(DISK_BYTES);
        }
        return file;
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
