package cairn.server.instance;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import cairn.image.Architecture;
import cairn.image.InstanceId;
import cairn.image.VolumeId;
import cairn.qemu.PortForward;
import cairn.qemu.QemuCommandLine;
import cairn.qemu.QemuDisk;
import cairn.qemu.QemuHost;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs machines in QEMU on this host, apart from the server: they go on while it is away, and wait for their disks.
 * Each has a folder, {@code FOLDER/i-...}, with its console, its UEFI variables, and the monitor's socket: a QEMU that
 * answers there is the instance's, whichever server has started it.
 *
 * <p>Disks come over the server's own unix socket. The network is closed but for one port of this host that leads to
 * the machine's port 22: an account's machine is not to reach what listens on this host.
 */
public final class QemuLauncher implements Launcher {
    public static final String NAME = "qemu";
    /** The tag that says where a machine's port 22 is. */
    public static final String SSH_TAG = "cairn:ssh";
    /** Of a machine's console so much is kept, and what it has said since this was written down last. */
    static final int CONSOLE_BYTES_MAX = 4 << 20;

    private static final Logger log = LoggerFactory.getLogger(QemuLauncher.class);
    private static final int SSH_PORT = 22;
    private static final int START_SECONDS_MAX = 60;
    private static final int QUIT_SECONDS_MAX = 10;
    private static final int EXIT_POLLS_MAX = 100;
    private static final int EXIT_POLL_MILLIS = 100;
    private static final int CONSOLE_SECONDS = 5;
    private static final int MESSAGE_CHARS_MAX = 300;

    private static final String CONSOLE = "console.log";
    private static final String CONSOLE_BEFORE = "console.1.log";
    private static final String MONITOR = "qmp";
    private static final String PROCESS_ID = "pid";
    private static final String SAID = "start.log";
    private static final String VARIABLES = "uefi-variables.fd";
    private static final String SSH = "ssh-port";

    /**
     * How machines are run.
     *
     * @param folder where machines have theirs
     * @param nbdSocket the server's
     * @param kernel what boots every machine, for disks without a boot loader; empty: what is on the disk
     * @param machinesMax at most so many run at a time
     * @param memoryBytesMax of all machines together
     * @param patience how long a machine that is asked to end may take
     */
    public record Settings(
            Path folder,
            QemuHost host,
            Path nbdSocket,
            Optional<QemuCommandLine.Kernel> kernel,
            int machinesMax,
            long memoryBytesMax,
            Duration patience) {}

    private final Settings settings;
    private final Map<InstanceId, Running> machines = new ConcurrentHashMap<>();
    private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor(task -> {
        Thread thread = new Thread(task, "qemu-timer");
        thread.setDaemon(true);
        return thread;
    });

    /** A machine that runs or is about to. */
    private static final class Running {
        final Machine machine;
        /** Null until the machine runs. */
        volatile QemuMonitor monitor;
        volatile Optional<ProcessHandle> process = Optional.empty();

        Running(Machine machine) {
            this.machine = machine;
        }
    }

