package cairn.bench;

import cairn.api.Json;
import java.io.PrintStream;
import java.util.List;
import picocli.CommandLine.Option;

/** In which form a report is printed. */
final class Form {
    @Option(names = "--json", description = "print one JSON object", order = 1)
    private boolean isJson;

    @Option(names = "--markdown", description = "print a table of Markdown, for a page", order = 1)
    private boolean isMarkdown;

    void print(Report report, PrintStream out) {
        if (isJson) {
            out.println(Json.pretty(report));
            return;
        }
        List<Report.Part> parts = report.parts();
        for (int n = 0; n < parts.size(); n++) {
            if (n > 0) {
                out.println();
            }
            print(parts.get(n), out);
        }
    }

    private void print(Report.Part part, PrintStream out) {
        if (isMarkdown) {
            part.table().printMarkdown(out);
        } else {
            part.table().print(out);
        }
        out.println();
        List<String> remarks = part.remarks();
        for (int n = 0; n < remarks.size(); n++) {
            // Lines side by side would be one paragraph there.
            out.print(isMarkdown && n > 0 ? "\n" : "");
            out.println(remarks.get(n));
        }
    }
}
