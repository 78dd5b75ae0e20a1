package cairn.cli;

import cairn.Fault;
import cairn.StoreException;
import cairn.api.Messages;
import cairn.client.DiskId;
import cairn.client.ImageUploader;
import cairn.client.NbdReader;
import cairn.client.StoreClient;
import cairn.disk.DiskSource;
import cairn.image.ImageId;
import cairn.image.ImageName;
import cairn.image.NewImage;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Shows what Cairn does, with a server that is gone afterwards. */
@Command(
        name = "quickstart",
        description = "Start a throw-away server, push the given disks (or two that it makes), show what is kept once,"
                + " stream one back over NBD and compare it bit for bit.")
final class QuickstartCommand implements Callable<Integer> {
    private static final int NAME_CHARS_MAX = 100;

    private final Terminal terminal;

    @Parameters(paramLabel = "DISK", arity = "0..*", description = "raw, qcow2, VMDK, VHD or VHDX")
    private List<Path> disks = new ArrayList<>();

    @Option(names = "--keep", description = "leave the server running, with what was pushed")
    private boolean isKept;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "show this and end")
    private boolean isHelp;

    /** A disk that was pushed, and what the store grew by. */
    private record Pushed(Path disk, ImageUploader.Result result, long storedBytes) {}

    QuickstartCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws IOException {
        Path launcher = launcher();
        requireReadable();
        Stage stage = new Stage(newFolder(), isKept);
        Runtime.getRuntime().addShutdownHook(stage.clearing);
        try {
            play(stage, launcher);
        } catch (RuntimeException | Error e) {
            stage.clear();
            throw e;
        }
        if (isKept) {
            stage.isLeft = true;
        } else {
            stage.clear();
            say("The server has ended, and everything it kept is removed.");
        }
        return StoreCommand.DONE;
    }

    private void play(Stage stage, Path launcher) {
        ThrowAwayServer server = startServer(stage, launcher);
        StoreClient client = server.connect();
        boolean isSample = disks.isEmpty();
        List<Path> pushing = isSample ? makeSamples(stage.folder) : disks;
        List<Pushed> pushed = pushAll(client, pushing, isSample);
        showFigures(client, pushed);
        Pushed last = pushed.get(pushed.size() - 1);
        streamBack(client, last);
        explainBoot(server, last, isSample);
    }

    private Path launcher() {
        String home = System.getProperty("cairn.home", "");
        Path launcher = Path.of(home, "cairn");
        if (home.isEmpty() || !Files.isExecutable(launcher)) {
            throw new StoreException(
                    Fault.NOT_FOUND, "quickstart starts a server by the launcher, which is not known; run it as"
                            + " `./cairn quickstart` in Cairn's folder");
        }
        return launcher.toAbsolutePath();
    }

    /** Before anything is started. */
    private void requireReadable() {
        for (Path disk : disks) {
            DiskSource.open(disk).close();
        }
    }

    private Path newFolder() throws IOException {
        String folder = terminal.variable("TMPDIR");
        return (folder.isEmpty()
                        ? Files.createTempDirectory("cairn-")
                        : Files.createTempDirectory(Path.of(folder), "cairn-"))
                .toAbsolutePath();
    }

    private ThrowAwayServer startServer(Stage stage, Path launcher) {
        long startNanos = System.nanoTime();
        ThrowAwayServer server = stage.start(launcher);
        server.awaitReady();
        say("Server: %s, ready in %s, data in %s", server.endpoint(), Sizes.seconds(since(startNanos)),
                server.dataFolder());
        return server;
    }

    private List<Path> makeSamples(Path folder) {
        long startNanos = System.nanoTime();
        SampleDisk first = SampleDisk.first();
        List<Path> files = new ArrayList<>();
        for (SampleDisk sample : List.of(first, first.updated())) {
            Path file = folder.resolve(sample.name() + ".raw");
            sample.write(file);
            files.add(file);
        }
        say("Made two disks of %s in %s: a sample, and the same after some updates", Sizes.bytes(first.sizeBytes()),
                Sizes.seconds(since(startNanos)));
        return files;
    }

    /** @param isFamily whether each disk was made from the one before */
    private List<Pushed> pushAll(StoreClient client, List<Path> files, boolean isFamily) {
        List<Pushed> pushed = new ArrayList<>();
        for (Path file : files) {
            String parent = isFamily && !pushed.isEmpty() ? pushed.get(pushed.size() - 1).result.image().id() : null;
            long storedBefore = client.stats().storedBytes();
            ImageUploader.Result result = push(client, file, nameOf(file, pushed.size() + 1), parent);
            pushed.add(new Pushed(file, result, client.stats().storedBytes() - storedBefore));
            say("Pushed %s as %s in %s: %s of data, %s of %s chunks were new, sent %s", file.getFileName(),
                    result.image().id(), Sizes.seconds(result.duration()), Sizes.bytes(result.dataBytes()),
                    Sizes.count(result.chunksSent()), Sizes.count(result.chunks()), Sizes.bytes(result.sentBytes()));
        }
        return pushed;
    }

    private ImageUploader.Result push(StoreClient client, Path file, ImageName name, String parent) {
        NewImage plain = NewImage.of(name);
        NewImage registration = new NewImage(
                name, plain.description(), plain.architecture(), plain.bootMode(),
                Optional.ofNullable(parent).map(ImageId::new), plain.tags());
        try (DiskSource disk = DiskSource.open(file);
                ProgressLine progress = new ProgressLine(terminal, "push")) {
            return new ImageUploader(client).upload(disk, registration, progress);
        }
    }

    /** The file's name, as far as an image may be called so, and a number that makes it the only one. */
    private static ImageName nameOf(Path file, int number) {
        String name = file.getFileName().toString().replaceAll("[^A-Za-z0-9()\\[\\] ./\\-'@_]", "_");
        return new ImageName("quickstart " + number + ' ' + name.substring(0, Math.min(name.length(), NAME_CHARS_MAX)));
    }

    private void showFigures(StoreClient client, List<Pushed> pushed) {
        Table table = new Table("DISK", ">LOGICAL", ">DATA", ">CHUNKS", ">NEW", ">SENT", ">STORED", ">SECONDS");
        for (Pushed each : pushed) {
            ImageUploader.Result result = each.result;
            table.row(
                    each.disk.getFileName(),
                    Sizes.bytes(result.logicalBytes()),
                    Sizes.bytes(result.dataBytes()),
                    Sizes.count(result.chunks()),
                    Sizes.count(result.chunksSent()),
                    Sizes.bytes(result.sentBytes()),
                    Sizes.bytes(Math.max(0, each.storedBytes)),
                    Sizes.seconds(result.duration()).replace(" s", ""));
        }
        terminal.out().println();
        table.print(terminal.out());
        terminal.out().println();
        long dataBytes = pushed.stream().mapToLong(each -> each.result.dataBytes()).sum();
        Messages.Stats stats = client.stats();
        say("Together: %s logical, %s of data, %s unique, %s stored; %s times less than the data",
                Sizes.bytes(stats.logicalBytes()), Sizes.bytes(dataBytes), Sizes.bytes(stats.uniqueBytes()),
                Sizes.bytes(stats.storedBytes()), Sizes.ratio(dataBytes, stats.storedBytes()));
    }

    private void streamBack(StoreClient client, Pushed pushed) {
        Messages.ExportUri export = client.exportUri(new DiskId(pushed.result.image().id()));
        long startNanos = System.nanoTime();
        try (DiskSource disk = DiskSource.open(pushed.disk);
                ProgressLine progress = new ProgressLine(terminal, "NBD");
                NbdReader reader = NbdReader.connect(URI.create(export.uri()))) {
            if (reader.sizeBytes() != disk.sizeBytes()) {
                throw new StoreException(
                        Fault.CORRUPT, "over NBD the disk has " + reader.sizeBytes() + " bytes, expected "
                                + disk.sizeBytes());
            }
            compare(reader, disk, progress);
        }
        Duration duration = since(startNanos);
        say("Streamed %s back over NBD, %s in %s (%s): bit for bit equal", pushed.disk.getFileName(),
                Sizes.bytes(pushed.result.logicalBytes()), Sizes.seconds(duration),
                Sizes.rate(pushed.result.logicalBytes(), duration));
    }

    private static void compare(NbdReader reader, DiskSource disk, ProgressLine progress) {
        byte[][] expected = {new byte[0]};
        reader.readAll((offset, bytes, lengthBytes) -> {
            if (expected[0].length < lengthBytes) {
                expected[0] = new byte[lengthBytes];
            }
            disk.read(offset, expected[0], 0, lengthBytes);
            int at = Arrays.mismatch(bytes, 0, lengthBytes, expected[0], 0, lengthBytes);
            if (at >= 0) {
                throw new StoreException(Fault.CORRUPT, "over NBD, byte " + (offset + at) + " differs");
            }
            progress.update(offset + lengthBytes, reader.sizeBytes(), 0);
        });
    }

    private void explainBoot(ThrowAwayServer server, Pushed pushed, boolean isSample) {
        String id = pushed.result.image().id();
        String cairn = System.getProperty("cairn.home", ".") + "/cairn";
        if (isKept) {
            say("To boot an image%s from a volume of its own, which goes when the machine ends:",
                    isSample ? " (one with a system on it)" : "");
            say("  %s run %s --data %s", cairn, id, server.dataFolder());
        } else {
            say("An image%s is booted from a server that is there: `%s serve`, or this with --keep. Then, from a volume of",
                    isSample ? " with a system on it" : "", cairn);
            say("its own, which goes when the machine ends:");
            say("  %s run ID", cairn);
        }
        if (isKept) {
            say("The server is left running with process id %d; it ends with: kill %d", server.pid(), server.pid());
            say("Its images: %s images --data %s", cairn, server.dataFolder());
            say("To remove it all when it has ended: rm -r %s", server.dataFolder().getParent());
        }
    }

    private void say(String format, Object... values) {
        terminal.out().println(String.format(format, values));
    }

    private static Duration since(long startNanos) {
        return Duration.ofNanos(System.nanoTime() - startNanos);
    }

    /** Everything that has to be gone at the end, also after a failure or an interrupt. */
    private static final class Stage {
        final Path folder;
        final Thread clearing = new Thread(this::clear);
        volatile boolean isLeft;
        private final boolean isServerKept;
        private ThrowAwayServer server;
        private boolean isCleared;

        Stage(Path folder, boolean isServerKept) {
            this.isServerKept = isServerKept;
            this.folder = folder;
        }

        /** Together with {@link #clear}, so that no server starts after everything was cleared. */
        synchronized ThrowAwayServer start(Path launcher) {
            if (isCleared) {
                throw new StoreException(Fault.SHUTTING_DOWN, "interrupted");
            }
            server = ThrowAwayServer.start(List.of(launcher.toString(), "serve"), folder, !isServerKept);
            return server;
        }

        synchronized void clear() {
            if (isLeft || isCleared) {
                return;
            }
            isCleared = true;
            if (server != null) {
                server.close();
            }
            try (Stream<Path> files = Files.walk(folder)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.deleteIfExists(file);
                }
            } catch (IOException e) {
                throw new StoreException(Fault.INTERNAL, "cannot remove " + folder + ": " + e.getMessage(), e);
            }
        }
    }
}
