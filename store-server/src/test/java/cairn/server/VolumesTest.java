package cairn.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.api.Messages;
import cairn.chunk.Chunk;
import cairn.client.DiskId;
import cairn.client.StoreClient;
import cairn.image.ImageId;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import cairn.server.storage.TestDisk;
import cairn.sigv4.Credentials;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** From an image to a volume, and from that to the next image: by the command line, over NBD, through restarts. */
class VolumesTest {
    private static final int MIB = 1 << 20;
    private static final int DISK_BYTES = 20 * MIB;
    private static final byte FIRST = (byte) 0xab;
    private static final byte SECOND = (byte) 0xcd;
    private static final long GONE_NANOS_MAX = 20_000_000_000L;

    @TempDir
    private Path folder;

    private ServerProcess server;
    private Path disk;
    private String image;

    @BeforeEach
    void start() throws Exception {
        Tools.require("qemu-io", "nbdinfo");
        server = ServerProcess.start(folder.resolve("data"));
        disk = Files.write(folder.resolve("disk.raw"), TestDisk.random(1, DISK_BYTES).bytes());
        image = new StoreUser(server.connect(), folder).push(disk, "debian").image().id();
    }

    @AfterEach
    void stop() {
        if (server != null) {
            server.close();
        }
    }

    private String cairn(String... arguments) throws Exception {
        return server.cli().run(arguments).success().strip();
    }

    private JsonNode json(String... arguments) throws Exception {
        return new ObjectMapper().readTree(cairn(arguments));
    }

    private String lastLine(String... arguments) throws Exception {
        List<String> lines = cairn(arguments).lines().toList();
        return lines.get(lines.size() - 1);
    }

    private static Tools.Output qemuIo(String uri, String... commands) throws Exception {
        List<String> line = new ArrayList<>(List.of("qemu-io", "-f", "raw"));
        for (String command : commands) {
            line.addAll(List.of("-c", command));
        }
        line.add(uri);
        return Tools.run(line);
    }

    /** Fills a range with one byte, and flushes. */
    private void write(String volume, long offset, int lengthBytes, byte pattern) throws Exception {
        qemuIo(server.socketUri(volume), "write -P " + (pattern & 0xff) + ' ' + offset + ' ' + lengthBytes, "flush")
                .success();
    }

    private void assertReads(String volume, long offset, int lengthBytes, byte pattern) throws Exception {
        Tools.Output read = qemuIo(
                server.socketUri(volume), "read -P " + (pattern & 0xff) + ' ' + offset + ' ' + lengthBytes);
        assertFalse(read.success().contains("failed"), read::stdout);
    }

    private byte[] diskWith(long offset, int lengthBytes, byte pattern) throws IOException {
        byte[] bytes = Files.readAllBytes(disk);
        Arrays.fill(bytes, (int) offset, (int) offset + lengthBytes, pattern);
        return bytes;
    }

    private void assertPulls(String id, byte[] expected) throws Exception {
        new StoreUser(server.connect(), folder).assertComesBack(id, Files.write(folder.resolve("expected"), expected));
    }

    @Test
    void anImageIsMadeOfWhatWasWrittenToAVolumeOfAnImage() throws Exception {
        String volume = lastLine("volume", "create", image);
        write(volume, 5 * MIB + 512, 100_352, FIRST);
        byte[] expected = diskWith(5 * MIB + 512, 100_352, FIRST);

        String snapshot = lastLine("snapshot", "create", volume, "--tag", "a=b");
        String child = lastLine("image", "create", volume, "--name", "web", "--tag", "c=d");
        write(volume, 0, 4096, SECOND);
        String grandchild = lastLine("image", "create", volume, "--name", "web 2");

        assertPulls(snapshot, expected);
        assertPulls(child, expected);
        Arrays.fill(expected, 0, 4096, SECOND);
        assertPulls(grandchild, expected);
        assertPulls(image, Files.readAllBytes(disk));
        cairn("verify", grandchild);
        JsonNode shown = json("show", grandchild, "--json");
        assertEquals(child, shown.get("parent").asText());
        assertEquals(
                "[{\"id\":\"" + child + "\",\"name\":\"web\"},{\"id\":\"" + image + "\",\"name\":\"debian\"}]",
                shown.get("lineage").toString());
        assertTrue(cairn("show", grandchild).contains(image + " debian"));
        assertEquals("d", json("show", child, "--json").get("tags").get("c").asText());
        JsonNode of = json("show", snapshot, "--json");
        assertEquals(volume, of.get("volume").asText());
        assertEquals("b", of.get("tags").get("a").asText());
        assertEquals(shown.get("snapshot"), json("show", volume, "--json").get("snapshot"));
        // Made of the same bytes, a disk and a volume have the same root.
        Path whole = Files.write(folder.resolve("whole.raw"), expected);
        assertEquals(
                shown.get("rootDigest").asText(),
                new StoreUser(server.connect(), folder).push(whole, "pushed").image().rootDigest());
    }

