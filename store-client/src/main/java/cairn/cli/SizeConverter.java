package cairn.cli;

import cairn.Text;
import cairn.tree.Tree;
import java.math.BigDecimal;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * Reads sizes as people write them, and as we print them: {@code 512}, {@code 512M}, {@code 1.5g}, {@code 20 GiB}. A
 * unit is a power of 1,024; {@code GB} is refused, for elsewhere that is a power of 1,000. Nothing is larger than the
 * largest disk.
 */
final class SizeConverter implements ITypeConverter<Long> {
    /** What there is to know of a SIZE, for help. */
    static final String UNITS_HELP = "bytes, or 512M, 1.5G, 20GiB: units are K, M, G, T (powers of 1,024)";

    private static final Pattern FORM =
            Pattern.compile("([0-9]{1,18}(?:\\.[0-9]{1,18})?)(?: ?([kmgtp])(i?b)?)?", Pattern.CASE_INSENSITIVE);
    private static final String UNITS = "KMGTP";
    private static final int UNIT_BITS = 10;

    @Override
    public Long convert(String text) {
        Matcher size = FORM.matcher(text);
        if (!size.matches()) {
            throw refused(text, "is no size (expecting 20G, 1.5G, 512M or bytes)");
        }
        String unit = size.group(2) == null ? "" : size.group(2).toUpperCase(Locale.ROOT);
        if ("b".equalsIgnoreCase(size.group(3))) {
            throw refused(text, "is no size: units are powers of 1,024 (use " + unit + "iB or " + unit + ")");
        }
        int shift = unit.isEmpty() ? 0 : UNIT_BITS * (1 + UNITS.indexOf(unit));
        BigDecimal bytes = new BigDecimal(size.group(1)).multiply(BigDecimal.valueOf(1L << shift));
        if (bytes.compareTo(BigDecimal.valueOf(Tree.DISK_BYTES_MAX)) > 0) {
            throw refused(text, "is too large (at most " + Sizes.bytes(Tree.DISK_BYTES_MAX) + ")");
        }
        if (bytes.stripTrailingZeros().scale() > 0) {
            throw refused(text, "is no whole number of bytes");
        }
        return bytes.longValueExact();
    }

    private static TypeConversionException refused(String text, String why) {
        return new TypeConversionException("\"" + Text.shown(text) + "\" " + why);
    }
}
