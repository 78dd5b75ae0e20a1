package cairn.bench;

import cairn.Fault;
import cairn.StoreException;
import cairn.api.Messages;
import cairn.cli.Table;
import cairn.client.ImageUploader;
import cairn.client.StoreClient;
import cairn.client.TransferProgress;
import cairn.disk.DiskRange;
import cairn.disk.DiskSource;
import cairn.image.ImageName;
import cairn.image.NewImage;
import cairn.image.SnapshotId;
import cairn.server.http.HttpLimits;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntConsumer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Has the same disk come in by our own upload and by EBS direct, and go out by the latter. */
@Command(
        name = "ebs",
        description = "Push a disk, write it through EBS direct and read it back, each to a throw-away server of its"
                + " own; print how much data each moves in a second, and what it costs. Both make the same snapshot, or"
                + " this fails.")
final class EbsCommand extends MeasuringCommand {
    private static final String PUSH = "push";

    @Parameters(paramLabel = "DISK", description = "raw, qcow2, VMDK, VHD or VHDX")
    private Path disk;

    @Option(
            names = "--connections",
            paramLabel = "N",
            split = ",",
            description = "blocks in flight at once (default: ${DEFAULT-VALUE})")
    private List<Integer> connections = List.of(1, 64, 256);

    @Option(names = "--runs", paramLabel = "N", description = "of each, by turns (default: ${DEFAULT-VALUE})")
    private int runs = 3;

    private final Map<String, List<Figure>> figures = new LinkedHashMap<>();

    /** One run. @param dataBytes of the disk that are not in holes, or of the blocks that were moved */
    private record Figure(long dataBytes, Duration wall, Duration serverCpu, long peakBytes) {}

    /**
     * All runs of one work.
     *
     * @param mebibytesPerSecond median; then the smallest and the largest
     * @param serverCpuSeconds of the run with the median
     * @param serverPeakMebibytes of memory until then, in the run where it was most
     */
    record Row(
            String work,
            double mebibytesPerSecond,
            double mebibytesPerSecondMin,
            double mebibytesPerSecondMax,
            double serverCpuSeconds,
            long serverPeakMebibytes) {}

    /** What all runs came to. */
    record Found(int cpus, int runs, List<Row> rows) implements Report {
        @Override
        public List<Part> parts() {
            Table table = new Table("WORK", ">MIB/S", ">MIN", ">MAX", ">SERVER CPU S", ">PEAK MIB");
            for (Row row : rows) {
                table.row(
                        row.work,
                        number(row.mebibytesPerSecond),
                        number(row.mebibytesPerSecondMin),
                        number(row.mebibytesPerSecondMax),
                        String.format(Locale.ROOT, "%.2f", row.serverCpuSeconds),
                        String.valueOf(row.serverPeakMebibytes));
            }
            return List.of(new Part(table, List.of("Medians of " + runs + " runs, by turns; " + cpus + " CPUs.")));
        }
    }

    EbsCommand(PrintStream out, PrintStream err) {
        super(out, err);
    }

    @Override
    Report measure() throws IOException {
        requireUsable();
        for (int run = 1; run <= runs; run++) {
            String root = fresh(this::push);
            for (int count : connections) {
                String other = fresh(server -> writeAndRead(server, count));
                if (!other.equals(root)) {
                    throw new StoreException(Fault.CORRUPT, "pushed it has root digest " + root + ", written " + other);
                }
            }
            say("run %d of %d", run, runs);
        }
        return new Found(
                Runtime.getRuntime().availableProcessors(),
                runs,
                figures.entrySet().stream().map(each -> row(each.getKey(), each.getValue())).toList());
    }

    /** Before anything is started. */
    private void requireUsable() {
        int connectionsMax = HttpLimits.DEFAULT.connectionsMax();
        if (runs < 1 || connections.stream().anyMatch(count -> count < 1 || count > connectionsMax)) {
            throw wrong("--runs is at least 1, --connections 1 to " + connectionsMax);
        }
        try (DiskSource source = DiskSource.open(disk)) {
            if (source.sizeBytes() % (1L << 30) != 0) {
                throw new StoreException(
                        Fault.INVALID_REQUEST,
                        disk + " has " + source.sizeBytes() + " bytes; EBS direct takes disks of whole GiB");
            }
        }
    }

    private interface Work {
        /** @return the root digest of what was brought */
        String at(MeasuredServer server);
    }

    private static String fresh(Work work) throws IOException {
        try (MeasuredServer server = MeasuredServer.start(Optional.empty(), List.of())) {
            return server.during(work::at);
        }
    }

