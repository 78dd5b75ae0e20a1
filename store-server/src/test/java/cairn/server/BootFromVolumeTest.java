package cairn.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.api.Messages;
import cairn.client.StoreClient;
import cairn.image.ImageId;
import cairn.image.VolumeId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** From image to volume to image, as a user goes there: a real Debian boots, is worked on, and becomes an image. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class BootFromVolumeTest {
    private static final Duration DEADLINE = Duration.ofMinutes(8);
    /** So that nothing that was typed, and comes back as an echo, is taken for an answer. */
    private static final String DONE = "do''ne";

    private DebianDisks disks;
    private Path folder;
    private ServerProcess server;
    private StoreClient client;
    private String image;

    @BeforeAll
    void push(@TempDir Path temporary) throws Exception {
        Tools.require("qemu-system-x86_64");
        folder = temporary;
        disks = DebianDisks.get();
        server = ServerProcess.start(folder.resolve("data"));
        client = server.connect();
        image = server.cli().run("push", disks.base().toString(), "--name", "debian").success().strip();
    }

    @AfterAll
    void stop() {
        if (server != null) {
            server.close();
        }
    }

    @Test
    void whatAMachineWroteIsThereWhenAnImageOfItBoots() throws Exception {
        Messages.Stats before = client.stats();

        String volume;
        try (Console machine = boot(image, "--keep")) {
            volume = machine.said().lines().findFirst().orElseThrow();
            assertEquals("in-use", client.volume(new VolumeId(volume)).state());
            order(machine, "echo written in the guest >/root/note");
            powerOff(machine);
        }
        String second = server.cli().run("image", "create", volume, "--name", "debian with a note").success().strip();
        Messages.Stats after = client.stats();
        String ephemeral;
        try (Console machine = boot(second, "--tcp")) {
            ephemeral = volumesOtherThan(volume).get(0).id();
            String secret = ephemeral + ':';
            assertTrue(ProcessHandle.allProcesses()
                    .flatMap(process -> process.info().commandLine().stream())
                    .noneMatch(line -> line.contains(secret)), "no command line tells the ticket");
            assertEquals("written in the guest", order(machine, "cat /root/note"));
            assertTrue(client.volume(new VolumeId(ephemeral)).isEphemeral());
            powerOff(machine);
        }

        assertEquals(image, client.image(new ImageId(second)).parent());
        long addedBytes = after.uniqueBytes() - before.uniqueBytes();
        assertTrue(addedBytes < before.uniqueBytes() / 5, addedBytes + " bytes were added to " + before.uniqueBytes());
        assertEquals(List.of(), volumesOtherThan(volume), "the second machine's volume has gone with it");
    }

    @Test
    void aMachineGoesOnWhereItsServerIsKilledAndStartedAgain() throws Exception {
        String volume = client.createVolume(new Messages.CreateVolume(image, null, false, false, null)).id();

        try (Console machine = boot(volume)) {
            order(machine, "head -c 24M /dev/urandom >/tmp/random; sha256sum /tmp/random >/root/sum");
            machine.type("(for i in 1 2 3 4 5 6; do cat /tmp/random >/root/$i; sync; echo copied-$((i)); done; echo all-"
                    + DONE + ")");
            machine.await("copied-1");
            server.kill();
            server = ServerProcess.startInPlaceOf(server);
            machine.await("all-done");
            order(machine, "sync; echo 3 >/proc/sys/vm/drop_caches");
            String sums = order(machine, "for i in 1 2 3 4 5 6; do sha256sum </root/$i; done; cat /root/sum");
            String kernel = order(machine, "dmesg --level err,crit,alert,emerg | grep -ci 'vda\\|ext4'");
            powerOff(machine);

            assertEquals(1, sums.lines().map(line -> line.split(" ")[0]).distinct().count(), sums);
            assertEquals(7, sums.lines().count(), sums);
            assertEquals("0", kernel);
        }
        server.cli().run("volume", "rm", volume).success();
    }

    @Test
    void theMachineEndsWithTheCommandAndItsVolumeWithIt() throws Exception {
        List<Messages.Volume> before = client.volumes("").volumes();

        try (Console machine = start(image)) {
            machine.await("Linux version");
            ProcessHandle qemu = ProcessHandle.of(machine.pid()).orElseThrow().children().findFirst().orElseThrow();
            machine.end();

            assertFalse(qemu.isAlive());
        }

        assertEquals(before, client.volumes("").volumes());
    }

    @Test
    void firmwareLooksForABootLoaderAndCtrlAXEndsTheMachine() throws Exception {
        Tools.requireThat(
                Files.exists(Path.of("/usr/share/OVMF/OVMF_CODE_4M.fd")), "ovmf, firmware for QEMU, is not installed");

        Path errors = Files.createTempFile(folder, "run", ".err");
        Process process = server.cli().startAtConsole(errors, "run", image, "--accel", "tcg", "--boot-mode", "uefi");
        try (Console machine = new Console(process, errors, DEADLINE)) {
            machine.await("BdsDxe: failed to load Boot0001");
            machine.press("\u0001x");

            assertEquals(0, machine.awaitEnd(), machine::said);
        }

        assertTrue(Files.readString(errors).contains("\nssh: ssh -p "), Files.readString(errors));
    }

    @Test
    void whatQemuRefusesIsAFailureAndLeavesNoVolume() throws Exception {
        List<Messages.Volume> before = client.volumes("").volumes();

        Tools.Output refused = server.cli().run("run", image, "--accel", "tcg", "--", "-no-such-option");

        assertEquals(1, refused.status());
        assertEquals("", refused.stdout());
        assertTrue(refused.stderr().contains("-no-such-option: invalid option"), refused.stderr());
        assertTrue(refused.stderr().contains("qemu-system-x86_64 ended with status 1"), refused.stderr());
        assertEquals(before, client.volumes("").volumes());
    }

    /** A machine at its shell. */
    private Console boot(String id, String... options) throws IOException {
        Console machine = start(id, options);
        machine.await("cairn login:");
        machine.type("root");
        machine.await("root@cairn:~#");
        // Without echo, colours and line ends of terminals, what comes back is what was said.
        machine.type("bind 'set enable-bracketed-paste off'; stty -echo -onlcr; PS1=; echo " + DONE);
        machine.await("done\n");
        return machine;
    }

    private Console start(String id, String... options) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                "run", id, "--accel", "tcg",
                "--kernel", disks.kernel().toString(), "--initrd", disks.initrd().toString(),
                "--append", "root=/dev/vda rw console=ttyS0 mitigations=off panic=-1"));
        command.addAll(List.of(options));
        Path errors = Files.createTempFile(folder, "run", ".err");
        return new Console(server.cli().startAtConsole(errors, command.toArray(String[]::new)), errors, DEADLINE);
    }

    /** Has the shell do something. @return what it says, without its last line end */
    private static String order(Console machine, String command) throws IOException {
        machine.type(command + "; echo " + DONE);
        return machine.await("done\n").strip();
    }

    private static void powerOff(Console machine) throws IOException {
        machine.type("sync; poweroff");
        assertEquals(0, machine.awaitEnd(), machine::said);
        assertTrue(machine.said().contains("reboot: Power down"), machine::said);
    }

    private List<Messages.Volume> volumesOtherThan(String id) {
        return client.volumes("").volumes().stream().filter(volume -> !volume.id().equals(id)).toList();
    }
}
