package cairn.bench;

import cairn.Fault;
import cairn.StoreException;
import cairn.api.Messages;
import cairn.chunk.Chunk;
import cairn.cli.Sizes;
import cairn.client.ImageUploader;
import cairn.client.StoreClient;
import cairn.client.TransferProgress;
import cairn.disk.DiskSource;
import cairn.image.ImageName;
import cairn.image.NewImage;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Pushes disks to a server that is gone afterwards, and says what was kept of each and what it cost. */
@Command(
        name = "dedup",
        description = "Push the disks in this order to a throw-away server in a process of its own; print for each what"
                + " is new and stored, seconds, and CPU seconds of client and server, and what is stored beyond the"
                + " packed chunks themselves.")
final class DedupCommand extends MeasuringCommand {
    @Parameters(paramLabel = "DISK", arity = "1..*", description = "raw, qcow2, VMDK, VHD or VHDX")
    private List<Path> disks = new ArrayList<>();

    @Option(
            names = "--keep",
            paramLabel = "DIR",
            description = "make the store in this empty folder, and leave it there")
    private Path keep;

    @Option(
            names = "--server-java",
            paramLabel = "OPTIONS",
            description = "more options for the server's Java, one word or more (the client's are CAIRN_JAVA_OPTIONS)")
    private String serverJava = "";

    /** A disk that was pushed, and what that took. */
    record Pushed(ImageUploader.Result result, Duration clientCpu, Duration serverCpu) {}

    DedupCommand(PrintStream out, PrintStream err) {
        super(out, err);
    }

    @Override
    Report measure() throws IOException {
        requireReadable();
        try (MeasuredServer server = MeasuredServer.start(Optional.ofNullable(keep), serverJavaOptions())) {
            DedupReport report = server.during(this::measure);
            if (keep != null) {
                say("The store stays in %s; to serve it: cairn serve --data %<s", server.dataFolder());
            }
            return report;
        }
    }

    /** Before anything is started. */
    private void requireReadable() {
        for (Path disk : disks) {
            DiskSource.open(disk).close();
        }
    }

    private List<String> serverJavaOptions() {
        return serverJava.isBlank() ? List.of() : List.of(serverJava.strip().split("\\s+"));
    }

    private DedupReport measure(MeasuredServer server) {
        Duration startCpu = server.cpu();
        StoreClient client = server.connect();
        Messages.Stats before = client.stats();
        List<DedupReport.Disk> rows = new ArrayList<>();
        for (Path disk : disks) {
            Pushed pushed = push(server, client, disk, rows.size() + 1);
            Messages.Stats after = client.stats();
            rows.add(DedupReport.Disk.of(disk.toString(), pushed, before, after));
            say("Pushed %s in %s", disk, Sizes.seconds(pushed.result.duration()));
            before = after;
        }
        Duration clientCpu = ProcessUse.ownCpu();
        Duration serverCpu = server.cpu();
        return new DedupReport(
                Machine.look(),
                Sizes.secondsOf(startCpu),
                rows,
                totals(rows, before, clientCpu, serverCpu));
    }

    private static Pushed push(MeasuredServer server, StoreClient client, Path file, int number) {
        Duration clientBefore = ProcessUse.ownCpu();
        Duration serverBefore = server.cpu();
        ImageUploader.Result result;
        try (DiskSource disk = DiskSource.open(file)) {
            NewImage registration = NewImage.of(new ImageName("disk " + number));
            result = new ImageUploader(client).upload(disk, registration, TransferProgress.none());
        }
        return new Pushed(result, ProcessUse.ownCpu().minus(clientBefore), server.cpu().minus(serverBefore));
    }

    private DedupReport.Totals totals(
            List<DedupReport.Disk> rows, Messages.Stats stats, Duration clientCpu, Duration serverCpu) {
        UniqueChunks unique = count(stats);
        long dataBytes = rows.stream().mapToLong(DedupReport.Disk::dataBytes).sum();
        return new DedupReport.Totals(
                stats.logicalBytes(),
                dataBytes,
                unique.count(),
                unique.count() * Chunk.SIZE_BYTES,
                unique.packedBytes(),
                stats.storedBytes(),
                DedupReport.overheadPercentOf(stats.storedBytes(), unique.packedBytes()),
                DedupReport.ratioOf(dataBytes, stats.storedBytes()),
                sum(rows.stream().mapToDouble(DedupReport.Disk::seconds).sum()),
                sum(rows.stream().mapToDouble(DedupReport.Disk::clientCpuSeconds).sum()),
                sum(rows.stream().mapToDouble(DedupReport.Disk::serverCpuSeconds).sum()),
                Sizes.secondsOf(clientCpu),
                Sizes.secondsOf(serverCpu));
    }

    private static double sum(double seconds) {
        return Math.round(seconds * 1e3) / 1e3;
    }

    /** Once more from the disks, when everything has been measured: what the store says is not taken on trust. */
    private UniqueChunks count(Messages.Stats stats) {
        UniqueChunks unique = new UniqueChunks(ImageUploader.Settings.usual().codec());
        for (Path file : disks) {
            try (DiskSource disk = DiskSource.open(file)) {
                unique.add(disk);
            }
        }
        if (unique.count() != stats.chunks()) {
            throw new StoreException(
                    Fault.CORRUPT,
                    "the disks have " + unique.count() + " unique chunks, but the store keeps " + stats.chunks());
        }
        return unique;
    }
}
