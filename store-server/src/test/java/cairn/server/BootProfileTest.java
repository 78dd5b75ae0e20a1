package cairn.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.api.Messages.BootProfile;
import cairn.client.NbdReader;
import cairn.client.StoreClient;
import cairn.image.ImageId;
import cairn.server.storage.TestDisk;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real machine boots twice; the second time the server knows what it will want. */
class BootProfileTest {
    private static final long KEPT_SECONDS_MAX = 30;

    @TempDir
    private Path folder;

    @Test
    void theSecondBootOfARealMachineIsForeseen() throws Exception {
        DebianDisks disks = DebianDisks.get();
        Path data = folder.resolve("data");
        String id;
        try (ServerProcess server = ServerProcess.start(data)) {
            id = server.cli().run("push", disks.base().toString(), "--name", "debian").success().strip();
            assertTrue(server.cli().run("show", id, "--profile").success().contains("no boot has been recorded yet"));
            boot(server, id, disks);
            BootProfile first = awaitBoots(server.connect(), id, 1);
            assertTrue(first.chunks() > 300 && first.chunks() < 3000, first + "");
            assertEquals(0, first.foreseenBoots());
            // Copies and looks are no boots.
            Tools.require("nbdcopy", "nbdinfo");
            Tools.run("nbdcopy", server.socketUri(id), "null:").success();
            Tools.run("nbdinfo", server.socketUri(id)).success();
        }

        try (ServerProcess server = ServerProcess.start(data)) {
            assertEquals(1, server.connect().bootProfile(new ImageId(id)).boots(), "kept over the restart, and alone");
            boot(server, id, disks);
            awaitBoots(server.connect(), id, 2);

            String shown = server.cli().run("show", id, "--profile").success();
            JsonNode json = new ObjectMapper().readTree(server.cli().run("show", id, "--profile", "--json").success());

            Matcher rate = Pattern.compile("(?m)^hit rate +([0-9.]+) %").matcher(shown);
            assertTrue(rate.find(), shown);
            assertTrue(Double.parseDouble(rate.group(1)) > 50, shown);
            assertEquals(1, json.get("foreseenBoots").asInt());
            assertTrue(json.get("aheadChunks").asLong() > json.get("namedChunks").asLong() / 2, shown);
        }
    }

    private void boot(ServerProcess server, String id, DebianDisks disks) throws Exception {
        QemuBoot boot = QemuBoot.toLogin(URI.create(server.socketUri(id)), disks.kernel(), disks.initrd(), folder);
        assertTrue(boot.console().contains("cairn login:"), boot.console());
    }

    /** The server learns that a machine has gone when its connection ends, and keeps its boot soon after. */
    private static BootProfile awaitBoots(StoreClient client, String id, int boots) {
        long endNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(KEPT_SECONDS_MAX);
        BootProfile profile = client.bootProfile(new ImageId(id));
        while (profile.boots() < boots && System.nanoTime() < endNanos) {
            profile = client.bootProfile(new ImageId(id));
        }
        assertEquals(boots, profile.boots());
        return profile;
    }

    private static void readHereAndThere(String uri) {
        try (NbdReader machine = NbdReader.connect(URI.create(uri))) {
            for (int n = 0; n < 60; n++) {
                machine.read(n * 37 % 128 * (64L << 10), 4096);
            }
        }
    }

    @Test
    void aChildShowsWhereItsProfileIsFrom() throws Exception {
        Path disk = folder.resolve("disk");
        Files.write(disk, TestDisk.random(1, 8 << 20).bytes());
        try (ServerProcess server = ServerProcess.start(folder.resolve("data"))) {
            Cli cli = server.cli();
            String parent = cli.run("push", disk.toString(), "--name", "parent").success().strip();
            String child =
                    cli.run("push", disk.toString(), "--name", "child", "--parent", parent).success().strip();
            readHereAndThere(server.socketUri(parent));
            awaitBoots(server.connect(), parent, 1);

            BootProfile own = server.connect().bootProfile(new ImageId(parent));
            BootProfile inherited = server.connect().bootProfile(new ImageId(child));

            assertEquals(parent, inherited.inheritedFrom());
            assertEquals(own.chunks(), inherited.chunks());
            assertTrue(cli.run("show", child, "--profile").success().contains("inherited from " + parent));
            assertFalse(cli.run("show", parent, "--profile").success().contains("inherited"));
            String snapshot = server.connect().image(new ImageId(parent)).snapshot();
            assertTrue(Cli.failure(1, cli.run("show", snapshot, "--profile")).contains("is no image"));
            cli.run("rm", parent).success();
            assertEquals(0, server.connect().bootProfile(new ImageId(child)).boots());

            String volume = cli.run("volume", "create", child).success().strip();
            readHereAndThere(server.socketUri(volume));
            BootProfile ofVolume = awaitBoots(server.connect(), child, 1);
            assertEquals(own.chunks(), ofVolume.chunks(), "a volume's boot is its image's");
            assertTrue(Cli.failure(1, cli.run("show", volume, "--profile")).contains("is no image"));
        }
    }
}
