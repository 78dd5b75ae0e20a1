package cairn.cli;

import cairn.Text;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Rows under a heading, in aligned columns; those whose heading begins with {@code >} to the right. */
public final class Table {
    private static final String GAP = "  ";

    private final boolean[] isRight;
    private final List<String[]> rows = new ArrayList<>();

    public Table(String... headings) {
        isRight = new boolean[headings.length];
        String[] shown = headings.clone();
        for (int i = 0; i < headings.length; i++) {
            isRight[i] = headings[i].startsWith(">");
            shown[i] = isRight[i] ? headings[i].substring(1) : headings[i];
        }
        rows.add(shown);
    }

    /** @param cells null is shown as a dash */
    public Table row(Object... cells) {
        if (cells.length != isRight.length) {
            throw new IllegalArgumentException(cells.length + " cells for " + isRight.length + " columns");
        }
        rows.add(Arrays.stream(cells)
                .map(cell -> cell == null || cell.toString().isEmpty() ? "-" : Text.shown(cell.toString()))
                .toArray(String[]::new));
        return this;
    }

    public void print(PrintStream out) {
        int[] widths = new int[isRight.length];
        for (String[] row : rows) {
            for (int i = 0; i < row.length; i++) {
                widths[i] = Math.max(widths[i], length(row[i]));
            }
        }
        for (String[] row : rows) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < row.length; i++) {
                String padding = " ".repeat(widths[i] - length(row[i]));
                line.append(i == 0 ? "" : GAP).append(isRight[i] ? padding + row[i] : row[i] + padding);
            }
            out.println(line.toString().stripTrailing());
        }
    }

    /** The same as a table of Markdown, as GitHub and others show it. */
    public void printMarkdown(PrintStream out) {
        for (int n = 0; n < rows.size(); n++) {
            printMarkdown(rows.get(n), out);
            if (n == 0) {
                StringBuilder line = new StringBuilder("|");
                for (boolean each : isRight) {
                    line.append(each ? "---:|" : "---|");
                }
                out.println(line);
            }
        }
    }

    private static void printMarkdown(String[] cells, PrintStream out) {
        StringBuilder line = new StringBuilder("|");
        for (String cell : cells) {
            line.append(' ').append(cell.replace("\\", "\\\\").replace("|", "\\|")).append(" |");
        }
        out.println(line);
    }

    private static int length(String cell) {
        return cell.codePointCount(0, cell.length());
    }
}
