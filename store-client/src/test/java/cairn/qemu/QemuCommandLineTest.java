package cairn.qemu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.image.Architecture;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class QemuCommandLineTest {
    private static final String VOLUME = "vol-0123456789abcdef0";
    private static final QemuDisk DISK = new QemuDisk(new QemuDisk.UnixSocket(Path.of("/d/nbd.sock")), VOLUME, false);
    private static final QemuCommandLine USUAL = new QemuCommandLine(
            Path.of("/bin/qemu"), Architecture.X86_64, false, 1L << 30, 2, drives(DISK), Optional.empty(),
            Optional.empty(), network(new PortForward(4022, 22)), new QemuCommandLine.Foreground(), List.of());

    @Test
    void emulatesAMachineWithOneDiskAndASerialLine() {
        assertEquals(
                List.of(
                        "/bin/qemu", "-nodefaults", "-no-user-config", "-nographic", "-serial", "mon:stdio",
                        "-accel", "tcg,thread=multi", "-machine", "q35", "-cpu", "Nehalem", "-smp", "2", "-m", "1024M",
                        "-blockdev",
                        "driver=nbd,node-name=disk0,server.type=unix,server.path=/d/nbd.sock,export=" + VOLUME
                                + ",reconnect-delay=300,discard=unmap,detect-zeroes=off,read-only=off",
                        "-device", "virtio-blk-pci,drive=disk0,bootindex=1",
                        "-netdev", "user,id=net0,hostfwd=tcp:127.0.0.1:4022-:22",
                        "-device", "virtio-net-pci,netdev=net0,romfile=",
                        "-device", "virtio-rng-pci"),
                USUAL.words());
    }

    @Test
    void everythingThatCanBeChosenIsThere() {
        QemuCommandLine machine = new QemuCommandLine(
                Path.of("qemu"), Architecture.X86_64, true, 1536L << 20, 8,
                drives(new QemuDisk(new QemuDisk.Tcp("::1", 10810), VOLUME + ":T,1", true)),
                Optional.of(new QemuHost.Firmware(Path.of("/f/CODE,1"), Path.of("/t/VARS"))),
                Optional.of(new QemuCommandLine.Kernel(Path.of("/k"), Optional.of(Path.of("/i")), "root=/dev/vda ro")),
                network(new PortForward(4022, 22), new PortForward(4080, 80)),
                new QemuCommandLine.Foreground(),
                List.of("-cdrom", "seed.iso"));

        assertEquals(
                List.of(
                        "qemu", "-nodefaults", "-no-user-config", "-nographic", "-serial", "mon:stdio",
                        "-accel", "kvm", "-machine", "q35", "-cpu", "host", "-smp", "8", "-m", "1536M",
                        "-drive", "if=pflash,unit=0,format=raw,readonly=on,file=/f/CODE,,1",
                        "-drive", "if=pflash,unit=1,format=raw,file=/t/VARS",
                        "-kernel", "/k", "-initrd", "/i", "-append", "root=/dev/vda ro",
                        "-blockdev",
                        "driver=nbd,node-name=disk0,server.type=inet,server.host=::1,server.port=10810,export=" + VOLUME
                                + ":T,,1,reconnect-delay=300,discard=unmap,detect-zeroes=off,read-only=on",
                        "-device", "virtio-blk-pci,drive=disk0,bootindex=1",
                        "-netdev", "user,id=net0,hostfwd=tcp:127.0.0.1:4022-:22,hostfwd=tcp:127.0.0.1:4080-:80",
                        "-device", "virtio-net-pci,netdev=net0,romfile=",
                        "-device", "virtio-rng-pci",
                        "-cdrom", "seed.iso"),
                machine.words());
    }

    @Test
    void aTicketStandsInAFileAndNotInTheWords() {
        QemuDisk disk = new QemuDisk(new QemuDisk.Tcp("::1", 10810), VOLUME + ":T,1", false);
        List<String> words = new QemuCommandLine(
                        USUAL.program(), USUAL.architecture(), false, 1 << 30, 1,
                        List.of(new QemuCommandLine.Drive(disk, Optional.of(Path.of("/t/d")))), Optional.empty(),
                        Optional.empty(), network(), new QemuCommandLine.Foreground(), List.of())
                .words();

        assertEquals("/t/d", words.get(words.indexOf("-readconfig") + 1));
        assertFalse(String.join(" ", words).contains("T,"), words.toString());
        assertEquals(
                """
                [drive "disk0"]
                  if = "none"
                  driver = "nbd"
                  server.type = "inet"
                  server.host = "::1"
                  server.port = "10810"
                  export = "vol-0123456789abcdef0:T,1"
                  reconnect-delay = "300"
                  discard = "unmap"
                  detect-zeroes = "off"
                  read-only = "off"
                """,
                disk.driveSection("disk0"));
    }

    @Test
    void runsApartWithSeveralDisksAndAClosedNetwork() {
        List<String> words = new QemuCommandLine(
                        USUAL.program(), USUAL.architecture(), false, 1 << 30, 1, drives(DISK, DISK), Optional.empty(),
                        Optional.empty(),
                        new QemuCommandLine.Network(List.of(new PortForward(4022, 22)), true),
                        new QemuCommandLine.Background(Path.of("/i/c,1"), Path.of("/i/qmp"), Path.of("/i/pid")),
                        List.of())
                .words();

        assertEquals(
                List.of(
                        "-daemonize", "-display", "none", "-pidfile", "/i/pid",
                        "-chardev", "file,id=serial0,append=on,path=/i/c,,1", "-serial", "chardev:serial0",
                        "-qmp", "unix:/i/qmp,server=on,wait=off"),
                words.subList(3, 14));
        assertTrue(words.containsAll(List.of(
                "q35,graphics=off", "virtio-blk-pci,drive=disk0,bootindex=1", "virtio-blk-pci,drive=disk1,bootindex=2",
                "user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:4022-:22")), words.toString());
    }

    @Test
    void aKernelWithoutInitrdAndCommandLineGetsNeither() {
        List<String> words = new QemuCommandLine(
                        USUAL.program(), USUAL.architecture(), false, 1 << 30, 1, drives(DISK), Optional.empty(),
                        Optional.of(new QemuCommandLine.Kernel(Path.of("/k"), Optional.empty(), "")), network(),
                        new QemuCommandLine.Foreground(), List.of())
                .words();

        assertTrue(words.contains("-kernel"), words.toString());
        assertFalse(words.contains("-initrd") || words.contains("-append"), words.toString());
    }

    @Test
    void eachArchitectureHasItsMachineAndProcessor() {
        assertEquals(List.of("virt", "max"), machineAndCpu(Architecture.ARM64, false));
        assertEquals(List.of("virt,gic-version=host", "host"), machineAndCpu(Architecture.ARM64, true));
        assertEquals(List.of("q35", ""), machineAndCpu(Architecture.I386, false));
        assertEquals(List.of("q35", "host"), machineAndCpu(Architecture.I386, true));
    }

    private static List<String> machineAndCpu(Architecture architecture, boolean isKvm) {
        List<String> words = new QemuCommandLine(
                        USUAL.program(), architecture, isKvm, 1 << 30, 1, drives(DISK), Optional.empty(),
                        Optional.empty(), network(), new QemuCommandLine.Foreground(), List.of())
                .words();
        int cpuAt = words.indexOf("-cpu");
        return List.of(words.get(words.indexOf("-machine") + 1), cpuAt < 0 ? "" : words.get(cpuAt + 1));
    }

    private static List<QemuCommandLine.Drive> drives(QemuDisk... disks) {
        return Arrays.stream(disks).map(disk -> new QemuCommandLine.Drive(disk, Optional.empty())).toList();
    }

    private static QemuCommandLine.Network network(PortForward... forwards) {
        return new QemuCommandLine.Network(List.of(forwards), false);
    }
}
