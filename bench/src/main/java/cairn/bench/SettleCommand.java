package cairn.bench;

import cairn.chunk.Chunk;
import cairn.chunk.Codec;
import cairn.disk.DiskSource;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Pushes real disks, settles them, and reads them before and after. */
@Command(
        name = "settle",
        description = "Push the disks to throw-away servers, one that leaves chunks as they come and others that settle"
                + " them; print what each stores, what settling cost, and, by turns, how long cold reads of the first"
                + " disk take over NBD: blocks here and there, a boot, all of it in order; and pulling it. Everything"
                + " that was settled is read back and compared, or this fails.")
final class SettleCommand extends MeasuringCommand {
    @Parameters(paramLabel = "DISK", arity = "1..*", description = "raw, qcow2, VMDK, VHD or VHDX")
    private List<Path> disks = new ArrayList<>();

    @Option(
            names = "--settle",
            paramLabel = "HOW",
            split = ",",
            description = "as `cairn serve` takes it; with commas between several (default: ${DEFAULT-VALUE})")
    private List<String> hows = List.of("zstd");

    @Option(
            names = "--trace",
            paramLabel = "LOG",
            description = "reads of a boot of the first disk, as nbdkit's log filter writes them (default: 1,000 made"
                    + " up reads)")
    private Path trace;

    @Option(
            names = "--reads",
            paramLabel = "N",
            description = "here and there, of each size, in each run (default: ${DEFAULT-VALUE})")
    private int reads = 500;

    @Option(names = "--runs", paramLabel = "N", description = "of each measurement (default: ${DEFAULT-VALUE})")
    private int runs = 5;

    SettleCommand(PrintStream out, PrintStream err) {
        super(out, err);
    }

    @Override
    Report measure() throws IOException {
        if (runs < 1 || reads < 1) {
            throw wrong("--runs and --reads are at least 1");
        }
        Path folder = ScratchFolder.make();
        try {
            return measure(folder);
        } finally {
            ScratchFolder.remove(folder);
        }
    }

    private SettleReport measure(Path folder) throws IOException {
        UniqueChunks unique = count();
        DiskFamily family = new DiskFamily(disks, 0);
        BootTraces traces = new BootTraces(family, trace);
        List<SettledStore> stores = new ArrayList<>();
        for (String how : stores()) {
            for (boolean isBooted : new boolean[] {false, true}) {
                SettledStore store =
                        new SettledStore(folder.resolve("store" + stores.size()), how, isBooted, family, disks.size());
                store.make(traces.of(0));
                say("made a store: %s", store.name());
                stores.add(store);
            }
        }
        SettleReport.Collected figures = new SettleReport.Collected();
        ColdReads reading;
        try (DiskSource first = family.open(0)) {
            reading = new ColdReads(figures, first, traces.of(0), reads, folder);
        }
        for (int run = 0; run < runs; run++) {
            for (SettledStore store : stores) {
                reading.run(store, run);
            }
            say("run %d of %d", run + 1, runs);
        }
        return new SettleReport(
                Runtime.getRuntime().availableProcessors(),
                Runtime.version().toString(),
                disks.size(),
                unique.count() * Chunk.SIZE_BYTES,
                unique.packedBytes(),
                runs,
                reads,
                traces.isMadeUp(),
                stores.stream().map(store -> store.row(unique.count() * Chunk.SIZE_BYTES)).toList(),
                figures.rows());
    }

    private List<String> stores() {
        List<String> all = new ArrayList<>(List.of(SettledStore.OFF));
        all.addAll(hows);
        return all;
    }

    private UniqueChunks count() {
        UniqueChunks unique = new UniqueChunks(Codec.LZ4);
        for (Path file : disks) {
            try (DiskSource disk = DiskSource.open(file)) {
                unique.add(disk);
            }
        }
        return unique;
    }
}
