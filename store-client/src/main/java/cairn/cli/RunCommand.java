package cairn.cli;

import cairn.Fault;
import cairn.StoreException;
import cairn.api.Messages;
import cairn.client.ResourceId;
import cairn.client.StoreClient;
import cairn.image.Architecture;
import cairn.image.BootMode;
import cairn.image.ImageId;
import cairn.image.VolumeId;
import cairn.qemu.PortForward;
import cairn.qemu.QemuCommandLine;
import cairn.qemu.QemuDisk;
import cairn.qemu.QemuHost;
import cairn.tree.Tree;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * Boots a machine in QEMU on this host. Its serial line is on standard input and output; everything that this command
 * itself has to say goes to stderr, but for the id of a volume that is kept, which comes first on stdout.
 */
@Command(
        name = "run",
        description = {
            "Boot an image, a snapshot or a volume in QEMU on this host, its serial console on this terminal.",
            "The machine writes to a volume of its own, which goes when it ends unless --keep is given; a volume that"
                    + " is named is written to itself. Ctrl-A x ends the machine at once, Ctrl-A c talks to QEMU."
        },
        sortOptions = false)
final class RunCommand extends StoreCommand {
    private static final int SSH_PORT = 22;
    private static final int CPUS_USUAL = 2;
    private static final int CPUS_MAX = 255;
    private static final long MEMORY_BYTES_MIN = 16L << 20;

    @Spec
    private CommandSpec spec;

    @Parameters(index = "0", paramLabel = "ID", description = "ami-..., snap-... or vol-...")
    private ResourceId id;

    @Parameters(index = "1..*", paramLabel = "WORD", description = "behind --: passed on to QEMU as it is")
    private List<String> more = new ArrayList<>();

    @Option(names = "--keep", description = "keep the volume; its id is the first line of the output")
    private boolean isKept;

    @Option(
            names = "--size",
            paramLabel = "SIZE",
            converter = SizeConverter.class,
            description = {"of the new volume, if more than the image's:", SizeConverter.UNITS_HELP})
    private Long sizeBytes;

    @Option(
            names = "--memory",
            paramLabel = "SIZE",
            defaultValue = "1G",
            converter = SizeConverter.class,
            description = "of the machine (${DEFAULT-VALUE})")
    private long memoryBytes;

    @Option(names = "--cpus", paramLabel = "N", description = "of the machine (2, or 1 where the host has no more)")
    private Integer cpus;

    @Option(
            names = "--kernel",
            paramLabel = "FILE",
            description = "boot this kernel, for disks without a boot loader")
    private Path kernel;

    @Option(names = "--initrd", paramLabel = "FILE", description = "the kernel's first file system")
    private Path initrd;

    @Option(
            names = "--append",
            paramLabel = "TEXT",
            description = "the kernel's command line: \"root=/dev/vda1 console=ttyS0\" for example; the disk is"
                    + " /dev/vda")
    private String append;

    @Option(
            names = "--ssh-port",
            paramLabel = "PORT",
            defaultValue = "0",
            description = "of this host's loopback address, leads to the machine's port 22 (a free one)")
    private int sshPort;

    @Option(
            names = "--forward",
            paramLabel = "[HOST:]GUEST",
            description = "another TCP port of the machine, and that of this host that leads there; may be repeated")
    private List<PortForward> forwards = new ArrayList<>();

    @Option(
            names = "--tcp",
            description = "reach the disk over TCP, also where the server's unix socket is on this host")
    private boolean isTcp;

    @Option(
            names = "--accel",
            paramLabel = "HOW",
            defaultValue = "auto",
            description = "kvm, tcg (emulate: slow, and works everywhere) or auto (KVM where it works)")
    private Accelerator accelerator;

    @Option(names = "--arch", paramLabel = "ARCH", description = "i386, x86_64 or arm64 (the image's)")
    private Architecture architecture;

    @Option(
            names = "--boot-mode",
            paramLabel = "MODE",
            description = "legacy-bios, uefi or uefi-preferred (the image's)")
    private BootMode bootMode;

    @Option(names = "--qemu", paramLabel = "PROGRAM", description = "instead of qemu-system-ARCH in PATH")
    private Path program;

    /** Who executes the guest's instructions. */
    enum Accelerator {
        AUTO,
        KVM,
        TCG
    }

    /** What is known of an image before it boots; for other disks, and for what an image does not say, our defaults. */
    private record Kind(Architecture architecture, Optional<BootMode> bootMode) {
        static final Kind USUAL = new Kind(Architecture.X86_64, Optional.empty());

