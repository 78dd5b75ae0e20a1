package cairn.bench;

import cairn.Fault;
import cairn.StoreException;
import cairn.api.Messages;
import cairn.bench.ChangesReport.Row;
import cairn.chunk.Chunk;
import cairn.client.DiskId;
import cairn.client.StoreClient;
import cairn.disk.DiskSource;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Whether what a change takes follows the change, and not the disk. */
@Command(
        name = "changes",
        description = "Compare large disks that differ a little, and make snapshots of volumes that were written to;"
                + " print how long it takes by the size of the disk and of the change. Snapshots need fio.",
        sortOptions = false)
final class ChangesCommand extends MeasuringCommand {
    static final String DIFF = "diff";
    static final String SNAPSHOT = "snapshot";

    private static final int FILE_PIECE_BYTES = 4 << 20;
    private static final int BLOCK_BYTES = 4 << 10;
    private static final int VOLUME_PIECE_BYTES = 1 << 20;
    private static final int VOLUME_GIBIBYTES_MAX = 64;
    private static final double PERCENT = 100;
    private static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(2);
    private static final long SNAPSHOT_SECONDS_MAX = 600;

    @Option(
            names = "--trees",
            paramLabel = "GIB",
            split = ",",
            description = "disks to compare; 0: none (default: ${DEFAULT-VALUE})")
    private List<Long> trees = List.of(64L, 1024L);

    @Option(
            names = "--different",
            paramLabel = "PERCENT",
            description = "of the chunks of two disks (default: ${DEFAULT-VALUE})")
    private double differentPercent = 0.1;

    @Option(
            names = "--volumes",
            paramLabel = "GIB",
            split = ",",
            description = "to make snapshots of; 0: none (default: ${DEFAULT-VALUE})")
    private List<Long> volumes = List.of(1L, 4L);

    @Option(
            names = "--written",
            paramLabel = "PERCENT",
            split = ",",
            description = "of a volume (default: ${DEFAULT-VALUE})")
    private List<Double> writtenPercents = List.of(0.25, 1.0);

    @Option(names = "--runs", paramLabel = "N", description = "of each (default: ${DEFAULT-VALUE})")
    private int runs = 5;

    private final List<Row> rows = new ArrayList<>();
    private Path folder;

    ChangesCommand(PrintStream out, PrintStream err) {
        super(out, err);
    }

    @Override
    Report measure() throws IOException {
        requireUsable();
        folder = ScratchFolder.make();
        try {
            Machine machine = Machine.look(folder, isAny(volumes) ? List.of("fio") : List.of());
            if (isAny(trees)) {
                compareTrees();
            }
            if (isAny(volumes) && machine.missing().isEmpty()) {
                snapshotVolumes();
            }
            return new ChangesReport(machine, runs, rows);
        } finally {
            ScratchFolder.remove(folder);
        }
    }

    private static boolean isAny(List<Long> sizes) {
        return sizes.stream().anyMatch(size -> size > 0);
    }

    /** Before anything is made. */
    private void requireUsable() {
        if (runs < 1) {
            throw wrong("--runs is at least 1");
        }
        if (trees.stream().anyMatch(size -> size < 0 || size > TwinTrees.DISK_BYTES_MAX >> 30)) {
            throw wrong("--trees are 0 to " + (TwinTrees.DISK_BYTES_MAX >> 30));
        }
        if (volumes.stream().anyMatch(size -> size < 0 || size > VOLUME_GIBIBYTES_MAX)) {
            throw wrong("--volumes are 0 to " + VOLUME_GIBIBYTES_MAX);
        }
        if (!isPercentage(differentPercent) || !writtenPercents.stream().allMatch(ChangesCommand::isPercentage)) {
            throw wrong("--different and --written are above 0, and at most 100");
        }
    }

    private static boolean isPercentage(double percent) {
        return percent > 0 && percent <= PERCENT;
    }

    /** @param sizeBytes of the disk */
    private record Compared(long sizeBytes, int pieceBytes, TwinTrees.Twins twins) {}

    private void compareTrees() throws IOException {
        Path store = folder.resolve("trees");
        List<Compared> all = new ArrayList<>();
        try (MadeStore made = MadeStore.fill(store.resolve("data"))) {
            TwinTrees twins = new TwinTrees(made);
            long oneIn = Math.max(1, Math.round(PERCENT / differentPercent));
            for (long size : trees) {
                for (int pieceBytes : size == 0 ? new int[0] : new int[] {FILE_PIECE_BYTES, Chunk.SIZE_BYTES}) {
                    long start = System.nanoTime();
                    TwinTrees.Twins two = twins.make(size << 30, pieceBytes / Chunk.SIZE_BYTES, oneIn);
                    all.add(new Compared(size << 30, pieceBytes, two));
                    say("made two disks of %d GiB in %.0f s", size, (System.nanoTime() - start) / 1e9);
                }
            }
        }
        try (MeasuredServer server = MeasuredServer.open(store, ServerGc.options(SettledStore.OFF))) {
            all.forEach(each -> rows.add(server.during(measured -> compare(measured.connect(), each))));
        }
    }