    public QemuLauncher(Settings settings) {
        this.settings = settings;
        timer.scheduleWithFixedDelay(this::shortenConsoles, CONSOLE_SECONDS, CONSOLE_SECONDS, TimeUnit.SECONDS);
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public boolean startsAtOnce() {
        return false;
    }

    @Override
    public void requireRoom(Architecture architecture, InstanceType type, int count) {
        try {
            settings.host.program(architecture);
        } catch (StoreException e) {
            log.warn("machines of {}: {}", architecture.label(), e.getMessage());
            throw new StoreException(e.fault(), "machines of " + architecture.label() + " are not run here", e);
        }
        requireRoomFor(type, count);
    }

    private synchronized void requireRoomFor(InstanceType type, int count) {
        long takenBytes = machines.values().stream().mapToLong(each -> each.machine.type().memoryBytes()).sum();
        if (count > settings.machinesMax - machines.size()
                || type.memoryBytes() * count > settings.memoryBytesMax - takenBytes) {
            // Who asks is not told what others run.
            log.debug(
                    "no room for {} of {}: {} machines of at most {} run, with {} of {} bytes of memory",
                    count, type.name(), machines.size(), settings.machinesMax, takenBytes, settings.memoryBytesMax);
            throw new StoreException(Fault.CONFLICT, "there is no room for " + count + " of " + type.name());
        }
    }

    private synchronized Running enter(Machine machine) {
        requireRoomFor(machine.type(), 1);
        Running running = new Running(machine);
        if (machines.putIfAbsent(machine.id(), running) != null) {
            throw new StoreException(Fault.CONFLICT, "instance " + machine.id() + " runs already");
        }
        return running;
    }

    @Override
    public void start(Machine machine, Runnable onEnd) {
        Running running = enter(machine);
        List<String> command = List.of();
        try {
            Path folder = folder(machine.id());
            Files.createDirectories(
                    folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            PortForward ssh = new PortForward(0, SSH_PORT).withFreePort();
            Files.writeString(folder.resolve(SSH), Integer.toString(ssh.hostPort()));
            command = commandLine(machine, folder, ssh).words();
            run(command, folder.resolve(SAID));
            connect(running, onEnd);
        } catch (IOException | RuntimeException e) {
            killUnheard(command);
            machines.remove(machine.id());
            throw e instanceof StoreException known
                    ? known
                    : new StoreException(Fault.UNAVAILABLE, "instance " + machine.id() + ": " + e.getMessage(), e);
        }
    }

    /** What has put itself into the background, and is not heard of, runs by the very same words. */
    static void killUnheard(List<String> command) {
        if (command.isEmpty()) {
            return;
        }
        String words = String.join("\0", command) + '\0';
        ProcessHandle.allProcesses().filter(process -> words.equals(wordsOf(process))).forEach(process -> {
            log.warn("process {} of a machine that has not started is killed", process.pid());
            process.destroyForcibly();
            awaitExit(process);
        });
    }

    private static String wordsOf(ProcessHandle process) {
        try {
            return Files.readString(Path.of("/proc", Long.toString(process.pid()), "cmdline"));
        } catch (IOException e) {
            // It has ended, or is somebody else's.
            return "";
        }
    }

    private QemuCommandLine commandLine(Machine machine, Path folder, PortForward ssh) throws IOException {
        QemuHost host = settings.host;
        Optional<QemuHost.Firmware> firmware = settings.kernel.isPresent()
                ? Optional.empty()
                : host.firmware(machine.architecture(), machine.bootMode());
        return new QemuCommandLine(
                host.program(machine.architecture()),
                machine.architecture(),
                host.whyNoKvm(machine.architecture()).isEmpty(),
                machine.type().memoryBytes(),
                machine.type().cpus(),
                machine.disks().stream().map(this::drive).toList(),
                firmware.isPresent() ? Optional.of(withOwnVariables(firmware.get(), folder)) : Optional.empty(),
                settings.kernel,
                new QemuCommandLine.Network(List.of(ssh), true),
                new QemuCommandLine.Background(
                        folder.resolve(CONSOLE), folder.resolve(MONITOR), folder.resolve(PROCESS_ID)),
                List.of());
    }

    private QemuCommandLine.Drive drive(VolumeId volume) {
        return new QemuCommandLine.Drive(
                new QemuDisk(new QemuDisk.UnixSocket(settings.nbdSocket.toAbsolutePath()), volume.value(), false),
                Optional.empty());
    }

    /** They stay with the instance while it is stopped. */
    private static QemuHost.Firmware withOwnVariables(QemuHost.Firmware flash, Path folder) throws IOException {
        Path own = folder.resolve(VARIABLES);
        if (!Files.exists(own)) {
            Files.copy(flash.variables(), own);
        }
        return new QemuHost.Firmware(flash.code(), own);
    }

    /** Runs QEMU until it has put itself into the background. */
    private static void run(List<String> command, Path said) throws IOException {
        Process qemu = new ProcessBuilder(command)
                .redirectInput(new File("/dev/null"))
                .redirectErrorStream(true)
                .redirectOutput(said.toFile())
                .start();
        try {
            if (!qemu.waitFor(START_SECONDS_MAX, TimeUnit.SECONDS)) {
                qemu.destroyForcibly();
                throw new IOException("QEMU has not started within " + START_SECONDS_MAX + " s");
            }
        } catch (InterruptedException e) {
            qemu.destroyForcibly();
            Thread.currentThread().interrupt();
            throw new StoreException(Fault.SHUTTING_DOWN, "interrupted", e);
        }
        if (qemu.exitValue() != 0) {
            String message = Files.readString(said).strip();
            throw new IOException("QEMU ended with status " + qemu.exitValue() + ": "
                    + Text.shown(message.substring(0, Math.min(message.length(), MESSAGE_CHARS_MAX))));
        }
    }

    @Override
    public boolean resume(Machine machine, Runnable onEnd) {
        Running running = new Running(machine);
        machines.put(machine.id(), running);
        try {
            connect(running, onEnd);
            return true;
        } catch (IOException e) {
            machines.remove(machine.id());
            return false;
        }
    }

    private void connect(Running running, Runnable onEnd) throws IOException {
        Path folder = folder(running.machine.id());
        running.monitor = QemuMonitor.open(folder.resolve(MONITOR), () -> ended(running, onEnd));
        // Who answers at the monitor has written this, and holds it.
        running.process = findProcess(folder.resolve(PROCESS_ID));
    }

    private static Optional<ProcessHandle> findProcess(Path file) {
        try {
            return ProcessHandle.of(Long.parseLong(Files.readString(file).strip()));
        } catch (IOException | NumberFormatException e) {
            // It has ended meanwhile.
            return Optional.empty();
        }
    }

    private void ended(Running running, Runnable onEnd) {
        running.process.ifPresent(QemuLauncher::awaitExit);
        machines.remove(running.machine.id(), running);
        onEnd.run();
    }

    /** Its disks are closed when the line to it breaks; what comes after that is soon done. */
    private static void awaitExit(ProcessHandle process) {
        try {
            for (int i = 0; i < EXIT_POLLS_MAX && process.isAlive() && !isZombie(process.pid()); i++) {
                TimeUnit.MILLISECONDS.sleep(EXIT_POLL_MILLIS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        process.destroyForcibly();
    }

    /** Java takes one for alive; where nobody takes in orphans, it stays. */
    private static boolean isZombie(long pid) {
        try {
            String stat = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
            return stat.startsWith(" Z", stat.lastIndexOf(')') + 1);
        } catch (IOException e) {
            return false;
        }
    }

    @Override
    public boolean end(InstanceId id, boolean isAtOnce) {
        Running running = machines.get(id);
        if (running == null || running.monitor == null) {
            return false;
        }
        if (isAtOnce) {
            quit(running);
        } else {
            running.monitor.powerDown();
            later(() -> quit(running), settings.patience);
        }
        return true;
    }

    private void quit(Running running) {
        if (machines.get(running.machine.id()) == running) {
            running.monitor.quit();
            later(() -> kill(running), Duration.ofSeconds(QUIT_SECONDS_MAX));
        }
    }

    private void kill(Running running) {
        if (machines.get(running.machine.id()) == running) {
            log.warn("the machine of {} does not end, and is killed", running.machine.id());
            running.process.ifPresent(ProcessHandle::destroyForcibly);
        }
    }

    private void later(Runnable task, Duration delay) {
        try {
            timer.schedule(task, delay.toMillis(), TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException e) {
            // The server is going down; the next one ends the machine.
        }
    }

    @Override
    public Map<String, String> tags(InstanceId id) {
        if (!machines.containsKey(id)) {
            return Map.of();
        }
        try {
            return Map.of(SSH_TAG, "127.0.0.1:" + Files.readString(folder(id).resolve(SSH)).strip());
        } catch (IOException e) {
            return Map.of();
        }
    }

    /** A machine can say what it likes, as much as it likes. */
    private void shortenConsoles() {
        for (InstanceId id : machines.keySet()) {
            Path console = folder(id).resolve(CONSOLE);
            try {
                if (Files.exists(console) && Files.size(console) > CONSOLE_BYTES_MAX) {
                    shorten(console, folder(id).resolve(CONSOLE_BEFORE));
                }
            } catch (IOException e) {
                log.warn("the console of {}: {}", id, e.getMessage());
            }
        }
    }

    /** Moves what was said last aside. QEMU adds to the file's end, wherever that is now. */
    static void shorten(Path console, Path before) throws IOException {
        try (FileChannel file = FileChannel.open(console, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            long sizeBytes = file.size();
            ByteBuffer last = ByteBuffer.allocate((int) Math.min(sizeBytes, CONSOLE_BYTES_MAX));
            file.position(sizeBytes - last.capacity());
            while (last.hasRemaining() && file.read(last) >= 0) {
                // The rest comes with the next read.
            }
            file.truncate(0);
            Files.write(before, last.array());
        }
    }

    @Override
    public void forget(InstanceId id) {
        Path folder = folder(id);
        if (!Files.exists(folder)) {
            return;
        }
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : (Iterable<Path>) files::iterator) {
                Files.delete(file);
            }
            Files.delete(folder);
        } catch (IOException e) {
            log.warn("the folder of {}, which is gone, is still there: {}", id, e.getMessage());
        }
    }

    private Path folder(InstanceId id) {
        return settings.folder.toAbsolutePath().resolve(id.value());
    }

    @Override
    public void close() {
        timer.shutdownNow();
        machines.values().forEach(running -> {
            try {
                if (running.monitor != null) {
                    running.monitor.close();
                }
            } catch (IOException e) {
                log.warn("the monitor of {}: {}", running.machine.id(), e.getMessage());
            }
        });
    }
}
