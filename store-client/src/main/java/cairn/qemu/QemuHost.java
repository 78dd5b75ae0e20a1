package cairn.qemu;

import cairn.Fault;
import cairn.StoreException;
import cairn.image.Architecture;
import cairn.image.BootMode;
import java.io.File;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What there is on this host for running QEMU.
 *
 * @param programFolders those of PATH
 * @param root of the file system
 * @param hostArchitecture as Java names it, {@code amd64} or {@code aarch64} for example
 */
public record QemuHost(List<Path> programFolders, Path root, String hostArchitecture) {
    /** What an x86 processor says that can run machines: Intel's, AMD's. */
    private static final Set<String> VIRTUALIZATION_FLAGS = Set.of("vmx", "svm");

    private static final List<Firmware> X86_64_FIRMWARE = List.of(
            // Debian and Ubuntu; older ones, and links of Fedora's; Fedora; Arch.
            firmware("usr/share/OVMF/OVMF_CODE_4M.fd", "usr/share/OVMF/OVMF_VARS_4M.fd"),
            firmware("usr/share/OVMF/OVMF_CODE.fd", "usr/share/OVMF/OVMF_VARS.fd"),
            firmware("usr/share/edk2/ovmf/OVMF_CODE.fd", "usr/share/edk2/ovmf/OVMF_VARS.fd"),
            firmware("usr/share/edk2/x64/OVMF_CODE.4m.fd", "usr/share/edk2/x64/OVMF_VARS.4m.fd"));
    private static final List<Firmware> ARM64_FIRMWARE = List.of(
            firmware("usr/share/AAVMF/AAVMF_CODE.fd", "usr/share/AAVMF/AAVMF_VARS.fd"),
            firmware("usr/share/edk2/aarch64/QEMU_EFI-pflash.raw", "usr/share/edk2/aarch64/vars-template-pflash.raw"));

    /**
     * UEFI as two flash chips.
     *
     * @param code is only read
     * @param variables what the second one holds when a machine is new
     */
    public record Firmware(Path code, Path variables) {}

    private static Firmware firmware(String code, String variables) {
        return new Firmware(Path.of(code), Path.of(variables));
    }

    /** This one. @param path the variable PATH; may be empty */
    public static QemuHost of(String path) {
        List<Path> folders = Arrays.stream(path.split(File.pathSeparator))
                .filter(folder -> !folder.isEmpty())
                .map(Path::of)
                .toList();
        return new QemuHost(folders, Path.of("/"), System.getProperty("os.arch"));
    }

    /** @throws StoreException NOT_FOUND if it is not installed, with the name of the package that has it */
    public Path program(Architecture guest) {
        String name = programName(guest);
        return programFolders.stream()
                .map(folder -> folder.resolve(name))
                .filter(Files::isExecutable)
                .findFirst()
                .orElseThrow(() -> new StoreException(
                        Fault.NOT_FOUND,
                        "QEMU is missing: no folder of PATH has " + name + " (looked in "
                                + programFolders.stream().map(Path::toString).collect(Collectors.joining(", "))
                                + "); install " + packagesOf(guest) + ", or give --qemu PROGRAM"));
    }

    private static String programName(Architecture guest) {
        return switch (guest) {
            case I386 -> "qemu-system-i386";
            case X86_64 -> "qemu-system-x86_64";
            case ARM64 -> "qemu-system-aarch64";
            case RISCV64 -> throw new StoreException(
                    Fault.INVALID_REQUEST,
                    "riscv64 machines are not run here; give the disk's URI (`cairn uri`) to QEMU");
        };
    }

    private static String packagesOf(Architecture guest) {
        return guest == Architecture.ARM64
                ? "qemu-system-arm (Debian, Ubuntu) or qemu-system-aarch64-core (Fedora)"
                : "qemu-system-x86 (Debian, Ubuntu) or qemu-system-x86-core (Fedora)";
    }

    /** Why KVM cannot run such a machine here; empty if it can. */
    public Optional<String> whyNoKvm(Architecture guest) {
        boolean isX86 = guest != Architecture.ARM64;
        if (!hostArchitecture.equals(isX86 ? "amd64" : "aarch64")) {
            return Optional.of("this host is " + hostArchitecture + ", the machine " + guest.label());
        }
        Path device = root.resolve("dev/kvm");
        if (!Files.exists(device)) {
            return Optional.of("there is no " + device);
        }
        try {
            FileChannel.open(device, StandardOpenOption.READ, StandardOpenOption.WRITE).close();
        } catch (IOException e) {
            return Optional.of("cannot open " + device + ": " + e.getMessage());
        }
        // The device is there, and opens, also where the host is itself a machine that cannot run others.
        return isX86 && !hasVirtualizationFlag()
                ? Optional.of(device + " opens, but the processor offers neither vmx nor svm")
                : Optional.empty();
    }

    private boolean hasVirtualizationFlag() {
        try (Stream<String> lines = Files.lines(root.resolve("proc/cpuinfo"))) {
            return lines.filter(line -> line.startsWith("flags"))
                    .limit(1)
                    .flatMap(line -> Arrays.stream(line.split("\\s+")))
                    .anyMatch(VIRTUALIZATION_FLAGS::contains);
        } catch (IOException e) {
            return false;
        }
    }

    /**
     * What a machine starts with; empty: what QEMU has.
     *
     * @param mode empty: nothing is known of the disk
     * @throws StoreException NOT_FOUND if the machine needs UEFI and none is installed
     */
    public Optional<Firmware> firmware(Architecture guest, Optional<BootMode> mode) {
        if (guest == Architecture.ARM64) {
            return Optional.of(firmware(guest));
        }
        return switch (mode.orElse(BootMode.LEGACY_BIOS)) {
            case LEGACY_BIOS -> Optional.empty();
            case UEFI -> Optional.of(firmware(guest));
            case UEFI_PREFERRED -> findFirmware(guest);
        };
    }

    /** UEFI for such a machine, without Secure Boot, as usual packages install it. */
    Optional<Firmware> findFirmware(Architecture guest) {
        return candidates(guest).filter(pair -> Files.isReadable(pair.code) && Files.isReadable(pair.variables))
                .findFirst();
    }

    /** @throws StoreException NOT_FOUND if none is installed, with the name of the package */
    Firmware firmware(Architecture guest) {
        return findFirmware(guest).orElseThrow(() -> new StoreException(
                Fault.NOT_FOUND,
                "UEFI firmware for " + guest.label() + " is missing: there is "
                        + candidates(guest).map(pair -> "no " + pair.code).collect(Collectors.joining(", "))
                        + "; install " + (guest == Architecture.ARM64
                                ? "qemu-efi-aarch64 (Debian, Ubuntu) or edk2-aarch64 (Fedora)"
                                : "ovmf (Debian, Ubuntu) or edk2-ovmf (Fedora)")
                        + ", or give --kernel, which needs none"));
    }

    private Stream<Firmware> candidates(Architecture guest) {
        List<Firmware> all = switch (guest) {
            case X86_64 -> X86_64_FIRMWARE;
            case ARM64 -> ARM64_FIRMWARE;
            case I386, RISCV64 -> throw new StoreException(
                    Fault.INVALID_REQUEST, "a machine of " + guest.label() + " is not run with UEFI here");
        };
        return all.stream().map(pair -> new Firmware(root.resolve(pair.code), root.resolve(pair.variables)));
    }
}
