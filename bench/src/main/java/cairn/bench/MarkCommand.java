package cairn.bench;

import cairn.Fault;
import cairn.StoreException;
import cairn.disk.DiskSource;
import cairn.server.gc.Mark;
import cairn.server.image.Snapshot;
import cairn.server.storage.ItemKey;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Makes stores, and has garbage collection mark what lives in them. */
@Command(
        name = "mark",
        description = "Make a store of snapshots of one disk, each of which differs a little from the one before, and"
                + " one of many synthetic chunks; print what marking all that lives takes in each, by snapshots; and of"
                + " the large one also what a server takes to start, its memory, and a dry run of garbage collection.")
final class MarkCommand extends MeasuringCommand {
    @Parameters(
            paramLabel = "DISK",
            arity = "0..1",
            description = "what the family begins with: raw, qcow2, VMDK, VHD or VHDX (default: 1 GiB that is made up)")
    private Path disk;

    @Option(
            names = "--snapshots",
            paramLabel = "N",
            split = ",",
            description = "of the family; 0: no family (default: ${DEFAULT-VALUE})")
    private List<Integer> snapshots = List.of(10, 100, 1000);

    @Option(
            names = "--changed",
            paramLabel = "PERCENT",
            description = "of a snapshot's chunks, from one to the next (default: ${DEFAULT-VALUE})")
    private double changedPercent = 0.5;

    @Option(
            names = "--chunks",
            paramLabel = "N",
            description = "of the synthetic store; 0: no such store (default: ${DEFAULT-VALUE})")
    private long chunks = 10_000_000;

    @Option(
            names = "--store",
            paramLabel = "DIR",
            description = "make the synthetic store there and leave it, or use the one that is there already")
    private Path kept;

    @Option(names = "--runs", paramLabel = "N", description = "of each measurement (default: ${DEFAULT-VALUE})")
    private int runs = 5;

    private Path folder;

    MarkCommand(PrintStream out, PrintStream err) {
        super(out, err);
    }

    @Override
    Report measure() throws IOException {
        if (runs < 1 || chunks < 0 || snapshots.isEmpty() || snapshots.stream().anyMatch(count -> count < 0)
                || !(changedPercent > 0 && changedPercent <= 100)) {
            throw wrong("--runs is at least 1, --chunks and --snapshots at least 0, --changed above 0 and at most 100");
        }
        folder = ScratchFolder.make();
        try {
            return new MarkReport(
                    Runtime.getRuntime().availableProcessors(),
                    Runtime.version().toString(),
                    runs,
                    changedPercent,
                    Collections.max(snapshots) == 0 ? List.of() : family(),
                    chunks == 0 ? null : synthetic());
        } finally {
            ScratchFolder.remove(folder);
        }
    }

    private List<MarkReport.Family> family() throws IOException {
        Path data = folder.resolve("family");
        List<SnapshotFamily.Member> members;
        try (MadeStore store = MadeStore.fill(data);
                DiskSource source = DiskSource.open(disk == null ? madeUpDisk() : disk)) {
            members = SnapshotFamily.fill(store, source, Collections.max(snapshots), changedPercent);
        }
        say("made a family of %d snapshots", members.size());
        List<MarkReport.Family> rows = new ArrayList<>();
        for (int count : snapshots) {
            if (count > 0) {
                rows.add(markFirst(data, members, count));
            }
        }
        return rows;
    }

    private Path madeUpDisk() throws IOException {
        Path file = folder.resolve("made-up.raw");
        MixedContent.writeDisk(file, 1 << 14);
        return file;
    }

    private MarkReport.Family markFirst(Path data, List<SnapshotFamily.Member> members, int count) throws IOException {
        SnapshotFamily.Member last = members.get(count - 1);
        List<Double> cold = new ArrayList<>();
        List<Double> warm = new ArrayList<>();
        for (int run = 0; run < runs; run++) {
            FileCache.coolFiles(data);
            try (MadeStore store = MadeStore.open(data)) {
                cold.add(mark(store, members.subList(0, count), last));
                warm.add(mark(store, members.subList(0, count), last));
            }
        }
        say("marked %d snapshots", count);
        return new MarkReport.Family(count, last.chunks(), last.pages(), Spread.of(cold), Spread.of(warm));
    }

    private static double mark(MadeStore store, List<SnapshotFamily.Member> members, SnapshotFamily.Member last) {
        long start = System.nanoTime();
        Mark mark = store.mark();
        members.forEach(member -> mark.root(store.domain(), member.root()));
        double millis = (System.nanoTime() - start) / 1e6;
        requireMarked(mark, last.chunks(), last.pages());
        return millis;
    }

    private static void requireMarked(Mark mark, long chunks, long pages) {
        if (mark.pages() != pages || mark.marked().size() != chunks + pages) {
            throw new StoreException(
                    Fault.CORRUPT,
                    mark.marked().size() + " items were marked, of them " + mark.pages() + " pages; there are " + chunks
                            + " chunks and " + pages + " pages");
        }
    }

    private MarkReport.Synthetic synthetic() throws IOException {
        Path store = kept == null ? folder.resolve("synthetic") : kept.toAbsolutePath();
        Path data = store.resolve("data");
        if (!Files.exists(data)) {
            fill(data);
        }
        List<Double> cold = new ArrayList<>();
        List<Double> warm = new ArrayList<>();
        MarkReport.Held held = null;
        for (int run = 0; run < runs; run++) {
            FileCache.coolFiles(data);
            try (MadeStore opened = MadeStore.open(data)) {
                held = markAll(opened, cold);
                markAll(opened, warm);
            }
            say("marked %,d chunks in %.0f ms cold, %.0f warm", held.chunks(), cold.get(run), warm.get(run));
        }
        return new MarkReport.Synthetic(
                held, Spread.of(cold), Spread.of(warm), new ServedStore(store, runs, this::say).measure());
    }

    private void fill(Path data) throws IOException {
        long start = System.nanoTime();
        try (MadeStore store = MadeStore.fill(data)) {
            SyntheticStore.fill(store, chunks, made -> say("made %,d of %,d chunks", made, chunks));
        }
        say("made the store in %.0f s", (System.nanoTime() - start) / 1e9);
    }

    private static MarkReport.Held markAll(MadeStore store, List<Double> millis) {
        long start = System.nanoTime();
        List<Snapshot> all = store.snapshots();
        Mark mark = store.mark();
        all.forEach(each -> mark.root(each.domain(), each.root()));
        millis.add((System.nanoTime() - start) / 1e6);
        long kept = store.countOf(ItemKey.CHUNK_KIND);
        long pages = 0;
        for (int kind = ItemKey.CHUNK_KIND + 1; store.countOf(kind) > 0; kind++) {
            pages += store.countOf(kind);
        }
        requireMarked(mark, kept, pages);
        return new MarkReport.Held(kept, pages, all.size(), store.storedBytes(), mark.marked().copy().heldBytes());
    }
}
