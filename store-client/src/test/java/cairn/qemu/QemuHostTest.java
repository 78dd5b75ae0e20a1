package cairn.qemu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.image.Architecture;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** On a file system of its own, so that every kind of host is there. */
class QemuHostTest {
    @TempDir
    private Path root;

    private QemuHost host;

    @BeforeEach
    void makeHost() {
        host = new QemuHost(List.of(root.resolve("a"), root.resolve("b")), root, "amd64");
    }

    @Test
    void takesTheFirstProgramOfItsArchitectureInPath() throws IOException {
        Path first = program("a/qemu-system-aarch64");
        Path second = program("b/qemu-system-x86_64");
        write("a/qemu-system-x86_64", "not executable");

        assertEquals(second, host.program(Architecture.X86_64));
        assertEquals(first, host.program(Architecture.ARM64));
    }

    @Test
    void saysWhereItLookedForQemuAndWhatToInstall() {
        StoreException x86 = assertThrows(StoreException.class, () -> host.program(Architecture.X86_64));
        StoreException arm = assertThrows(StoreException.class, () -> host.program(Architecture.ARM64));

        assertEquals(Fault.NOT_FOUND, x86.fault());
        assertEquals(
                "QEMU is missing: no folder of PATH has qemu-system-x86_64 (looked in " + root.resolve("a") + ", "
                        + root.resolve("b") + "); install qemu-system-x86 (Debian, Ubuntu) or qemu-system-x86-core"
                        + " (Fedora), or give --qemu PROGRAM",
                x86.getMessage());
        assertTrue(arm.getMessage().contains("qemu-system-arm (Debian"), arm.getMessage());
    }

    @Test
    void refusesAnArchitectureThatItDoesNotRun() {
        StoreException failure = assertThrows(StoreException.class, () -> host.program(Architecture.RISCV64));

        assertTrue(failure.getMessage().contains("riscv64"), failure.getMessage());
    }

    @Test
    void kvmIsUsableWhereTheDeviceOpensAndTheProcessorHelps() throws IOException {
        write("dev/kvm", "");
        write("proc/cpuinfo", "processor : 0\nflags\t\t: fpu svm lm\n\nprocessor : 1\nflags\t\t: fpu svm lm\n");

        assertEquals(Optional.empty(), host.whyNoKvm(Architecture.X86_64));
        assertEquals(Optional.empty(), host.whyNoKvm(Architecture.I386));

        write("proc/cpuinfo", "flags : fpu vmx lm\n");
        assertEquals(Optional.empty(), host.whyNoKvm(Architecture.X86_64));
    }

    @Test
    void kvmIsNotUsableWhereTheProcessorOffersNothing() throws IOException {
        write("dev/kvm", "");
        write("proc/cpuinfo", "flags : fpu pvm xsvmx lm\nvmx flags : vnmi\n");

        assertEquals(
                root.resolve("dev/kvm") + " opens, but the processor offers neither vmx nor svm",
                host.whyNoKvm(Architecture.X86_64).orElseThrow());
    }

    @Test
    void kvmIsNotUsableWithoutADeviceThatOpens() throws IOException {
        write("proc/cpuinfo", "flags : vmx\n");
        String absent = host.whyNoKvm(Architecture.X86_64).orElseThrow();
        // A folder can not be opened to be written, whoever we are.
        Files.createDirectories(root.resolve("dev/kvm"));
        String closed = host.whyNoKvm(Architecture.X86_64).orElseThrow();

        assertEquals("there is no " + root.resolve("dev/kvm"), absent);
        assertTrue(closed.startsWith("cannot open " + root.resolve("dev/kvm")), closed);
    }

    @Test
    void kvmRunsNoOtherArchitecture() throws IOException {
        write("dev/kvm", "");
        write("proc/cpuinfo", "flags : vmx\n");
        QemuHost arm = new QemuHost(List.of(), root, "aarch64");

        assertEquals("this host is amd64, the machine arm64", host.whyNoKvm(Architecture.ARM64).orElseThrow());
        assertEquals("this host is aarch64, the machine x86_64", arm.whyNoKvm(Architecture.X86_64).orElseThrow());
        assertEquals(Optional.empty(), arm.whyNoKvm(Architecture.ARM64));
    }

    @Test
    void findsFirmwareWhereDistributionsPutIt() throws IOException {
        Path arm = write("usr/share/AAVMF/AAVMF_CODE.fd", "code");
        write("usr/share/AAVMF/AAVMF_VARS.fd", "variables");
        Path fedora = write("usr/share/edk2/ovmf/OVMF_CODE.fd", "code");
        write("usr/share/edk2/ovmf/OVMF_VARS.fd", "variables");
        write("usr/share/OVMF/OVMF_CODE.fd", "code without its variables");

        assertEquals(arm, host.firmware(Architecture.ARM64).code());
        assertEquals(fedora, host.firmware(Architecture.X86_64).code());

        Path debian = write("usr/share/OVMF/OVMF_CODE_4M.fd", "code");
        Path variables = write("usr/share/OVMF/OVMF_VARS_4M.fd", "variables");
        assertEquals(new QemuHost.Firmware(debian, variables), host.firmware(Architecture.X86_64));
    }

    @Test
    void saysWhichFirmwareIsMissing() {
        StoreException failure = assertThrows(StoreException.class, () -> host.firmware(Architecture.X86_64));

        assertEquals(Optional.empty(), host.findFirmware(Architecture.X86_64));
        assertTrue(
                failure.getMessage().contains("no " + root.resolve("usr/share/OVMF/OVMF_CODE_4M.fd"))
                        && failure.getMessage().contains("install ovmf (Debian, Ubuntu)"),
                failure.getMessage());
        assertThrows(StoreException.class, () -> host.firmware(Architecture.I386));
    }

    private Path program(String path) throws IOException {
        Path file = write(path, "");
        assertTrue(file.toFile().setExecutable(true));
        return file;
    }

    private Path write(String path, String content) throws IOException {
        Path file = root.resolve(path);
        Files.createDirectories(file.getParent());
        return Files.writeString(file, content);
    }
}
