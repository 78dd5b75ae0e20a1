package cairn.server;

import cairn.StoreException;
import cairn.Text;
import cairn.api.DefaultDataFolder;
import cairn.image.Region;
import cairn.qemu.QemuCommandLine.Kernel;
import cairn.server.account.Regions;
import cairn.server.gc.Budget;
import cairn.server.gc.GcSettings;
import cairn.server.http.HttpLimits;
import cairn.server.nbd.NbdLimits;
import io.netty.util.internal.PlatformDependent;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code cairn serve}, and the way to {@code cairn fsck}. */
@Command(
        name = "cairn serve",
        mixinStandardHelpOptions = true,
        versionProvider = ServerVersion.class,
        description = "Keeps images and serves them over HTTP and NBD until it is told to stop (SIGTERM, Ctrl-C).",
        sortOptions = false)
public final class Main implements Callable<Integer> {
    private static final int MIB = 1 << 20;
    private static final int OTHER_BUFFERS_MIB = 128;
    private static final int ZSTD_LEVEL_MAX = 22;
    private static final String OFF = "off";
    private static final Pattern TIME = Pattern.compile("([0-9]{1,6})([smhd])");
    private static final Pattern SETTLE = Pattern.compile("zstd(?::([0-9]{1,2}))?");

    @Spec
    private CommandLine.Model.CommandSpec spec;

    @Option(names = "--data", paramLabel = "DIR", description = "where everything is kept (default: ${DEFAULT-VALUE})")
    private Path data = DefaultDataFolder.of(System::getenv, Path.of(System.getProperty("user.home")));

    @Option(names = "--listen", paramLabel = "ADDR", description = "address to listen on (default: 127.0.0.1)")
    private InetAddress listen = InetAddress.getLoopbackAddress();

    @Option(
            names = "--without-tls",
            description = "listen beyond this machine although nothing is encrypted; only for networks that you trust")
    private boolean isWithoutTls;

    @Option(names = "--http-port", paramLabel = "N", description = "default: ${DEFAULT-VALUE}; 0 picks a free one")
    private int httpPort = ServerConfig.DEFAULT_HTTP_PORT;

    @Option(names = "--nbd-port", paramLabel = "N", description = "default: ${DEFAULT-VALUE}; 0 picks a free one")
    private int nbdPort = ServerConfig.DEFAULT_NBD_PORT;

    @Option(
            names = "--nbd-socket",
            paramLabel = "PATH",
            description = "unix socket; whoever can open it may use every image and volume (default: DIR/nbd.sock)")
    private Path nbdSocket;

    @Option(
            names = "--regions",
            paramLabel = "NAME",
            split = ",",
            description = "the regions that are offered, with commas between them (default: any)")
    private List<String> regions = List.of();

    @Option(
            names = "--data-encrypted",
            description = "your word that --data lies on encrypted storage (LUKS, say): what accounts ask to have"
                    + " encrypted is then taken, and shown as such; Cairn itself encrypts nothing")
    private boolean isDataEncrypted;

    @Option(
            names = "--launcher",
            paramLabel = "HOW",
            description = "what runs new instances: none (you do, with their volumes over NBD) or qemu, on this host"
                    + " (default: none)")
    private LauncherName launcher = LauncherName.NONE;

    @Option(
            names = "--instances-max",
            paramLabel = "N",
            description = "most instances that run in QEMU at a time (default: ${DEFAULT-VALUE})")
    private int machinesMax = Launching.DEFAULT_MACHINES_MAX;

    @Option(
            names = "--launcher-kernel",
            paramLabel = "FILE",
            description = "QEMU boots this kernel, for disks without a boot loader")
    private Path kernel;

    @Option(names = "--launcher-initrd", paramLabel = "FILE", description = "the kernel's first file system")
    private Path initrd;

    @Option(names = "--launcher-append", paramLabel = "TEXT", description = "the kernel's command line")
    private String append;

    @Option(
            names = "--chunk-cache",
            paramLabel = "MIB",
            description = "memory for unpacked chunks, in MiB (default: ${DEFAULT-VALUE})")
    private int chunkCacheMib = Math.toIntExact(ServerConfig.DEFAULT_CHUNK_CACHE_BYTES / MIB);

    @Option(
            names = "--page-cache",
            paramLabel = "MIB",
            description = "memory for pages, in MiB (default: ${DEFAULT-VALUE})")
    private int pageCacheMib = Math.toIntExact(ServerConfig.DEFAULT_PAGE_CACHE_BYTES / MIB);

    @Option(
            names = "--gc-every",
            paramLabel = "TIME",
            description = "how long after one collection of garbage the next begins in the background, if anything has"
                    + " changed: 90s, 30m, 6h, 1d, or off (default: 1h)")
    private String gcEvery = "1h";