    private Row compare(StoreClient client, Compared compared) {
        List<Double> millis = new ArrayList<>();
        long different = 0;
        for (int run = 0; run <= runs; run++) {
            long start = System.nanoTime();
            different = differentBytes(client, DiskId.of(compared.twins.first()), DiskId.of(compared.twins.second()));
            millis.add((System.nanoTime() - start) / 1e6);
        }
        if (different != compared.twins.chunks() * Chunk.SIZE_BYTES) {
            throw new StoreException(
                    Fault.CORRUPT,
                    different + " bytes differ by the server's answers, " + compared.twins.chunks() + " chunks do");
        }
        return new Row(
                DIFF,
                compared.sizeBytes,
                compared.pieceBytes,
                different,
                PERCENT * different / compared.sizeBytes,
                null,
                Spread.of(millis.subList(1, millis.size())));
    }

    private static long differentBytes(StoreClient client, DiskId first, DiskId second) {
        long bytes = 0;
        Long offset = 0L;
        while (offset != null) {
            Messages.Diff part = client.diff(first, second, offset);
            bytes += part.ranges().stream().mapToLong(Messages.Range::lengthBytes).sum();
            offset = part.next();
        }
        return bytes;
    }

    private void snapshotVolumes() throws IOException {
        for (long size : volumes) {
            if (size > 0) {
                Path store = Files.createDirectories(folder.resolve("v" + size));
                try (MeasuredServer server = MeasuredServer.open(store, ServerGc.options(SettledStore.OFF))) {
                    server.during(measured -> snapshotVolumes(measured.connect(), size << 30));
                }
                ScratchFolder.remove(store);
            }
        }
    }

    private Void snapshotVolumes(StoreClient client, long sizeBytes) {
        String image = pushMadeUp(client, sizeBytes);
        for (double percent : writtenPercents) {
            for (int pieceBytes : new int[] {VOLUME_PIECE_BYTES, BLOCK_BYTES}) {
                long writtenBytes = Math.max(1, Math.round(sizeBytes * percent / PERCENT / pieceBytes)) * pieceBytes;
                List<Double> answered = new ArrayList<>();
                List<Double> done = new ArrayList<>();
                for (int run = 0; run <= runs; run++) {
                    snapshot(client, image, new Writes(sizeBytes, pieceBytes, writtenBytes, run), answered, done);
                }
                rows.add(new Row(
                        SNAPSHOT,
                        sizeBytes,
                        pieceBytes,
                        writtenBytes,
                        PERCENT * writtenBytes / sizeBytes,
                        Spread.of(answered.subList(1, answered.size())),
                        Spread.of(done.subList(1, done.size()))));
                say("%d runs with %d bytes written of %d", runs, writtenBytes, sizeBytes);
            }
        }
        return null;
    }

    private String pushMadeUp(StoreClient client, long sizeBytes) {
        Path file = folder.resolve("made-up.raw");
        try {
            MixedContent.writeDisk(file, Math.toIntExact(sizeBytes / Chunk.SIZE_BYTES));
            try (DiskSource source = DiskSource.open(file)) {
                return Pushed.push(client, source, "changes").id().value();
            } finally {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new StoreException(Fault.INTERNAL, e.toString(), e);
        }
    }

    /** @param seed for the places, and for what is written there */
    private record Writes(long sizeBytes, int pieceBytes, long bytes, int seed) {}

    private void snapshot(
            StoreClient client, String image, Writes writes, List<Double> answered, List<Double> done) {
        VolumeId volume =
                new VolumeId(client.createVolume(new Messages.CreateVolume(image, null, null, null, null)).id());
        write(client.exportUri(volume).socketUri(), writes);
        long start = System.nanoTime();
        Messages.Snapshot begun = client.startSnapshot(volume, new Messages.CreateSnapshot(null, null));
        answered.add((System.nanoTime() - start) / 1e6);
        Messages.Snapshot now = begun;
        while (now.state().equals(Messages.Snapshot.PENDING)) {
            if (System.nanoTime() - start > TimeUnit.SECONDS.toNanos(SNAPSHOT_SECONDS_MAX)) {
                throw new StoreException(Fault.UNAVAILABLE, "snapshot " + begun.id() + " takes too long");
            }
            LockSupport.parkNanos(POLL_NANOS);
            now = client.snapshot(new SnapshotId(begun.id()));
        }
        done.add((System.nanoTime() - start) / 1e6);
        if (!now.state().equals(Messages.Snapshot.COMPLETED)) {
            throw new StoreException(Fault.INTERNAL, "snapshot " + begun.id() + " failed: " + now.failure());
        }
        client.removeVolume(volume);
    }

    /** Each place once, in pieces of 4 KiB blocks, and flushed at the end. */
    private void write(String uri, Writes writes) {
        Programs.run(
                folder, "fio", "--name=changes", "--ioengine=nbd", "--uri=" + uri,
                "--rw=randwrite" + (writes.pieceBytes == BLOCK_BYTES ? "" : ":" + writes.pieceBytes / BLOCK_BYTES),
                "--bs=4k", "--iodepth=16", "--size=" + writes.sizeBytes, "--io_size=" + writes.bytes,
                "--randseed=" + (writes.seed + 1), "--refill_buffers", "--end_fsync=1");
    }
}
