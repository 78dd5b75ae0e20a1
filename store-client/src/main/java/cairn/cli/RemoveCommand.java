package cairn.cli;

import cairn.client.DiskId;
import cairn.client.StoreClient;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Command(
        name = "rm",
        description = "Remove images, each with its snapshot unless another image names it, or snapshots.")
final class RemoveCommand extends StoreCommand {
    @Parameters(paramLabel = "ID", arity = "1..*", description = "ami-... or snap-...")
    private List<DiskId> ids;

    RemoveCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(StoreClient client) {
        for (DiskId id : ids) {
            if (id.isImage()) {
                client.removeImage(id.image());
            } else {
                client.removeSnapshot(id.snapshot());
            }
            terminal.say("removed %s", id);
        }
        return DONE;
    }
}
