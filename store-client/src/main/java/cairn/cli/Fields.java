package cairn.cli;

import cairn.Text;
import java.io.PrintStream;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What is known of one thing: a name and a value a line, the values aligned. */
final class Fields {
    private final Map<String, List<String>> values = new LinkedHashMap<>();

    /** @param value null or empty leaves the line out */
    Fields put(String name, Object value) {
        return putLines(name, value == null || value.toString().isEmpty() ? List.of() : List.of(value.toString()));
    }

    /** Several values, one below the other. @param lines none leave the name out */
    Fields putLines(String name, List<String> lines) {
        if (!lines.isEmpty()) {
            values.put(name, lines);
        }
        return this;
    }

    /** @param tags null where they are not the asker's to see */
    Fields putAll(String name, Map<String, String> tags) {
        (tags == null ? Map.<String, String>of() : tags).forEach(
                (key, value) -> put(name + ' ' + Text.shown(key), value.isEmpty() ? "\"\"" : value));
        return this;
    }

    void print(PrintStream out) {
        int width = values.keySet().stream().mapToInt(String::length).max().orElse(0);
        values.forEach((name, lines) -> {
            String shown = name;
            for (String line : lines) {
                out.println(shown + " ".repeat(width - shown.length()) + "  " + clean(line));
                shown = "";
            }
        });
    }

    /** Whole, unlike in a table, but without control characters, which could drive the terminal. */
    private static String clean(String value) {
        return value.replaceAll("\\p{Cntrl}", "?");
    }
}