        static Kind of(Messages.Image image) {
            return new Kind(
                    Architecture.parse(image.architecture()),
                    Optional.ofNullable(image.bootMode()).map(BootMode::parse));
        }
    }

    RunCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(StoreClient client) {
        requireSense();
        Optional<Messages.Volume> named = id.isVolume() ? Optional.of(client.volume(id.volume())) : Optional.empty();
        Kind kind = kindOf(client, named);
        QemuHost host = QemuHost.of(terminal.variable("PATH"));
        Path qemu = program == null ? host.program(kind.architecture) : program;
        boolean isKvm = isKvm(host, kind.architecture);
        // A kernel that is given QEMU starts by itself.
        Optional<QemuHost.Firmware> firmware =
                kernel == null ? host.firmware(kind.architecture, kind.bootMode) : Optional.empty();
        List<PortForward> ports = freePorts();
        try (QemuSession session = new QemuSession()) {
            Messages.Volume volume = named.orElseGet(() -> createVolume(client, session));
            QemuDisk disk = disk(client, volume);
            QemuCommandLine machine = new QemuCommandLine(
                    qemu,
                    kind.architecture,
                    isKvm,
                    memoryBytes,
                    cpus(),
                    List.of(new QemuCommandLine.Drive(
                            disk,
                            disk.hasTicket() ? Optional.of(diskFile(disk, session)) : Optional.empty())),
                    firmware.map(flash -> withOwnVariables(flash, session)),
                    kernel(),
                    new QemuCommandLine.Network(ports, false),
                    new QemuCommandLine.Foreground(),
                    more);
            announce(volume, machine);
            int status = session.run(machine.words());
            return ended(qemu, volume, status);
        }
    }

    private void requireSense() {
        require(kernel != null || initrd == null && append == null, "--initrd and --append need --kernel");
        require(!id.isVolume() || sizeBytes == null, "--size is for a new volume; " + id + " is one already");
        require(!id.isVolume() || !isKept, "--keep is for a new volume; " + id + " is kept anyway");
        require(sizeBytes == null || sizeBytes > 0 && sizeBytes % Tree.SECTOR_BYTES == 0,
                "--size is a multiple of " + Tree.SECTOR_BYTES + " bytes");
        require(memoryBytes >= MEMORY_BYTES_MIN, "--memory is at least " + Sizes.bytes(MEMORY_BYTES_MIN));
        require(cpus == null || cpus > 0 && cpus <= CPUS_MAX, "--cpus is 1 to " + CPUS_MAX);
        require(sshPort >= 0 && sshPort <= PortForward.PORT_MAX, "--ssh-port is 0 to " + PortForward.PORT_MAX);
        for (Path file : new Path[] {kernel, initrd, program}) {
            if (file != null && !Files.isReadable(file)) {
                throw new StoreException(Fault.NOT_FOUND, "cannot read " + file);
            }
        }
    }

    private void require(boolean makesSense, String message) {
        if (!makesSense) {
            throw new ParameterException(spec.commandLine(), message);
        }
    }

    private Kind kindOf(StoreClient client, Optional<Messages.Volume> named) {
        Optional<ImageId> image = id.isVolume()
                ? named.map(Messages.Volume::image).map(ImageId::new)
                : Optional.of(id.disk()).filter(disk -> disk.isImage()).map(disk -> disk.image());
        Kind known = image.flatMap(each -> findKind(client, each)).orElse(Kind.USUAL);
        return new Kind(
                architecture == null ? known.architecture : architecture,
                Optional.ofNullable(bootMode).or(() -> known.bootMode));
    }

    /** The image that a volume was made from may be gone; that of which there is to be one may not. */
    private Optional<Kind> findKind(StoreClient client, ImageId image) {
        try {
            return Optional.of(Kind.of(client.image(image)));
        } catch (StoreException e) {
            if (id.isVolume() && (e.fault() == Fault.NOT_FOUND || e.fault() == Fault.FORBIDDEN)) {
                return Optional.empty();
            }
            throw e;
        }
    }

    private boolean isKvm(QemuHost host, Architecture guest) {
        if (accelerator == Accelerator.TCG) {
            return false;
        }
        Optional<String> whyNot = host.whyNoKvm(guest);
        if (whyNot.isPresent() && accelerator == Accelerator.KVM) {
            throw new StoreException(
                    Fault.UNAVAILABLE, "KVM can not be used: " + whyNot.get() + "; --accel tcg emulates");
        }
        whyNot.ifPresent(reason -> terminal.say("emulating, which is slow: %s", reason));
        return whyNot.isEmpty();
    }

