package cairn.bench;

import cairn.cli.Sizes;
import cairn.cli.Table;
import java.util.List;
import java.util.Locale;

/**
 * What a boot's reads cost with and without a profile. Times are medians of the runs.
 *
 * @param reads in the trace
 * @param isFilesCold whether the store's files were put out of the system's page cache before each run
 */
record BootReport(Machine machine, int reads, long bytes, int runs, boolean isFilesCold, List<Row> rows)
        implements Report {
    /**
     * One way to replay.
     *
     * @param thinkScale of the recorded time between reads, how much was waited; 0: each read follows the one before
     * @param chunkLoads from the store in one run, those that were read ahead too
     * @param waitedMillis for all reads of one boot
     * @param leastMillis the fastest run's
     * @param mostMillis the slowest run's
     * @param medianMicros of a read
     * @param p99Micros of a read
     */
    record Row(
            double thinkScale,
            boolean hasProfile,
            long chunkLoads,
            double waitedMillis,
            double leastMillis,
            double mostMillis,
            double medianMicros,
            double p99Micros) {}

    @Override
    public List<Part> parts() {
        return List.of(new Part(table(), remarks()));
    }

    private Table table() {
        Table table = new Table(
                "THINK", "PROFILE", ">CHUNK LOADS", ">WAITED MS", ">LEAST", ">MOST", ">READ P50 US", ">P99", ">RATIO");
        double without = 0;
        for (Row row : rows) {
            without = row.hasProfile ? without : row.waitedMillis;
            table.row(
                    row.thinkScale == 0 ? "none" : "x " + row.thinkScale,
                    row.hasProfile ? "yes" : "no",
                    Sizes.count(row.chunkLoads),
                    decimal(row.waitedMillis),
                    decimal(row.leastMillis),
                    decimal(row.mostMillis),
                    decimal(row.medianMicros),
                    decimal(row.p99Micros),
                    row.hasProfile ? decimal(without / row.waitedMillis) : null);
        }
        return table;
    }

    private List<String> remarks() {
        return List.of(
                String.format(
                        Locale.ROOT,
                        "%,d reads of %s, one at a time, over the unix socket; medians of %d runs. Cold: chunk and page"
                                + " cache, RocksDB's block cache%s. Warm: Java's code%s.",
                        reads,
                        Sizes.bytes(bytes),
                        runs,
                        isFilesCold ? ", the system's page cache" : "",
                        isFilesCold ? "" : ", the system's page cache"),
                machine.shown());
    }

    private static String decimal(double value) {
        return String.format(Locale.ROOT, "%.1f", value);
    }
}
