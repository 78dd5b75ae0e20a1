package cairn.cli;

import cairn.Text;
import java.io.PrintStream;
import java.util.LinkedHashMap;
import java.util.Map;

/** What is known of one thing: a name and a value a line, the values aligned. */
final class Fields {
    private final Map<String, String> values = new LinkedHashMap<>();

    /** @param value null or empty leaves the line out */
    Fields put(String name, Object value) {
        if (value != null && !value.toString().isEmpty()) {
            values.put(name, value.toString());
        }
        return this;
    }

    Fields putAll(String name, Map<String, String> tags) {
        tags.forEach((key, value) -> put(name + ' ' + Text.shown(key), value.isEmpty() ? "\"\"" : value));
        return this;
    }

    void print(PrintStream out) {
        int width = values.keySet().stream().mapToInt(String::length).max().orElse(0);
        values.forEach((name, value) -> out.println(name + " ".repeat(width - name.length()) + "  " + clean(value)));
    }

    /** Whole, unlike in a table, but without control characters, which could drive the terminal. */
    private static String clean(String value) {
        return value.replaceAll("\\p{Cntrl}", "?");
    }
}
