package cairn.server.ec2;

import cairn.Text;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.SortedMap;

/** Reads what a form sends: {@code name=value&…}, with escapes, in UTF-8. */
final class QueryText {
    static final int PARAMETERS_MAX = 10_000;

    private final byte[] text;
    private int at;

    private QueryText(byte[] text) {
        this.text = text;
    }

    /**
     * Adds all parameters to those that are known.
     *
     * @throws Ec2Failure MalformedQueryString for a broken escape or UTF-8, InvalidQueryParameter for a name that comes
     *     twice or too many of them
     */
    static void read(byte[] text, SortedMap<String, String> into) {
        QueryText reader = new QueryText(text);
        while (reader.at < text.length) {
            reader.parameter(into);
        }
    }

    private void parameter(SortedMap<String, String> into) {
        String name = decoded(true);
        String value = at < text.length && text[at] == '=' ? valueBehindEquals() : "";
        at++;
        if (!name.isEmpty()) {
            add(into, name, value);
        } else if (!value.isEmpty()) {
            throw malformed("a value has no name");
        }
    }

    private String valueBehindEquals() {
        at++;
        return decoded(false);
    }

    /** Adds one parameter. @throws Ec2Failure InvalidQueryParameter */
    static void add(SortedMap<String, String> into, String name, String value) {
        if (into.putIfAbsent(name, value) != null) {
            throw new Ec2Failure(
                    "InvalidQueryParameter", "The parameter " + Text.shown(name) + " comes more than once");
        }
        if (into.size() > PARAMETERS_MAX) {
            throw new Ec2Failure("InvalidQueryParameter", "A request has at most " + PARAMETERS_MAX + " parameters");
        }
    }

    /** Text up to the next separator, which stays. */
    private String decoded(boolean endsAtEquals) {
        byte[] bytes = new byte[lengthUpToSeparator(endsAtEquals)];
        int length = 0;
        int end = at + bytes.length;
        while (at < end) {
            byte b = text[at++];
            if (b == '%') {
                b = escaped(end);
            } else if (b == '+') {
                b = ' ';
            }
            bytes[length++] = b;
        }
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes, 0, length)).toString();
        } catch (CharacterCodingException e) {
            throw malformed("it is not UTF-8");
        }
    }

    private int lengthUpToSeparator(boolean endsAtEquals) {
        int end = at;
        while (end < text.length && text[end] != '&' && !(endsAtEquals && text[end] == '=')) {
            end++;
        }
        return end - at;
    }

    private byte escaped(int end) {
        int high = at < end ? Character.digit(text[at], 16) : -1;
        int low = at + 1 < end ? Character.digit(text[at + 1], 16) : -1;
        if (high < 0 || low < 0) {
            throw malformed("a percent sign is followed by two hexadecimal digits");
        }
        at += 2;
        return (byte) (high << 4 | low);
    }

    private static Ec2Failure malformed(String why) {
        return new Ec2Failure("MalformedQueryString", "The query string contains a syntax error: " + why);
    }
}
