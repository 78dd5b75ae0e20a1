package cairn.cli;

import cairn.client.StoreClient;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import picocli.CommandLine.Option;

/** A command that lists: a table for people, or a JSON array for scripts. */
abstract class ListCommand<T> extends StoreCommand {
    @Option(names = "--json", description = "print a JSON array")
    private boolean isJson;

    ListCommand(Terminal terminal) {
        super(terminal);
    }

    abstract List<T> read(StoreClient client);

    /** Reads what the store gives a page at a time. @param next what to ask for the page behind one; null at the end */
    static <P, T> List<T> readAll(
            Function<String, P> page, Function<P, List<T>> items, Function<P, String> next) {
        List<T> all = new ArrayList<>();
        String after = "";
        while (after != null) {
            P read = page.apply(after);
            all.addAll(items.apply(read));
            after = next.apply(read);
        }
        return all;
    }

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
