package cairn.qemu;

import static java.util.stream.Collectors.joining;

import cairn.image.Architecture;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A machine in QEMU's words: disks, one network card, a serial line, no screen.
 *
 * @param drives in the order in which they are looked at for what boots
 * @param firmware UEFI, whose variables the machine may write; empty: what QEMU has
 * @param kernel empty: what is on the disk boots
 * @param more words of QEMU's that come last
 */
public record QemuCommandLine(
        Path program,
        Architecture architecture,
        boolean isKvm,
        long memoryBytes,
        int cpus,
        List<Drive> drives,
        Optional<QemuHost.Firmware> firmware,
        Optional<Kernel> kernel,
        Network network,
        Place place,
        List<String> more) {
    /**
     * A disk of the machine.
     *
     * @param file holds the disk's {@link QemuDisk#driveSection}; empty: the disk stands in the words
     */
    public record Drive(QemuDisk disk, Optional<Path> file) {
        /** What QEMU calls a disk. @param number of the machine's disks, from 0 */
        public static String name(int number) {
            return "disk" + number;
        }

        List<String> words(int number) {
            return file.map(each -> List.of("-readconfig", each.toString()))
                    .orElseGet(() -> List.of("-blockdev", disk.blockdev(name(number))));
        }
    }

    /**
     * What a machine reaches, and what reaches it.
     *
     * @param isClosed the machine reaches nothing; else whatever this host does, its loopback services too
     */
    public record Network(List<PortForward> forwards, boolean isClosed) {
        public Network {
            forwards = List.copyOf(forwards);
        }

        private String words() {
            return "user,id=net0" + (isClosed ? ",restrict=on" : "")
                    + forwards.stream().map(each -> ',' + each.words()).collect(joining());
        }
    }

    /** Where the machine runs, and where its serial line goes. */
    public sealed interface Place {
        List<String> words();
    }

    /** In the process that starts it, its serial line on standard input and output. */
    public record Foreground() implements Place {
        @Override
        public List<String> words() {
            // Not only the lack of a screen: BIOS and boot loaders, too, are told to use the serial line. With the
            // monitor behind it, Ctrl-C goes to the guest, and Ctrl-A x ends the machine.
            return List.of("-nographic", "-serial", "mon:stdio");
        }
    }

    /**
     * Apart from the process that starts it, which QEMU tells that the machine is there by ending with status 0.
     *
     * @param console what the serial line says is added to this file, also after somebody has emptied it
     * @param monitor a unix socket on which QEMU takes orders, in JSON
     * @param processId the file that gets it
     */
    public record Background(Path console, Path monitor, Path processId) implements Place {
        @Override
        public List<String> words() {
            return List.of(
                    "-daemonize", "-display", "none",
                    "-pidfile", processId.toString(),
                    "-chardev", "file,id=serial0,append=on,path=" + QemuDisk.escaped(console.toString()),
                    "-serial", "chardev:serial0",
                    "-qmp", "unix:" + QemuDisk.escaped(monitor.toString()) + ",server=on,wait=off");
        }
    }

    /**
     * What boots a disk that has no boot loader.
     *
     * @param append the kernel's own command line, may be empty
     */
    public record Kernel(Path image, Optional<Path> initrd, String append) {}

    public QemuCommandLine {
        drives = List.copyOf(drives);
        more = List.copyOf(more);
    }

    public List<String> words() {
        List<String> words = new ArrayList<>(List.of(program.toString(), "-nodefaults", "-no-user-config"));
        words.addAll(place.words());
        words.addAll(List.of("-accel", isKvm ? "kvm" : "tcg,thread=multi"));
        words.addAll(List.of("-machine", machine()));
        cpu().ifPresent(model -> words.addAll(List.of("-cpu", model)));
        words.addAll(List.of("-smp", Integer.toString(cpus), "-m", (memoryBytes >> 20) + "M"));
        firmware.ifPresent(flash -> words.addAll(List.of(
                "-drive", "if=pflash,unit=0,format=raw,readonly=on,file=" + QemuDisk.escaped(flash.code().toString()),
                "-drive", "if=pflash,unit=1,format=raw,file=" + QemuDisk.escaped(flash.variables().toString()))));
        kernel.ifPresent(direct -> addKernel(words, direct));
        for (int i = 0; i < drives.size(); i++) {
            words.addAll(drives.get(i).words(i));
            // 0 is taken by a kernel that is given.
            words.addAll(List.of("-device", "virtio-blk-pci,drive=" + Drive.name(i) + ",bootindex=" + (i + 1)));
        }
        words.addAll(List.of("-netdev", network.words()));
        // No boot from the network, and no need of the package that has its ROM.
        words.addAll(List.of("-device", "virtio-net-pci,netdev=net0,romfile="));
        words.addAll(List.of("-device", "virtio-rng-pci"));
        words.addAll(more);
        return words;
    }

    private String machine() {
        if (architecture == Architecture.ARM64) {
            return isKvm ? "virt,gic-version=host" : "virt";
        }
        // What -nographic says too: firmware and boot loaders use the serial line.
        return place instanceof Background ? "q35,graphics=off" : "q35";
    }

    /** Empty: QEMU's default. */
    private Optional<String> cpu() {
        if (isKvm) {
            return Optional.of("host");
        }
        return switch (architecture) {
            // The oldest that has all of x86-64-v2, which some distributions demand. Not "max": with it QEMU 7.2 boots
            // a Debian whose mounts fail.
            case X86_64 -> Optional.of("Nehalem");
            case ARM64 -> Optional.of("max");
            case I386, RISCV64 -> Optional.empty();
        };
    }

    private static void addKernel(List<String> words, Kernel direct) {
        words.addAll(List.of("-kernel", direct.image.toString()));
        direct.initrd.ifPresent(initrd -> words.addAll(List.of("-initrd", initrd.toString())));
        if (!direct.append.isEmpty()) {
            words.addAll(List.of("-append", direct.append));
        }
    }
}