    /** With a copy of the variables, for the machine writes them; they go with it. */
    private QemuHost.Firmware withOwnVariables(QemuHost.Firmware flash, QemuSession session) {
        try {
            Path copy = Files.createTempFile("cairn-run-", ".fd");
            session.atEnd(() -> remove(copy));
            Files.write(copy, Files.readAllBytes(flash.variables()));
            return new QemuHost.Firmware(flash.code(), copy);
        } catch (IOException e) {
            throw new StoreException(Fault.UNAVAILABLE, "cannot copy " + flash.variables() + ": " + e.getMessage(), e);
        }
    }

    private void remove(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            terminal.say("cairn: cannot remove %s: %s", file, e.getMessage());
        }
    }

    private List<PortForward> freePorts() {
        List<PortForward> all = new ArrayList<>();
        all.add(new PortForward(sshPort, SSH_PORT).withFreePort());
        forwards.forEach(each -> all.add(each.withFreePort()));
        return all;
    }

    private Messages.Volume createVolume(StoreClient client, QemuSession session) {
        Messages.Volume volume =
                client.createVolume(new Messages.CreateVolume(id.value(), sizeBytes, false, !isKept, null));
        if (isKept) {
            // First, so that it is known however this ends.
            terminal.out().println(volume.id());
        } else {
            session.atEnd(() -> remove(client, new VolumeId(volume.id())));
        }
        return volume;
    }

    /** The server removes it when QEMU leaves; this is for the case that QEMU never came. */
    private void remove(StoreClient client, VolumeId volume) {
        try {
            client.removeVolume(volume);
        } catch (StoreException e) {
            if (e.fault() != Fault.NOT_FOUND && e.fault() != Fault.CONFLICT) {
                terminal.say("cairn: volume %s may still be there: %s", volume, e.getMessage());
            }
        }
    }

    private QemuDisk disk(StoreClient client, Messages.Volume volume) {
        Messages.ExportUri export = client.exportUri(new VolumeId(volume.id()));
        return isTcp
                ? QemuDisk.overTcp(export, volume.isReadOnly())
                : QemuDisk.nearest(export, client.endpoint(), volume.isReadOnly());
    }

    /** Which only this user can read, as {@code createTempFile} has it. */
    private Path diskFile(QemuDisk disk, QemuSession session) {
        try {
            Path file = Files.createTempFile("cairn-run-", ".disk");
            session.atEnd(() -> remove(file));
            return Files.writeString(file, disk.driveSection(QemuCommandLine.Drive.name(0)));
        } catch (IOException e) {
            throw new StoreException(Fault.UNAVAILABLE, "cannot write down the disk: " + e.getMessage(), e);
        }
    }

    private int cpus() {
        return cpus == null ? Math.min(CPUS_USUAL, Runtime.getRuntime().availableProcessors()) : cpus;
    }

    private Optional<QemuCommandLine.Kernel> kernel() {
        return Optional.ofNullable(kernel)
                .map(image -> new QemuCommandLine.Kernel(
                        image, Optional.ofNullable(initrd), append == null ? "" : append));
    }

    private void announce(Messages.Volume volume, QemuCommandLine machine) {
        terminal.say("booting %s from volume %s (%s%s)", id, volume.id(), Sizes.bytes(volume.sizeBytes()),
                volume.isEphemeral() ? ", which goes when the machine ends" : "");
        if (kernel != null && append == null) {
            terminal.say("the kernel gets no command line: without --append \"root=/dev/vda console=ttyS0\" or the like"
                    + " it may find no disk, and say nothing here");
        }
        for (PortForward each : machine.network().forwards()) {
            terminal.say(each.guestPort() == SSH_PORT
                    ? "ssh: ssh -p %d USER@127.0.0.1"
                    : "port %2$d of the machine: 127.0.0.1:%1$d", each.hostPort(), each.guestPort());
        }
        terminal.say("Ctrl-A x ends the machine, Ctrl-A c talks to QEMU, Ctrl-A h says more");
    }

    private int ended(Path qemu, Messages.Volume volume, int status) {
        if (isKept) {
            terminal.say(
                    "volume %1$s is kept: cairn run %1$s, cairn image create %1$s --name NAME, cairn volume rm %1$s",
                    volume.id());
        }
        if (status != 0) {
            terminal.say("cairn: %s ended with status %d", qemu, status);
            return FAILED;
        }
        return DONE;
    }
}
