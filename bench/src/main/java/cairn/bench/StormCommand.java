package cairn.bench;

import cairn.Fault;
import cairn.StoreException;
import cairn.bench.StormReport.Figure;
import cairn.client.NbdReader;
import cairn.disk.DiskFormat;
import cairn.disk.DiskSource;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Has many machines boot from one image at once. */
@Command(
        name = "storm",
        description = "Push the disk to a throw-away server, and replay a boot's reads on many volumes of it at once,"
                + " each read when the one before is answered; then from nbdkit and qemu-nbd. Print how much all got in"
                + " a second, how long reads and boots waited, and what CPU and memory it took.",
        sortOptions = false)
final class StormCommand extends MeasuringCommand {
    private static final List<String> PROGRAMS = List.of("nbdkit", "qemu-nbd", "qemu-img");
    private static final int INSTANCES_MAX = 2000;
    private static final String RECORDED = "recorded";
    private static final String NONE = "none";

    @Parameters(paramLabel = "DISK", description = "raw, since the others serve the file as it is")
    private Path disk;

    @Option(
            names = "--instances",
            paramLabel = "N",
            split = ",",
            description = "that boot at once (default: ${DEFAULT-VALUE})")
    private List<Integer> instances = List.of(1, 10, 100, 500);

    @Option(
            names = "--trace",
            paramLabel = "LOG",
            description = "reads of a boot of this disk, as nbdkit's log filter writes them (default: 1,000 of 16 KiB"
                    + " here and there where the disk has data)")
    private Path trace;

    @Option(
            names = "--think",
            paramLabel = "recorded|none",
            description = "whether the recorded time between reads is waited (default: ${DEFAULT-VALUE})")
    private String think = NONE;

    @Option(
            names = "--boots",
            paramLabel = "N",
            description = "at least, of all instances of a storm together (default: ${DEFAULT-VALUE})")
    private int boots = 20;

    @Option(names = "--runs", paramLabel = "N", description = "of each storm, by turns (default: ${DEFAULT-VALUE})")
    private int runs = 5;

    private final StormReport.Collected collected = new StormReport.Collected();

    StormCommand(PrintStream out, PrintStream err) {
        super(out, err);
    }

    @Override
    Report measure() throws IOException {
        requireUsable();
        disk = disk.toRealPath();
        BootTraces traces = new BootTraces(new DiskFamily(List.of(disk), 0), trace);
        BootTrace boot = traces.of(0);
        requireWithin(boot);
        Path folder = ScratchFolder.make();
        try {
            Machine machine = Machine.look(folder, PROGRAMS);
            Path store = Files.createDirectory(folder.resolve("s"));
            try (MeasuredServer server = MeasuredServer.open(store, List.of())) {
                server.during(measured -> measure(measured, folder, boot));
            }
            return collected.report(
                    machine, boot.reads().size(), boot.bytes(), traces.isMadeUp(), think.equals(RECORDED), runs);
        } finally {
            ScratchFolder.remove(folder);
        }
    }

    /** Before anything is started. */
    private void requireUsable() {
        if (runs < 1 || boots < 1) {
            throw wrong("--runs and --boots are at least 1");
        }
        if (instances.stream().anyMatch(count -> count < 1 || count > INSTANCES_MAX)) {
            throw wrong("--instances are 1 to " + INSTANCES_MAX);
        }
        if (!List.of(RECORDED, NONE).contains(think)) {
            throw wrong("--think is recorded or none, not \"" + think + '"');
        }
        try (DiskSource source = DiskSource.open(disk)) {
            if (source.format() != DiskFormat.RAW) {
                throw new StoreException(
                        Fault.INVALID_REQUEST, disk + " is not raw; make it so with qemu-img convert");
            }
        }
    }

    private void requireWithin(BootTrace boot) throws IOException {
        long sizeBytes = Files.size(disk);
        for (BootTrace.Read read : boot.reads()) {
            if (read.offset() > sizeBytes - read.lengthBytes()) {
                throw new StoreException(
                        Fault.INVALID_REQUEST,
                        trace + " reads at offset " + read.offset() + ", but " + disk + " ends at " + sizeBytes);
            }
        }
    }

    private Void measure(MeasuredServer server, Path folder, BootTrace boot) {
        try {
            String imageId;
            try (DiskSource source = DiskSource.open(disk)) {
                imageId = Pushed.push(server.connect(), source, "storm").id().toString();
            }
            Subjects subjects = new Subjects(server, imageId, folder, disk);
            List<Subject> turns = new ArrayList<>(subjects.storming(Collections.max(instances)));
            warmUp(turns, boot);
            for (int run = 1; run <= runs; run++) {
                for (Subject subject : turns) {
                    turn(subject, boot, run);
                }
                Collections.rotate(turns, -1);
            }
            return null;
        } catch (IOException e) {
            throw new StoreException(Fault.INTERNAL, e.toString(), e);
        }
    }

    /** Java compiles what is called often: our server's code, and that of the load, which is the same for all. */
    private void warmUp(List<Subject> subjects, BootTrace boot) throws IOException {
        for (Subject subject : subjects) {
            try (Subject.Open open = subject.open()) {
                new Storm(boot, false, boots).blow(open, 1);
            }
        }
    }

    private void turn(Subject subject, BootTrace boot, int run) throws IOException {
        for (int count : instances) {
            // Others have one process for all who come, and are started anew; of ours the peak is forgotten.
            try (Subject.Open open = subject.open()) {
                requireEqual(open, boot);
                storm(subject.name(), open, boot, count);
                say("run %d of %d, %d at once: %s", run, runs, count, subject.name());
            }
        }
    }

    /** One boot, so that nobody is cold, and what comes is what the disk has. */
    private void requireEqual(Subject.Open open, BootTrace boot) {
        try (DiskSource source = DiskSource.open(disk);
                NbdReader reader = NbdReader.connect(URI.create(open.uri()))) {
            DiskReads expected = new DiskReads(source);
            boot.replay(reader, 0, (read, bytes) -> expected.requireEqual(read.offset(), bytes));
        }
    }

    private void storm(String name, Subject.Open open, BootTrace boot, int count) {
        Storm storm = new Storm(boot, think.equals(RECORDED), Math.max(1, boots / count));
        Duration cpuBefore = ProcessUse.cpu(open.pid());
        long loadsBefore = open.chunkLoads();
        ProcessUse.forgetPeak(open.pid());
        try {
            Storm.Seen seen = storm.blow(open, count);
            Duration serverCpu = ProcessUse.cpu(open.pid()).minus(cpuBefore);
            long peakBytes = ProcessUse.peakBytes(open.pid()).orElse(0);
            long chunkLoads = open.chunkLoads() - loadsBefore;
            collected.add(count, name, new Figure(seen, serverCpu.toNanos() / 1e9, peakBytes, chunkLoads));
        } catch (StoreException e) {
            if (name.equals(StormReport.OURS)) {
                throw e;
            }
            // It may not be made for so many; that is a result too.
            collected.fail(count, name, e.getMessage());
        }
    }
}
