package cairn.cli;

import cairn.Text;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads sizes as people write them: {@code 512}, {@code 512M}, {@code 20GiB}; a unit is a power of 1,024. */
final class SizeConverter implements ITypeConverter<Long> {
    private static final Pattern FORM = Pattern.compile("([0-9]{1,18})(?:([KMGTP])(?:iB)?)?");
    private static final String UNITS = "KMGTP";
    private static final int UNIT_BITS = 10;

    @Override
    public Long convert(String text) {
        Matcher size = FORM.matcher(text);
        if (!size.matches()) {
            throw refused(text);
        }
        long number = Long.parseLong(size.group(1));
        int shift = size.group(2) == null ? 0 : UNIT_BITS * (1 + UNITS.indexOf(size.group(2)));
        if (number > Long.MAX_VALUE >> shift) {
            throw refused(text);
        }
        return number << shift;
    }

    private static TypeConversionException refused(String text) {
        return new TypeConversionException("\"" + Text.shown(text) + "\" is no size (expecting 20G, 512M or bytes)");
    }
}
