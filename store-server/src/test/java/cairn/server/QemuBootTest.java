package cairn.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Checks of the harness: on another NBD server, the disks boot, and a boot that fails is told apart. */
class QemuBootTest {
    @TempDir
    Path folder;

    @Test
    void bootsTheChangedDiskToItsLoginPrompt() throws Exception {
        DebianDisks disks = DebianDisks.get();

        QemuBoot boot;
        try (Nbdkit server = new Nbdkit(disks.more())) {
            boot = QemuBoot.toLogin(server.uri(), disks.kernel(), disks.initrd(), folder);
        }

        assertTrue(boot.console().contains("cairn login:"), boot.console());
        assertTrue(boot.console().contains("OpenBSD Secure Shell server"), "the changed disk's own service starts");
    }

    @Test
    void showsTheConsoleOfADiskThatDoesNotBoot() throws Exception {
        DebianDisks disks = DebianDisks.get();
        Tools.require("mke2fs");
        Path empty = folder.resolve("empty.raw");
        Process format = new ProcessBuilder("mke2fs", "-q", "-t", "ext4", empty.toString(), "16M")
                .inheritIO()
                .start();
        assertEquals(0, format.waitFor(), "mke2fs");

        IOException failure;
        try (Nbdkit server = new Nbdkit(empty)) {
            failure = assertThrows(
                    IOException.class,
                    () -> QemuBoot.toLogin(server.uri(), disks.kernel(), disks.initrd(), folder));
        }

        assertTrue(failure.getMessage().contains("No init found"), failure.getMessage());
    }

    /** A read-only NBD server on a unix socket, up when it has been made. */
    private final class Nbdkit implements AutoCloseable {
        private final Path socket = folder.resolve("nbdkit.sock");
        private final Process process;

        Nbdkit(Path disk) throws IOException {
            Tools.require("nbdkit");
            // The command runs once nbdkit listens, nbdkit as long as the command: until its input ends.
            process = new ProcessBuilder(
                            "nbdkit", "-r", "-U", socket.toString(), "file", disk.toString(), "--run", "echo up; cat")
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            assertEquals("up", process.inputReader().readLine(), "nbdkit starts");
        }

        URI uri() {
            return URI.create("nbd+unix:///?socket=" + socket);
        }

        @Override
        public void close() throws IOException {
            process.getOutputStream().close();
            process.onExit().join();
        }
    }
}
