package cairn.bench;

import cairn.bench.NbdMeasure.Figure;
import cairn.cli.Sizes;
import cairn.cli.Table;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * How fast NBD servers did the same work, side by side.
 *
 * @param diskBytes of the disk that was read and written
 * @param runs of each work at each server, the servers taking turns
 */
record BlocksReport(Machine machine, long diskBytes, int runs, List<Row> rows) implements Report {
    /** The server that others are compared to, by its name's beginning. */
    static final String OURS = "cairn";

    /**
     * One kind of work at one server.
     *
     * @param unit of what is counted per second
     * @param perSecond of all runs
     * @param p50Micros half of the requests took no longer, the median of all runs; absent for copies
     * @param p99Micros likewise
     * @param ratio Cairn's median over this one's, of the same work and transport: above 1 Cairn is faster; absent for
     *     Cairn
     */
    record Row(
            String work,
            String transport,
            String server,
            String unit,
            Spread perSecond,
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

        BlocksReport report(Machine machine, long diskBytes, int runs) {
            // Servers take turns, but work is what one looks up.
            Map<String, List<Row>> byWork = new LinkedHashMap<>();
            figures.forEach((place, some) -> byWork
                    .computeIfAbsent(place.work.name() + place.transport, work -> new ArrayList<>())
                    .add(row(place, some)));
            List<Row> rows = byWork.values().stream().flatMap(List::stream).toList();
            return new BlocksReport(machine, diskBytes, runs, rows);
        }

        private Row row(Place place, List<Figure> some) {
            Spread perSecond = spread(some, Figure::perSecond);
            List<Figure> ours = figures.get(new Place(place.work, place.transport, OURS));
            boolean isCompared = ours != null && !place.server.equals(OURS);
            boolean isTimed = !place.work.isCopy();
            return new Row(
                    place.work.name(),
                    place.transport,
                    place.server,
                    place.work.isCopy() ? "MB" : "requests",
                    perSecond,
                    isTimed ? spread(some, Figure::p50Micros).median() : null,
                    isTimed ? spread(some, Figure::p99Micros).median() : null,
                    isCompared ? ratio(spread(ours, Figure::perSecond), perSecond) : null);
        }

        private static Spread spread(List<Figure> some, ToDoubleFunction<Figure> figure) {
            return Spread.of(some.stream().mapToDouble(figure));
        }

        private static double ratio(Spread ours, Spread theirs) {
            return Math.round(100 * ours.median() / theirs.median()) / 100.0;
        }
    }

    @Override
    public List<Part> parts() {
        return List.of(new Part(table(), remarks()));
    }

    private Table table() {
        Table table = new Table("WORK", "OVER", "SERVER", "UNIT", ">PER SECOND", ">P50 US", ">P99 US", ">CAIRN IS");
        for (Row row : rows) {
            table.row(
                    row.work,
                    row.transport,
                    row.server,
                    row.unit,
                    row.perSecond.shown(0),
                    row.p50Micros == null ? null : number(row.p50Micros),
                    row.p99Micros == null ? null : number(row.p99Micros),
                    row.ratio == null ? null : String.format(Locale.ROOT, "%.2f x", row.ratio));
        }
        return table;
    }

    private List<String> remarks() {
        return List.of(
                "Disk: " + Sizes.bytes(diskBytes) + " of data without its holes; for Cairn in LZ4-packed chunks. Median"
                        + " of " + runs + " runs (least-most), the servers by turns; P50 and P99: medians of the runs'."
                        + " The client is fio's nbd engine, or nbdcopy, for all alike. Above 1 x Cairn is faster.",
                "Warm but where it says cold: all was read once before. Cold: the server has just started, nothing of"
                        + " its files is in memory, and Java has compiled nothing yet.",
                machine.shown());
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.0f", value);
    }
}
