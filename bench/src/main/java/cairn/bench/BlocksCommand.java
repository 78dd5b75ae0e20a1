package cairn.bench;

import cairn.Fault;
import cairn.StoreException;
import cairn.api.Json;
import cairn.api.Messages;
import cairn.client.ImageUploader;
import cairn.client.StoreClient;
import cairn.client.TransferProgress;
import cairn.disk.DiskSource;
import cairn.image.ImageName;
import cairn.image.NewImage;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Has NBD servers do the same work side by side: Cairn from compressed chunks, others from files. */
@Command(
        name = "blocks",
        description = "Let fio and nbdcopy read and write blocks at a throw-away server, nbdkit and qemu-nbd, in turns;"
                + " print how many requests or MB each does in a second. Needs fio, nbdcopy and qemu-img; servers that"
                + " are not installed are left out.")
final class BlocksCommand implements Callable<Integer> {
    private final PrintStream out;
    private final PrintStream err;

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

    @Option(names = "--work", paramLabel = "reads|writes", split = ",", description = "default: both")
    private List<String> kinds = List.of("reads", "writes");

    @Option(names = "--json", description = "print one JSON object")
    private boolean isJson;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "show this and end")
    private boolean isHelp;

    @Spec
    private CommandSpec spec;

    private final BlocksReport.Collected collected = new BlocksReport.Collected();

    BlocksCommand(PrintStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    @Override
    public Integer call() throws IOException {
        requireUsable();
        Path folder = ScratchFolder.make();
        try (MeasuredServer server = MeasuredServer.start(Optional.empty(), List.of())) {
            Path dense = folder.resolve("dense.raw");
            long diskBytes = DenseDisk.make(disk, (long) mebibytes << 20, dense);
            server.during(measured -> measure(measured, folder, dense));
            BlocksReport report = collected.report(diskBytes, runs);
            if (isJson) {
                out.println(Json.pretty(report));
            } else {
                report.print(out);
            }
            return 0;
        } finally {
            ScratchFolder.remove(folder);
        }
    }

    /** Before anything is started. */
    private void requireUsable() {
        requireOneOf("--over", transports, List.of("unix", "tcp"));
        requireOneOf("--work", kinds, List.of("reads", "writes"));
        if (mebibytes < 1 || seconds < 1 || runs < 1) {
            throw new ParameterException(spec.commandLine(), "--mib, --seconds and --runs are at least 1");
        }
        DiskSource.open(disk).close();
    }

    private void requireOneOf(String option, List<String> given, List<String> known) {
        for (String each : given) {
            if (!known.contains(each)) {
                throw new ParameterException(
                        spec.commandLine(), option + " takes " + String.join(" or ", known) + ", not \"" + each + '"');
            }
        }
    }

    private Void measure(MeasuredServer server, Path folder, Path dense) {
        try {
            StoreClient client = server.connect();
            Messages.Image image = push(client, dense);
            NbdMeasure measure = new NbdMeasure(folder, dense, seconds);
            Subjects subjects = new Subjects(client, image.id(), folder, dense);
            for (String transport : transports) {
                for (int run = 1; run <= runs; run++) {
                    if (kinds.contains("reads")) {
                        turn(measure, subjects.reading(transport), NbdWork.READS, transport, run);
                    }
                    if (kinds.contains("writes")) {
                        turn(measure, subjects.writing(transport), NbdWork.WRITES, transport, run);
                    }
                }
            }
            return null;
        } catch (IOException e) {
            throw new StoreException(Fault.INTERNAL, e.toString(), e);
        }
    }

    private static Messages.Image push(StoreClient client, Path file) {
        try (DiskSource source = DiskSource.open(file)) {
            return new ImageUploader(client)
                    .upload(source, NewImage.of(new ImageName("blocks")), TransferProgress.none())
                    .image();
        }
    }

    /** Every server's turn, one after the other, so that all see the machine in the same mood. */
    private void turn(NbdMeasure measure, List<Subject> subjects, List<NbdWork> works, String transport, int run)
            throws IOException {
        for (Subject subject : subjects) {
            try (Subject.Open open = subject.open()) {
                measure.warmUp(open.uri());
                for (NbdWork work : works) {
                    collected.add(work, transport, subject.name(), measure.run(work, open.uri()));
                }
            }
            err.printf("run %d of %d over %s: %s%n", run, runs, transport, subject.name());
        }
    }
}
