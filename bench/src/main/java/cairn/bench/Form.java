package cairn.bench;

import cairn.api.Json;
import java.io.PrintStream;
import java.util.List;
import picocli.CommandLine.Option;

/** In which form a report is printed. */
final class Form {
    @Option(names = "--json", description = "print one JSON object")
    private boolean isJson;

    @Option(names = "--markdown", description = "print a table of Markdown, for a page")
    private boolean isMarkdown;

    void print(Report report, PrintStream out) {
        if (isJson) {
            out.println(Json.pretty(report));
            return;
        }
        if (isMarkdown) {
            report.table().printMarkdown(out);
        } else {
            report.table().print(out);
        }
        out.println();
        List<String> remarks = report.remarks();
        for (int n = 0; n < remarks.size(); n++) {
            // Lines side by side would be one paragraph there.
            out.print(isMarkdown && n > 0 ? "\n" : "");
            out.println(remarks.get(n));
        }
    }
}
