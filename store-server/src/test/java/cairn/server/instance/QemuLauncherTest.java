package cairn.server.instance;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.image.Architecture;
import cairn.image.InstanceId;
import cairn.qemu.QemuHost;
import cairn.server.Tools;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** With real machines, that have no disks and so never get further than their firmware. */
class QemuLauncherTest {
    private static final InstanceType NANO = InstanceType.of("t3.nano");
    private static final long GIB = 1L << 30;

    @TempDir
    private Path folder;

    private final List<QemuLauncher> launchers = new ArrayList<>();
    private final Machine machine = machine();
    private final CompletableFuture<Void> ended = new CompletableFuture<>();

    @BeforeEach
    void requireQemu() {
        Tools.require("qemu-system-x86_64");
    }

    @AfterEach
    void endMachines() {
        QemuLauncher last = launcher(8, Duration.ofMinutes(1));
        CompletableFuture<Void> end = new CompletableFuture<>();
        // QEMU hears one at a time.
        launchers.stream().limit(launchers.size() - 1).forEach(QemuLauncher::close);
        if (last.resume(machine, () -> end.complete(null))) {
            last.end(machine.id(), true);
            end.orTimeout(1, TimeUnit.MINUTES).join();
        }
        launchers.forEach(QemuLauncher::close);
    }

    @Test
    void runsAMachineUntilItsPowerFails() throws Exception {
        QemuLauncher launcher = launcher(8, Duration.ofMinutes(5));

        launcher.start(machine, () -> ended.complete(null));
        ProcessHandle qemu = process();
        Map<String, String> tags = launcher.tags(machine.id());
        assertTrue(qemu.isAlive());
        launcher.end(machine.id(), true);
        awaitEnd();

        assertFalse(runs(qemu));
        assertTrue(tags.get(QemuLauncher.SSH_TAG).matches("127\\.0\\.0\\.1:[0-9]+"), tags.toString());
        assertEquals(Map.of(), launcher.tags(machine.id()));
        assertTrue(Files.exists(folder.resolve(machine.id() + "/console.log")));
        launcher.forget(machine.id());
        assertFalse(Files.exists(folder.resolve(machine.id().value())));
    }

    @Test
    void oneThatDoesNotHeedItsPowerButtonIsEndedAllTheSame() throws Exception {
        QemuLauncher launcher = launcher(8, Duration.ofMillis(200));
        launcher.start(machine, () -> ended.complete(null));
        ProcessHandle qemu = process();

        launcher.end(machine.id(), false);
        awaitEnd();

        assertFalse(runs(qemu));
    }

    @Test
    void tellsOfAMachineThatEndsByItself() throws Exception {
        QemuLauncher launcher = launcher(8, Duration.ofMinutes(5));
        launcher.start(machine, () -> ended.complete(null));

        process().destroy();
        awaitEnd();

        assertFalse(launcher.resume(machine, () -> { }), "there is none any more");
    }

    @Test
    void aMachineOutlivesItsLauncherAndTheNextOneFindsIt() throws Exception {
        QemuLauncher first = launcher(8, Duration.ofMinutes(5));
        first.start(machine, () -> ended.completeExceptionally(new AssertionError("the first launcher is gone")));
        ProcessHandle qemu = process();
        Map<String, String> tags = first.tags(machine.id());
        first.close();
        QemuLauncher second = launcher(8, Duration.ofMinutes(5));

        assertTrue(qemu.isAlive());
        assertFalse(second.resume(machine(), () -> { }), "another instance's");
        assertTrue(second.resume(machine, () -> ended.complete(null)));
        assertEquals(tags, second.tags(machine.id()));
        second.end(machine.id(), true);
        awaitEnd();

        assertFalse(runs(qemu));
    }

