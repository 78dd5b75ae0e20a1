package cairn.bench;

import cairn.Fault;
import cairn.StoreException;
import cairn.client.StoreClient;
import cairn.disk.DiskSource;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Deletes half of a server's images, and has their space come back while others are pushed and booted. */
@Command(
        name = "reclaim",
        description = "Push the disks, and more that are made of them by edits, to a throw-away server; delete every"
                + " other image, and run garbage collection while images are pushed and booted all the time. Print what"
                + " is stored before and after, and by a fresh store of what is left; and how long boots and pushes"
                + " take with garbage collection and without it. What is left is read back and compared, or this"
                + " fails.")
final class ReclaimCommand extends MeasuringCommand {
    private static final long LOOK_AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

    private static final int COLLECTIONS_MAX = 6;

    @Parameters(paramLabel = "DISK", arity = "1..*", description = "raw, qcow2, VMDK, VHD or VHDX")
    private List<Path> disks = new ArrayList<>();

    @Option(names = "--images", paramLabel = "N", description = "to begin with (default: ${DEFAULT-VALUE})")
    private int images = 8;

    @Option(
            names = "--edited",
            paramLabel = "PERCENT",
            description = "of the data of each image that is not a disk as it is (default: ${DEFAULT-VALUE})")
    private double editedPercent = 25;

    @Option(
            names = "--trace",
            paramLabel = "LOG",
            description = "reads of a boot of any of them, as nbdkit's log filter writes them (default: 1,000 made up"
                    + " reads)")
    private Path trace;

    @Option(
            names = "--seconds",
            paramLabel = "N",
            description = "of boots and pushes before garbage collection, to compare with (default: ${DEFAULT-VALUE})")
    private int seconds = 30;

    @Option(
            names = "--settle",
            paramLabel = "HOW",
            description = "as `cairn serve` takes it (default: ${DEFAULT-VALUE})")
    private String settle = "off";

    private DiskFamily family;
    private BootTraces traces;

    ReclaimCommand(PrintStream out, PrintStream err) {
        super(out, err);
    }

    @Override
    Report measure() throws IOException {
        if (images < 2 || seconds < 1 || !(editedPercent > 0 && editedPercent <= 100)) {
            throw wrong("--images is at least 2, --seconds at least 1, --edited above 0 and at most 100");
        }
        family = new DiskFamily(disks, editedPercent);
        traces = new BootTraces(family, trace);
        Path folder = ScratchFolder.make();
        try {
            return measure(folder);
        } finally {
            ScratchFolder.remove(folder);
        }
    }

    private ReclaimReport measure(Path folder) throws IOException {
        Worked worked;
        try (MeasuredServer server = open(folder.resolve("worn"))) {
            worked = server.during(this::wear);
        }
        long wornBytes = FolderSize.bytes(folder.resolve("worn/data"));
        ReclaimReport.Stored fresh;
        try (MeasuredServer server = open(folder.resolve("fresh"))) {
            fresh = server.during(each -> pushAnew(each, worked.left));
        }
        return new ReclaimReport(
                Runtime.getRuntime().availableProcessors(),
                Runtime.version().toString(),
                images,
                editedPercent,
                traces.isMadeUp(),
                settle,
                worked.stored,
                fresh,
                ReclaimReport.percentMore(worked.stored.get(2).bytes(), fresh.bytes()),
                wornBytes,
                FolderSize.bytes(folder.resolve("fresh/data")),
                worked.collection,
                worked.latencies);
    }

    /** What is left of a server's images, and what happened until then. */
    private record Worked(
            List<ReclaimReport.Stored> stored,
            ServerGc.Result collection,
            List<ReclaimReport.Latencies> latencies,
            List<Load.Member> left) {}

    private MeasuredServer open(Path folder) throws IOException {
        Files.createDirectories(folder);
        return MeasuredServer.open(folder, ServerGc.options(settle));
    }

    private Worked wear(MeasuredServer server) {
        StoreClient client = server.connect();
        List<Load.Member> members = new ArrayList<>();
        for (int number = 0; number < images; number++) {
            members.add(push(client, number));
        }
        List<Load.Member> left = everyOther(members, 0);
        List<ReclaimReport.Stored> stored = new ArrayList<>();
        say("pushed %d images", images);

        Load.Done without = loadFor(Duration.ofSeconds(seconds), client, left, images);
        stored.add(stored("with all images", client));
        everyOther(members, 1).forEach(member -> client.removeImage(member.image().id()));
        without.pushed().forEach(member -> client.removeImage(member.image().id()));
        say("deleted %d images and what was pushed meanwhile", images / 2);

        ServerGc.Result collection;
        Load.Done with;
        try (Load load = new Load(client, family, traces, left, images + without.pushed().size())) {
            collection = collectAll(server);
            with = load.stop();
        }
        say("collected in %.1f s, by %d runs", collection.seconds(), collection.runs());
        left.addAll(with.pushed());
        stored.add(stored("after garbage collection, work going on", client));
        ServerGc.collect(server);
        stored.add(stored("after one more, in peace", client));
        requireEqual(client, left);
        return new Worked(
                stored,
                collection,
                List.of(ReclaimReport.Latencies.of("without", without), ReclaimReport.Latencies.of("with", with)),
                left);
    }

    /** Who is writing holds what was written since it began: the run that finds all others gone gives the rest back. */
    private static ServerGc.Result collectAll(MeasuredServer server) {
        ServerGc.Result all = ServerGc.collect(server);
        ServerGc.Result last = all;
        while (all.runs() < COLLECTIONS_MAX && (all.givenBackBytes() == 0 || last.givenBackBytes() > 0)) {
            last = ServerGc.collect(server);
            all = all.plus(last);
        }
        return all;
    }

    private Load.Member push(StoreClient client, int number) {
        try (DiskSource disk = family.open(number)) {
            return new Load.Member(number, Pushed.push(client, disk, "image " + number));
        }
    }

    private static List<Load.Member> everyOther(List<Load.Member> members, int from) {
        List<Load.Member> some = new ArrayList<>();
        for (int n = from; n < members.size(); n += 2) {
            some.add(members.get(n));
        }
        return some;
    }

    private Load.Done loadFor(Duration duration, StoreClient client, List<Load.Member> booted, int firstPushed) {
        try (Load load = new Load(client, family, traces, booted, firstPushed)) {
            long end = System.nanoTime() + duration.toNanos();
            while (System.nanoTime() < end && !load.isStopped()) {
                LockSupport.parkNanos(LOOK_AGAIN_NANOS);
            }
            return load.stop();
        }
    }

    private static ReclaimReport.Stored stored(String when, StoreClient client) {
        return new ReclaimReport.Stored(when, client.stats().images(), client.stats().storedBytes());
    }

    private void requireEqual(StoreClient client, List<Load.Member> members) {
        for (Load.Member member : members) {
            try (DiskSource disk = family.open(member.number())) {
                member.image().requireEqual(client, disk);
            }
        }
        say("read back %d images, and found them equal to their disks", members.size());
    }

    private ReclaimReport.Stored pushAnew(MeasuredServer server, List<Load.Member> members) {
        StoreClient client = server.connect();
        members.forEach(member -> push(client, member.number()));
        if (!settle.equals("off")) {
            ServerGc.collect(server);
        }
        ReclaimReport.Stored stored = stored("a fresh store of the same images", client);
        if (stored.images() != members.size()) {
            throw new StoreException(
                    Fault.INTERNAL, "the fresh store has " + stored.images() + " images, not " + members.size());
        }
        return stored;
    }
}
