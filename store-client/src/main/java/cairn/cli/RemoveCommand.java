package cairn.cli;

import cairn.Fault;
import cairn.StoreException;
import cairn.client.DiskId;
import cairn.client.StoreClient;
import java.util.List;
import java.util.Set;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Command(
        name = "rm",
        description = "Remove images, each with its snapshot unless another image names it, or snapshots.")
final class RemoveCommand extends StoreCommand {
    /** What is wrong with one id, and need not be with the next. */
    private static final Set<Fault> OF_ONE = Set.of(Fault.NOT_FOUND, Fault.FORBIDDEN, Fault.CONFLICT);

    @Parameters(paramLabel = "ID", arity = "1..*", description = "ami-... or snap-...")
    private List<DiskId> ids;

    RemoveCommand(Terminal terminal) {
        super(terminal);
    }

    /** One that cannot be removed does not keep the others. */
    @Override
    int run(StoreClient client) {
        int exitCode = DONE;
        for (DiskId id : ids) {
            try {
                remove(client, id);
                terminal.say("removed %s", id);
            } catch (StoreException e) {
                if (!OF_ONE.contains(e.fault())) {
                    throw e;
                }
                terminal.say("cairn: %s", e.getMessage());
                exitCode = FAILED;
            }
        }
        return exitCode;
    }

    private static void remove(StoreClient client, DiskId id) {
        if (id.isImage()) {
            client.removeImage(id.image());
        } else {
            client.removeSnapshot(id.snapshot());
        }
    }
}