    @Option(
            names = "--gc-rate",
            paramLabel = "MIB_PER_S",
            description = "most that it reads and writes in the background, in MiB a second; 0: no bound (default:"
                    + " ${DEFAULT-VALUE})")
    private int gcRateMib = Math.toIntExact(Budget.BACKGROUND.bytesPerSecond() / MIB);

    @Option(
            names = "--gc-cpu",
            paramLabel = "PERCENT",
            description = "most of one CPU that it takes in the background (default: ${DEFAULT-VALUE})")
    private int gcCpuPercent = Budget.BACKGROUND.cpuPercent();

    @Option(
            names = "--settle",
            paramLabel = "HOW",
            description = "how what has been there for a while is packed: zstd, zstd:LEVEL of 1 to 22, or off, which"
                    + " leaves it as it is (default: zstd)")
    private String settle = "zstd";

    @Option(
            names = "--scrub-every",
            paramLabel = "DAYS",
            description = "how often everything that is kept is read and proven, or off (default: ${DEFAULT-VALUE})")
    private String scrubEvery = String.valueOf(Scrubbing.DEFAULT_DAYS);

    @Option(
            names = "--scrub-rate",
            paramLabel = "MIB_PER_S",
            description = "how fast, at most, in MiB a second (default: ${DEFAULT-VALUE})")
    private int scrubMibPerSecond = Scrubbing.DEFAULT_MIB_PER_SECOND;

    @Option(
            names = "--until-stdin-ends",
            hidden = true,
            description = "end when standard input does: with whoever started this, however they end")
    private boolean isUntilStdinEnds;

    /** Those that there are, by their names. */
    enum LauncherName {
        NONE,
        QEMU
    }

    /** Serves, unless the first word is {@code fsck}. */
    public static void main(String[] args) {
        boolean isFsck = args.length > 0 && args[0].equals("fsck");
        System.exit(new CommandLine(isFsck ? new FsckCommand() : new Main())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setParameterExceptionHandler((e, ignored) -> wrongUsage(e))
                .execute(isFsck ? Arrays.copyOfRange(args, 1, args.length) : args));
    }

    /** In one line, as the client does. */
    private static int wrongUsage(ParameterException e) {
        String message = String.valueOf(e.getMessage()).replaceAll("\\s*\\R\\s*", " ");
        String command = e.getCommandLine().getCommandSpec().name();
        System.err.println("cairn: " + message + "; see `" + command + " --help`");
        return e.getCommandLine().getCommandSpec().exitCodeOnInvalidInput();
    }

