package cairn.bench;

import cairn.cli.Sizes;
import cairn.cli.Table;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;

/**
 * What machines that boot at once get from servers, side by side.
 *
 * @param reads of one boot
 * @param bytes of one boot
 * @param isMadeUp whether the reads are not those of a real boot
 * @param isThinking whether the recorded time between reads was waited
 * @param boundBytes of heap and direct buffers that Cairn's server may have
 * @param failures of servers that could not serve so many: sentences
 */
record StormReport(
        Machine machine,
        int reads,
        long bytes,
        boolean isMadeUp,
        boolean isThinking,
        int runs,
        long boundBytes,
        List<Row> rows,
        Set<String> failures)
        implements Report {
    static final String OURS = BlocksReport.OURS;

    /**
     * One storm.
     *
     * @param chunkLoads from its store; 0 for who has no chunks
     */
    record Figure(Storm.Seen seen, double serverCpuSeconds, long serverPeakBytes, long chunkLoads) {
        private double perSecond(long bytes) {
            return seen.bootMillis().length * (double) bytes / 1e6 / seen.wallSeconds();
        }
    }

    /**
     * So many machines at one server. Medians of the runs.
     *
     * @param boots in one run, of all machines
     * @param megabytesPerSecond that all of them got
     * @param readP50Micros of the reads of one run
     * @param bootP50Millis that a boot waited for its reads
     * @param serverPeakBytes the most memory that the server had in RAM in this storm
     * @param chunkLoads from the store, all other reads having been answered from memory; absent for the others
     * @param ratio Cairn's megabytes per second over this one's: above 1 Cairn is faster; absent for Cairn
     */
    record Row(
            int instances,
            String server,
            int boots,
            Spread megabytesPerSecond,
            Spread readP50Micros,
            Spread readP99Micros,
            Spread bootP50Millis,
            Spread bootP99Millis,
            Spread serverCpuSeconds,
            Spread clientCpuSeconds,
            Spread serverPeakBytes,
            Spread chunkLoads,
            Double ratio) {}

    /** Figures as they come. */
    static final class Collected {
        private final Map<Integer, Map<String, List<Figure>>> figures = new TreeMap<>();
        private final Set<String> failures = new LinkedHashSet<>();

        void add(int instances, String server, Figure figure) {
            figures.computeIfAbsent(instances, count -> new LinkedHashMap<>())
                    .computeIfAbsent(server, name -> new ArrayList<>())
                    .add(figure);
        }

        void fail(int instances, String server, String why) {
            failures.add(server + " did not serve " + instances + " at once: " + why + '.');
        }

        StormReport report(
                Machine machine, int reads, long bytes, boolean isMadeUp, boolean isThinking, int runs) {
            List<Row> rows = new ArrayList<>();
            figures.forEach((instances, servers) -> servers.forEach(
                    (server, some) -> rows.add(row(instances, server, some, servers.get(OURS), bytes))));
            return new StormReport(
                    machine,
                    reads,
                    bytes,
                    isMadeUp,
                    isThinking,
                    runs,
                    MeasuredServer.LAUNCHER_MEMORY_BYTES,
                    rows,
                    failures);
        }

        private static Row row(int instances, String server, List<Figure> some, List<Figure> ours, long bytes) {
            Spread perSecond = spread(some, figure -> figure.perSecond(bytes));
            boolean isCompared = ours != null && !server.equals(OURS);
            return new Row(
                    instances,
                    server,
                    some.get(0).seen.bootMillis().length,
                    perSecond,
                    spread(some, figure -> percentile(figure.seen.readMicros(), 50)),
                    spread(some, figure -> percentile(figure.seen.readMicros(), 99)),
                    spread(some, figure -> percentile(figure.seen.bootMillis(), 50)),
                    spread(some, figure -> percentile(figure.seen.bootMillis(), 99)),
                    spread(some, Figure::serverCpuSeconds),
                    spread(some, figure -> figure.seen.clientCpuSeconds()),
                    spread(some, figure -> figure.serverPeakBytes),
                    server.equals(OURS) ? spread(some, figure -> figure.chunkLoads) : null,
                    isCompared
                            ? Spread.rounded(
                                    spread(ours, figure -> figure.perSecond(bytes)).median() / perSecond.median())
                            : null);
        }

        private static double percentile(double[] figures, int percent) {
            double[] sorted = figures.clone();
            Arrays.sort(sorted);
            return sorted[(int) Math.min(sorted.length - 1, (long) sorted.length * percent / 100)];
        }

        private static Spread spread(List<Figure> some, ToDoubleFunction<Figure> value) {
            return Spread.of(some.stream().mapToDouble(value));
        }
    }

    @Override
    public List<Part> parts() {
        return List.of(new Part(table(), remarks()));
    }

    private Table table() {
        Table table = new Table(
                ">AT ONCE", "SERVER", ">MB/S", ">READ P50 US", ">P99 US", ">BOOT P50 MS", ">P99 MS", ">SERVER CPU S",
                ">CLIENT CPU S", ">SERVER PEAK MIB", ">CHUNK LOADS", ">CAIRN IS");
        for (Row row : rows) {
            table.row(
                    Sizes.count(row.instances),
                    row.server,
                    row.megabytesPerSecond.shown(0),
                    row.readP50Micros.shown(0),
                    row.readP99Micros.shown(0),
                    row.bootP50Millis.shown(0),
                    row.bootP99Millis.shown(0),
                    row.serverCpuSeconds.shown(2),
                    row.clientCpuSeconds.shown(2),
                    row.serverPeakBytes.of(1 << 20).shown(0),
                    row.chunkLoads == null ? null : row.chunkLoads.shown(0),
                    row.ratio == null ? null : String.format(Locale.ROOT, "%.2f x", row.ratio));
        }
        return table;
    }

    private List<String> remarks() {
        List<String> remarks = new ArrayList<>(List.of(
                String.format(
                        Locale.ROOT,
                        "A boot is %,d reads of %s together, %s, each asked for when the one before is answered%s. Over"
                                + " the unix socket, a connection and at Cairn a volume for each machine; warm: it was"
                                + " booted once before. Median of %d runs (least-most), the servers by turns.",
                        reads,
                        Sizes.bytes(bytes),
                        isMadeUp ? "made up" : "recorded",
                        isThinking ? " and the machine has thought as long as it did" : " at once",
                        runs),
                "A boot's time is what it waited for its reads. The load is one process on the same machine, which"
                        + " takes the client's CPU from the server.",
                "Cairn's server may have " + Sizes.bytes(boundBytes) + " of heap and direct buffers, and beside them"
                        + " RocksDB's caches and Java's own; its peak is of all that is in RAM, mapped files too."));
        remarks.addAll(failures);
        remarks.add(machine.shown());
        return remarks;
    }
}
