package cairn.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A server whose disk is full, on a small file system of its own, which takes root to mount. */
class FullStoreTest {
    private static final int MIB = 1 << 20;
    /** What the server holds in reserve, 256 MiB, and then some. */
    private static final String FILE_SYSTEM_SIZE = "400m";
    private static final int BALLAST_BYTES = 100 * MIB;

    @TempDir
    Path folder;

    private Path mounted;
    private boolean isMounted;

    @BeforeEach
    void mount() throws Exception {
        Tools.requireThat(System.getProperty("user.name").equals("root"), "only root can mount a file system");
        mounted = Files.createDirectory(folder.resolve("mounted"));
        isMounted = Tools.run(
                                "mount", "-t", "tmpfs", "-o", "size=" + FILE_SYSTEM_SIZE, "tmpfs", mounted.toString())
                        .status()
                == 0;
        Tools.requireThat(isMounted, "a tmpfs can not be mounted here");
        Files.write(mounted.resolve("ballast"), new byte[BALLAST_BYTES]);
    }

    @AfterEach
    void unmount() throws Exception {
        if (isMounted) {
            Tools.run("umount", mounted.toString()).success();
        }
    }

    @Test
    void saysThatItIsFullAndWorksAgainOnceThereIsSpace() throws Exception {
        try (ServerProcess server = ServerProcess.start(mounted.resolve("data"))) {
            StoreUser user = new StoreUser(server.connect(), folder);
            Path small = user.noiseDisk(1, 8 * MIB);
            String image = user.push(small, "before").image().id();
            Path large = user.noiseDisk(2, 80 * MIB);

            String line = Cli.failure(1, server.cli().run("push", large.toString(), "--name", "too large"));

            assertTrue(line.contains("no space left"), line);
            user.assertComesBack(image, small);
            assertEquals(1, user.client().stats().images());
            freeSpace();
            user.assertComesBack(user.push(large, "fits now").image().id(), large);
            user.assertStoreWorks();
        }
    }

    @Test
    void comesBackAfterItWasStoppedFull() throws Exception {
        Path data = mounted.resolve("data");
        Path small;
        String image;
        try (ServerProcess server = ServerProcess.start(data)) {
            StoreUser user = new StoreUser(server.connect(), folder);
            small = user.noiseDisk(1, 8 * MIB);
            image = user.push(small, "before").image().id();
            Path large = user.noiseDisk(2, 80 * MIB);
            Cli.failure(1, server.cli().run("push", large.toString(), "--name", "too large"));
        }

        try (ServerProcess server = ServerProcess.start(data)) {
            StoreUser user = new StoreUser(server.connect(), folder);
            user.assertComesBack(image, small);
            freeSpace();
            user.assertStoreWorks();
        }
    }

    private void freeSpace() throws IOException {
        Files.delete(mounted.resolve("ballast"));
    }
}
