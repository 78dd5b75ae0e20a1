package cairn.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.chunk.Chunk;
import cairn.chunk.ChunkId;
import cairn.disk.DiskSource;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CorpusCommandTest {
    private static final int DATA_MIB = 32;

    @TempDir
    private Path folder;

    private final Run run = new Run();

    @Test
    void makesAFamilyWhoseDisksShareMostOfWhatTheyHave() throws IOException {
        JsonNode disks = make("family", "1").get("disks");

        assertEquals(4, disks.size());
        Set<ChunkId> base = chunks(path(disks, 0));
        assertTrue(base.size() > DATA_MIB * 16 * 6 / 10, "" + base.size());
        double update = shared(base, path(disks, 1));
        assertTrue(update > 0.6 && update < 0.99, "update shares " + update);
        assertTrue(shared(chunks(path(disks, 1)), path(disks, 2)) > 0.7);
        double rebuilt = shared(base, path(disks, 3));
        assertTrue(rebuilt > 0.05 && rebuilt < 0.95, "rebuilt shares " + rebuilt);
        try (DiskSource disk = DiskSource.open(path(disks, 0))) {
            assertEquals(128 << 20, disk.sizeBytes());
            assertTrue(disk.nextData(MadeDisk.GROUP_BYTES).orElseThrow().offset() > MadeDisk.GROUP_BYTES, "no hole");
        }
    }

    @Test
    void makesTheSameBytesFromTheSameSeed() throws IOException {
        JsonNode one = make("one", "7").get("disks");
        JsonNode again = make("again", "7").get("disks");
        JsonNode other = make("other", "8").get("disks");

        for (int n = 0; n < one.size(); n++) {
            assertEquals(-1, Files.mismatch(path(one, n), path(again, n)));
            assertNotEquals(-1, Files.mismatch(path(one, n), path(other, n)));
        }
    }

    @Test
    void leavesAFolderAloneThatIsNotEmpty() throws IOException {
        Files.createFile(folder.resolve("mine"));

        assertEquals(1, run.main("corpus", folder.toString()));

        assertTrue(run.err().contains("is not empty"), run.err());
    }

    @ParameterizedTest
    @ValueSource(strings = {"--images=0", "--mib=0", "--size=40"})
    void refusesWhatCannotBeMade(String option) {
        assertEquals(2, run.main("corpus", folder.resolve("new").toString(), option));

        assertTrue(run.err().contains(option.substring(0, option.indexOf('='))), run.err());
    }

    private JsonNode make(String name, String seed) throws IOException {
        int exit = run.main(
                "corpus", folder.resolve(name).toString(), "--images", "4", "--mib", "" + DATA_MIB, "--size", "128", "--seed",
                seed, "--json");
        assertEquals(0, exit, run.err());
        return new ObjectMapper().readTree(run.takeOut());
    }

    private static Path path(JsonNode disks, int number) {
        return Path.of(disks.get(number).get("disk").textValue());
    }

    /** Of a disk's chunks, the share that is among others. */
    private static double shared(Set<ChunkId> others, Path disk) {
        Set<ChunkId> chunks = chunks(disk);
        return (double) chunks.stream().filter(others::contains).count() / chunks.size();
    }

    private static Set<ChunkId> chunks(Path file) {
        Set<ChunkId> ids = new HashSet<>();
        byte[] chunk = new byte[Chunk.SIZE_BYTES];
        try (DiskSource disk = DiskSource.open(file)) {
            for (long index : DataChunks.of(disk)) {
                disk.read(index * Chunk.SIZE_BYTES, chunk, 0, chunk.length);
                ids.add(Chunk.idOf(chunk, 0));
            }
        }
        return ids;
    }
}
