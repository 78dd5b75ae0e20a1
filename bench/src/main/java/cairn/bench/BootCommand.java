package cairn.bench;

import cairn.Fault;
import cairn.StoreException;
import cairn.client.ImageUploader;
import cairn.client.NbdReader;
import cairn.client.StoreClient;
import cairn.client.TransferProgress;
import cairn.disk.DiskSource;
import cairn.image.ImageId;
import cairn.image.ImageName;
import cairn.image.NewImage;
import cairn.server.Launching;
import cairn.server.ServerConfig;
import cairn.server.StoreServer;
import cairn.server.account.Regions;
import cairn.sigv4.CredentialsFile;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Replays the reads of a boot against servers that have nothing cached, with and without a boot profile. */
@Command(
        name = "boot",
        description = "Push the disk to a throw-away store, and replay a boot's reads over NBD, one at a time, each run"
                + " on a server that has just started: without a boot profile, and with one. Print how long the reads"
                + " were waited for.")
final class BootCommand extends MeasuringCommand {
    @Parameters(paramLabel = "DISK", description = "raw, qcow2, VMDK, VHD or VHDX")
    private Path disk;

    @Option(
            names = "--trace",
            paramLabel = "LOG",
            required = true,
            description = "reads of a boot of this disk, as nbdkit's log filter writes them")
    private Path trace;

    @Option(
            names = "--profile-trace",
            paramLabel = "LOG",
            description = "another boot, from which the profile is made (default: the same)")
    private Path profileTrace;

    @Option(names = "--runs", paramLabel = "N", description = "of each kind (default: ${DEFAULT-VALUE})")
    private int runs = 5;

    @Option(
            names = "--warm-ups",
            paramLabel = "N",
            description = "runs before, so that Java has compiled what is measured (default: ${DEFAULT-VALUE})")
    private int warmUps = 4;

    @Option(
            names = "--think",
            paramLabel = "X",
            description = "again with so much of the recorded time between reads; 0: not (default: ${DEFAULT-VALUE})")
    private double think = 0.1;

    @Option(
            names = "--cold-files",
            description = "put the store's files out of the system's page cache before each run, by dd's nocache")
    private boolean isFilesCold;

    private Path folder;
    private int pushed;

    /** One replay. */
    private record Run(long[] nanos, long chunkLoads) {
        double waitedMillis() {
            return Arrays.stream(nanos).sum() / 1e6;
        }
    }

    BootCommand(PrintStream out, PrintStream err) {
        super(out, err);
    }

    @Override
    Report measure() throws IOException {
        if (runs < 1 || warmUps < 0 || !(think >= 0)) {
            throw new StoreException(
                    Fault.INVALID_REQUEST, "--runs is at least 1, and --think and --warm-ups are not negative");
        }
        BootTrace measured = BootTrace.read(trace);
        BootTrace profiling = profileTrace == null ? measured : BootTrace.read(profileTrace);
        folder = ScratchFolder.make();
        try {
            return measure(measured, profiling);
        } finally {
            ScratchFolder.remove(folder);
        }
    }

    private BootReport measure(BootTrace measured, BootTrace profiling) throws IOException {
        say("warming up");
        for (int n = 0; n < warmUps; n++) {
            without(measured, 0);
            with(measured, profiling, 0);
        }
        List<BootReport.Row> rows = new ArrayList<>();
        for (double scale : think == 0 ? new double[] {0} : new double[] {0, think}) {
            List<Run> without = new ArrayList<>();
            List<Run> with = new ArrayList<>();
            for (int n = 0; n < runs; n++) {
                // By turns, so that both see the same weather.
                without.add(without(measured, scale));
                with.add(with(measured, profiling, scale));
                say("think x " + scale + ", run " + (n + 1) + ": "
                        + Math.round(without.get(n).waitedMillis()) + " ms without, "
                        + Math.round(with.get(n).waitedMillis()) + " with");
            }
            rows.add(row(scale, false, without));
            rows.add(row(scale, true, with));
        }
        return new BootReport(
                Machine.look(),
                measured.reads().size(),
                measured.bytes(),
                runs,
                isFilesCold,
                rows);
    }

    /** On an image that has never been booted. */
    private Run without(BootTrace measured, double scale) throws IOException {
        ImageId image = push();
        return replayOnFreshServer(image, measured, scale);
    }

    /** On an image that has been booted once. */
    private Run with(BootTrace measured, BootTrace profiling, double scale) throws IOException {
        ImageId image = push();
        replayOnFreshServer(image, profiling, 0);
        return replayOnFreshServer(image, measured, scale);
    }

    /** Whose disk is kept already, but for the first. */
    private ImageId push() throws IOException {
        try (StoreServer server = start();
                DiskSource source = DiskSource.open(disk)) {
            NewImage registration = NewImage.of(new ImageName("boot " + ++pushed));
            ImageUploader uploader = new ImageUploader(client(server));
            return new ImageId(uploader.upload(source, registration, TransferProgress.none()).image().id());
        }
    }

    private StoreServer start() throws IOException {
        return StoreServer.start(new ServerConfig(
                folder.resolve("data"),
                InetAddress.getLoopbackAddress(),
                0,
                0,
                Optional.of(socket()),
                Regions.ANY,
                Launching.NONE,
                false,
                ServerConfig.DEFAULT_CHUNK_CACHE_BYTES,
                ServerConfig.DEFAULT_PAGE_CACHE_BYTES));
    }

    private Path socket() {
        return folder.resolve("nbd.sock");
    }

    private StoreClient client(StoreServer server) throws IOException {
        InetSocketAddress http = server.httpAddress();
        return new StoreClient(
                URI.create("http://" + http.getHostString() + ':' + http.getPort()),
                CredentialsFile.read(folder.resolve("data/credentials"), CredentialsFile.DEFAULT_PROFILE));
    }

    /** The server keeps what was recorded before it has closed. */
    private Run replayOnFreshServer(ImageId image, BootTrace replayed, double scale) throws IOException {
        try (StoreServer server = start()) {
            if (isFilesCold) {
                FileCache.coolFiles(folder.resolve("data/rocks"));
            }
            try (NbdReader reader = NbdReader.connect(URI.create("nbd+unix:///" + image + "?socket=" + socket()))) {
                return new Run(replayed.replay(reader, scale), server.chunkLoads());
            }
        }
    }

    private static BootReport.Row row(double scale, boolean hasProfile, List<Run> runs) {
        double[] waited = runs.stream().mapToDouble(Run::waitedMillis).sorted().toArray();
        double[] reads = runs.stream()
                .flatMapToDouble(run -> Arrays.stream(run.nanos).mapToDouble(nanos -> nanos / 1e3))
                .sorted()
                .toArray();
        long[] loads = runs.stream().mapToLong(Run::chunkLoads).sorted().toArray();
        return new BootReport.Row(
                scale,
                hasProfile,
                loads[loads.length / 2],
                rounded(waited[waited.length / 2]),
                rounded(waited[0]),
                rounded(waited[waited.length - 1]),
                rounded(reads[reads.length / 2]),
                rounded(reads[reads.length * 99 / 100]));
    }

    private static double rounded(double value) {
        return Math.round(value * 10) / 10.0;
    }
}
