package cairn.cli;

import cairn.api.Messages;
import cairn.client.StoreClient;
import cairn.image.ImageId;
import cairn.image.ImageName;
import cairn.image.Region;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "copy",
        description = {
            "Make an image of your own of the content of another, one that is shared with you perhaps, or in another region.",
            "No data moves. The last line of the output is its id."
        },
        sortOptions = false)
final class CopyCommand extends StoreCommand {
    @Parameters(paramLabel = "ID", description = "ami-...")
    private ImageId id;

    @Option(names = "--name", paramLabel = "NAME", description = "unique in the account and region (the source's)")
    private ImageName name;

    @Option(names = "--to-region", paramLabel = "NAME", description = "where the copy will lie (where the source does)")
    private Region toRegion;

    @Option(names = "--json", description = "print a JSON object")
    private boolean isJson;

    CopyCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(StoreClient client) {
        Messages.Image copy = client.copyImage(
                id,
                new Messages.CreateCopy(
                        name == null ? null : name.value(), toRegion == null ? null : toRegion.name()));
        if (isJson) {
            printJson(copy);
        } else {
            terminal.out().println(copy.id());
        }
        return DONE;
    }
}
