package cairn.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What a server takes with a store that is there already. */
final class ServedStore {
    private final Path folder;
    private final int runs;
    private final Progress progress;
    private final List<Double> coldReady = new ArrayList<>();
    private final List<Double> storeColdReady = new ArrayList<>();
    private final List<Double> warmReady = new ArrayList<>();
    private final List<Double> dryRuns = new ArrayList<>();
    private final List<Double> readyBytes = new ArrayList<>();
    private final List<Double> peakBytes = new ArrayList<>();

    interface Progress {
        void say(String format, Object... values);
    }

    /** @param folder in which the store is called {@code data} */
    ServedStore(Path folder, int runs, Progress progress) {
        this.folder = folder;
        this.runs = runs;
        this.progress = progress;
    }

    MarkReport.Served measure() throws IOException {
        for (int run = 0; run < runs; run++) {
            FileCache.cool(folder);
            ready(coldReady);
            FileCache.coolFiles(folder);
            ready(storeColdReady);
            try (MeasuredServer server = MeasuredServer.open(folder, ServerGc.options(SettledStore.OFF))) {
                warmReady.add(server.readyAfter().toNanos() / 1e6);
                dryRuns.add(server.during(ServerGc::dryRun).toNanos() / 1e6);
                peakBytes.add((double) server.peakMemoryBytes());
            }
            progress.say(
                    "served: ready in %.0f ms cold, %.0f with Java warm, %.0f all warm",
                    coldReady.get(run),
                    storeColdReady.get(run),
                    warmReady.get(run));
        }
        return new MarkReport.Served(
                Spread.of(coldReady),
                Spread.of(storeColdReady),
                Spread.of(warmReady),
                Spread.of(dryRuns),
                Spread.of(readyBytes),
                Spread.of(peakBytes));
    }

    private void ready(List<Double> millis) {
        try (MeasuredServer server = MeasuredServer.open(folder, ServerGc.options(SettledStore.OFF))) {
            millis.add(server.readyAfter().toNanos() / 1e6);
            readyBytes.add((double) server.memoryBytes());
        }
    }
}
