package cairn.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs {@code cairn bench ebs} with real servers. */
class EbsCommandTest {
    @TempDir
    private Path folder;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    @Test
    void measuresBothWaysInAndOneOut() throws IOException {
        Path disk = disk(1L << 30);

        int exit = run("ebs", disk.toString(), "--runs", "1", "--connections", "1,8", "--json");

        assertEquals(0, exit, err.toString(StandardCharsets.UTF_8));
        JsonNode report = new ObjectMapper().readTree(out.toByteArray());
        List<String> works = new ArrayList<>();
        for (JsonNode row : report.get("rows")) {
            works.add(row.get("work").textValue());
            assertTrue(row.get("mebibytesPerSecond").doubleValue() > 0, row.toString());
            assertTrue(row.get("serverPeakMebibytes").longValue() > 0, row.toString());
        }
        assertEquals(List.of("push", "write, 1 at once", "read, 1 at once", "write, 8 at once", "read, 8 at once"), works);
    }

    @Test
    void takesDisksOfWholeGibibytesAlone() throws IOException {
        assertEquals(1, run("ebs", disk(1 << 20).toString()));
        assertTrue(err.toString(StandardCharsets.UTF_8).contains("whole GiB"), err.toString(StandardCharsets.UTF_8));
    }

    /** Of 1 MiB of data. */
    private Path disk(long sizeBytes) throws IOException {
        Path disk = folder.resolve("disk" + sizeBytes);
        byte[] data = new byte[1 << 18];
        Random random = new Random(1);
        try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
            file.setLength(sizeBytes);
            for (int part = 0; part < 4; part++) {
                random.nextBytes(data);
                file.seek(part * (sizeBytes / 4L));
                file.write(data);
            }
        }
        return disk;
    }

    private int run(String... args) {
        return Main.run(
                new PrintStream(out, true, StandardCharsets.UTF_8), new PrintStream(err, true, StandardCharsets.UTF_8), args);
    }
}
