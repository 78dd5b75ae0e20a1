package cairn.bench;

import cairn.cli.Sizes;
import cairn.cli.Table;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What it takes to mark everything that lives in a store. Times are medians of the runs, in milliseconds.
 *
 * @param changedPercent of the chunks with data, from one snapshot of the family to the next
 * @param synthetic absent if it was not wanted
 */
record MarkReport(
        int cpus, String java, int runs, double changedPercent, List<Family> family, Synthetic synthetic)
        implements Report {
    /**
     * Some snapshots of one disk.
     *
     * @param uniqueChunks that were marked
     * @param uniquePages that were marked, and looked into, each once
     * @param coldMillis where neither the system nor the database holds anything of the store's files
     * @param warmMillis once more
     */
    record Family(int snapshots, long uniqueChunks, long uniquePages, Spread coldMillis, Spread warmMillis) {}

    /** What a store has. @param markedBytes of memory, for the set of everything */
    record Held(long chunks, long pages, int snapshots, long storedBytes, long markedBytes) {}

    /** A large store, marked in this process; then what a server takes with it. */
    record Synthetic(Held held, Spread coldMillis, Spread warmMillis, Served served) {}

    /**
     * A server on a large store, in a process of its own.
     *
     * @param coldReadyMillis from the start of its process until it was ready, with nothing of any file in memory where
     *     this user may have that, Java's neither
     * @param storeColdReadyMillis with nothing of the store's files in memory
     * @param dryRunMillis of garbage collection, as who asks for it sees it
     * @param readyBytes of memory when it was ready
     * @param peakBytes at most until the dry run had ended
     */
    record Served(
            Spread coldReadyMillis,
            Spread storeColdReadyMillis,
            Spread warmReadyMillis,
            Spread dryRunMillis,
            Spread readyBytes,
            Spread peakBytes) {}

    @Override
    public List<Part> parts() {
        String machine = "Times in ms: median of " + runs + " runs (least-most); " + cpus + " CPUs, Java " + java;
        List<Part> parts = new ArrayList<>();
        if (!family.isEmpty()) {
            parts.add(new Part(familyTable(), List.of(
                    String.format(
                            Locale.ROOT,
                            "Each snapshot differs from the one before in %.1f %% of its chunks.",
                            changedPercent),
                    machine)));
        }
        if (synthetic != null) {
            parts.add(new Part(table(synthetic), List.of(machine)));
        }
        return parts;
    }

    private Table familyTable() {
        Table table = new Table(
                ">SNAPSHOTS", ">UNIQUE CHUNKS", ">UNIQUE PAGES", ">MARK COLD", ">MARK WARM", ">WARM US A PAGE");
        for (Family row : family) {
            table.row(
                    Sizes.count(row.snapshots),
                    Sizes.count(row.uniqueChunks),
                    Sizes.count(row.uniquePages),
                    row.coldMillis.shown(1),
                    row.warmMillis.shown(1),
                    String.format(Locale.ROOT, "%.1f", row.warmMillis.median() * 1e3 / row.uniquePages));
        }
        return table;
    }

    private static Table table(Synthetic large) {
        Served served = large.served;
        return new Table("SYNTHETIC STORE", ">")
                .row("chunks", Sizes.count(large.held.chunks))
                .row("pages", Sizes.count(large.held.pages))
                .row("snapshots", Sizes.count(large.held.snapshots))
                .row("stored, its chunks being tiny", Sizes.bytes(large.held.storedBytes))
                .row("mark, cold", large.coldMillis.shown(0))
                .row("mark, warm", large.warmMillis.shown(0))
                .row("the set of what is marked", Sizes.bytes(large.held.markedBytes))
                .row("server ready, all files cold", served.coldReadyMillis.shown(0))
                .row("server ready, the store's files cold", served.storeColdReadyMillis.shown(0))
                .row("server ready, all files warm", served.warmReadyMillis.shown(0))
                .row("dry run", served.dryRunMillis.shown(0))
                .row("server's memory when ready, MiB", served.readyBytes.of(1 << 20).shown(0))
                .row("server's memory at most, MiB", served.peakBytes.of(1 << 20).shown(0));
    }
}
