package cairn.qemu;

import static java.util.stream.Collectors.joining;

import cairn.image.Architecture;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A machine in QEMU's words: one disk, one network card, its serial line on standard input and output, no screen.
 *
 * @param diskFile holds the disk's {@link QemuDisk#driveSection}; empty: the disk stands in the words
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
        QemuDisk disk,
        Optional<Path> diskFile,
        Optional<QemuHost.Firmware> firmware,
        Optional<Kernel> kernel,
        List<PortForward> forwards,
        List<String> more) {
    /** What QEMU calls the disk. */
    public static final String DISK = "disk0";

    /**
     * What boots a disk that has no boot loader.
     *
     * @param append the kernel's own command line, may be empty
     */
    public record Kernel(Path image, Optional<Path> initrd, String append) {}

    public QemuCommandLine {
        forwards = List.copyOf(forwards);
        more = List.copyOf(more);
    }

    public List<String> words() {
        List<String> words = new ArrayList<>(List.of(program.toString(), "-nodefaults", "-no-user-config"));
        // Not only the lack of a screen: BIOS and boot loaders, too, are told to use the serial line.
        words.add("-nographic");
        words.addAll(List.of("-accel", isKvm ? "kvm" : "tcg,thread=multi"));
        words.addAll(List.of("-machine", machine()));
        cpu().ifPresent(model -> words.addAll(List.of("-cpu", model)));
        words.addAll(List.of("-smp", Integer.toString(cpus), "-m", (memoryBytes >> 20) + "M"));
        firmware.ifPresent(flash -> words.addAll(List.of(
                "-drive", "if=pflash,unit=0,format=raw,readonly=on,file=" + QemuDisk.escaped(flash.code().toString()),
                "-drive", "if=pflash,unit=1,format=raw,file=" + QemuDisk.escaped(flash.variables().toString()))));
        kernel.ifPresent(direct -> addKernel(words, direct));
        words.addAll(diskFile.map(file -> List.of("-readconfig", file.toString()))
                .orElseGet(() -> List.of("-blockdev", disk.blockdev(DISK))));
        // 0 is taken by a kernel that is given.
        words.addAll(List.of("-device", "virtio-blk-pci,drive=" + DISK + ",bootindex=1"));
        String ports = forwards.stream().map(each -> ',' + each.words()).collect(joining());
        words.addAll(List.of("-netdev", "user,id=net0" + ports));
        // No boot from the network, and no need of the package that has its ROM.
        words.addAll(List.of("-device", "virtio-net-pci,netdev=net0,romfile="));
        words.addAll(List.of("-device", "virtio-rng-pci"));
        // With the monitor behind it, Ctrl-C goes to the guest, and Ctrl-A x ends the machine.
        words.addAll(List.of("-serial", "mon:stdio"));
        words.addAll(more);
        return words;
    }

    private String machine() {
        if (architecture == Architecture.ARM64) {
            return isKvm ? "virt,gic-version=host" : "virt";
        }
        return "q35";
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