    @Test
    void snapshotsInARowTakeOnlyWhatChanged() throws Exception {
        String volume = lastLine("volume", "create", image);
        StoreClient client = server.connect();
        for (int n = 0; n < 4; n++) {
            long chunks = client.stats().chunks();
            write(volume, n * MIB, 3 * Chunk.SIZE_BYTES, (byte) (n + 1));

            lastLine("snapshot", "create", volume);

            assertEquals(chunks + 1, client.stats().chunks(), "three equal chunks are one");
            assertEquals(0, client.volume(new VolumeId(volume)).dirtyBytes());
        }
        long chunks = client.stats().chunks();
        lastLine("snapshot", "create", volume);
        assertEquals(chunks, client.stats().chunks());
    }

    @Test
    void whatWasFlushedIsThereAfterARestartAndAfterSigkill() throws Exception {
        String volume = lastLine("volume", "create", image, "--size", "30M");
        write(volume, 25 * MIB, 8192, FIRST);
        write(volume, 1000 * 512, 512, FIRST);

        server.stop();
        server = ServerProcess.start(server.data());
        assertReads(volume, 25 * MIB, 8192, FIRST);
        assertReads(volume, 1000 * 512, 512, FIRST);
        write(volume, 25 * MIB, 4096, SECOND);
        server.kill();
        server = ServerProcess.start(server.data());

        assertReads(volume, 25 * MIB, 4096, SECOND);
        assertReads(volume, 25 * MIB + 4096, 4096, FIRST);
        assertReads(volume, 1000 * 512, 512, FIRST);
        assertEquals(3 * 4096, json("show", volume, "--json").get("dirtyBytes").asLong());
        byte[] expected = Arrays.copyOf(diskWith(1000 * 512, 512, FIRST), 30 * MIB);
        Arrays.fill(expected, 25 * MIB, 25 * MIB + 4096, SECOND);
        Arrays.fill(expected, 25 * MIB + 4096, 25 * MIB + 8192, FIRST);
        assertPulls(lastLine("snapshot", "create", volume), expected);
    }

    @Test
    void aSnapshotThatAKilledServerWasMakingIsToldAsFailed() throws Exception {
        String volume = lastLine("volume", "create", "--size", "1G");
        // Enough that it takes a while.
        write(volume, 0, 256 * MIB, FIRST);
        String pending = server.connect()
                .startSnapshot(new VolumeId(volume), new Messages.CreateSnapshot("never made", Map.of("a", "b")))
                .id();

        server.kill();
        server = ServerProcess.start(server.data());

        JsonNode shown = json("show", pending, "--json");
        assertEquals("error", shown.get("state").asText());
        assertEquals("the server ended before it was made", shown.get("failure").asText());
        assertEquals("never made", shown.get("description").asText());
        assertEquals("b", shown.get("tags").get("a").asText());
        assertTrue(cairn("snapshot", "list").contains(pending));
        cairn("snapshot", "rm", pending);
        assertFalse(cairn("snapshot", "list").contains(pending));
        assertReads(volume, 200 * MIB, MIB, FIRST);
        String made = lastLine("snapshot", "create", volume);
        assertEquals("completed", json("show", made, "--json").get("state").asText());
    }

