package cairn.sigv4;

import cairn.Text;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;

/**
 * A time in whole seconds, as {@code yyyyMMdd'T'HHmmss'Z'}.
 *
 * @param text as it was sent, and is signed
 */
record AmzDate(String text, Instant instant) {
    private static final int DAY_CHARS = 8;
    private static final DateTimeFormatter FORM =
            DateTimeFormatter.ofPattern("uuuuMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC);

    static AmzDate of(Instant instant) {
        return new AmzDate(FORM.format(instant), instant);
    }

    /** @throws SigV4Exception DATE_MALFORMED */
    static AmzDate parse(String text) {
        // By hand: the formatter takes ten times as long, and reads forms that AWS does not.
        boolean isOfForm = text.length() == 16
                && isDay(text.substring(0, DAY_CHARS))
                && text.charAt(8) == 'T'
                && isDigits(text.substring(9, 15))
                && text.charAt(15) == 'Z';
        try {
            if (isOfForm) {
                LocalDateTime time = LocalDateTime.of(
                        number(text, 0, 4),
                        number(text, 4, 6),
                        number(text, 6, 8),
                        number(text, 9, 11),
                        number(text, 11, 13),
                        number(text, 13, 15));
                return new AmzDate(text, time.toInstant(ZoneOffset.UTC));
            }
        } catch (DateTimeException e) {
            // A thirteenth month, say: told below, like every other date that is none.
        }
        throw new SigV4Exception(
                SigV4Fault.DATE_MALFORMED, "X-Amz-Date is yyyyMMdd'T'HHmmss'Z', not \"" + Text.shown(text) + '"');
    }

    /** Whether it has the form of a day; the day need not exist. */
    static boolean isDay(String text) {
        return text.length() == DAY_CHARS && isDigits(text);
    }

    private static boolean isDigits(String text) {
        return text.chars().allMatch(c -> c >= '0' && c <= '9');
    }

    private static int number(String text, int from, int to) {
        return Integer.parseInt(text, from, to, 10);
    }

    /** yyyyMMdd. */
    String day() {
        return text.substring(0, DAY_CHARS);
    }
}
