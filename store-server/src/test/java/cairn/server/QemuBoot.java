package cairn.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * A machine that has booted from an NBD export as far as its login prompt: QEMU, by emulation alone. The export is
 * only read; what the machine writes goes to an overlay that ends with it.
 *
 * @param console what the machine said on its serial line
 */
record QemuBoot(String console, Duration time) {
    private static final Duration DEADLINE = Duration.ofMinutes(8);
    private static final String PROMPT = "login:";
    private static final int CONSOLE_BYTES_MAX = 4 << 20;
    private static final int TAIL_CHARS = 4_000;
    private static final int END_SECONDS_MAX = 30;

    /**
     * Boots, and ends the machine at its login prompt.
     *
     * @param disk {@code nbd+unix:///EXPORT?socket=PATH} or {@code nbd://HOST:PORT/EXPORT}
     * @param folder gets the overlay, and the console as {@code console.txt}
     * @throws IOException if no prompt came, with the end of what the console said
     */
    static QemuBoot toLogin(URI disk, Path kernel, Path initrd, Path folder) throws IOException, InterruptedException {
        Tools.require("qemu-system-x86_64");
        ProcessBuilder builder = new ProcessBuilder(command(disk, kernel, initrd))
                .redirectInput(new File("/dev/null"))
                .redirectErrorStream(true);
        // The overlay's place.
        builder.environment().put("TMPDIR", folder.toString());

        long startNanos = System.nanoTime();
        Process qemu = builder.start();
        // Its end is the end of the stream, so the reader below needs no clock.
        CompletableFuture.delayedExecutor(DEADLINE.toMillis(), MILLISECONDS).execute(qemu::destroyForcibly);
        try {
            String console = readToPrompt(qemu.getInputStream(), folder.resolve("console.txt"));
            Duration time = Duration.ofNanos(System.nanoTime() - startNanos);
            if (!console.contains(PROMPT)) {
                throw new IOException("no login prompt in " + time.toSeconds() + " s from " + disk
                        + "; the console ends:\n" + console.substring(Math.max(0, console.length() - TAIL_CHARS)));
            }
            return new QemuBoot(console, time);
        } finally {
            end(qemu);
        }
    }

    private static List<String> command(URI disk, Path kernel, Path initrd) {
        return List.of(
                "qemu-system-x86_64",
                // The default CPU: as "max" without its virtualization, QEMU 7.2 boots a Debian whose mounts fail.
                "-nodefaults", "-accel", "tcg,thread=multi", "-machine", "q35", "-smp", "2", "-m", "1024",
                "-kernel", kernel.toString(),
                "-initrd", initrd.toString(),
                // A machine that fails restarts at once, which QEMU takes as its end.
                "-append", "root=/dev/vda rw console=ttyS0 mitigations=off panic=-1", "-no-reboot",
                // In QEMU's options a comma is written twice.
                "-drive", "file=" + disk.toString().replace(",", ",,") + ",format=raw,if=virtio,snapshot=on",
                "-serial", "stdio", "-display", "none", "-nic", "none");
    }

    /** What came up to the prompt, or up to the end if there was none. */
    private static String readToPrompt(InputStream from, Path copy) throws IOException {
        StringBuilder console = new StringBuilder();
        byte[] buffer = new byte[8192];
        try (OutputStream file = Files.newOutputStream(copy)) {
            while (console.length() < CONSOLE_BYTES_MAX && console.indexOf(PROMPT) < 0) {
                int n = from.read(buffer);
                if (n < 0) {
                    break;
                }
                file.write(buffer, 0, n);
                console.append(new String(buffer, 0, n, UTF_8));
            }
        }
        return console.toString();
    }

    private static void end(Process qemu) throws InterruptedException {
        qemu.destroy();
        if (!qemu.waitFor(END_SECONDS_MAX, SECONDS)) {
            qemu.destroyForcibly().waitFor();
        }
    }
}