    @Override
    public Integer call() throws InterruptedException {
        ServerConfig config = config();
        StoreServer server;
        try {
            server = StoreServer.start(config);
        } catch (StoreException | IOException e) {
            System.err.println("cairn: " + e.getMessage());
            return 1;
        }
        CountDownLatch ended = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            server.close();
            ended.countDown();
        }));
        System.out.println(server.readyLine());
        if (isUntilStdinEnds) {
            awaitEndOfStdin();
            return 0;
        }
        ended.await();
        return 0;
    }

    private static void awaitEndOfStdin() {
        try {
            while (System.in.read() >= 0) {
                // Whatever is said there means that somebody is there.
            }
        } catch (IOException e) {
            // Nobody is there any more.
        }
    }

    private ServerConfig config() {
        requireMemory();
        requirePort("--http-port", httpPort);
        requirePort("--nbd-port", nbdPort);
        if (!listen.isLoopbackAddress() && !isWithoutTls) {
            throw new ParameterException(
                    spec.commandLine(),
                    "listening on " + listen.getHostAddress()
                            + " lets others read along, for nothing is encrypted; say --without-tls if that is meant");
        }
        if (data.toString().isEmpty()) {
            throw new ParameterException(spec.commandLine(), "--data names no folder");
        }
        if (chunkCacheMib < 1 || pageCacheMib < 1) {
            throw new ParameterException(spec.commandLine(), "--chunk-cache and --page-cache are at least 1 MiB");
        }
        return new ServerConfig(
                data,
                listen,
                httpPort,
                nbdPort,
                Optional.of(nbdSocket == null ? data.resolve("nbd.sock") : nbdSocket),
                regions(),
                launching(),
                isDataEncrypted,
                (long) chunkCacheMib * MIB,
                (long) pageCacheMib * MIB,
                gc(),
                settledLevel(),
                scrubbing());
    }

    private GcSettings gc() {
        if (gcRateMib < 0 || gcCpuPercent < 1 || gcCpuPercent > 100) {
            throw new ParameterException(
                    spec.commandLine(), "--gc-rate is at least 0, and --gc-cpu is 1 to 100");
        }
        return new GcSettings(
                gcEvery(),
                gcEvery().filter(every -> every.compareTo(GcSettings.DEFAULT.first()) < 0).orElse(GcSettings.DEFAULT.first()),
                new Budget((long) gcRateMib * MIB, gcCpuPercent),
                !settle.equals(OFF));
    }

    private Optional<Duration> gcEvery() {
        if (gcEvery.equals(OFF)) {
            return Optional.empty();
        }
        Matcher matcher = TIME.matcher(gcEvery);
        if (!matcher.matches() || matcher.group(1).matches("0+")) {
            throw new ParameterException(
                    spec.commandLine(), "--gc-every is a time such as 90s, 30m, 6h or 1d, or off, not " + Text.shown(gcEvery));
        }
        ChronoUnit unit = switch (matcher.group(2)) {
            case "s" -> ChronoUnit.SECONDS;
            case "m" -> ChronoUnit.MINUTES;
            case "h" -> ChronoUnit.HOURS;
            default -> ChronoUnit.DAYS;
        };
        return Optional.of(Duration.of(Long.parseLong(matcher.group(1)), unit));
    }

    private int settledLevel() {
        Matcher matcher = SETTLE.matcher(settle);
        if (settle.equals(OFF)) {
            return ServerConfig.DEFAULT_SETTLED_LEVEL;
        }
        int level = !matcher.matches()
                ? 0
                : matcher.group(1) == null ? ServerConfig.DEFAULT_SETTLED_LEVEL : Integer.parseInt(matcher.group(1));
        if (level < 1 || level > ZSTD_LEVEL_MAX) {
            throw new ParameterException(
                    spec.commandLine(), "--settle is zstd, zstd:LEVEL of 1 to " + ZSTD_LEVEL_MAX + ", or off, not "
                            + Text.shown(settle));
        }
        return level;
    }

    private Scrubbing scrubbing() {
        if (scrubMibPerSecond < 1) {
            throw new ParameterException(spec.commandLine(), "--scrub-rate is at least 1 MiB a second");
        }
        long bytesPerSecond = (long) scrubMibPerSecond * MIB;
        if (scrubEvery.equals(OFF)) {
            return new Scrubbing(Optional.empty(), bytesPerSecond);
        }
        if (!scrubEvery.matches("[1-9][0-9]{0,4}")) {
            throw new ParameterException(spec.commandLine(), "--scrub-every is a number of days, or off");
        }
        return new Scrubbing(Optional.of(Duration.ofDays(Integer.parseInt(scrubEvery))), bytesPerSecond);
    }

    private Regions regions() {
        try {
            return new Regions(regions.stream().map(Region::new).toList());
        } catch (StoreException e) {
            throw new ParameterException(spec.commandLine(), "--regions: " + e.getMessage());
        }
    }

    private Launching launching() {
        if (machinesMax < 1) {
            throw new ParameterException(spec.commandLine(), "--instances-max is at least 1");
        }
        if (kernel == null && (initrd != null || append != null)) {
            throw new ParameterException(
                    spec.commandLine(), "--launcher-initrd and --launcher-append need --launcher-kernel");
        }
        for (Path file : new Path[] {kernel, initrd}) {
            if (file != null && !Files.isReadable(file)) {
                throw new ParameterException(spec.commandLine(), "cannot read " + file);
            }
        }
        Optional<Kernel> direct = Optional.ofNullable(kernel).map(image -> new Kernel(
                image.toAbsolutePath(),
                Optional.ofNullable(initrd).map(Path::toAbsolutePath),
                append == null ? "" : append));
        return new Launching(
                launcher == LauncherName.QEMU, machinesMax, Launching.DEFAULT_PATIENCE, direct);
    }

    /** Better told now than when a busy day brings the cache and the replies on their way to their bounds. */
    private void requireMemory() {
        long heapMib = Runtime.getRuntime().maxMemory() / MIB;
        if (pageCacheMib > heapMib / 2) {
            throw new ParameterException(
                    spec.commandLine(),
                    "a page cache of " + pageCacheMib + " MiB is more than half of Java's heap of " + heapMib
                            + " MiB; set CAIRN_JAVA_OPTIONS=-Xmx" + 2L * pageCacheMib + "m");
        }
        long repliesMib = (NbdLimits.DEFAULT.heldBytesMax() + HttpLimits.DEFAULT.heldBytesMax()) / MIB;
        long neededMib = chunkCacheMib + repliesMib + OTHER_BUFFERS_MIB;
        long allowedMib = PlatformDependent.maxDirectMemory() / MIB;
        if (neededMib > allowedMib) {
            throw new ParameterException(
                    spec.commandLine(),
                    "a chunk cache of " + chunkCacheMib + " MiB and replies on their way need " + neededMib
                            + " MiB of buffers, and Java may use " + allowedMib
                            + "; set CAIRN_JAVA_OPTIONS=-XX:MaxDirectMemorySize=" + neededMib + "m");
        }
    }

    private void requirePort(String option, int port) {
        if (port < 0 || port > 65_535) {
            throw new ParameterException(spec.commandLine(), option + " is 0 to 65535, not " + port);
        }
    }
}