    @Test
    void refusesMoreMachinesAndMoreMemoryThanThereIs() {
        QemuLauncher launcher = launcher(2, Duration.ofMinutes(5));
        launcher.start(machine, () -> ended.complete(null));

        launcher.requireRoom(Architecture.X86_64, NANO, 1);
        StoreException full =
                assertThrows(StoreException.class, () -> launcher.requireRoom(Architecture.X86_64, NANO, 2));
        assertEquals(Fault.CONFLICT, full.fault());
        assertEquals("there is no room for 2 of t3.nano", full.getMessage());
        assertFault(Fault.CONFLICT, () -> launcher.requireRoom(Architecture.X86_64, InstanceType.of("t3.small"), 1));
        assertFault(Fault.CONFLICT, () -> launcher.start(machine, () -> { }));
        assertFault(Fault.INVALID_REQUEST, () -> launcher.requireRoom(Architecture.RISCV64, NANO, 1));
    }

    @Test
    void saysWhatQemuSaysWhereItDoesNotStart() {
        QemuLauncher launcher = launcher(8, Duration.ofMinutes(5));
        InstanceType huge = new InstanceType("huge", GIB, 10_000);
        Machine refused = new Machine(machine.id(), Architecture.X86_64, Optional.empty(), huge, List.of());

        StoreException failure = assertThrows(StoreException.class, () -> launcher.start(refused, () -> { }));

        assertEquals(Fault.UNAVAILABLE, failure.fault());
        assertTrue(failure.getMessage().contains("Invalid SMP CPUs 10000"), failure.getMessage());
        launcher.requireRoom(Architecture.X86_64, NANO, 4);
    }

    @Test
    void whatStillRunsOfAMachineThatHasNotStartedIsKilledByItsWords() throws Exception {
        List<String> command = List.of("tail", "-f", Files.createFile(folder.resolve("said")).toString());
        Process unheard = new ProcessBuilder(command).start();
        Process other = new ProcessBuilder("tail", "-f", Files.createFile(folder.resolve("other")).toString()).start();
        try {
            QemuLauncher.killUnheard(command);

            assertTrue(unheard.waitFor(1, TimeUnit.MINUTES));
            assertTrue(other.isAlive());
        } finally {
            unheard.destroyForcibly();
            other.destroyForcibly();
        }
    }

    @Test
    void aConsoleIsKeptFromItsEnd() throws Exception {
        Path console = folder.resolve("c");
        byte[] said = new byte[QemuLauncher.CONSOLE_BYTES_MAX + 5];
        RandomGenerator.of("L64X128MixRandom").nextBytes(said);
        Files.write(console, said);

        QemuLauncher.shorten(console, folder.resolve("before"));

        assertEquals(0, Files.size(console));
        assertArrayEquals(Arrays.copyOfRange(said, 5, said.length), Files.readAllBytes(folder.resolve("before")));
    }

    private QemuLauncher launcher(int machinesMax, Duration patience) {
        QemuHost host = QemuHost.of(System.getenv("PATH"));
        QemuLauncher launcher = new QemuLauncher(new QemuLauncher.Settings(
                folder, host, folder.resolve("nbd.sock"), Optional.empty(), machinesMax, 2 * GIB, patience));
        launchers.add(launcher);
        return launcher;
    }

    private static Machine machine() {
        InstanceId id = InstanceId.random(RandomGenerator.getDefault());
        return new Machine(id, Architecture.X86_64, Optional.empty(), NANO, List.of());
    }

    private ProcessHandle process() throws Exception {
        return ProcessHandle.of(Long.parseLong(Files.readString(folder.resolve(machine.id() + "/pid")).strip()))
                .orElseThrow();
    }

    private static boolean runs(ProcessHandle process) {
        return process.isAlive() && process.info().command().isPresent();
    }

    private void awaitEnd() throws Exception {
        ended.get(1, TimeUnit.MINUTES);
    }

    private static void assertFault(Fault fault, Runnable action) {
        assertEquals(fault, assertThrows(StoreException.class, action::run).fault());
    }
}
