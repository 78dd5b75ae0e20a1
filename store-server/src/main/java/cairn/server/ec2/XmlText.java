package cairn.server.ec2;

/** Which characters XML 1.0 has. @see <a href="https://www.w3.org/TR/xml/#charsets">Its table</a> */
final class XmlText {
    private static final String REPLACEMENT = "\uFFFD";

    private XmlText() {}

    static boolean isXml(String text) {
        return text.codePoints().allMatch(XmlText::isXml);
    }

    private static boolean isXml(int c) {
        return c == '\t' || c == '\n' || c == '\r'
                || c >= 0x20 && c <= 0xD7FF
                || c >= 0xE000 && c <= 0xFFFD
                || c >= 0x1_0000 && c <= 0x10_FFFF;
    }

    /** The same text, with a replacement character for each that XML has not. */
    static String of(String text) {
        if (isXml(text)) {
            return text;
        }
        StringBuilder made = new StringBuilder();
        text.codePoints().forEach(c -> {
            if (isXml(c)) {
                made.appendCodePoint(c);
            } else {
                made.append(REPLACEMENT);
            }
        });
        return made.toString();
    }
}
