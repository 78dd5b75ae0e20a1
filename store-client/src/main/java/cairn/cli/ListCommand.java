package cairn.cli;

import cairn.client.StoreClient;
import java.util.List;
import picocli.CommandLine.Option;

/** A command that lists: a table for people, or a JSON array for scripts. */
abstract class ListCommand<T> extends StoreCommand {
    @Option(names = "--json", description = "print a JSON array")
    private boolean isJson;

    ListCommand(Terminal terminal) {
        super(terminal);
    }

    abstract List<T> read(StoreClient client);

    /** The table's head. */
    abstract Table table();

    abstract void addRow(Table table, T item);

    @Override
    final int run(StoreClient client) {
        List<T> items = read(client);
        if (isJson) {
            printJson(items);
        } else {
            Table table = table();
            items.forEach(item -> addRow(table, item));
            table.print(terminal.out());
        }
        return DONE;
    }
}
