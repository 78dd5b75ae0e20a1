package cairn.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.client.FakeStore;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is refused before there is a machine; machines themselves are started where there is a server. */
class RunCommandTest {
    private static final String VOLUME = "vol-0123456789abcdef0";

    @TempDir
    private Path folder;

    private FakeStore store;
    private String image;
    private Path file;

    @BeforeEach
    void startStore() throws IOException {
        store = FakeStore.start();
        file = Files.write(folder.resolve("disk.raw"), new byte[4096]);
        image = cairn("push", file.toString(), "--name", "debian").out().strip();
    }

    @AfterEach
    void stopStore() {
        store.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "run",
        "run ami-123",
        "run IMAGE --memory lots",
        "run IMAGE --memory 1M",
        "run IMAGE --size 1000",
        "run IMAGE --size 9999999999P",
        "run IMAGE --cpus 0",
        "run IMAGE --accel xen",
        "run IMAGE --append quiet",
        "run IMAGE --initrd /dev/null",
        "run IMAGE --forward ssh",
        "run IMAGE --ssh-port 70000",
        "run IMAGE --arch vax",
        "run IMAGE --boot-mode floppy",
        "run IMAGE --colour",
        "run " + VOLUME + " --size 1G",
        "run " + VOLUME + " --keep",
    })
    void saysInOneLineThatUsageIsWrong(String line) {
        int before = store.requests.get();

        CommandLineRun run = cairn(line.replace("IMAGE", image).split(" "));

        assertEquals(2, run.exitCode(), run.err());
        assertEquals("", run.out());
        assertEquals(1, run.errLines().size(), run.err());
        assertTrue(run.err().contains("see `cairn run --help`"), run.err());
        assertEquals(before, store.requests.get());
    }

    @Test
    void makesNoVolumeWhereQemuIsMissing() {
        assertFails("no folder of PATH has qemu-system-x86_64", image);
        assertFails("no folder of PATH has qemu-system-aarch64", image, "--arch", "arm64");
    }

    @Test
    void makesNoVolumeWhereKvmIsDemandedAndCannotBe() {
        String other = System.getProperty("os.arch").equals("aarch64") ? "x86_64" : "arm64";

        assertFails(
                "KVM can not be used: this host is " + System.getProperty("os.arch"),
                image, "--qemu", file.toString(), "--accel", "kvm", "--arch", other);
    }

    @Test
    void makesNoVolumeWhereAFileIsMissingOrAPortTaken() throws IOException {
        assertFails("cannot read /no/kernel", image, "--kernel", "/no/kernel");
        assertFails("cannot read /no/qemu", image, "--qemu", "/no/qemu");
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            assertFails(
                    "cannot forward port " + taken.getLocalPort(),
                    image, "--qemu", file.toString(), "--accel", "tcg", "--ssh-port", "" + taken.getLocalPort());
        }
    }

    @Test
    void saysThatThereIsNoSuchDisk() {
        assertFails("there is no volume " + VOLUME, VOLUME);
        assertFails("there is no ami-0123456789abcdef0", "ami-0123456789abcdef0");
    }

    @Test
    void leavesNoVolumeWhereQemuDoesNotStart() {
        CommandLineRun run = cairn("run", image, "--accel", "tcg", "--qemu", file.toString());
        CommandLineRun kept = cairn("run", image, "--accel", "tcg", "--qemu", file.toString(), "--keep");

        assertEquals(1, run.exitCode());
        assertEquals("", run.out());
        assertTrue(run.err().contains("cannot start " + file), run.err());
        assertTrue(run.err().contains("ssh -p "), run.err());
        assertEquals(1, kept.exitCode());
        assertTrue(kept.out().matches("vol-0[0-9a-f]{16}\n"), kept.out());
        assertEquals(1, store.client().volumes("").volumes().size(), "the one that is kept");
        assertEquals(kept.out().strip(), store.client().volumes("").volumes().get(0).id());
    }

    private void assertFails(String message, String... arguments) {
        String[] command = new String[arguments.length + 1];
        command[0] = "run";
        System.arraycopy(arguments, 0, command, 1, arguments.length);

        CommandLineRun run = cairn(command);

        assertEquals(1, run.exitCode(), run.err());
        assertEquals("", run.out());
        assertEquals(1, run.errLines().size(), run.err());
        assertTrue(run.err().contains(message), run.err());
        assertEquals(0, store.client().volumes("").volumes().size());
    }

    private CommandLineRun cairn(String... arguments) {
        return CommandLineRun.of(
                folder,
                Map.of(
                        "CAIRN_ENDPOINT", store.endpoint().toString(),
                        "AWS_ACCESS_KEY_ID", FakeStore.KEY.accessKeyId(),
                        "AWS_SECRET_ACCESS_KEY", FakeStore.KEY.secretAccessKey(),
                        "PATH", folder.toString()),
                arguments);
    }
}
