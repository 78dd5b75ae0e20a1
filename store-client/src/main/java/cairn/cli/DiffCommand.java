package cairn.cli;

import cairn.api.Messages;
import cairn.client.DiskId;
import cairn.client.StoreClient;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "diff", description = "List the byte ranges in which two disks differ, by whole chunks.")
final class DiffCommand extends StoreCommand {
    @Parameters(index = "0", paramLabel = "ID", description = "ami-... or snap-...")
    private DiskId first;

    @Parameters(index = "1", paramLabel = "ID", description = "ami-... or snap-...")
    private DiskId second;

    @Option(names = "--json", description = "print a JSON object")
    private boolean isJson;

    private record Differences(String first, String second, long differentBytes, List<Messages.Range> ranges) {}

    DiffCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(StoreClient client) {
        List<Messages.Range> ranges = readAll(client);
        long differentBytes = ranges.stream().mapToLong(Messages.Range::lengthBytes).sum();
        if (isJson) {
            printJson(new Differences(first.value(), second.value(), differentBytes, ranges));
            return DONE;
        }
        if (!ranges.isEmpty()) {
            Table table = new Table(">OFFSET", ">BYTES", ">SIZE");
            ranges.forEach(range -> table.row(range.offset(), range.lengthBytes(), Sizes.bytes(range.lengthBytes())));
            table.print(terminal.out());
        }
        terminal.say(
                ranges.isEmpty() ? "%s and %s are equal" : "%s and %s differ in %s, %s",
                first,
                second,
                Sizes.count(ranges.size(), "range"),
                Sizes.bytes(differentBytes));
        return DONE;
    }

    private List<Messages.Range> readAll(StoreClient client) {
        List<Messages.Range> ranges = new ArrayList<>();
        Long offset = 0L;
        while (offset != null) {
            Messages.Diff page = client.diff(first, second, offset);
            page.ranges().forEach(range -> add(ranges, range));
            offset = page.next();
        }
        return ranges;
    }

    /** Joins a range to the last, where an answer ended in the middle of it. */
    private static void add(List<Messages.Range> ranges, Messages.Range range) {
        int last = ranges.size() - 1;
        if (last >= 0 && ranges.get(last).offset() + ranges.get(last).lengthBytes() == range.offset()) {
            ranges.set(
                    last,
                    new Messages.Range(
                            ranges.get(last).offset(), ranges.get(last).lengthBytes() + range.lengthBytes()));
        } else {
            ranges.add(range);
        }
    }
}
