package cairn.sigv4;

import cairn.Text;
import java.util.HexFormat;

/** Texts as the wire has them, one char for each byte, and their percent encoding. */
final class Wire {
    private static final HexFormat HEX = HexFormat.of().withUpperCase();

    private Wire() {}

    /** @throws SigV4Exception MALFORMED_REQUEST if a char is no byte */
    static void requireBytes(String text, String what) {
        for (int i = 0; i < text.length(); i++) {
            if (text.charAt(i) > 0xff) {
                throw new SigV4Exception(
                        SigV4Fault.MALFORMED_REQUEST,
                        what + " \"" + Text.shown(text) + "\" is no wire text: the char at " + i + " is not a byte");
            }
        }
    }

    static boolean isLetterOrDigit(int c) {
        return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9';
    }

    /** What the specification's UriEncode leaves as it is. */
    static boolean isUnreserved(int c) {
        return isLetterOrDigit(c) || c == '-' || c == '.' || c == '_' || c == '~';
    }

    /** Percent-encodes all but the unreserved characters and slashes, also percent signs: for paths. */
    static String encodePath(String path) {
        return encode(path, true);
    }

    /**
     * A name or value of a query in the one encoding that is signed, however its sender has escaped it.
     *
     * @throws SigV4Exception MALFORMED_REQUEST for a broken escape
     */
    static String reencode(String component) {
        return isAllUnreserved(component, false) ? component : encode(decode(component), false);
    }

    static String encodeComponent(String component) {
        return encode(component, false);
    }

    /**
     * Resolves percent escapes, and reads {@code +} as a space, as everyone does who reads queries.
     *
     * @throws SigV4Exception MALFORMED_REQUEST for a broken escape
     */
    static String decode(String component) {
        if (component.indexOf('%') < 0 && component.indexOf('+') < 0) {
            return component;
        }
        StringBuilder decoded = new StringBuilder(component.length());
        for (int i = 0; i < component.length(); i++) {
            char c = component.charAt(i);
            if (c == '%') {
                decoded.append((char) escaped(component, i));
                i += 2;
            } else {
                decoded.append(c == '+' ? ' ' : c);
            }
        }
        return decoded.toString();
    }

    private static int escaped(String text, int percentAt) {
        if (percentAt + 2 >= text.length()
                || !HexFormat.isHexDigit(text.charAt(percentAt + 1))
                || !HexFormat.isHexDigit(text.charAt(percentAt + 2))) {
            throw new SigV4Exception(
                    SigV4Fault.MALFORMED_REQUEST,
                    "broken percent escape at char " + percentAt + " of \"" + Text.shown(text) + '"');
        }
        return HexFormat.fromHexDigits(text, percentAt + 1, percentAt + 3);
    }

    private static String encode(String text, boolean keepsSlashes) {
        if (isAllUnreserved(text, keepsSlashes)) {
            return text;
        }
        StringBuilder encoded = new StringBuilder(text.length() + 16);
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (isUnreserved(c) || keepsSlashes && c == '/') {
                encoded.append(c);
            } else {
                encoded.append('%').append(HEX.toHighHexDigit(c)).append(HEX.toLowHexDigit(c));
            }
        }
        return encoded.toString();
    }

    private static boolean isAllUnreserved(String text, boolean keepsSlashes) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (!isUnreserved(c) && !(keepsSlashes && c == '/')) {
                return false;
            }
        }
        return true;
    }
}
