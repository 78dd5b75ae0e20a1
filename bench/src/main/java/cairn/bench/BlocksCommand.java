package cairn.bench;

import cairn.Fault;
import cairn.StoreException;
import cairn.client.StoreClient;
import cairn.disk.DiskSource;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Has NBD servers do the same work side by side: Cairn from compressed chunks, others from files. */
abstract class BlocksCommand extends MeasuringCommand {
    private static final List<String> PROGRAMS = List.of("fio", "nbdcopy", "nbdkit", "qemu-nbd");

    @Parameters(paramLabel = "DISK", description = "a disk whose data is used: raw, qcow2, VMDK, VHD or VHDX")
    private Path disk;

    @Option(names = "--mib", paramLabel = "N", description = "MiB of its data to use (default: ${DEFAULT-VALUE})")
    private int mebibytes = 256;

    @Option(names = "--seconds", paramLabel = "N", description = "that one run takes (default: ${DEFAULT-VALUE})")
    private int seconds = 2;

    @Option(names = "--runs", paramLabel = "N", description = "of each work at each server (default: ${DEFAULT-VALUE})")
    private int runs = 5;

    @Option(names = "--over", paramLabel = "unix|tcp", split = ",", description = "default: both")
    private List<String> transports = List.of("unix", "tcp");

    private final BlocksReport.Collected collected = new BlocksReport.Collected();

    BlocksCommand(PrintStream out, PrintStream err) {
        super(out, err);
    }

    @Override
    Report measure() throws IOException {
        requireUsable();
        Path folder = ScratchFolder.make();
        try {
            Machine machine = Machine.look(folder, PROGRAMS);
            Path dense = folder.resolve("dense.raw");
            long diskBytes = DenseDisk.make(disk, (long) mebibytes << 20, dense);
            NbdMeasure measure = new NbdMeasure(folder, dense, seconds);
            Path store = Files.createDirectory(folder.resolve("s"));
            String imageId;
            try (MeasuredServer server = MeasuredServer.open(store, List.of())) {
                imageId = server.during(measured -> measure(measured, measure, folder, dense));
            }
            measureCold(store, imageId, measure, folder, dense);
            return collected.report(machine, diskBytes, runs);
        } finally {
            ScratchFolder.remove(folder);
        }
    }

    /** Before anything is started. */
    private void requireUsable() {
        requireOneOf("--over", transports, List.of("unix", "tcp"));
        if (mebibytes < 1 || seconds < 1 || runs < 1) {
            throw wrong("--mib, --seconds and --runs are at least 1");
        }
        DiskSource.open(disk).close();
    }

    private void requireOneOf(String option, List<String> given, List<String> known) {
        for (String each : given) {
            if (!known.contains(each)) {
                throw wrong(option + " takes " + String.join(" or ", known) + ", not \"" + each + '"');
            }
        }
    }

    /** @return the image that the disk is in the store */
    private String measure(MeasuredServer server, NbdMeasure measure, Path folder, Path dense) {
        try {
            String imageId = push(server.connect(), dense);
            Subjects subjects = new Subjects(server, imageId, folder, dense);
            for (String transport : transports) {
                for (int run = 1; run <= runs; run++) {
                    turn(measure, subjectsOf(subjects, transport), transport, run);
                }
            }
            return imageId;
        } catch (IOException e) {
            throw new StoreException(Fault.INTERNAL, e.toString(), e);
        }
    }

    /** Who works. */
    abstract List<Subject> subjectsOf(Subjects subjects, String transport) throws IOException;

    /** What everybody does, in this order. */
    abstract List<NbdWork> works();

    /** What everybody does once more, cold. */
    abstract List<NbdWork> coldWorks();

    private static String push(StoreClient client, Path file) {
        try (DiskSource source = DiskSource.open(file)) {
            return Pushed.push(client, source, "blocks").id().toString();
        }
    }

    /** Every server's turn, one after the other, so that all see the machine in the same mood. */
    private void turn(NbdMeasure measure, List<Subject> subjects, String transport, int run) throws IOException {
        for (Subject subject : subjects) {
            try (Subject.Open open = subject.open()) {
                measure.warmUp(open.uri());
                for (NbdWork work : works()) {
                    collected.add(work, transport, subject.name(), measure.run(work, open.uri()));
                }
            }
            say("run %d of %d over %s: %s", run, runs, transport, subject.name());
        }
    }

    private void measureCold(Path store, String imageId, NbdMeasure measure, Path folder, Path dense)
            throws IOException {
        String transport = transports.get(0);
        for (NbdWork work : coldWorks()) {
            for (int run = 1; run <= runs; run++) {
                for (Subject subject : Subjects.readingAnew(store, imageId, folder, dense, transport)) {
                    // What is not on the disk yet can not be put out of memory.
                    Programs.run(folder, "sync");
                    FileCache.coolFiles(folder);
                    try (Subject.Open open = subject.open()) {
                        collected.add(work, transport, subject.name(), measure.run(work, open.uri()));
                    }
                    say("run %d of %d, cold: %s", run, runs, subject.name());
                }
            }
        }
    }
}
