package cairn.bench;

import cairn.cli.Table;
import java.util.List;

/** What a command has found out, as people read it; as JSON it is the record that says so. */
interface Report {
    /** Tables, one below the other. */
    List<Part> parts();

    /** @param remarks what must be known to read the table: sentences, one each */
    record Part(Table table, List<String> remarks) {}
}
