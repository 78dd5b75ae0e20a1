package cairn;

import java.util.HexFormat;

/** Text made from, or out of, what a peer sent. */
public final class Text {
    private static final int SHOWN_CHARS_MAX = 80;

    private Text() {}

    /** A peer's text as it may stand in a message: short, and without control characters. */
    public static String shown(String text) {
        return shown(text, SHOWN_CHARS_MAX);
    }

    /** As {@link #shown(String)}, with as many characters as one may want. */
    public static String shown(String text, int charsMax) {
        String cut = text.length() <= charsMax ? text : text.substring(0, charsMax) + "…";
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
