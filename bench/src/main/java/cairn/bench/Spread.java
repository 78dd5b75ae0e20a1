package cairn.bench;

import java.util.Collection;
import java.util.Locale;
import java.util.stream.DoubleStream;

/** What some runs of the same gave: the median, and between what all of them lay. */
record Spread(double median, double least, double most) {
    private static final double STEPS = 1000;

    /** @param figures at least one */
    static Spread of(DoubleStream figures) {
        double[] sorted = figures.sorted().toArray();
        int middle = sorted.length / 2;
        double median = sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Spread(rounded(median), rounded(sorted[0]), rounded(sorted[sorted.length - 1]));
    }

    static Spread of(Collection<Double> figures) {
        return of(figures.stream().mapToDouble(Double::doubleValue));
    }

    /** The same in another unit. */
    Spread of(double unit) {
        return new Spread(rounded(median / unit), rounded(least / unit), rounded(most / unit));
    }

    /** The figure that so many percent of all do not exceed; null where there is none. */
    static Double percentile(Collection<Double> figures, int percent) {
        double[] sorted = figures.stream().mapToDouble(Double::doubleValue).sorted().toArray();
        return sorted.length == 0
                ? null
                : (Double) rounded(sorted[Math.min(sorted.length - 1, sorted.length * percent / 100)]);
    }

    static double rounded(double figure) {
        return Math.round(figure * STEPS) / STEPS;
    }

    /** For a table's cell: {@code 12.3 (11.9-13.0)}, or the one figure that there is. */
    String shown(int decimals) {
        String digits = "%." + decimals + 'f';
        return least == most
                ? String.format(Locale.ROOT, digits, median)
                : String.format(Locale.ROOT, digits + " (" + digits + '-' + digits + ')', median, least, most);
    }
}
