package cairn.bench;

import cairn.cli.Sizes;
import cairn.cli.Table;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/**
 * What settling gains, and what reading costs before and after.
 *
 * @param uniqueBytes of the chunks that are not all zeros, each once, plain
 * @param packedBytes of the same, packed one by one as they are sent
 * @param reads of each size, here and there, in each run
 * @param isTraceMadeUp whether a boot was reads here and there instead of a boot's
 */
record SettleReport(
        int cpus,
        String java,
        int disks,
        long uniqueBytes,
        long packedBytes,
        int runs,
        int reads,
        boolean isTraceMadeUp,
        List<Store> stores,
        List<Row> rows)
        implements Report {
    /**
     * What a store takes.
     *
     * @param storedBytes everything counted, as it says itself
     * @param ratio of these to all unique plain bytes
     * @param folderBytes of all files of its data folder, when the server had ended
     * @param settleCpuSeconds of what settles, by its own account
     * @param serverCpuSeconds of the whole server meanwhile
     */
    record Store(
            String store,
            long storedBytes,
            double ratio,
            long folderBytes,
            double settleSeconds,
            double settleCpuSeconds,
            double serverCpuSeconds) {}

    /** One kind of work at one store. */
    record Row(String work, String unit, String store, Spread figure) {}

    private record Work(String name, String unit) {}

    /** Figures as they come, in the order in which rows are to be printed. */
    static final class Collected {
        private final Map<Work, Map<String, List<Double>>> figures = new LinkedHashMap<>();

        void add(String work, String unit, String store, double figure) {
            figures.computeIfAbsent(new Work(work, unit), each -> new LinkedHashMap<>())
                    .computeIfAbsent(store, each -> new ArrayList<>())
                    .add(figure);
        }

        List<Row> rows() {
            List<Row> rows = new ArrayList<>();
            figures.forEach((work, stores) -> stores.forEach(
                    (store, some) -> rows.add(new Row(work.name, work.unit, store, Spread.of(some)))));
            return rows;
        }
    }

    static double ratio(long storedBytes, long uniqueBytes) {
        return Math.round(10_000.0 * storedBytes / uniqueBytes) / 10_000.0;
    }

    @Override
    public List<Part> parts() {
        return List.of(
                new Part(storesTable(), List.of(
                        disks + " disks with " + Sizes.bytes(uniqueBytes) + " of unique chunks that are not zeros, "
                                + Sizes.bytes(packedBytes) + " packed one by one.")),
                new Part(readsTable(), List.of(
                        "Medians of " + runs + " runs (least-most); " + reads + " reads of a size in a run; a boot is "
                                + (isTraceMadeUp ? "1,000 reads of 16 KiB" : "a recorded boot's reads") + "; " + cpus
                                + " CPUs, Java " + java)));
    }

    private Table storesTable() {
        Table table = new Table("STORE", ">STORED", ">OF PLAIN", ">FILES", ">SETTLED IN S", ">CPU S", ">SERVER CPU S");
        for (Store each : stores) {
            table.row(
                    each.store,
                    Sizes.bytes(each.storedBytes),
                    String.format(Locale.ROOT, "%.4f", each.ratio),
                    Sizes.bytes(each.folderBytes),
                    String.format(Locale.ROOT, "%.1f", each.settleSeconds),
                    String.format(Locale.ROOT, "%.1f", each.settleCpuSeconds),
                    String.format(Locale.ROOT, "%.1f", each.serverCpuSeconds));
        }
        return table;
    }

    private Table readsTable() {
        List<String> names = stores.stream().map(Store::store).toList();
        Table table = new Table(
                Stream.concat(Stream.of("WORK"), names.stream().map(name -> ">" + name.toUpperCase(Locale.ROOT)))
                        .toArray(String[]::new));
        Map<String, Map<String, Spread>> byWork = new LinkedHashMap<>();
        for (Row row : rows) {
            byWork.computeIfAbsent(row.work + ", " + row.unit, work -> new LinkedHashMap<>())
                    .put(row.store, row.figure);
        }
        byWork.forEach((work, some) -> table.row(Stream.concat(
                        Stream.of(work), names.stream().map(name -> some.get(name).shown(1)))
                .toArray()));
        return table;
    }
}
