package cairn.cli;

import cairn.client.DiskId;
import cairn.client.ResourceId;
import cairn.client.StoreClient;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Command(
        name = "rm",
        description = "Remove images, each with its snapshot unless another image names it, snapshots, or volumes.")
final class RemoveCommand extends RemovingCommand<ResourceId> {
    @Parameters(index = "0..*", paramLabel = "ID", arity = "1", description = "ami-..., snap-... or vol-...")
    private List<ResourceId> ids;

    RemoveCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    List<ResourceId> ids() {
        return ids;
    }

    @Override
    void remove(StoreClient client, ResourceId id) {
        if (id.isVolume()) {
            client.removeVolume(id.volume());
            return;
        }
        DiskId disk = id.disk();
        if (disk.isImage()) {
            client.removeImage(disk.image());
        } else {
            client.removeSnapshot(disk.snapshot());
        }
    }
}
