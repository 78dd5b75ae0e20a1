package cairn.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.StoreException;
import cairn.chunk.Chunk;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs {@code cairn bench boot} with real servers. */
class BootCommandTest {
    private static final int CHUNKS = 128;
    private static final int READS = 60;

    @TempDir
    private Path folder;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    @Test
    void replaysABootWithoutAProfileAndWithOne() throws IOException {
        Path disk = folder.resolve("disk");
        byte[] bytes = new byte[CHUNKS * Chunk.SIZE_BYTES];
        MixedContent content = new MixedContent(1);
        for (int index = 0; index < CHUNKS; index++) {
            content.fill(bytes, index * Chunk.SIZE_BYTES, index);
        }
        Files.write(disk, bytes);

        int exit = run(
                "boot", disk.toString(), "--trace", log().toString(), "--runs", "1", "--warm-ups", "0", "--json");

        assertEquals(0, exit, err());
        JsonNode report = new ObjectMapper().readTree(out.toByteArray());
        assertEquals(READS, report.get("reads").intValue());
        assertEquals(READS * 4096L, report.get("bytes").longValue());
        JsonNode rows = report.get("rows");
        assertEquals(4, rows.size());
        for (int n = 0; n < 4; n++) {
            JsonNode row = rows.get(n);
            assertEquals(n % 2 == 1, row.get("hasProfile").booleanValue());
            assertEquals(n < 2 ? 0 : 0.1, row.get("thinkScale").doubleValue());
            assertTrue(row.get("waitedMillis").doubleValue() > 0);
            assertTrue(row.get("chunkLoads").longValue() >= READS * 9 / 10, row.toString());
        }
    }

    /** As nbdkit 1.32 writes it: a read every 2 ms, answered after one. */
    private Path log() throws IOException {
        StringBuilder log = new StringBuilder("2026-11-23 15:47:00.126301 connection=1 Connect export=\"\" tls=0\n");
        for (int n = 0; n < READS; n++) {
            String time = "2026-11-23 15:47:01.%03d000 connection=1 ";
            int offset = n * 37 % CHUNKS * Chunk.SIZE_BYTES;
            log.append(String.format(Locale.ROOT, time, 2 * n))
                    .append(String.format("Read id=%d offset=0x%x count=0x1000 ...%n", n, offset))
                    .append(String.format(Locale.ROOT, time, 2 * n + 1))
                    .append(String.format("...Read id=%d return=0%n", n));
        }
        return Files.writeString(folder.resolve("log"), log);
    }

    @Test
    void knowsWhichReadsWaitedForThoseBefore() throws IOException {
        Path log = Files.write(folder.resolve("log"), List.of(
                "2026-11-23 15:47:00.000000 connection=1 Read id=1 offset=0x0 count=0x200 ...",
                "2026-11-23 15:47:00.000100 connection=1 ...Read id=1 return=0",
                "2026-11-23 15:47:00.000400 connection=1 Read id=2 offset=0x10000 count=0x1000 ...",
                "2026-11-23 15:47:00.000500 connection=1 Read id=3 offset=0x20000 count=0x1000 ...",
                "2026-11-23 15:47:00.000600 connection=1 ...Read id=2 return=0",
                "2026-11-23 15:47:00.000700 connection=1 ...Read id=3 return=0",
                "2026-11-23 15:47:00.000700 connection=1 Flush id=4 ..."));

        BootTrace trace = BootTrace.read(log);

        assertEquals(
                List.of(
                        new BootTrace.Read(0, 512, Duration.ZERO),
                        new BootTrace.Read(0x10000, 4096, Duration.ofNanos(300_000)),
                        new BootTrace.Read(0x20000, 4096, Duration.ZERO)),
                trace.reads());
        Path empty = Files.createFile(folder.resolve("empty"));
        assertThrows(StoreException.class, () -> BootTrace.read(empty));
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