    @Test
    void aVolumeThatIsRemovedGivesItsSpaceBack() throws Exception {
        String volume = lastLine("volume", "create", "--size", "1T");
        StoreClient client = server.connect();
        write(volume, 500L * 1024 * MIB, 16 * MIB, FIRST);
        assertEquals(16 * MIB, client.volume(new VolumeId(volume)).dirtyBytes());
        assertTrue(client.stats().dirtyBytes() >= 16 * MIB, () -> client.stats().toString());
        assertEquals(1, client.stats().volumes());

        cairn("volume", "rm", volume);
        server.stop();
        server = ServerProcess.start(server.data());

        StoreClient again = server.connect();
        assertEquals(0, again.stats().volumes());
        assertTrue(again.stats().dirtyBytes() < MIB, () -> again.stats().toString());
        assertEquals(1, qemuIo(server.socketUri(volume), "read 0 512").status());
    }

    @Test
    void anEphemeralVolumeGoesWhenItsClientLeaves() throws Exception {
        VolumeId volume = new VolumeId(lastLine("volume", "create", image, "--ephemeral"));
        StoreClient client = server.connect();
        assertTrue(client.volume(volume).isEphemeral());
        Tools.run("nbdinfo", "--list", server.socketUri("")).success();
        Tools.run("nbdinfo", "--size", server.socketUri(volume.value())).success();
        assertEquals(1, client.volumes("").volumes().size(), "whoever only looks is no client");

        write(volume.value(), 0, 4096, FIRST);

        awaitGone(client, volume);
        assertEquals(List.of(), client.volumes("").volumes());
    }

    private static void awaitGone(StoreClient client, VolumeId volume) {
        long deadline = System.nanoTime() + GONE_NANOS_MAX;
        while (client.volumes("").volumes().stream().anyMatch(each -> each.id().equals(volume.value()))) {
            assertTrue(System.nanoTime() < deadline, volume + " is still there");
            Thread.onSpinWait();
        }
    }

    @Test
    void aStartRemovesTheEphemeralVolumesOfAServerThatWasKilled() throws Exception {
        String kept = lastLine("volume", "create", image);
        String volume = lastLine("volume", "create", image, "--ephemeral");
        Process machine = new ProcessBuilder("qemu-io", "-f", "raw", server.socketUri(volume))
                .redirectErrorStream(true)
                .start();
        try {
            machine.outputWriter().append("write -P 1 0 4096\n").flush();
            assertTrue(machine.inputReader().readLine().contains("wrote 4096/4096"), "it is connected");
            assertEquals("in-use", json("show", volume, "--json").get("state").asText());
            Cli.failure(1, server.cli().run("volume", "rm", volume));

            server.kill();
            server = ServerProcess.start(server.data());
        } finally {
            machine.destroyForcibly().onExit().join();
        }

        assertEquals(kept, json("volume", "list", "--json").get(0).get("id").asText());
        assertEquals(1, json("volume", "list", "--json").size());
        assertTrue(server.log().contains("removed ephemeral volume " + volume), server::log);
        assertTrue(server.connect().stats().dirtyBytes() < MIB);
    }

    @Test
    void aTicketOpensItsVolumeForWritingUntilThatIsRemoved() throws Exception {
        String volume = lastLine("volume", "create", image);
        String other = lastLine("volume", "create", image);
        String uri = cairn("uri", volume);

        assertTrue(uri.startsWith(server.nbd() + "/" + volume + ":"), uri);
        qemuIo(uri, "write -P 171 0 4096").success();
        assertReads(volume, 0, 4096, FIRST);
        assertNotEquals(0, Tools.run("nbdinfo", "--size", uri.replace(volume, other)).status());

        cairn("volume", "rm", volume);
        assertNotEquals(0, Tools.run("nbdinfo", "--size", uri).status());
    }

