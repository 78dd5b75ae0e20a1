package cairn.cli;

import cairn.api.Messages;
import cairn.client.DiskId;
import cairn.client.StoreClient;
import cairn.image.ImageName;
import cairn.image.Region;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "copy",
        description = {
            "Make an image, or a snapshot, of your own of the content of another: of one that is shared with you,",
            "or in another region.",
            "No data moves. The last line of the output is its id."
        },
        sortOptions = false)
final class CopyCommand extends StoreCommand {
    @Parameters(paramLabel = "ID", description = "ami-... or snap-...")
    private DiskId id;

    @Option(
            names = "--name",
            paramLabel = "NAME",
            description = "of the image, unique in the account and region (the source's)")
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
        Messages.CreateCopy wanted = new Messages.CreateCopy(
                name == null ? null : name.value(), toRegion == null ? null : toRegion.name());
        if (id.isImage()) {
            Messages.Image copy = client.copyImage(id.image(), wanted);
            print(copy, copy.id());
        } else {
            Messages.Snapshot copy = client.copySnapshot(id.snapshot(), wanted);
            print(copy, copy.id());
        }
        return DONE;
    }

    private void print(Object copy, String copyId) {
        if (isJson) {
            printJson(copy);
        } else {
            terminal.out().println(copyId);
        }
    }
}
