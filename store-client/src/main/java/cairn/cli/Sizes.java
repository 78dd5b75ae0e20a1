package cairn.cli;

import java.time.Duration;
import java.util.Locale;

/** Figures as people read them. */
public final class Sizes {
    private static final String[] UNITS = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};

    private Sizes() {}

    /** Three or four digits and a binary unit: {@code 512 B}, {@code 1.5 MiB}, {@code 120 GiB}. */
    public static String bytes(long sizeBytes) {
        double value = sizeBytes;
        int unit = 0;
        // 1023.5 would be shown as 1024.
        while (value >= 1023.5 && unit < UNITS.length - 1) {
            value /= 1024;
            unit++;
        }
        String digits = unit == 0 || value >= 99.95 ? "%.0f" : value >= 9.995 ? "%.1f" : "%.2f";
        return String.format(Locale.ROOT, digits, value) + ' ' + UNITS[unit];
    }

    public static String count(long number) {
        return String.format(Locale.ROOT, "%,d", number);
    }

    /** {@code 1 chunk}, {@code 2 chunks}. */
    static String count(long number, String one) {
        return count(number) + ' ' + one + (number == 1 ? "" : "s");
    }

    public static String seconds(Duration duration) {
        return String.format(Locale.ROOT, "%.1f s", duration.toNanos() / 1e9);
    }

    public static double secondsOf(Duration duration) {
        return Math.round(duration.toNanos() / 1e6) / 1e3;
    }

    static String rate(long sizeBytes, Duration duration) {
        return bytes((long) (sizeBytes / Math.max(duration.toNanos() / 1e9, 1e-3))) + "/s";
    }

    public static String ratio(long whole, long part) {
        return part == 0 ? "-" : String.format(Locale.ROOT, "%.2f", (double) whole / part);
    }
}
