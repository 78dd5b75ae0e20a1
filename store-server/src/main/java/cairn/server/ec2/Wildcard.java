package cairn.server.ec2;

/** A filter's value: * stands for any characters, ? for any one, and a backslash before a character for itself. */
record Wildcard(String pattern) {
    private static final char ANY = '*';
    private static final char ONE = '?';
    private static final char ESCAPE = '\\';

    /** In time of the product of both lengths at most: after a mismatch only the last * takes one character more. */
    boolean matches(String text) {
        int at = 0;
        int p = 0;
        int starAt = -1;
        int textAtStar = 0;
        while (at < text.length()) {
            if (p < pattern.length() && pattern.charAt(p) == ANY) {
                starAt = p++;
                textAtStar = at;
            } else if (p < pattern.length() && isOne(p, text.codePointAt(at))) {
                at += Character.charCount(text.codePointAt(at));
                p = behind(p);
            } else if (starAt >= 0) {
                p = starAt + 1;
                textAtStar += Character.charCount(text.codePointAt(textAtStar));
                at = textAtStar;
            } else {
                return false;
            }
        }
        while (p < pattern.length() && pattern.charAt(p) == ANY) {
            p++;
        }
        return p == pattern.length();
    }

    private boolean isOne(int p, int c) {
        return pattern.charAt(p) == ONE || pattern.codePointAt(literalAt(p)) == c;
    }

    /** A backslash at the end stands for itself. */
    private int literalAt(int p) {
        return pattern.charAt(p) == ESCAPE && p + 1 < pattern.length() ? p + 1 : p;
    }

    private int behind(int p) {
        return pattern.charAt(p) == ONE ? p + 1 : literalAt(p) + Character.charCount(pattern.codePointAt(literalAt(p)));
    }
}
