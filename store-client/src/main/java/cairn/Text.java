package cairn;

import java.util.HexFormat;

/** Text made from, or out of, what a peer sent. */
public final class Text {
    private static final int SHOWN_CHARS_MAX = 80;

    private Text() {}

    /** A peer's text as it may stand in a message: short, and without control characters. */
    public static String shown(String text) {
        String cut = text.length() <= SHOWN_CHARS_MAX ? text : text.substring(0, SHOWN_CHARS_MAX) + "…";
        return cut.codePoints()
                .map(c -> Character.isISOControl(c) || !Character.isDefined(c) ? '?' : c)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
    }

    /** Lower-case hexadecimal digits. */
    public static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(bytes);
    }
}
