package cairn.bench;

import cairn.bench.NbdMeasure.Figure;
import cairn.cli.Table;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * How fast NBD servers did the same work, side by side.
 *
 * @param cpus of this machine, as Java sees it
 * @param diskBytes of the disk that was read and written
 * @param runs of each work at each server, the servers taking turns
 */
record BlocksReport(int cpus, long diskBytes, int runs, List<Row> rows) {
    /** The server that others are compared to, by its name's beginning. */
    static final String OURS = "cairn";

    /**
     * One kind of work at one server.
     *
     * @param unit of what is counted per second
     * @param perSecond median of all runs; below it the smallest and largest
     * @param ratio Cairn's median over this one's, of the same work and transport: above 1 Cairn is faster; absent for
     *     Cairn
     */
    record Row(
            String work,
            String transport,
            String server,
            String unit,
            double perSecond,
            double perSecondMin,
            double perSecondMax,
            Double p50Micros,
            Double p99Micros,
            Double ratio) {}

    private record Place(NbdWork work, String transport, String server) {}

    /** Figures as they come, in the order in which rows are to be printed. */
    static final class Collected {
        private final Map<Place, List<Figure>> figures = new LinkedHashMap<>();

        void add(NbdWork work, String transport, String server, Figure figure) {
            figures.computeIfAbsent(new Place(work, transport, server), place -> new ArrayList<>()).add(figure);
        }

        BlocksReport report(long diskBytes, int runs) {
            // Servers take turns, but work is what one looks up.
            Map<String, List<Row>> byWork = new LinkedHashMap<>();
            figures.forEach((place, some) -> byWork
                    .computeIfAbsent(place.work.name() + place.transport, work -> new ArrayList<>())
                    .add(row(place, some)));
            List<Row> rows = byWork.values().stream().flatMap(List::stream).toList();
            return new BlocksReport(Runtime.getRuntime().availableProcessors(), diskBytes, runs, rows);
        }

        private Row row(Place place, List<Figure> some) {
            double median = median(some, Figure::perSecond);
            List<Figure> ours = figures.get(new Place(place.work, place.transport, OURS));
            boolean isCompared = ours != null && !place.server.equals(OURS);
            boolean isTimed = !place.work.isCopy();
            return new Row(
                    place.work.name(),
                    place.transport,
                    place.server,
                    place.work.isCopy() ? "MB" : "requests",
                    median,
                    some.stream().mapToDouble(Figure::perSecond).min().orElseThrow(),
                    some.stream().mapToDouble(Figure::perSecond).max().orElseThrow(),
                    isTimed ? median(some, Figure::p50Micros) : null,
                    isTimed ? median(some, Figure::p99Micros) : null,
                    isCompared ? Math.round(100 * median(ours, Figure::perSecond) / median) / 100.0 : null);
        }

        private static double median(List<Figure> some, ToDoubleFunction<Figure> figure) {
            double[] sorted = some.stream().mapToDouble(figure).sorted().toArray();
            int middle = sorted.length / 2;
            return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        }
    }

    void print(PrintStream out) {
        Table table = new Table(
                "WORK", "OVER", "SERVER", ">PER SECOND", ">MIN", ">MAX", ">P50 US", ">P99 US", ">CAIRN IS");
        for (Row row : rows) {
            table.row(
                    row.work,
                    row.transport,
                    row.server,
                    number(row.perSecond) + (row.unit.equals("MB") ? " MB" : ""),
                    number(row.perSecondMin),
                    number(row.perSecondMax),
                    row.p50Micros == null ? null : number(row.p50Micros),
                    row.p99Micros == null ? null : number(row.p99Micros),
                    row.ratio == null ? null : String.format(Locale.ROOT, "%.2f x", row.ratio));
        }
        table.print(out);
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.0f", value);
    }
}