    private String push(MeasuredServer server) {
        StoreClient client = server.connect();
        try (DiskSource source = DiskSource.open(disk)) {
            ImageUploader.Result[] result = new ImageUploader.Result[1];
            measure(PUSH, server, dataBytes(source), () -> result[0] = new ImageUploader(client)
                    .upload(source, NewImage.of(new ImageName("pushed")), TransferProgress.none()));
            return client.snapshot(new SnapshotId(result[0].image().snapshot())).rootDigest();
        }
    }

    private static long dataBytes(DiskSource source) {
        long bytes = 0;
        Optional<DiskRange> data = source.nextData(0);
        while (data.isPresent()) {
            bytes += data.get().lengthBytes();
            data = source.nextData(data.get().endOffset());
        }
        return bytes;
    }

    private String writeAndRead(MeasuredServer server, int count) {
        EbsClient client = new EbsClient(server.connect().endpoint(), server.credentials());
        try (DiskSource source = DiskSource.open(disk)) {
            List<Integer> blocks = blocks(source);
            long bytes = (long) blocks.size() * EbsClient.BLOCK_BYTES;
            String snapshot = client.start(source.sizeBytes() >> 30);
            measure("write, " + count + " at once", server, bytes, () -> {
                atOnce(count, blocks, block -> client.put(snapshot, block, read(source, block)));
                client.complete(snapshot, blocks.size());
            });
            Map<Integer, String> tokens = client.list(snapshot);
            measure("read, " + count + " at once", server, (long) tokens.size() * EbsClient.BLOCK_BYTES, () ->
                    atOnce(count, tokens.keySet(), block -> requireSame(
                            block, client.get(snapshot, block, tokens.get(block)), read(source, block))));
            Messages.Snapshot made = server.connect().snapshot(new SnapshotId(snapshot));
            return made.rootDigest();
        }
    }

    /** The blocks that may hold data. */
    private static List<Integer> blocks(DiskSource source) {
        List<Integer> blocks = new ArrayList<>();
        Optional<DiskRange> data = source.nextData(0);
        while (data.isPresent()) {
            int block = Math.toIntExact(data.get().offset() / EbsClient.BLOCK_BYTES);
            blocks.add(block);
            data = source.nextData((block + 1L) * EbsClient.BLOCK_BYTES);
        }
        return blocks;
    }

    private static byte[] read(DiskSource source, int block) {
        byte[] bytes = new byte[EbsClient.BLOCK_BYTES];
        source.read((long) block * EbsClient.BLOCK_BYTES, bytes, 0, bytes.length);
        return bytes;
    }

    private static void requireSame(int block, byte[] got, byte[] expected) {
        if (!Arrays.equals(got, expected)) {
            throw new StoreException(Fault.CORRUPT, "block " + block + " came back different");
        }
    }

    private static void atOnce(int count, Collection<Integer> blocks, IntConsumer work) {
        ExecutorService threads = Executors.newFixedThreadPool(count);
        try {
            List<Future<?>> all = new ArrayList<>();
            blocks.forEach(block -> all.add(threads.submit(() -> work.accept(block))));
            for (Future<?> each : all) {
                each.get();
            }
        } catch (ExecutionException e) {
            throw new StoreException(Fault.of(e), Fault.cause(e).getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StoreException(Fault.UNAVAILABLE, "interrupted", e);
        } finally {
            threads.shutdownNow();
        }
    }

    private void measure(String work, MeasuredServer server, long bytes, Runnable task) {
        Duration cpuBefore = server.cpu();
        long start = System.nanoTime();
        task.run();
        Duration wall = Duration.ofNanos(System.nanoTime() - start);
        figures.computeIfAbsent(work, name -> new ArrayList<>())
                .add(new Figure(bytes, wall, server.cpu().minus(cpuBefore), server.peakMemoryBytes()));
    }

    private static Row row(String work, List<Figure> some) {
        List<Figure> sorted = some.stream()
                .sorted((one, other) -> Double.compare(rate(one), rate(other)))
                .toList();
        Figure median = sorted.get(sorted.size() / 2);
        return new Row(
                work,
                rate(median),
                rate(sorted.get(0)),
                rate(sorted.get(sorted.size() - 1)),
                median.serverCpu.toMillis() / 1000.0,
                some.stream().mapToLong(Figure::peakBytes).max().orElseThrow() >> 20);
    }

    private static double rate(Figure figure) {
        return figure.dataBytes / (double) (1 << 20) / (figure.wall.toNanos() / 1e9);
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.0f", value);
    }
}
