package cairn.bench;

import cairn.bench.MeasuredProgram.Used;
import cairn.cli.Sizes;
import cairn.cli.Table;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;

/**
 * What systems that keep disks took for the same work, side by side.
 *
 * @param disks how many were taken in
 * @param bytes that they have together, holes too
 * @param runs of each system, by turns
 */
record IngestReport(Machine machine, int disks, long bytes, int runs, List<Row> rows) implements Report {
    static final String OURS = "cairn";
    static final String INGEST = "ingest all";
    static final String AGAIN = "last one again";
    static final String RESTORE = "restore it";

    /** What a repository takes. @param onDiskBytes in whole blocks of the file system */
    record Stored(long bytes, long onDiskBytes) {
        Stored minus(Stored before) {
            return new Stored(bytes - before.bytes, onDiskBytes - before.onDiskBytes);
        }
    }

    /**
     * Some work by one system.
     *
     * @param cpuSeconds of all its processes
     * @param peakBytes of the memory of all its processes together
     * @param storedBytes that its repository took more afterwards; absent where nothing is stored
     * @param storedOnDiskBytes likewise, in whole blocks of the file system
     * @param cairn what Cairn's medians are of this one's; absent for Cairn, and where Cairn was not measured
     */
    record Row(
            String work,
            String system,
            Spread wallSeconds,
            Spread cpuSeconds,
            Spread peakBytes,
            Spread storedBytes,
            Spread storedOnDiskBytes,
            Ratios cairn) {}

    /** Below 1 Cairn takes less. @param storedBytes absent where one of both stores next to nothing */
    record Ratios(double wallSeconds, double cpuSeconds, double peakBytes, Double storedBytes) {}

    private record Place(String work, String system) {}

    private record Figure(Used used, Stored stored) {}

    /** Figures as they come. */
    static final class Collected {
        private static final long STORED_COMPARED_MIN = 1 << 20;
        private final Map<Place, List<Figure>> figures = new LinkedHashMap<>();

        /** @param stored null for work that stores nothing */
        void add(String work, String system, Used used, Stored stored) {
            figures.computeIfAbsent(new Place(work, system), place -> new ArrayList<>()).add(new Figure(used, stored));
        }

        IngestReport report(Machine machine, int disks, long bytes, int runs) {
            List<Row> rows = new ArrayList<>();
            for (String work : List.of(INGEST, AGAIN, RESTORE)) {
                Row ours = null;
                for (Place place : figures.keySet()) {
                    if (place.work.equals(work)) {
                        Row row = row(place, ours);
                        ours = place.system.equals(OURS) ? row : ours;
                        rows.add(row);
                    }
                }
            }
            return new IngestReport(machine, disks, bytes, runs, rows);
        }

        private Row row(Place place, Row ours) {
            Spread wall = spread(place, figure -> figure.used.wallSeconds());
            Spread cpu = spread(place, figure -> figure.used.cpuSeconds());
            Spread peak = spread(place, figure -> (double) figure.used.peakBytes());
            boolean isStoring = !place.work.equals(RESTORE);
            Spread stored = isStoring ? spread(place, figure -> (double) figure.stored.bytes) : null;
            Spread onDisk = isStoring ? spread(place, figure -> (double) figure.stored.onDiskBytes) : null;
            Ratios ratios = ours == null
                    ? null
                    : new Ratios(
                            ratio(ours.wallSeconds, wall),
                            ratio(ours.cpuSeconds, cpu),
                            ratio(ours.peakBytes, peak),
                            isStoring && isComparable(ours.storedBytes) && isComparable(stored)
                                    ? ratio(ours.storedBytes, stored)
                                    : null);
            return new Row(place.work, place.system, wall, cpu, peak, stored, onDisk, ratios);
        }

        private static boolean isComparable(Spread storedBytes) {
            return storedBytes.median() >= STORED_COMPARED_MIN;
        }

        private Spread spread(Place place, Function<Figure, Double> value) {
            return Spread.of(figures.get(place).stream().map(value).toList());
        }

        private static double ratio(Spread ours, Spread theirs) {
            return Spread.rounded(ours.median() / theirs.median());
        }
    }

    @Override
    public List<Part> parts() {
        return List.of(new Part(table(), remarks()));
    }

    private Table table() {
        Table table = new Table(
                "WORK", "SYSTEM", ">WALL S", ">CPU S", ">PEAK MIB", ">STORED MB", ">ON DISK MB",
                ">CAIRN/IT: WALL", ">CPU",
                ">PEAK", ">STORED");
        for (Row row : rows) {
            Ratios ratios = row.cairn;
            table.row(
                    row.work,
                    row.system,
                    row.wallSeconds.shown(2),
                    row.cpuSeconds.shown(2),
                    row.peakBytes.of(1 << 20).shown(0),
                    row.storedBytes == null ? null : row.storedBytes.of(1e6).shown(1),
                    row.storedOnDiskBytes == null ? null : row.storedOnDiskBytes.of(1e6).shown(1),
                    ratios == null ? null : decimal(ratios.wallSeconds),
                    ratios == null ? null : decimal(ratios.cpuSeconds),
                    ratios == null ? null : decimal(ratios.peakBytes),
                    ratios == null || ratios.storedBytes == null ? null : decimal(ratios.storedBytes));
        }
        return table;
    }

    private static String decimal(double value) {
        return String.format(Locale.ROOT, "%.2f", value);
    }

    private List<String> remarks() {
        return List.of(
                "Disks: " + disks + ", " + Sizes.bytes(bytes) + " with their holes. Median of " + runs
                        + " (least-most), the systems by turns; MB: 10^6 bytes.",
                "CPU and peak: of all processes, Cairn's server too, which was ready before the clock ran, as the"
                        + " others' repositories were made; each disk is one more process. Cairn/it below 1: Cairn"
                        + " takes less.",
                "Files are read anew each time (restic --force, borg --files-cache=disabled). restic always encrypts,"
                        + " borg (-e none), casync and Cairn do not; Cairn sends everything over HTTP to its server.",
                machine.shown());
    }
}