    @Test
    void aReadOnlyVolumeRefusesWrites() throws Exception {
        String volume = lastLine("volume", "create", image, "--read-only");

        assertNotEquals(0, qemuIo(server.socketUri(volume), "write 0 4096").status());
        String info = Tools.run("nbdinfo", "--json", server.socketUri(volume)).success();
        assertTrue(new ObjectMapper().readTree(info).get("exports").get(0).get("is_read_only").asBoolean(), info);
        assertPulls(lastLine("snapshot", "create", volume), Files.readAllBytes(disk));
    }

    @Test
    void localPeersAreShownTheVolumesAndRemoteOnesNone() throws Exception {
        String volume = lastLine("volume", "create", image);

        assertTrue(Tools.run("nbdinfo", "--list", server.socketUri("")).success().contains(volume));
        Tools.Output remote = Tools.run("nbdinfo", "--list", server.nbd() + "/");
        assertFalse(remote.stdout().contains(volume), remote::stdout);
    }

    @Test
    void whoeverAsksForAWholeVolumeIsSentToASnapshot() throws Exception {
        String volume = lastLine("volume", "create", image);

        for (List<String> line : List.of(
                List.of("pull", volume, folder.resolve("never").toString()),
                List.of("verify", volume),
                List.of("diff", volume, image))) {
            String told = Cli.failure(2, server.cli().run(line.toArray(String[]::new)));
            assertTrue(told.contains("cairn snapshot create " + volume), told);
        }
    }

    @Test
    void anotherAccountSeesNothingOfAVolume() throws Exception {
        String volume = lastLine("volume", "create", image);
        String snapshot = lastLine("snapshot", "create", volume);
        StoreClient root = server.connect();
        Messages.Key key = root.createKey(new cairn.image.AccountId(root.createAccount("others").id()));
        Cli others = server.cli()
                .with("AWS_ACCESS_KEY_ID", key.id())
                .with("AWS_SECRET_ACCESS_KEY", key.secretAccessKey());

        for (String line : List.of("snapshot create " + volume, "volume create " + image, "uri " + volume)) {
            String told = Cli.failure(1, others.run(line.split(" ")));
            assertTrue(told.startsWith("cairn: there is no "), told);
        }
        StoreClient theirs = new StoreClient(server.http(), new Credentials(key.id(), key.secretAccessKey()));
        VolumeId id = new VolumeId(volume);
        assertNotFound(() -> theirs.volume(id));
        assertNotFound(() -> theirs.removeVolume(id));
        assertNotFound(() -> theirs.startImage(id, new Messages.CreateImage("theirs", null, null, null, null)));
        assertNotFound(() -> theirs.createVolume(new Messages.CreateVolume(snapshot, null, null, null, null)));
        assertNotFound(() -> theirs.snapshot(new SnapshotId(snapshot)));
        assertNotFound(() -> theirs.removeSnapshot(new SnapshotId(snapshot)));
        assertEquals(List.of(), theirs.volumes("").volumes());
        assertEquals(List.of(), theirs.snapshots("").snapshots());
    }

    private static void assertNotFound(Executable call) {
        assertEquals(Fault.NOT_FOUND, assertThrows(StoreException.class, call).fault());
    }

    @Test
    void aVolumeLivesOnWithoutItsImage() throws Exception {
        String volume = lastLine("volume", "create", image);
        write(volume, 0, 4096, FIRST);
        cairn("rm", image);

        String child = lastLine("image", "create", volume, "--name", "web", "--arch", "x86_64");

        assertPulls(child, diskWith(0, 4096, FIRST));
        StoreClient client = server.connect();
        assertEquals(List.of(new Messages.Ancestor(image, null)), client.image(new ImageId(child)).lineage());
        SnapshotId snapshot = new SnapshotId(client.image(new ImageId(child)).snapshot());
        assertEquals(
                Fault.CONFLICT,
                assertThrows(StoreException.class, () -> client.removeSnapshot(snapshot)).fault());
        assertEquals(child, client.snapshot(snapshot).image());
        assertEquals(Map.of(), client.snapshot(snapshot).tags());
        assertTrue(client.exportUri(new DiskId(snapshot.value())).uri().contains(snapshot.value()));
    }
}
