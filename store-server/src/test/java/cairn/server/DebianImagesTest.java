package cairn.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.api.Messages;
import cairn.chunk.ChunkCodec;
import cairn.chunk.Codec;
import cairn.client.StoreClient;
import cairn.image.ImageId;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The main job on two real, related disks: pushed by the command line, kept once, read back in every way. What the
 * store says is held against what the test itself counts in the files.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DebianImagesTest {
    private static final int CHUNK_BYTES = 64 << 10;
    /** What NBD calls base:allocation: 0 is data, 3 a hole that reads as zeros. */
    private static final int HOLE_OF_ZEROS = 3;

    private DebianDisks disks;
    private Cut base;
    private Cut more;
    private Path folder;
    private ServerProcess server;
    private StoreClient client;
    private JsonNode basePushed;
    private JsonNode morePushed;
    private Messages.Stats empty;
    private Messages.Stats afterBase;
    private Messages.Stats afterMore;

    /**
     * A disk's chunks, by the test's own cut and digest.
     *
     * @param names of all chunks in order, empty for zeros
     * @param packedBytes of each chunk that is not all zeros
     */
    private record Cut(List<String> names, Map<String, Integer> packedBytes) {
        long dataChunks() {
            return names.stream().filter(name -> !name.isEmpty()).count();
        }

        Set<String> namesLackingIn(Cut other) {
            Set<String> lacking = new HashSet<>(packedBytes.keySet());
            lacking.removeAll(other.packedBytes.keySet());
            return lacking;
        }

        long packedBytes(Set<String> chosen) {
            return chosen.stream().mapToLong(packedBytes::get).sum();
        }
    }

    /** Pushes by one worker: two may send a chunk that the disk has twice at the same time. */
    @BeforeAll
    void pushBoth(@TempDir Path temporary) throws Exception {
        folder = temporary;
        disks = DebianDisks.get();
        base = cut(disks.base());
        more = cut(disks.more());
        server = ServerProcess.start(folder.resolve("data"));
        client = server.connect();
        empty = client.stats();
        basePushed = push(disks.base(), "debian");
        afterBase = client.stats();
        morePushed = push(disks.more(), "debian with more");
        afterMore = client.stats();
    }

    @AfterAll
    void stop() {
        if (server != null) {
            server.close();
        }
    }

    private JsonNode push(Path disk, String name) throws Exception {
        Tools.Output pushed =
                server.cli().run("push", disk.toString(), "--name", name, "--workers", "1", "--json");
        return new ObjectMapper().readTree(pushed.success());
    }

    private static Cut cut(Path disk) throws Exception {
        MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
        byte[] zeros = new byte[CHUNK_BYTES];
        byte[] scratch = new byte[ChunkCodec.scratchBytes(CHUNK_BYTES)];
        List<String> names = new ArrayList<>();
        Map<String, Integer> packedBytes = new HashMap<>();
        try (InputStream in = Files.newInputStream(disk)) {
            for (byte[] chunk = in.readNBytes(CHUNK_BYTES); chunk.length > 0; chunk = in.readNBytes(CHUNK_BYTES)) {
                byte[] plain = chunk;
                String name = Arrays.equals(chunk, zeros) ? "" : new String(sha256.digest(chunk), "ISO-8859-1");
                names.add(name);
                if (!name.isEmpty()) {
                    packedBytes.computeIfAbsent(
                            name, any -> ChunkCodec.pack(Codec.LZ4, plain, 0, CHUNK_BYTES, scratch, 0));
                }
            }
        }
        return new Cut(names, packedBytes);
    }

    @Test
    void theFirstDiskIsKeptOnceChunkForChunk() {
        assertEquals(0, empty.chunks());
        assertEquals(base.dataChunks(), basePushed.get("chunks").asLong());
        assertEquals(base.packedBytes().size(), basePushed.get("chunksSent").asLong());
        assertEquals(base.packedBytes().size(), afterBase.chunks());
    }

    @Test
    void theSecondDiskAddsOnlyWhatIsNew() {
        Set<String> added = more.namesLackingIn(base);
        long addedBytes = more.packedBytes(added);

        assertBetween(100, more.packedBytes().size() / 2, added.size());
        assertEquals(more.dataChunks(), morePushed.get("chunks").asLong());
        assertEquals(added.size(), morePushed.get("chunksSent").asLong());
        assertEquals(more.dataChunks() - added.size(), morePushed.get("chunksKnown").asLong());
        assertEquals(added.size(), afterMore.chunks() - afterBase.chunks());
        assertEquals((long) added.size() * CHUNK_BYTES, afterMore.uniqueBytes() - afterBase.uniqueBytes());
        assertBetween(addedBytes, withPercent(addedBytes, 3), morePushed.get("sentBytes").asLong());
        assertBetween(addedBytes, withPercent(addedBytes, 3), afterMore.segmentBytes() - afterBase.segmentBytes());
    }

    @Test
    void keepsLittleBesidesTheUniquePackedChunks() throws IOException {
        long uniqueBytes = base.packedBytes(base.packedBytes().keySet()) + more.packedBytes(more.namesLackingIn(base));

        assertBetween(uniqueBytes, withPercent(uniqueBytes, 3), afterMore.storedBytes());
        assertBetween(uniqueBytes, withPercent(uniqueBytes, 3), segmentFileBytes());
    }

    /** Of RocksDB's files, whatever it says itself. */
    private long segmentFileBytes() throws IOException {
        try (Stream<Path> files = Files.list(server.data().resolve("rocks"))) {
            return files.filter(file -> file.toString().endsWith(".sst"))
                    .mapToLong(file -> file.toFile().length())
                    .sum();
        }
    }

    private static long withPercent(long bytes, int percentMore) {
        return bytes + bytes * percentMore / 100;
    }

    private static void assertBetween(long least, long most, long actual) {
        assertTrue(actual >= least && actual <= most, actual + " is not between " + least + " and " + most);
    }

    @Test
    void pushingTheFirstAgainSendsNoChunk() throws Exception {
        JsonNode again = push(disks.base(), "debian again");

        assertEquals(base.dataChunks(), again.get("chunks").asLong());
        assertEquals(0, again.get("chunksSent").asLong());
        // The page above the leaves is sent unasked.
        assertTrue(again.get("sentBytes").asLong() < 16 << 10, again.get("sentBytes") + " bytes sent");
        assertEquals(afterMore.chunks(), client.stats().chunks());
        assertEquals(rootDigest(basePushed), rootDigest(again), "equal disks have equal digests");
        client.removeImage(new ImageId(again.get("id").asText()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"unix socket", "TCP"})
    void nbdcopyGivesTheOriginal(String way) throws Exception {
        Tools.require("nbdcopy");
        Path copy = folder.resolve("nbdcopy.raw");

        Tools.run("nbdcopy", uri(basePushed, way), copy.toString()).success();

        assertEquals(-1, Files.mismatch(disks.base(), copy));
        Files.delete(copy);
    }

    @ParameterizedTest
    @ValueSource(strings = {"unix socket", "TCP"})
    void qemuImgFindsTheSecondIdentical(String way) throws Exception {
        Tools.require("qemu-img");

        Tools.Output same = Tools.run(
                "qemu-img", "compare", "-f", "raw", "-F", "raw", disks.more().toString(), uri(morePushed, way));
        Tools.Output other = Tools.run(
                "qemu-img", "compare", "-f", "raw", "-F", "raw", disks.base().toString(), uri(morePushed, way));

        assertTrue(same.success().contains("Images are identical"), same.stdout());
        assertEquals(1, other.status(), other.stdout() + other.stderr());
    }

    @Test
    void nbdinfoReportsTheHoles() throws Exception {
        Tools.require("nbdinfo");

        String map = Tools.run("nbdinfo", "--map", uri(morePushed, "unix socket")).success();

        assertEquals(extents(more), joined(map));
    }

    /** Runs of chunks that are zeros, or are not: offset, length in bytes, kind. */
    private static List<String> extents(Cut cut) {
        List<String> extents = new ArrayList<>();
        int from = 0;
        for (int at = 1; at <= cut.names().size(); at++) {
            boolean isHole = cut.names().get(from).isEmpty();
            if (at == cut.names().size() || cut.names().get(at).isEmpty() != isHole) {
                extents.add((long) from * CHUNK_BYTES + " " + (long) (at - from) * CHUNK_BYTES + " "
                        + (isHole ? HOLE_OF_ZEROS : 0));
                from = at;
            }
        }
        return extents;
    }

    /** A map as nbdinfo prints it: offset, length, kind, words. Joined where the kind goes on. */
    private static List<String> joined(String map) {
        List<String> extents = new ArrayList<>();
        long from = 0;
        long end = 0;
        String kind = "";
        for (String line : (map + "end end end\n").lines().toList()) {
            String[] fields = line.strip().split("\\s+");
            if (!fields[2].equals(kind)) {
                if (end > from) {
                    extents.add(from + " " + (end - from) + " " + kind);
                }
                from = end;
                kind = fields[2];
            }
            if (!kind.equals("end")) {
                assertEquals(end, Long.parseLong(fields[0]), "no gap");
                end += Long.parseLong(fields[1]);
            }
        }
        return extents;
    }

    @Test
    void pullGivesTheOriginalAsASparseFile() throws Exception {
        Path pulled = folder.resolve("pulled.raw");

        Tools.Output pull = server.cli().run("pull", id(morePushed), pulled.toString());

        assertEquals("", pull.success());
        assertEquals(-1, Files.mismatch(disks.more(), pulled));
        long allocatedBytes = 512 * Long.parseLong(Tools.run("stat", "-c", "%b", pulled.toString()).success().strip());
        assertTrue(allocatedBytes <= more.dataChunks() * CHUNK_BYTES + (1 << 20), allocatedBytes + " bytes allocated");
        Files.delete(pulled);
    }

    @Test
    void verifyProvesTheImageAndTellsTheDisksApart() throws Exception {
        Tools.Output whole = server.cli().run("verify", id(basePushed), "--json");
        Tools.Output same = server.cli().run("verify", id(basePushed), disks.base().toString());
        Tools.Output other = server.cli().run("verify", id(basePushed), disks.more().toString());

        JsonNode proven = new ObjectMapper().readTree(whole.success());
        assertEquals(base.dataChunks(), proven.get("chunks").asLong());
        assertEquals(rootDigest(basePushed), proven.get("rootDigest").asText());
        same.success();
        long firstDifference = Files.mismatch(disks.base(), disks.more());
        String difference = Cli.failure(1, other);
        assertTrue(difference.contains("first at byte " + firstDifference + ","), difference);
    }

    @Test
    void bootsToItsLoginPromptOverTcp() throws Exception {
        QemuBoot boot =
                QemuBoot.toLogin(URI.create(uri(morePushed, "TCP")), disks.kernel(), disks.initrd(), folder);

        assertTrue(boot.console().contains("cairn login:"), boot.console());
    }

    private String uri(JsonNode pushed, String way) throws Exception {
        Tools.Output uri = way.equals("TCP")
                ? server.cli().run("uri", id(pushed))
                : server.cli().run("uri", id(pushed), "--socket");
        return uri.success().strip();
    }

    private static String rootDigest(JsonNode pushed) {
        return pushed.get("image").get("rootDigest").asText();
    }

    private static String id(JsonNode pushed) {
        return pushed.get("id").asText();
    }
}
