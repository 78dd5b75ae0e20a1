package cairn.bench;

import cairn.cli.Sizes;
import cairn.cli.Table;
import java.util.List;
import java.util.Locale;

/**
 * What came back of the space of deleted images, and what that cost others.
 *
 * @param isTraceMadeUp whether boots were reads here and there instead of a boot's
 * @param stored the store that was worked with, at several times
 * @param fresh a store to which only what is left was pushed
 * @param percentMore that the store takes in the end than the fresh one
 * @param folderBytes of all files of its data folder, when the server had ended; {@code freshFolderBytes} likewise
 */
record ReclaimReport(
        int cpus,
        String java,
        int images,
        double editedPercent,
        boolean isTraceMadeUp,
        String settle,
        List<Stored> stored,
        Stored fresh,
        double percentMore,
        long folderBytes,
        long freshFolderBytes,
        ServerGc.Result collection,
        List<Latencies> latencies)
        implements Report {
    /** What a store had. @param bytes stored, everything counted, as it says itself */
    record Stored(String when, int images, long bytes) {}

    /**
     * How long others' work took. Figures are absent where there was no such work.
     *
     * @param when whether garbage was collected meanwhile: with, or without
     * @param bootMillis of all reads of one boot together
     */
    record Latencies(
            String when,
            int boots,
            Double readMicrosP50,
            Double readMicrosP99,
            Double bootMillisP50,
            Double bootMillisP99,
            int pushes,
            Double pushMillisP50,
            Double pushMillisP99) {
        static Latencies of(String when, Load.Done done) {
            return new Latencies(
                    when,
                    done.bootMillis().size(),
                    Spread.percentile(done.readMicros(), 50),
                    Spread.percentile(done.readMicros(), 99),
                    Spread.percentile(done.bootMillis(), 50),
                    Spread.percentile(done.bootMillis(), 99),
                    done.pushMillis().size(),
                    Spread.percentile(done.pushMillis(), 50),
                    Spread.percentile(done.pushMillis(), 99));
        }
    }

    static double percentMore(long bytes, long thanBytes) {
        return Spread.rounded(100.0 * (bytes - thanBytes) / thanBytes);
    }

    @Override
    public List<Part> parts() {
        return List.of(
                new Part(storedTable(), List.of(
                        "Files of the data folder, the server ended: " + Sizes.bytes(folderBytes)
                                + "; of the fresh one " + Sizes.bytes(freshFolderBytes) + ".")),
                new Part(latenciesTable(), List.of(
                        String.format(
                                Locale.ROOT,
                                "Garbage collection took %.1f s in %d runs, %.1f s of CPU (%.1f s with all else that"
                                        + " the server did), and gave back %s by its own account; boots are %s.",
                                collection.seconds(),
                                collection.runs(),
                                collection.cpuSeconds(),
                                collection.serverCpuSeconds(),
                                (collection.givenBackBytes() < 0 ? "-" : "")
                                        + Sizes.bytes(Math.abs(collection.givenBackBytes())),
                                isTraceMadeUp ? "1,000 reads of 16 KiB" : "a recorded boot's reads"),
                        String.format(
                                Locale.ROOT,
                                "%d images, %.0f %% of each edited; settle %s; %d CPUs, Java %s",
                                images,
                                editedPercent,
                                settle,
                                cpus,
                                java))));
    }

    private Table storedTable() {
        Table table = new Table("STORED", ">IMAGES", ">BYTES", ">OVER FRESH %");
        for (Stored each : stored) {
            table.row(each.when, each.images, Sizes.bytes(each.bytes), decimal(percentMore(each.bytes, fresh.bytes)));
        }
        table.row(fresh.when, fresh.images, Sizes.bytes(fresh.bytes), null);
        return table;
    }

    private Table latenciesTable() {
        Table table = new Table(
                "GARBAGE COLLECTION", ">BOOTS", ">READ P50 US", ">P99", ">BOOT P50 MS", ">P99", ">PUSHES",
                ">PUSH P50 MS", ">P99");
        for (Latencies row : latencies) {
            table.row(
                    row.when,
                    row.boots,
                    decimal(row.readMicrosP50),
                    decimal(row.readMicrosP99),
                    decimal(row.bootMillisP50),
                    decimal(row.bootMillisP99),
                    row.pushes,
                    decimal(row.pushMillisP50),
                    decimal(row.pushMillisP99));
        }
        return table;
    }

    private static String decimal(Double value) {
        return value == null ? null : String.format(Locale.ROOT, "%.1f", value);
    }
}
